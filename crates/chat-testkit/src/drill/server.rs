//! The service's side of one connection, by a list of steps.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_proto::machine::{CloseFrame, Message, Text};
use chat_proto::server::{Incoming, Lane, Phase, Rate, ServerConfig, ServerSession};
use chat_proto::{ConnId, Now, UnixMillis};

use super::Step;

const MAX_QUEUED: usize = 4;
const MAX_ANSWERS: usize = 16;
/// Longest message taken.
const MAX_BYTES: usize = 64;
/// Pings, an answered probe and a close frame are not counted.
const CONTROL: usize = 3;

/// What was seen of the session.
struct Seen {
    session: ServerSession,
    now: Now,
    /// A close frame was given out.
    said_goodbye: bool,
    /// Frames queued and not given out, in order; what an overflow discards is gone.
    queued: Vec<(Lane, String)>,
    frames: u64,
}

/// Plays a list of steps against a [`ServerSession`] and checks, after each, what the numbered
/// guarantees mean for it: time is monotone (2), deadlines that are over are gone (3), nothing after
/// our close frame (9), frames come out once and in order (6), queues are bounded (11), no frame in
/// `Debug` (10), and the end is the end (7).
///
/// # Panics
///
/// A guarantee is broken.
pub fn run_server(steps: &[Step], start: Instant) {
    let config = steps.first().map_or(0, |step| step.0);
    let now = Now { mono: start, unix: UnixMillis::new(1_730_000_000_000) };
    let rate = Rate { burst: u32::from(config & 3), per: Duration::from_millis(500) };
    let config = ServerConfig {
        max_queued: MAX_QUEUED,
        max_answers: MAX_ANSWERS,
        auth_within: (config & 4 == 0).then_some(Duration::from_secs(60)),
        probe: config & 8 == 0,
        rate: (config & 16 == 0).then_some(rate),
        ..ServerConfig::default()
    };
    let limits = chat_proto::codec::Limits { max_bytes: MAX_BYTES, ..config.limits };
    let session = ServerSession::new(ServerConfig { limits, ..config }, ConnId::new(1), now);
    let mut seen = Seen { session, now, said_goodbye: false, queued: Vec::new(), frames: 0 };
    for step in steps {
        seen.step(*step);
        seen.check();
    }
    seen.end();
}

impl Seen {
    fn step(&mut self, (kind, a, b): Step) {
        match kind % 16 {
            0..3 => {
                let len = usize::from(a) % (MAX_BYTES + 8);
                let message = match b % 4 {
                    0 => Message::text("1"),
                    1 => Message::Binary(Bytes::from(vec![b | 0x80; len])),
                    _ => Message::text("x".repeat(len)),
                };
                self.receive(message);
            }
            3 => self.receive(Message::Pong(Bytes::new())),
            4 => self.receive(Message::Ping(Bytes::from(vec![0; usize::from(a) % 126]))),
            5 if b < 64 => self.receive(Message::Close(
                (a & 1 == 0).then(|| CloseFrame::new(1000 + u16::from(b), "bye")),
            )),
            5..9 => self.deliver(if a & 1 == 0 { Lane::Answer } else { Lane::Live }),
            9 | 10 => self.poll(),
            11 => self.session.authenticated(),
            12 if b < 32 => self.session.close(1000 + u16::from(a), "enough", self.now),
            12 | 13 => self.pass(Duration::from_millis(u64::from(a) * u64::from(b))),
            14 => {
                let next = self.session.poll_timeout().unwrap_or(self.now.mono);
                self.pass(next.saturating_duration_since(self.now.mono));
            }
            // The clock of a careless caller runs backwards.
            _ if b < 128 => {
                let mono = self.now.mono.checked_sub(Duration::from_secs(a.into()));
                let mono = mono.unwrap_or(self.now.mono);
                self.session.handle_timeout(Now { mono, ..self.now });
            }
            _ if b == 255 => self.session.lost(),
            _ => {}
        }
    }

    fn receive(&mut self, message: Message) {
        let open = self.session.phase().is_open();
        let (long, close) = (message.len() > MAX_BYTES, matches!(message, Message::Close(_)));
        let incoming = self.session.received(message, self.now);
        assert!(open || incoming.is_none(), "law 7: heard after our close: {incoming:?}");
        if open && long {
            assert_eq!(self.session.phase(), Phase::Closing, "law 11: a long message is refused");
        }
        let said = matches!(incoming, Some(Incoming::Closed(_)));
        assert_eq!(said, open && close && !long, "the peer's close is told once");
        if close && !long {
            assert!(self.session.is_finished(), "law 7: the peer's close ends it");
        }
    }

    fn deliver(&mut self, lane: Lane) {
        let open = self.session.phase().is_open();
        self.frames += 1;
        let text = format!("frame-{}", self.frames);
        let limit = if lane == Lane::Live { MAX_QUEUED } else { MAX_ANSWERS };
        let waits = self.queued.iter().filter(|(of, _)| *of == lane).count();
        let result = self.session.deliver(lane, Text::from(text.as_str()), self.now);
        let full = open && waits >= limit;
        assert_eq!(result.is_err(), full, "law 11: {waits} wait, {limit} may");
        if full {
            assert_eq!(self.session.phase(), Phase::Closing, "law 11");
            self.queued.clear();
        } else if open {
            self.queued.push((lane, text));
        }
    }

    fn poll(&mut self) {
        let had = self.session.has_transmit();
        let message = self.session.poll_transmit();
        assert_eq!(had, message.is_some(), "something to write was announced");
        let Some(message) = message else { return };
        assert!(!self.said_goodbye, "law 9: {message:?} after our close");
        match message {
            // "0" answers a probe.
            Message::Text(text) if text.as_str() == "0" => {}
            Message::Text(text) => {
                assert!(!self.queued.is_empty(), "law 6: a frame that nobody queued");
                assert_eq!(text.as_str(), self.queued.remove(0).1, "law 6: in order, each once");
            }
            Message::Close(_) => self.said_goodbye = true,
            Message::Ping(_) => {}
            Message::Binary(_) | Message::Pong(_) => panic!("nobody writes that"),
        }
    }

    fn pass(&mut self, by: Duration) {
        self.now = self.now.after(by);
        // Each call does one thing, so what is due together takes some.
        for _ in 0..4 {
            self.session.handle_timeout(self.now);
            // A peer that says nothing gets nothing more but the reason.
            if format!("{:?}", self.session).contains("no sign of life") {
                self.queued.clear();
            }
        }
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now.mono), "law 3: still due");
    }

    fn check(&mut self) {
        let debug = format!("{:?}", self.session);
        assert!(!debug.contains("frame-"), "law 10: {debug}");
        if self.session.is_finished() {
            self.queued.clear();
            assert_eq!(self.session.poll_timeout(), None, "law 7: a timer after the end");
            assert!(!self.session.has_transmit(), "law 7: something to write after the end");
            assert_eq!(self.session.poll_transmit(), None, "law 7");
        }
        assert!(self.queued.len() <= MAX_QUEUED + MAX_ANSWERS, "law 11");
    }

    fn end(mut self) {
        self.session.close(1001, "over", self.now);
        let mut left = MAX_QUEUED + MAX_ANSWERS + CONTROL;
        while self.session.has_transmit() {
            assert!(left > 0, "law 11: more than was queued");
            left -= 1;
            self.poll();
        }
        assert!(self.queued.is_empty(), "law 6: {:?} was never written", self.queued);
        self.pass(Duration::from_secs(10));
        assert!(self.session.is_finished(), "law 7: it does not end");
        self.check();
    }
}
