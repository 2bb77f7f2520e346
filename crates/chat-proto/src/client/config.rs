//! Settings of the engine.

use std::time::Duration;

use crate::backoff::BackoffPolicy;
use crate::codec::Limits;

/// Settings every service shares. The defaults suit a server across the Internet.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// From the dial to a usable session.
    pub open_timeout: Duration,
    /// For one HTTP exchange of the session.
    pub http_timeout: Duration,
    /// For the answer to one request.
    pub request_timeout: Duration,
    /// How often to ping. The first ping is drawn from the first half of the interval, so that
    /// clients of one restarted server spread out.
    pub heartbeat: Duration,
    /// After how long without any message the link counts as dead. Any message counts as life.
    pub silence: Duration,
    /// How long a session must last before the back-off starts over.
    pub stable: Duration,
    /// How long the close handshake may take.
    pub close_timeout: Duration,
    /// Waits between attempts.
    pub backoff: BackoffPolicy,
    /// Most requests that may wait for an answer at once.
    pub max_requests: usize,
    /// Longest message taken from the application, in bytes. Larger frames may close the socket.
    pub max_message: usize,
    /// Limits of what is decoded.
    pub limits: Limits,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(20),
            http_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(25),
            silence: Duration::from_secs(60),
            stable: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            backoff: BackoffPolicy::default(),
            max_requests: 1024,
            max_message: 64 * 1024,
            limits: Limits::default(),
        }
    }
}
