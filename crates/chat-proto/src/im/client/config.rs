//! Settings of a client of topic chat.

use std::time::Duration;

use chat_sign::Secret;

use crate::client::SessionConfig;
use crate::im::rest::{HostError, ImHost, Oauth, TokenPair};
use crate::rest::BaseUrl;

/// Settings of a client of topic chat.
#[derive(Clone, Debug)]
pub struct ImConfig {
    /// Settings of the engine.
    pub session: SessionConfig,
    /// Where tokens come from: the PBX.
    pub oauth: Oauth,
    /// Where chat and files are, and in which flavour; often the same host.
    pub host: ImHost,
    /// Who logs in.
    pub credentials: Credentials,
    /// Most messages fetched to close one gap; what is older is announced as missing.
    pub max_fill: u64,
    /// Messages asked for at once while a gap is closed.
    pub fill_page: u64,
    /// Most messages of one topic held back until those before them came. What does not fit is fetched
    /// when its turn comes.
    pub max_held: usize,
    /// Most topics attached at once, and most others kept in the mirror.
    pub max_topics: usize,
    /// Most bytes of descriptions kept in the mirror, over all topics.
    pub max_described: usize,
    /// Whether the list of this user's topics is read when `me` is subscribed to, and after each loss:
    /// it fills the mirror, and tells which topics were left or lost meanwhile.
    pub roster: bool,
    /// How long a message may stay without a result after the link was lost on it. It ends earlier as
    /// soon as its topic is attached again and history was looked at.
    pub resolve_within: Duration,
    /// Whether the server knows a repeated `pub` by its id and answers it as it did the first one. Then
    /// a message whose answer was lost is simply sent again. Servers made of this project's hub do;
    /// of others it must not be assumed. (choice)
    pub server_deduplicates: bool,
    /// Shortest time between two receipts for one topic; those in between become one. (choice)
    pub receipt_interval: Duration,
    /// Shortest time between two signs of typing for one topic; those in between are dropped. (choice)
    pub typing_interval: Duration,
}

/// Who logs in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// An extension and its password: the session fetches and refreshes tokens by itself.
    Password {
        /// The extension, or the user's name.
        username: String,
        /// The tenant's domain.
        domain: String,
        /// The password.
        password: Secret,
    },
    /// Tokens the application has: refreshed while the refresh token lasts.
    Tokens {
        /// The extension, or the user's name.
        username: String,
        /// The tenant's domain.
        domain: String,
        /// The pair.
        pair: TokenPair,
    },
}

impl ImConfig {
    /// Settings for one host that serves everything, PortSIP flavour.
    ///
    /// # Errors
    ///
    /// The address is too long.
    pub fn new(host: &BaseUrl, credentials: Credentials) -> Result<Self, HostError> {
        Ok(Self {
            session: SessionConfig::default(),
            oauth: Oauth::new(host)?,
            host: ImHost::portsip(host.clone())?,
            credentials,
            max_fill: 10_000,
            fill_page: 100,
            max_held: 256,
            max_topics: 10_000,
            max_described: 16 * 1024 * 1024,
            roster: true,
            resolve_within: Duration::from_secs(120),
            server_deduplicates: false,
            receipt_interval: Duration::from_secs(1),
            typing_interval: Duration::from_secs(3),
        })
    }
}

impl Credentials {
    /// An extension, its tenant's domain and its password.
    #[must_use]
    pub fn password(
        username: impl Into<String>,
        domain: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Self {
        let (username, domain) = (username.into(), domain.into());
        Self::Password { username, domain, password: password.into() }
    }

    /// The extension, or the user's name.
    #[must_use]
    pub fn username(&self) -> &str {
        match self {
            Self::Password { username, .. } | Self::Tokens { username, .. } => username,
        }
    }

    /// The tenant's domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        match self {
            Self::Password { domain, .. } | Self::Tokens { domain, .. } => domain,
        }
    }
}
