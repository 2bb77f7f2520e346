//! Random verbs against random inputs: what a session guarantees holds whatever happens.
//!
//! A case is a list of steps of three bytes each, so that a failure shrinks to a short list.

mod c2c;
mod im;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::client::{Event, Phase, RequestId, Service, Session};
use chat_proto::machine::{CloseFrame, HttpFailure, LinkFailure, Text};
use chat_proto::rng::Rng;
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, UnixMillis};
use proptest::prelude::*;

/// What to do, and two numbers to do it with.
type Step = (u8, u8, u8);
type EventOf<S> = Event<<S as Service>::Event, <S as Service>::Answer>;

/// What the laws must know of a service.
trait World: Default {
    type S: Service;

    fn session(&self, now: Now) -> Session<Self::S>;
    /// Calls a verb; gives its request.
    fn verb(&mut self, session: &mut Session<Self::S>, a: u8, b: u8, now: Now)
    -> Option<RequestId>;
    /// The body of an HTTP answer, as a server that works gives it.
    fn body(&self, request: &http::Request<Bytes>) -> String;
    /// A frame of the server, perhaps an answer to what was written.
    fn frame(&mut self, a: u8, b: u8) -> String;
    /// The frames that make an open session ready.
    fn welcome(&mut self) -> Option<String>;
    /// A text was written.
    fn on_written(&mut self, text: &str, ready: bool);
    fn on_event(&mut self, event: &EventOf<Self::S>);
    fn on_lost(&mut self);
}

struct Laws<W: World> {
    world: W,
    session: Session<W::S>,
    now: Now,
    live: Option<ConnId>,
    /// A close frame was written on the live link.
    said_goodbye: bool,
    /// The live link was ready.
    was_ready: bool,
    last_conn: u64,
    exchanges: BTreeMap<HttpId, http::Request<Bytes>>,
    last_http: u64,
    waiting: BTreeSet<RequestId>,
    ended: BTreeSet<RequestId>,
    closed: bool,
    steps: usize,
    events: usize,
    transmits: usize,
    transcript: String,
}

impl<W: World> Laws<W> {
    fn new() -> Self {
        let world = W::default();
        let now = Now { mono: crate::some_instant(), unix: UnixMillis::new(1_730_000_000_000) };
        Self {
            session: world.session(now),
            world,
            now,
            live: None,
            said_goodbye: false,
            was_ready: false,
            last_conn: 0,
            exchanges: BTreeMap::new(),
            last_http: 0,
            waiting: BTreeSet::new(),
            ended: BTreeSet::new(),
            closed: false,
            steps: 0,
            events: 0,
            transmits: 0,
            transcript: String::new(),
        }
    }

    fn step(&mut self, (kind, a, b): Step) {
        self.steps += 1;
        let conn = self.live.unwrap_or(ConnId::new(self.last_conn));
        match kind % 32 {
            0..7 => self.proceed(),
            8..13 => {
                let made = self.world.verb(&mut self.session, a, b, self.now);
                if let Some(id) = made {
                    assert!(!self.ended.contains(&id) && self.waiting.insert(id), "{id:?} again");
                }
            }
            13..22 => {
                let text = self.world.frame(a, b);
                self.receive(conn, Message::text(text));
            }
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
            28 => self.stale(a, b),
            29 => self.session.connect(self.now),
            30 => {
                let waiting: Vec<_> = self.waiting.iter().copied().collect();
                if let Some(id) = waiting.get(usize::from(a) % waiting.len().max(1)) {
                    self.session.cancel(*id, self.now);
                    self.drain_events();
                    assert!(self.ended.contains(id), "{id:?} was given up");
                    self.session.cancel(*id, self.now);
                }
            }
            _ => match a {
                0..16 => self.session.close(self.now),
                // The clock of a careless caller runs backwards.
                16..128 => {
                    let mono = self.now.mono.checked_sub(Duration::from_secs(b.into()));
                    let earlier = Now { mono: mono.unwrap_or(self.now.mono), unix: self.now.unix };
                    self.session.handle_input(Input::Timeout, earlier);
                }
                _ => self.session.handle_input(Input::Timeout, self.now),
            },
        }
        self.drain_actions();
        // The lanes are polled when somebody likes to.
        if a & 1 == 0 {
            self.drain_transmits();
        }
        if b & 3 != 0 {
            self.drain_events();
        }
        assert_eq!(self.session.waiting() == 0, self.waiting_undrained() == 0);
    }

