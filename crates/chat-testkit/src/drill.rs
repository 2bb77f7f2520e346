//! One session against a peer that says anything, by a list of steps.
//!
//! A step is three bytes, so that a fuzzer can write the list and a failure shrinks to a short one.
//! The session is [`Watched`]; what it wrote and told is besides held against what the peer knows.
//! A broken guarantee panics.

mod c2c;
mod im;
mod server;

pub use c2c::Orders;
pub use im::Topics;
pub use server::run_server;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_proto::client::{Phase, RequestId, Session};
use chat_proto::machine::{CloseFrame, HttpFailure, LinkFailure};
use chat_proto::{Action, ConnId, HttpId, Input, Machine as _, Message, Now, UnixMillis};

use crate::laws::{EventOf, Lawful, Watched};

/// What to do, and two numbers to do it with.
pub type Step = (u8, u8, u8);

/// Steps from bytes, three each; what is over is dropped.
#[must_use]
pub fn steps(bytes: &[u8]) -> Vec<Step> {
    bytes.chunks_exact(3).map(|step| (step[0], step[1], step[2])).collect()
}

/// What a drill must know of a service: its verbs, and a peer that answers well or badly.
pub trait Peer: Default {
    /// The service.
    type S: Lawful;

    /// A session with small limits.
    fn session(&self, now: Now) -> Session<Self::S>;

    /// Calls a verb; gives its request.
    fn verb(&mut self, session: &mut Watched<Self::S>, a: u8, b: u8, now: Now)
    -> Option<RequestId>;

    /// The body of an HTTP answer, as a server that works gives it.
    fn body(&self, request: &http::Request<Bytes>) -> String;

    /// A frame of the server, perhaps an answer to what was written.
    fn frame(&mut self, a: u8, b: u8) -> String;

    /// The frames that make an open session ready.
    fn welcome(&mut self) -> Option<String>;

    /// A text was written.
    fn on_written(&mut self, text: &str);

    /// The session told something.
    fn on_event(&mut self, event: &EventOf<Self::S>);

    /// The session let go of its link.
    fn on_lost(&mut self);
}

/// A session in a drill.
#[derive(Debug)]
pub struct Drill<P: Peer> {
    peer: P,
    session: Watched<P::S>,
    now: Now,
    last_conn: u64,
    exchanges: BTreeMap<HttpId, http::Request<Bytes>>,
    ended: BTreeSet<RequestId>,
    /// The last frame of the peer, for copies with a wrong byte.
    frame: String,
    steps: usize,
    events: usize,
    transmits: usize,
    transcript: Option<String>,
}

/// Plays a list of steps and ends the session; gives the transcript, if it is wanted. With `abandon`
/// nothing answers any more after the steps, and everything has to end all the same.
///
/// # Panics
///
/// A guarantee is broken.
pub fn run<P: Peer>(steps: &[Step], abandon: bool, start: Instant, record: bool) -> String {
    let mut drill = Drill::<P>::new(start, record);
    for step in steps {
        drill.step(*step);
    }
    if abandon {
        drill.abandon();
    }
    drill.end()
}

impl<P: Peer> Drill<P> {
    /// A fresh session. `start` is only a point from which time runs.
    #[must_use]
    pub fn new(start: Instant, record: bool) -> Self {
        let peer = P::default();
        let now = Now { mono: start, unix: UnixMillis::new(1_730_000_000_000) };
        Self {
            session: Watched::new(peer.session(now), now),
            peer,
            now,
            last_conn: 0,
            exchanges: BTreeMap::new(),
            ended: BTreeSet::new(),
            frame: String::new(),
            steps: 0,
            events: 0,
            transmits: 0,
            transcript: record.then(String::new),
        }
    }

