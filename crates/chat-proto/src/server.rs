//! One connection as the server sees it.
//!
//! [`ServerSession`] knows links, limits and clocks, not topics or orders: whoever owns it (the hub)
//! hands in what arrived, gets the text messages that count, and queues frames.
//!
//! ```text
//! Guest ─authenticated→ Live ─close│silent│overflow→ Closing ─peer closed│timer│lost→ Closed
//!   └── auth deadline ──────────────────────────────────┘
//! ```

mod config;
mod outbox;
mod phase;

use std::fmt;
use std::time::Instant;

pub use config::{Rate, ServerConfig};
use outbox::Outbox;
pub use outbox::{Lane, Overflow};
pub use phase::{Phase, Stimulus};

use crate::gauge::Gauge;
use crate::machine::{CloseFrame, ConnId, Message, Text};
use crate::time::Now;

/// What came from the peer and is for the owner to judge.
///
/// `Debug` prints lengths only: a frame may carry a login secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text message within the size limit, for a [`Codec`](crate::codec::Codec) of the service
    /// that was asked for. A binary message that is UTF-8 counts as text. (tinode-code)
    Frame(Text),
    /// A message that came faster than the rate allows; refuse it.
    TooFast(Text),
    /// A binary message that is not UTF-8.
    NotText,
    /// The peer closed the connection.
    Closed(Option<CloseFrame>),
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(text) => write!(f, "Frame({} bytes)", text.len()),
            Self::TooFast(text) => write!(f, "TooFast({} bytes)", text.len()),
            Self::NotText => f.write_str("NotText"),
            Self::Closed(frame) => f.debug_tuple("Closed").field(frame).finish(),
        }
    }
}

/// One connection: link phase, deadlines, limits and the queue of what is to be written.
///
/// It never fails: a peer that breaks a limit is closed with a code and a reason.
#[derive(Debug)]
pub struct ServerSession {
    conn: ConnId,
    config: ServerConfig,
    phase: Phase,
    outbox: Outbox,
    /// Monotone: an earlier reading acts as the last one.
    last: Instant,
    heard: Instant,
    ping_at: Instant,
    auth_by: Option<Instant>,
    close_by: Option<Instant>,
    /// When the rate limit would be idle again.
    rate_full: Instant,
}

impl ServerSession {
    /// A connection whose upgrade is done. It starts as a guest when `config.auth_within` is set,
    /// and live otherwise.
    #[must_use]
    pub fn new(config: ServerConfig, conn: ConnId, now: Now) -> Self {
        let auth_by = config.auth_within.map(|within| now.mono + within);
        Self {
            conn,
            phase: if auth_by.is_some() { Phase::Guest } else { Phase::Live },
            outbox: Outbox::default(),
            last: now.mono,
            heard: now.mono,
            ping_at: now.mono + config.ping_every,
            auth_by,
            close_by: None,
            rate_full: now.mono,
            config,
        }
    }

    /// The connection's number.
    #[must_use]
    pub const fn conn(&self) -> ConnId {
        self.conn
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Takes one message from the peer. Every message is a sign of life; the transport answers
    /// pings by itself.
    #[must_use]
    pub fn received(&mut self, message: Message, now: Now) -> Option<Incoming> {
        let at = self.advance(now);
        if !self.phase.is_open() {
            if let Message::Close(_) = message {
                self.step(Stimulus::PeerClosed);
            }
            return None;
        }
        self.heard = at;
        if message.len() > self.config.limits.max_bytes {
            self.close(1009, "message too big", now);
            return None;
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => match Text::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return Some(Incoming::NotText),
            },
            Message::Ping(_) | Message::Pong(_) => return None,
            Message::Close(frame) => {
                self.step(Stimulus::PeerClosed);
                return Some(Incoming::Closed(frame));
            }
        };
        if self.config.probe && text.as_str() == "1" {
            self.outbox.control(Message::text("0"));
            return None;
        }
        Some(if self.admit(at) { Incoming::Frame(text) } else { Incoming::TooFast(text) })
    }

    /// The peer proved who it is: the authentication deadline is off.
    pub fn authenticated(&mut self) {
        self.auth_by = None;
        self.step(Stimulus::Authenticated);
    }

