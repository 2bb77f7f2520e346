//! How to reach a server: what an adapter is configured with, whatever the runtime.

use std::time::Duration;

use crate::proxy::Proxies;
use crate::tls::TlsPolicy;

/// The longest time that a connection may be given.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Whom to trust, through whom to go, and how long to wait. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Network {
    tls: TlsPolicy,
    proxies: Proxies,
    connect_timeout: Duration,
}

impl Network {
    /// No proxy, ten seconds for a connection.
    #[must_use]
    pub fn new(tls: TlsPolicy) -> Self {
        Self { tls, proxies: Proxies::none(), connect_timeout: Duration::from_secs(10) }
    }

    /// Accepts other servers.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsPolicy) -> Self {
        self.tls = tls;
        self
    }

    /// How long name resolution, TCP, proxy and TLS may take together; a day at most.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.min(LONGEST);
        self
    }

    /// Goes through proxies. The environment is asked only where you do so, with
    /// [`Proxies::from_env`].
    #[must_use]
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Which proxies are used.
    #[must_use]
    pub const fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Which servers are accepted.
    #[must_use]
    pub const fn tls(&self) -> &TlsPolicy {
        &self.tls
    }

    /// How long a connection may take.
    #[must_use]
    pub const fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new(TlsPolicy::platform())
    }
}