    /// Requests without an end, those whose end was not polled yet left out.
    fn waiting_undrained(&mut self) -> usize {
        self.drain_events();
        self.waiting.len()
    }

    /// The next thing a server that works would do.
    fn proceed(&mut self) {
        match self.session.phase() {
            Phase::Idle => self.session.connect(self.now),
            Phase::Waiting => self.next_timer(),
            Phase::Preparing => {
                if let Some((id, request)) = self.exchanges.pop_last() {
                    let body = self.world.body(&request);
                    self.answer(id, 200, &body);
                }
            }
            Phase::Dialing => {
                if let Some(conn) = self.live {
                    self.session.handle_input(Input::Opened { conn }, self.now);
                }
            }
            Phase::Opening => {
                self.drain_transmits();
                if let (Some(conn), Some(text)) = (self.live, self.world.welcome()) {
                    self.receive(conn, Message::text(text));
                }
            }
            Phase::Ready | Phase::Closing | Phase::Closed => {
                self.drain_transmits();
                let text = self.world.frame(0, 0);
                if let Some(conn) = self.live {
                    self.receive(conn, Message::text(text));
                }
            }
        }
    }

    fn receive(&mut self, conn: ConnId, message: Message) {
        self.session.handle_input(Input::Received { conn, message }, self.now);
    }

    fn lose(&mut self, conn: ConnId, a: u8, b: u8) {
        if a.is_multiple_of(2) {
            let frame = CloseFrame::new(1000 + u16::from(b), if b < 64 { "Bye" } else { "" });
            self.receive(conn, Message::Close((b < 128).then_some(frame)));
        } else {
            let retry_after = Some(Duration::from_secs(u64::from(b)));
            let refused = LinkFailure::Refused { status: 500 + u16::from(b), retry_after };
            let failure = if b < 64 { refused } else { LinkFailure::Ended };
            self.session.handle_input(Input::Lost { conn, failure }, self.now);
        }
    }

    fn respond(&mut self, a: u8, b: u8) {
        let ids: Vec<_> = self.exchanges.keys().copied().collect();
        let Some(id) = ids.get(usize::from(a) % ids.len().max(1)).copied() else { return };
        let request = self.exchanges.remove(&id).unwrap();
        match b % 8 {
            0..3 => {
                let body = self.world.body(&request);
                self.answer(id, 200, &body);
            }
            3 | 4 => self.answer(id, 400, REFUSALS[usize::from(a) % REFUSALS.len()]),
            5 => self.answer(id, [200, 401, 429, 503][usize::from(a % 4)], "<html>no</html>"),
            6 => self
                .session
                .handle_input(Input::Response { id, result: Err(HttpFailure::TimedOut) }, self.now),
            _ => self.session.handle_input(
                Input::Response { id, result: Err(HttpFailure::Dial("no".into())) },
                self.now,
            ),
        }
    }

    fn answer(&mut self, id: HttpId, status: u16, body: &str) {
        let response = http::Response::builder().status(status).header("retry-after", "7");
        let result = Ok(response.body(Bytes::from(body.to_owned())).unwrap());
        self.session.handle_input(Input::Response { id, result }, self.now);
    }

    /// Law 4: what concerns an older attempt changes nothing.
    fn stale(&mut self, a: u8, b: u8) {
        self.drain_actions();
        self.drain_transmits();
        self.drain_events();
        let before = format!("{:?}", self.session);
        let far =
            if a.is_multiple_of(2) { self.last_conn + 1 } else { self.last_conn.saturating_sub(1) };
        let conn = ConnId::new(far);
        let input = match b % 4 {
            0 => Input::Opened { conn },
            1 => Input::Received { conn, message: Message::text(self.world.frame(a, b)) },
            2 => Input::Lost { conn, failure: LinkFailure::Ended },
            _ => {
                let id = HttpId::new(self.last_http + 1 + u64::from(a));
                Input::Response { id, result: Err(HttpFailure::TimedOut) }
            }
        };
        self.session.handle_input(input, self.now);
        assert_eq!(before, format!("{:?}", self.session));
        assert!(self.session.poll_action().is_none());
        assert!(self.session.poll_transmit().is_none());
        assert!(self.session.poll_event().is_none());
    }