    /// Queues a frame. Dropped when the connection is closing or closed.
    ///
    /// # Errors
    ///
    /// The peer has not read what was queued before: everything that waits is discarded and the
    /// connection closes with 1013, so that the peer knows that it missed something.
    pub fn deliver(&mut self, lane: Lane, text: Text, now: Now) -> Result<(), Overflow> {
        if !self.phase.is_open() {
            return Ok(());
        }
        let limit = match lane {
            Lane::Live => self.config.max_queued,
            Lane::Answer => self.config.max_answers,
        };
        self.outbox.push(lane, text, limit).inspect_err(|_| {
            self.outbox.discard();
            self.close(1013, "too slow: reconnect and fetch what was missed", now);
        })
    }

    /// Closes after what is queued has been written. The first close decides code and reason.
    pub fn close(&mut self, code: u16, reason: &str, now: Now) {
        self.close_on(Stimulus::Close, code, reason, now);
    }

    /// The transport is gone.
    pub fn lost(&mut self) {
        self.step(Stimulus::Lost);
    }

    /// The next message to write.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        if self.phase == Phase::Closed { None } else { self.outbox.pop() }
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn has_transmit(&self) -> bool {
        self.phase != Phase::Closed && !self.outbox.is_empty()
    }

    /// How full its queues are: frames that the peer did not ask for, and answers.
    #[must_use]
    pub fn gauges(&self) -> [Gauge; 2] {
        let queued = |lane| self.outbox.queued(lane);
        [
            Gauge::new("live frames of a connection", queued(Lane::Live), self.config.max_queued),
            Gauge::new("answers of a connection", queued(Lane::Answer), self.config.max_answers),
        ]
    }

    /// Whether to read from the peer. False while answers to its requests pile up, with the `held`
    /// ones that the owner has yet to deliver; stopping then lets TCP slow it down.
    #[must_use]
    pub fn wants_input(&self, held: usize) -> bool {
        let answers = self.outbox.queued(Lane::Answer).saturating_add(held);
        self.phase == Phase::Closing
            || self.phase.is_open() && answers <= self.config.max_answers / 16
    }

    /// Lets time pass: pings, deadlines.
    pub fn handle_timeout(&mut self, now: Now) {
        let at = self.advance(now);
        if self.close_by.is_some_and(|by| by <= at) {
            self.step(Stimulus::CloseOverdue);
        }
        if !self.phase.is_open() {
            return;
        }
        if self.auth_by.is_some_and(|by| by <= at) {
            self.close_on(Stimulus::AuthOverdue, 1008, "authentication timed out", now);
        } else if self.heard + self.config.dead_after <= at {
            self.outbox.discard();
            self.close_on(Stimulus::Silent, 1001, "no sign of life", now);
        } else if self.ping_at <= at {
            self.outbox.control(Message::Ping(bytes::Bytes::new()));
            self.ping_at = at + self.config.ping_every;
        }
    }

    /// When [`ServerSession::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            Phase::Closing => self.close_by,
            Phase::Guest | Phase::Live => {
                let dead = self.heard + self.config.dead_after;
                self.auth_by.into_iter().chain([dead, self.ping_at]).min()
            }
        }
    }

    /// Whether the connection is done for good.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn close_on(&mut self, why: Stimulus, code: u16, reason: &str, now: Now) {
        if !self.phase.is_open() {
            return;
        }
        let at = self.advance(now);
        self.step(why);
        self.outbox.close(CloseFrame::new(code, reason));
        self.close_by = Some(at + self.config.close_within);
    }

    fn step(&mut self, stimulus: Stimulus) {
        self.phase = self.phase.after(stimulus);
        if self.phase == Phase::Closed {
            self.outbox = Outbox::default();
        }
    }

    fn advance(&mut self, now: Now) -> Instant {
        self.last = self.last.max(now.mono);
        self.last
    }

    /// GCRA: each message moves the moment at which the allowance is whole again.
    fn admit(&mut self, at: Instant) -> bool {
        let Some(Rate { burst, per }) = self.config.rate else { return true };
        let full = self.rate_full.max(at) + per;
        if full > at + per * burst.max(1) {
            return false;
        }
        self.rate_full = full;
        true
    }
}
