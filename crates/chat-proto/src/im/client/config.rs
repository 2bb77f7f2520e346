//! Settings of a client of topic chat.

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
    /// Most messages held back or fetched to close one gap; what is older is announced as missing.
    pub max_fill: u64,
    /// Messages asked for at once while a gap is closed.
    pub fill_page: u64,
    /// Most topics attached at once.
    pub max_topics: usize,
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
            max_topics: 10_000,
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
