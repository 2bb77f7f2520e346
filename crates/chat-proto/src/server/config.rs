//! What a server session allows its peer.

use std::time::Duration;

use crate::codec::Limits;

/// Limits and times of one connection, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// What a frame may be. A longer message closes the connection with 1009. The default is
    /// 128 KiB, what the shipped configuration of a Tinode server allows. (tinode-doc)
    pub limits: Limits,
    /// Frames that the peer did not ask for and has not read yet; one more closes with 1013. The
    /// default is 128. (tinode-code)
    pub max_queued: usize,
    /// Answers to the peer's own requests that it has not read yet; one more closes with 1013. Above
    /// a sixteenth of it [`ServerSession::wants_input`](super::ServerSession::wants_input) asks to
    /// stop reading. The default is 4096, four of the largest history pages. (choice)
    pub max_answers: usize,
    /// How long a connection may stay without authentication; `None` for services that
    /// authenticate during the upgrade. The default is 60 s. (choice)
    pub auth_within: Option<Duration>,
    /// Time between two pings. The default is 49.5 s. (tinode-code)
    pub ping_every: Duration,
    /// A peer that sent nothing for this long, not even a pong, is dead. The default is 55 s.
    /// (tinode-code)
    pub dead_after: Duration,
    /// How long the peer has to answer our close frame. The default is 5 s. (choice)
    pub close_within: Duration,
    /// Whether the text `1` is answered with the text `0`, a probe of Tinode's. (tinode-code)
    pub probe: bool,
    /// How fast the peer may send; `None` for as fast as it likes.
    pub rate: Option<Rate>,
}

/// So many messages at once, and one more each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages that may come at once; 0 counts as 1.
    pub burst: u32,
    /// Time in which one message is earned back.
    pub per: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            limits: Limits { max_bytes: 128 << 10, ..Limits::default() },
            max_queued: 128,
            max_answers: 4096,
            auth_within: Some(Duration::from_secs(60)),
            ping_every: Duration::from_millis(49_500),
            dead_after: Duration::from_secs(55),
            close_within: Duration::from_secs(5),
            probe: true,
            rate: None,
        }
    }
}