    fn wait(&mut self, by: Duration) {
        self.now = self.now.after(by);
        self.timeout();
    }

    fn next_timer(&mut self) {
        if let Some(at) = self.session.poll_timeout() {
            let by = at.saturating_duration_since(self.now.mono);
            self.wait(by);
        }
    }

    /// Law 3: a deadline that was told about is over.
    fn timeout(&mut self) {
        self.session.handle_input(Input::Timeout, self.now);
        let next = self.session.next_timer();
        assert!(next.is_none_or(|(at, _)| at > self.now.mono), "still due: {next:?}");
    }

    fn drain_actions(&mut self) {
        while let Some(action) = self.session.poll_action() {
            self.note(&action);
            match action {
                Action::Dial { conn, .. } => {
                    assert_eq!(self.live, None, "law 8: the former link was not dropped");
                    assert!(conn.get() > self.last_conn, "law 8: the same attempt again");
                    self.last_conn = conn.get();
                    self.live = Some(conn);
                    (self.said_goodbye, self.was_ready) = (false, false);
                }
                Action::Drop { conn } => {
                    assert_eq!(self.live.take(), Some(conn), "law 8: dropped what is not there");
                    self.world.on_lost();
                }
                Action::Http { id, request, .. } => {
                    assert!(id.get() > self.last_http);
                    self.last_http = id.get();
                    self.exchanges.insert(id, request.into_request());
                }
                Action::AbortHttp { id } => drop(self.exchanges.remove(&id)),
            }
        }
        // An upgrade from Opening to Ready and back within one input leaves nothing to write.
        self.was_ready |= self.session.phase() == Phase::Ready;
    }