    /// Does one thing.
    pub fn step(&mut self, (kind, a, b): Step) {
        self.steps += 1;
        let conn = self.session.live().unwrap_or(ConnId::new(self.last_conn));
        match kind % 32 {
            0..7 => self.proceed(),
            8..13 => drop(self.peer.verb(&mut self.session, a, b, self.now)),
            13..21 => {
                self.frame = self.peer.frame(a, b);
                self.receive(conn, Message::text(self.frame.clone()));
            }
            21 => self.receive(conn, self.corrupted(a, b)),
            22 => self.receive(conn, Message::text(GARBAGE[usize::from(a) % GARBAGE.len()])),
            23 => self.receive(
                conn,
                [Message::Ping(Bytes::new()), Message::Binary(Bytes::new())][usize::from(a % 2)]
                    .clone(),
            ),
            24 => self.wait(Duration::from_millis(u64::from(a) * u64::from(b))),
            25 => self.next_timer(),
            26 => self.lose(conn, a, b),
            7 | 27 => self.respond(a, b),
            28 => {
                self.drain();
                self.session.probe(u64::from(a) << 8 | u64::from(b));
            }
            29 => self.session.call(self.now, Session::connect),
            30 => {
                let waiting: Vec<_> = self.session.waiting().iter().copied().collect();
                if let Some(id) = waiting.get(usize::from(a) % waiting.len().max(1)) {
                    self.cancel(*id);
                }
            }
            _ => match a {
                0..16 => self.session.call(self.now, Session::close),
                // The clock of a careless caller runs backwards.
                16..128 => {
                    let mono = self.now.mono.checked_sub(Duration::from_secs(b.into()));
                    let earlier = Now { mono: mono.unwrap_or(self.now.mono), unix: self.now.unix };
                    self.session.call(earlier, |session, now| {
                        session.handle_input(Input::Timeout, now);
                    });
                }
                _ => self.session.input(Input::Timeout, self.now),
            },
        }
        self.drain_actions();
        // The lanes are polled when somebody likes to.
        if a & 1 == 0 {
            self.drain_transmits();
        }
        if b & 3 != 0 {
            self.drain_events();
            self.session.at_rest();
        }
        self.judge();
    }

    fn cancel(&mut self, id: RequestId) {
        self.session.call(self.now, |session, now| session.cancel(id, now));
        self.drain_events();
        assert!(self.ended.contains(&id), "law 5: {id:?} was given up");
        self.session.call(self.now, |session, now| session.cancel(id, now));
    }

    /// The next thing a server that works would do.
    fn proceed(&mut self) {
        match self.session.session().phase() {
            Phase::Idle => self.session.call(self.now, Session::connect),
            Phase::Waiting => self.next_timer(),
            Phase::Preparing => {
                if let Some((id, request)) = self.exchanges.pop_last() {
                    let body = self.peer.body(&request);
                    self.answer(id, 200, &body);
                }
            }
            Phase::Dialing => {
                if let Some(conn) = self.session.live() {
                    self.session.input(Input::Opened { conn }, self.now);
                }
            }
            Phase::Opening => {
                self.drain_transmits();
                if let (Some(conn), Some(text)) = (self.session.live(), self.peer.welcome()) {
                    self.receive(conn, Message::text(text));
                }
            }
            Phase::Ready | Phase::Closing | Phase::Closed => {
                self.drain_transmits();
                let text = self.peer.frame(0, 0);
                if let Some(conn) = self.session.live() {
                    self.receive(conn, Message::text(text));
                }
            }
        }
    }

    fn receive(&mut self, conn: ConnId, message: Message) {
        self.session.input(Input::Received { conn, message }, self.now);
    }

