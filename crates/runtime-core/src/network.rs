//! How to reach a server: what an adapter is configured with, whatever the runtime.

use std::time::Duration;

use crate::tls::TlsPolicy;

/// The longest time that a connection may be given.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Whom to trust, and how long to wait. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Network {
    tls: TlsPolicy,
    connect_timeout: Duration,
}

impl Network {
    /// Ten seconds for a connection, TLS included.
    #[must_use]
    pub const fn new(tls: TlsPolicy) -> Self {
        Self { tls, connect_timeout: Duration::from_secs(10) }
    }

    /// How long name resolution, TCP and TLS may take together; a day at most.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.min(LONGEST);
        self
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