    fn drain_transmits(&mut self) {
        self.drain_actions();
        while let Some(transmit) = self.session.poll_transmit() {
            self.note(&transmit);
            self.transmits += 1;
            assert_eq!(Some(transmit.conn), self.live, "law 9: written to no live link");
            assert!(!self.said_goodbye, "law 9: {:?} after our close", transmit.message);
            match transmit.message {
                Message::Text(text) => self.world.on_written(text.as_str(), self.was_ready),
                Message::Close(_) => self.said_goodbye = true,
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
            }
        }
        assert!(self.transmits < 200 + 40 * self.steps, "law 11");
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.note(&event);
            self.events += 1;
            assert!(!self.closed, "law 7: {event:?} after the end");
            self.world.on_event(&event);
            match event {
                Event::Completed { id, .. } => {
                    assert!(self.ended.insert(id), "law 5: {id:?} ended twice");
                    // A verb's request may end before the verb returns.
                    self.waiting.remove(&id);
                }
                Event::Closed(_) => self.closed = true,
                _ => {}
            }
        }
        assert!(self.events < 200 + 40 * self.steps, "law 11");
    }

    fn note(&mut self, what: &impl Debug) {
        use std::fmt::Write as _;
        writeln!(self.transcript, "{what:?}").unwrap();
    }

    /// Nothing answers any more: every request ends all the same.
    fn abandon(&mut self) {
        for _ in 0..2000 {
            self.steps += 1;
            self.drain_actions();
            self.drain_transmits();
            self.drain_events();
            if self.waiting.is_empty() {
                return;
            }
            assert!(
                self.session.poll_timeout().is_some(),
                "law 5: nothing will end {:?}",
                self.waiting
            );
            self.next_timer();
        }
        panic!("law 5: {:?} wait for ever in {:?}", self.waiting, self.session);
    }

    /// Laws 5 and 7: closing ends everything, whatever the phase.
    fn end(mut self) -> String {
        self.session.close(self.now);
        self.drain_actions();
        self.drain_transmits();
        self.drain_events();
        assert!(self.waiting.is_empty(), "law 5: {:?} outlive the session", self.waiting);
        assert_eq!(self.session.waiting(), 0);
        let mut left = 5;
        while !self.session.is_finished() {
            assert!(left > 0, "law 7: {:?} does not end", self.session);
            left -= 1;
            self.next_timer();
            self.drain_actions();
            self.drain_transmits();
            self.drain_events();
        }
        assert!(self.closed, "law 7: the end was not told");
        assert_eq!(self.live, None, "the link was let go");
        assert_eq!(self.session.poll_timeout(), None);
        self.proceed();
        self.session.connect(self.now);
        self.session.close(self.now);
        assert!(self.world.verb(&mut self.session, 0, 0, self.now).is_none());
        self.stale(0, 1);
        self.transcript
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

fn run<W: World>(steps: &[Step], abandon: bool) -> String {
    let mut laws = Laws::<W>::new();
    for step in steps {
        laws.step(*step);
    }
    if abandon {
        laws.abandon();
    }
    laws.end()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<Step>(), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4096, ..crate::same_cases_each_run() })]

    #[test]
    fn topic_chat_keeps_the_laws(steps in steps(), abandon: bool) {
        run::<im::Topics>(&steps, abandon);
    }

    #[test]
    fn order_chat_keeps_the_laws(steps in steps(), abandon: bool) {
        run::<c2c::Orders>(&steps, abandon);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..crate::same_cases_each_run() })]

    /// Law 1.
    #[test]
    fn the_same_calls_give_the_same_outputs(steps in steps()) {
        // Deadlines are instants of this process, so both runs must not look at them.
        let strip = |text: String| -> Vec<String> {
            text.lines().filter(|line| !line.contains("Instant")).map(str::to_owned).collect()
        };
        prop_assert_eq!(
            strip(run::<im::Topics>(&steps, false)),
            strip(run::<im::Topics>(&steps, false))
        );
        prop_assert_eq!(
            strip(run::<c2c::Orders>(&steps, false)),
            strip(run::<c2c::Orders>(&steps, false))
        );
    }
}

/// The laws are worth as much as the ground they cover: what must have come up.
fn reach<W: World>(words: &[&str]) {
    let mut rng = Rng::new(0x1A17);
    let mut seen = String::new();
    for case in 0..150 {
        let steps: Vec<Step> = (0..150)
            .map(|_| rng.next_u64().to_le_bytes())
            .map(|[kind, a, b, ..]| (kind, a, b))
            .collect();
        seen += &run::<W>(&steps, case % 2 == 0);
    }
    let missing: Vec<_> = words.iter().filter(|word| !seen.contains(**word)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}

#[test]
fn the_steps_reach_what_topic_chat_can_do() {
    reach::<im::Topics>(&[
        "Message(",
        "Gap {",
        "TopicGone",
        "AttachRefused",
        "Notice(",
        "Garbage(",
        "Other(",
        "Subscribed(",
        "Published(",
        "History(",
        "Meta(",
        "Done(",
        "Rejected(",
        "Err(Unknown)",
        "Err(TimedOut)",
        "Err(Cancelled)",
        "CredentialsNeeded",
        "Silent(",
        "OpenTimedOut",
        "resumed: true",
        "AbortHttp",
    ]);
}

#[test]
fn the_steps_reach_what_order_chat_can_do() {
    reach::<c2c::Orders>(&[
        "Push(",
        "Backfilled",
        "BackfillFailed",
        "ClockCorrected",
        "Verifying",
        "from_history: true",
        "from_history: false",
        "History(",
        "Marked",
        "Rejected(",
        "Err(Unknown)",
        "Err(TimedOut)",
        "Err(Cancelled)",
        "CredentialsNeeded",
        "TakenOver",
        "Silent(",
        "resumed: true",
    ]);
}

/// The text of a frame, to be looked into.
fn json(text: &str) -> serde_json::Value {
    let text = Text::from(text);
    serde_json::from_str(text.as_str()).unwrap()
}