    /// The last frame again, with another byte somewhere, or cut short.
    fn corrupted(&self, a: u8, b: u8) -> Message {
        let mut bytes = self.frame.clone().into_bytes();
        let at = usize::from(a) * bytes.len() / 256;
        match bytes.get_mut(at) {
            Some(byte) if b >= 32 => *byte = b & 0x7f,
            Some(_) => bytes.truncate(at),
            None => {}
        }
        Message::text(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn lose(&mut self, conn: ConnId, a: u8, b: u8) {
        if a.is_multiple_of(2) {
            let frame = CloseFrame::new(1000 + u16::from(b), if b < 64 { "Bye" } else { "" });
            self.receive(conn, Message::Close((b < 128).then_some(frame)));
        } else {
            let retry_after = Some(Duration::from_secs(u64::from(b)));
            let refused = LinkFailure::Refused { status: 500 + u16::from(b), retry_after };
            let failure = if b < 64 { refused } else { LinkFailure::Ended };
            self.session.input(Input::Lost { conn, failure }, self.now);
        }
    }

    fn respond(&mut self, a: u8, b: u8) {
        let ids: Vec<_> = self.exchanges.keys().copied().collect();
        let Some(id) = ids.get(usize::from(a) % ids.len().max(1)).copied() else { return };
        let Some(request) = self.exchanges.remove(&id) else { return };
        match b % 8 {
            0..3 => {
                let body = self.peer.body(&request);
                self.answer(id, 200, &body);
            }
            3 | 4 => self.answer(id, 400, REFUSALS[usize::from(a) % REFUSALS.len()]),
            5 => self.answer(id, [200, 401, 429, 503][usize::from(a % 4)], "<html>no</html>"),
            6 => self.fail(id, HttpFailure::TimedOut),
            _ => self.fail(id, HttpFailure::Dial("no".into())),
        }
    }

    fn fail(&mut self, id: HttpId, failure: HttpFailure) {
        self.session.input(Input::Response { id, result: Err(failure) }, self.now);
    }

    fn answer(&mut self, id: HttpId, status: u16, body: &str) {
        let response = http::Response::builder().status(status).header("retry-after", "7");
        let response = response.body(Bytes::from(body.to_owned()));
        let response = response.expect("the statuses and the header are constants");
        self.session.input(Input::Response { id, result: Ok(response) }, self.now);
    }

    fn wait(&mut self, by: Duration) {
        self.now = self.now.after(by);
        self.session.input(Input::Timeout, self.now);
    }

    fn next_timer(&mut self) {
        if let Some(at) = self.session.poll_timeout() {
            self.wait(at.saturating_duration_since(self.now.mono));
        }
    }

    fn drain(&mut self) {
        self.drain_actions();
        self.drain_transmits();
        self.drain_events();
    }

    fn drain_actions(&mut self) {
        while let Some(action) = self.session.poll_action() {
            note(&mut self.transcript, &action);
            match action {
                Action::Dial { conn, .. } => self.last_conn = conn.get(),
                Action::Drop { .. } => self.peer.on_lost(),
                Action::Http { id, request, .. } => {
                    self.exchanges.insert(id, request.into_request());
                }
                Action::AbortHttp { id } => drop(self.exchanges.remove(&id)),
            }
        }
    }

    fn drain_transmits(&mut self) {
        self.drain_actions();
        while let Some(transmit) = self.session.poll_transmit() {
            note(&mut self.transcript, &transmit);
            self.transmits += 1;
            if let Message::Text(text) = transmit.message {
                self.peer.on_written(text.as_str());
            }
        }
        assert!(self.transmits < 200 + 40 * self.steps, "law 11: {} messages", self.transmits);
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            note(&mut self.transcript, &event);
            self.events += 1;
            self.peer.on_event(&event);
            if let chat_proto::client::Event::Completed { id, .. } = event {
                self.ended.insert(id);
            }
        }
        assert!(self.events < 200 + 40 * self.steps, "law 11: {} events", self.events);
    }

    fn judge(&self) {
        if let Some(broken) = self.session.broken() {
            panic!("{broken}");
        }
    }

    /// Nothing answers any more: every request ends all the same.
    ///
    /// # Panics
    ///
    /// One does not.
    pub fn abandon(&mut self) {
        for _ in 0..2000 {
            self.steps += 1;
            self.drain();
            self.judge();
            if self.session.waiting().is_empty() {
                return;
            }
            let timer = self.session.poll_timeout();
            assert!(timer.is_some(), "law 5: nothing will end {:?}", self.session.waiting());
            self.next_timer();
        }
        panic!("law 5: {:?} wait for ever", self.session.waiting());
    }

    /// Closes the session: laws 5 and 7, whatever the phase. Gives the transcript.
    ///
    /// # Panics
    ///
    /// It does not end.
    #[must_use]
    pub fn end(mut self) -> String {
        self.session.call(self.now, Session::close);
        self.drain();
        assert!(self.session.waiting().is_empty(), "law 5: requests outlive the session");
        assert_eq!(self.session.session().waiting(), 0, "law 5");
        let mut left = 5;
        while !self.session.session().is_finished() {
            assert!(left > 0, "law 7: it does not end");
            left -= 1;
            self.next_timer();
            self.drain();
        }
        self.session.at_rest();
        assert_eq!(self.session.live(), None, "law 8: the link was not let go of");
        self.proceed();
        self.session.call(self.now, Session::connect);
        self.session.call(self.now, Session::close);
        let asked = self.peer.verb(&mut self.session, 0, 0, self.now);
        assert!(asked.is_none(), "law 7: a request after the end");
        self.drain();
        self.session.probe(1);
        self.judge();
        self.transcript.unwrap_or_default()
    }
}

fn note(transcript: &mut Option<String>, what: &impl Debug) {
    if let Some(text) = transcript {
        // A String takes every write.
        let _ = writeln!(text, "{what:?}");
    }
}

const GARBAGE: [&str; 8] = [
    "0",
    "",
    "{",
    "[]",
    "null",
    r#"{"ctrl":{"code":"x"}}"#,
    r#"{"meta":{"desc":{"seq":-1}}}"#,
    "\u{feff}{}",
];

const REFUSALS: [&str; 4] = [
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#,
    r#"{"errors":[{"code":"UNKNOWN","message":"no"}]}"#,
    r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#,
    r#"{"code":-1022,"msg":"Signature for this request is not valid."}"#,
];

/// The text of a frame, to be looked into.
fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("a session writes JSON")
}
