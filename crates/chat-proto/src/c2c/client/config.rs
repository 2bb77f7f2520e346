//! Settings of a session of order chat.

use std::time::Duration;

use crate::c2c::rest::UPLOADS_PER_MINUTE;
use crate::client::SessionConfig;
use crate::rest::Quota;

/// What becomes of a message that never arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resend {
    /// It is reported as [`Unknown`](crate::error::RequestError::Unknown), and people decide: a
    /// payment instruction that stands in a chat twice is worse than one that is missing.
    #[default]
    Never,
    /// It is sent once more, with the same uuid, when history proves it lost: every one of
    /// [`C2cConfig::verify_tries`] reads went back beyond the time of writing and showed neither its
    /// uuid nor a message of ours with the same content, and [`C2cConfig::resend_after`] has passed.
    /// The proof is as good as history is quick: a service whose history lags by more than that
    /// would show the message twice. Whether it recognises a uuid that comes twice is not known.
    WhenProvenLost,
}

/// Settings of a session of order chat.
#[derive(Clone, Debug, PartialEq)]
pub struct C2cConfig {
    /// What all services share. Here: a ping every 30 s, dead after 75 s of silence (field reports),
    /// and 5 s for an echo before history is asked.
    pub session: SessionConfig,
    /// Between two messages. The service was seen to drop bursts: of more than about two messages
    /// sent back to back the rest never showed up in the chat, without any error, and 800 ms between
    /// them cured it; other programs leave 0.5 s to 3 s. (field reports)
    pub pace: Duration,
    /// Whether a message that is proven lost is sent again; a message can say otherwise.
    pub resend: Resend,
    /// How long after the writing history is still read before a message is sent again. Longer than
    /// [`C2cConfig::verify_tries`] reads take, so that history that lags behind proves nothing.
    /// (choice)
    pub resend_after: Duration,
    /// How often history is read for a message without an echo.
    pub verify_tries: u32,
    /// Between those reads.
    pub verify_spacing: Duration,
    /// How long to stay away after another session of the account took over. Long, so that two
    /// processes with one key do not throw each other out all the time.
    pub taken_over_pause: Duration,
    /// After how many takeovers the session gives the account up: it stays away until the
    /// application connects. With `Some(1)` it never comes back by itself, with `None` always. A
    /// session that was left alone for four pauses starts counting again.
    pub taken_over_limit: Option<u32>,
    /// The least pause after the server refused the socket: a ticket that was refused seems to be
    /// given out again for a while. (field report)
    pub refused_pause: Duration,
    /// After how long to replace the socket by a fresh one, waiting a little for a moment in which
    /// no message is on its way; `None` for never. A limit of about an hour is rumoured, and open
    /// sockets were seen to outlive it. (field reports)
    pub recycle_after: Option<Duration>,
    /// How many messages are remembered, so that none is emitted twice.
    pub max_seen: usize,
    /// How many orders can be watched.
    pub max_watched: usize,
    /// Pages of 100 messages that are read for one order after a connect, at most.
    pub backfill_pages: u32,
    /// Pause before a page that could not be read is asked for again.
    pub backfill_retry: Duration,
    /// For all REST calls of the key together. The documented limits count weights, which are not
    /// known for these calls; this is well below what others use. (choice)
    pub calls: Quota,
    /// For pre-signed URLs: 36 a minute for one user. (seed)
    pub uploads: Quota,
    /// For tickets, whatever makes the session dial. (choice)
    pub tickets: Quota,
    /// How long all calls of the key stay away after a refusal for too many calls that names no
    /// time; an address that is banned (HTTP 418) stays away twice as long. Bans are said to start
    /// at two minutes.
    pub limit_pause: Duration,
    /// How long a call may wait for its turn. One that would have to wait longer fails at once.
    pub max_wait: Duration,
    /// A used weight from which on [`C2cEvent::WeightHigh`](super::C2cEvent::WeightHigh) tells of
    /// it. 12 000 a minute are allowed for an address. (field reports)
    pub weight_alert: u64,
    /// The largest picture that is sent, in bytes. (choice: the service's limit is not known)
    pub max_picture: usize,
    /// How many pictures can be on their way at once; their bytes are kept in memory until they are
    /// uploaded.
    pub max_pictures: usize,
    /// How often an upload is tried, each time with a new URL.
    pub upload_tries: u32,
    /// For one upload.
    pub upload_timeout: Duration,
}

impl Default for C2cConfig {
    fn default() -> Self {
        Self {
            session: SessionConfig {
                heartbeat: Duration::from_secs(30),
                silence: Duration::from_secs(75),
                request_timeout: Duration::from_secs(5),
                ..SessionConfig::default()
            },
            pace: Duration::from_millis(800),
            resend: Resend::Never,
            resend_after: Duration::from_secs(15),
            verify_tries: 3,
            verify_spacing: Duration::from_secs(1),
            taken_over_pause: Duration::from_secs(300),
            taken_over_limit: Some(3),
            refused_pause: Duration::from_secs(10),
            recycle_after: None,
            max_seen: 4096,
            max_watched: 1000,
            backfill_pages: 10,
            backfill_retry: Duration::from_secs(10),
            calls: Quota::per_minute(300).burst(50),
            uploads: Quota::per_minute(UPLOADS_PER_MINUTE),
            tickets: Quota::per_minute(10).burst(4),
            limit_pause: Duration::from_secs(60),
            max_wait: Duration::from_secs(300),
            weight_alert: 9_600,
            max_picture: 10 * 1024 * 1024,
            max_pictures: 8,
            upload_tries: 3,
            upload_timeout: Duration::from_secs(120),
        }
    }
}
