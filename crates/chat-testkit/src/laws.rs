//! A session that is watched: every call is checked against what a session guarantees.
//!
//! The numbers are those of the list in `chat-proto`'s documentation.

#![expect(clippy::wildcard_enum_match_arm, reason = "some events are looked for")]

mod c2c;
mod im;

pub use c2c::C2cMemory;
pub use im::ImMemory;

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use chat_proto::client::{Event, Phase, RequestId, Service, Session};
use chat_proto::machine::{HttpFailure, LinkFailure};
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, Transmit};

/// What a session of service `S` tells.
pub type EventOf<S> = Event<<S as Service>::Event, <S as Service>::Answer>;

/// A guarantee that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub law: u8,
    /// How.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {}: {}", self.law, self.what)
    }
}

/// What the laws must know of a service.
pub trait Lawful: Service {
    /// What is remembered of a session.
    type Memory: Default + fmt::Debug;

    /// A text was written; laws 9 and 12.
    fn on_written(memory: &mut Self::Memory, text: &str, was_ready: bool) -> Result<(), Broken>;

    /// An event was told; law 6.
    fn on_event(memory: &mut Self::Memory, event: &EventOf<Self>) -> Result<(), Broken>;

    /// A text came on the live link.
    fn on_received(memory: &mut Self::Memory, text: &str);

    /// The link was let go of.
    fn on_dropped(memory: &mut Self::Memory);
}

/// A session and what was seen of it.
pub struct Watched<S: Lawful> {
    session: Session<S>,
    memory: S::Memory,
    now: Now,
    live: Option<ConnId>,
    last_conn: u64,
    said_goodbye: bool,
    was_ready: bool,
    exchanges: BTreeSet<HttpId>,
    last_http: u64,
    waiting: BTreeSet<RequestId>,
    /// Ended before the verb that made it returned, or ended at all: the highest that was told of.
    last_request: Option<RequestId>,
    closed: bool,
    broken: Option<Broken>,
}

impl<S: Lawful> Watched<S> {
    /// Watches a session that nothing has happened to yet.
    #[must_use]
    pub fn new(session: Session<S>, now: Now) -> Self {
        Self {
            session,
            memory: S::Memory::default(),
            now,
            live: None,
            last_conn: 0,
            said_goodbye: false,
            was_ready: false,
            exchanges: BTreeSet::new(),
            last_http: 0,
            waiting: BTreeSet::new(),
            last_request: None,
            closed: false,
            broken: None,
        }
    }

    /// The session.
    pub const fn session(&self) -> &Session<S> {
        &self.session
    }

    /// What is remembered of it.
    pub const fn memory_mut(&mut self) -> &mut S::Memory {
        &mut self.memory
    }

    /// The first law that was broken.
    #[must_use]
    pub const fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Requests whose end was not polled yet.
    #[must_use]
    pub const fn waiting(&self) -> &BTreeSet<RequestId> {
        &self.waiting
    }

    /// The live attempt.
    #[must_use]
    pub const fn live(&self) -> Option<ConnId> {
        self.live
    }

    /// Calls something of the session that makes no request.
    pub fn call<T>(&mut self, now: Now, verb: impl FnOnce(&mut Session<S>, Now) -> T) -> T {
        self.now = now;
        verb(&mut self.session, now)
    }

    /// Calls a verb and remembers its request, which must end once.
    pub fn ask<E>(
        &mut self,
        now: Now,
        verb: impl FnOnce(&mut Session<S>, Now) -> Result<RequestId, E>,
    ) -> Result<RequestId, E> {
        let id = self.call(now, verb)?;
        let is_new = self.last_request.is_none_or(|last| last < id);
        self.check(is_new, 5, || format!("{id:?} was given before"));
        self.last_request = self.last_request.max(Some(id));
        self.waiting.insert(id);
        Ok(id)
    }

    /// Tells the session what happened.
    pub fn input(&mut self, input: Input, now: Now) {
        self.now = now;
        let is_timeout = matches!(input, Input::Timeout);
        if let Input::Received { conn, message: Message::Text(text) } = &input
            && self.live == Some(*conn)
        {
            S::on_received(&mut self.memory, text.as_str());
        }
        self.session.handle_input(input, now);
        if is_timeout {
            let next = self.session.next_timer();
            self.check(next.is_none_or(|(at, _)| at > now.mono), 3, || {
                format!("after a timeout {:?} is still due", next.map(|(_, name)| name))
            });
        }
    }

    /// The next action.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.session.poll_action();
        match &action {
            Some(Action::Dial { conn, .. }) => {
                let (live, last) = (self.live, self.last_conn);
                self.check(live.is_none(), 8, || {
                    format!("{conn:?} is dialled while {live:?} lives")
                });
                self.check(conn.get() > last, 8, || format!("{conn:?} after {last}"));
                self.last_conn = conn.get();
                self.live = Some(*conn);
                (self.said_goodbye, self.was_ready) = (false, false);
            }
            Some(Action::Drop { conn }) => {
                let live = self.live.take();
                self.check(live == Some(*conn), 8, || {
                    format!("dropped {conn:?}, live is {live:?}")
                });
                S::on_dropped(&mut self.memory);
            }
            Some(Action::Http { id, deadline, .. }) => {
                let (last, now) = (self.last_http, self.now.mono);
                self.check(id.get() > last, 4, || format!("{id:?} after {last}"));
                self.check(*deadline > now, 3, || format!("{id:?} is over before it began"));
                self.last_http = id.get();
                self.exchanges.insert(*id);
            }
            Some(Action::AbortHttp { id }) => {
                self.exchanges.remove(id);
            }
            None => {}
        }
        self.was_ready |= self.live.is_some() && self.session.phase() == Phase::Ready;
        action
    }

    /// The next message. Poll the actions first: a message belongs to the attempt they name.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.session.poll_transmit()?;
        let (live, conn) = (self.live, transmit.conn);
        self.was_ready |= self.session.phase() == Phase::Ready;
        self.check(live == Some(conn), 9, || format!("written to {conn:?}, live is {live:?}"));
        let over = self.said_goodbye;
        self.check(!over, 9, || "written after our close frame".to_owned());
        match &transmit.message {
            Message::Text(text) => {
                let result = S::on_written(&mut self.memory, text.as_str(), self.was_ready);
                self.take(result);
            }
            Message::Close(_) => self.said_goodbye = true,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
        }
        Some(transmit)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<EventOf<S>> {
        let event = self.session.poll_event()?;
        let closed = self.closed;
        self.check(!closed, 7, || format!("{event:?} after the end"));
        let result = S::on_event(&mut self.memory, &event);
        self.take(result);
        match &event {
            Event::Completed { id, .. } => {
                let waited = self.waiting.remove(id);
                self.check(waited, 5, || format!("{id:?} ended twice, or was never asked"));
            }
            Event::Closed(_) => self.closed = true,
            _ => {}
        }
        Some(event)
    }

    /// When [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    /// Tells the session things that concern older attempts, and a time that is over: laws 2 and 4.
    /// Drain the lanes first.
    pub fn probe(&mut self, n: u64) {
        let before = format!("{:?}", self.session);
        let far = if n.is_multiple_of(2) { self.last_conn + 1 } else { self.last_conn.max(1) - 1 };
        let conn = ConnId::new(far);
        let earlier = self.now.mono.checked_sub(Duration::from_secs(n % 90));
        let now = Now { mono: earlier.unwrap_or(self.now.mono), ..self.now };
        let input = match n / 2 % 4 {
            0 => Input::Opened { conn },
            1 => Input::Received { conn, message: Message::text("{}") },
            2 => Input::Lost { conn, failure: LinkFailure::Ended },
            _ => {
                let id = HttpId::new(self.last_http + 1 + n % 3);
                Input::Response { id, result: Err(HttpFailure::TimedOut) }
            }
        };
        let said = format!("{input:?}");
        self.session.handle_input(input, now);
        let after = format!("{:?}", self.session);
        self.check(before == after, 4, || format!("{said} changed {before} to {after}"));
        let silent = self.session.poll_action().is_none()
            && self.session.poll_transmit().is_none()
            && self.session.poll_event().is_none();
        self.check(silent, 4, || format!("{said} had a consequence"));
    }

    /// Checks what holds once every event was polled.
    pub fn at_rest(&mut self) {
        let (of_ours, of_session) = (self.waiting.len(), self.session.waiting());
        self.check(of_ours == of_session, 5, || {
            format!("{of_session} requests wait, and {of_ours} have not ended")
        });
        if self.closed {
            let timer = self.session.next_timer();
            let finished = self.session.is_finished();
            self.check(finished, 7, || "told of its end and not finished".to_owned());
            self.check(timer.is_none(), 7, || format!("{timer:?} after the end"));
        }
    }

    fn check(&mut self, holds: bool, law: u8, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(Broken { law, what: what() });
        }
    }

    fn take(&mut self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            self.broken.get_or_insert(broken);
        }
    }
}

impl<S: Lawful> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("session", &self.session)
            .field("live", &self.live)
            .field("waiting", &self.waiting)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}
