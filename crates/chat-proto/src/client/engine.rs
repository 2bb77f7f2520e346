//! The engine: what every service's session has in common.

mod cx;

pub use cx::Cx;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::config::SessionConfig;
use super::event::{Event, RequestId};
use super::frames::Frames;
use super::phase::{Phase, Stimulus};
use super::requests::Requests;
use super::service::{Prepare, Service, Verdict};
use super::timers::{Timer, Timers};
use crate::backoff::Backoff;
use crate::codec::{Client, Codec};
use crate::error::{CloseReason, Lost, RequestError};
use crate::gauge::Gauge;
use crate::machine::{
    Action, CloseFrame, ConnId, HttpId, HttpResult, Input, Machine, Message, Transmit, Upgrade,
};
use crate::rng::Rng;
use crate::table::Table;
use crate::time::Now;

/// Longer spans count as this: counted from now, one without an end would overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

type EventOf<S> = Event<<S as Service>::Event, <S as Service>::Answer>;

/// A client session of one service.
pub struct Session<S: Service> {
    engine: Engine<S>,
    state: S::State,
}

/// Everything but the service's state.
struct Engine<S: Service> {
    config: SessionConfig,
    codec: Codec<S, Client>,
    phase: Phase,
    /// The last attempt made; live while the phase has a link.
    conn: u64,
    next_http: u64,
    was_ready: bool,
    now: Now,
    backoff: Backoff,
    rng: Rng,
    timers: Timers<S::Alarm>,
    requests: Requests<S::Key, S::Ask>,
    calls: Table<HttpId, S::Call>,
    frames: Frames,
    /// What is to be written, each with its number.
    transmits: VecDeque<(u64, Transmit)>,
    /// The number of the next.
    next_transmit: u64,
    /// The transport took everything before this number, as far as it was not dropped with its link.
    left: u64,
    actions: VecDeque<Action>,
    events: VecDeque<EventOf<S>>,
    /// The last look for an event found none.
    drained: bool,
    /// What the service decided inside a callback, carried out when the callback returns.
    decision: Option<Decision>,
}

enum Decision {
    Lost(Lost),
    Stop(CloseReason),
}

impl<S: Service> Session<S> {
    /// A session that is not connected yet. The same `seed` gives the same ids and delays.
    pub(crate) fn new(config: SessionConfig, state: S::State, seed: u64, now: Now) -> Self {
        let mut rng = Rng::new(seed);
        let engine = Engine {
            codec: Codec::new(config.limits),
            phase: Phase::Idle,
            conn: 0,
            next_http: 0,
            was_ready: false,
            now,
            backoff: Backoff::new(config.backoff.clone(), rng.next_u64()),
            rng,
            timers: Timers::new(),
            requests: Requests::new(),
            calls: Table::new(),
            frames: Frames::new(),
            transmits: VecDeque::new(),
            next_transmit: 0,
            left: 0,
            actions: VecDeque::new(),
            events: VecDeque::new(),
            drained: true,
            decision: None,
            config,
        };
        Self { engine, state }
    }

    /// Starts connecting; cuts a pause between attempts short. Does nothing when connected.
    pub fn connect(&mut self, now: Now) {
        self.engine.advance(now);
        self.begin(Stimulus::Connect);
    }

    /// Ends the session: the close handshake, then [`Event::Closed`]. Requests without an answer
    /// end at once: [`RequestError::Unknown`] where they were sent, else
    /// [`RequestError::Cancelled`].
    pub fn close(&mut self, now: Now) {
        self.engine.advance(now);
        let engine = &mut self.engine;
        let Some(next) = engine.phase.after(Stimulus::Close) else { return };
        engine.cut_requests_short();
        if next == Phase::Closing {
            let normal = CloseFrame::new(1000, "");
            engine.push_message(Message::Close(Some(normal)));
            engine.timers.clear_all();
            engine.timers.set(Timer::Close, engine.at(engine.config.close_timeout));
            engine.phase = next;
        } else {
            engine.finish(CloseReason::Requested);
        }
    }

    /// Gives a request up. Its completion is emitted now, an answer that comes later is dropped.
    /// Does nothing when it has ended already.
    pub fn cancel(&mut self, id: RequestId, now: Now) {
        self.engine.advance(now);
        if let Some(mut ask) = self.engine.requests.remove(id) {
            let result = Err(S::on_cut_short(&mut ask, &mut Cx { engine: &mut self.engine }));
            self.engine.events.push_back(Event::Completed { id, result });
            S::on_cancelled(&mut self.state, ask, &mut Cx { engine: &mut self.engine });
            self.settle();
        }
    }

    /// Where the session is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.engine.phase
    }

    /// Requests that wait for an answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.engine.requests.len()
    }

    /// How full everything is that the session keeps.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        let engine = &self.engine;
        let requests = engine.config.max_requests;
        let mut gauges = vec![
            Gauge::lane("transmits", engine.transmits.len()),
            Gauge::lane("actions", engine.actions.len()),
            Gauge::lane("events", engine.events.len()),
            Gauge::new("requests", engine.requests.len(), requests),
            // One for each request, and the session's own.
            Gauge::new("exchanges", engine.calls.len(), requests.saturating_add(4)),
        ];
        gauges.extend(S::gauges(&self.state, &engine.config));
        gauges
    }

    /// The service's state.
    pub(crate) const fn state(&self) -> &S::State {
        &self.state
    }

    /// Runs a verb.
    pub(crate) fn with<T>(
        &mut self,
        now: Now,
        verb: impl FnOnce(&mut S::State, &mut Cx<'_, S>) -> T,
    ) -> T {
        self.engine.advance(now);
        let answer = verb(&mut self.state, &mut Cx { engine: &mut self.engine });
        self.settle();
        answer
    }

    /// Leaves `Idle` or `Waiting`.
    fn begin(&mut self, stimulus: Stimulus) {
        let Some(next) = self.engine.phase.after(stimulus) else { return };
        self.engine.phase = next;
        self.engine.timers.clear(Timer::Retry);
        let timeout = self.engine.at(self.engine.config.open_timeout);
        self.engine.timers.set(Timer::Open, timeout);
        match S::prepare(&mut self.state, &mut Cx { engine: &mut self.engine }) {
            Prepare::Dial(upgrade) => self.engine.dial(upgrade),
            Prepare::Fetching => {}
            Prepare::CredentialsNeeded(why) => self.engine.need_credentials(why),
        }
        self.settle();
    }

    /// Carries out what the service decided.
    #[inline]
    fn settle(&mut self) {
        if self.engine.decision.is_some() {
            self.carry_out();
        }
    }

    #[cold]
    fn carry_out(&mut self) {
        // A service that is told of a loss may decide to stop, but loses nothing more: two rounds.
        while let Some(decision) = self.engine.decision.take() {
            match decision {
                Decision::Lost(why) => self.lose(why),
                Decision::Stop(why) => self.stop(why),
            }
        }
    }

    fn lose(&mut self, why: Lost) {
        let Some(next) = self.engine.phase.after(Stimulus::Lost) else { return };
        if next == Phase::Closed {
            self.engine.finish(CloseReason::Requested);
            return;
        }
        self.engine.drop_link();
        self.engine.phase = next;
        self.engine.timers.clear_link();
        self.engine.abort_calls(|call| !S::outlives_link(call));
        let verdict = S::on_lost(&mut self.state, &why, &mut Cx { engine: &mut self.engine });
        let hint = match verdict {
            Verdict::Retry(hint) if !why.is_lasting() => hint,
            Verdict::Retry(_) | Verdict::Park => {
                self.engine.events.push_back(Event::Lost { reason: why, retry_in: None });
                return;
            }
            Verdict::Stop(reason) => {
                self.engine.events.push_back(Event::Lost { reason: why, retry_in: None });
                self.stop(reason);
                return;
            }
        };
        let retry_in = self.engine.backoff.next(hint).map(|delay| delay.min(LONGEST));
        self.engine.events.push_back(Event::Lost { reason: why.clone(), retry_in });
        match retry_in {
            Some(delay) => {
                let at = self.engine.at(delay);
                self.engine.timers.set(Timer::Retry, at);
            }
            None => {
                let attempts = self.engine.backoff.attempt();
                self.stop(CloseReason::GaveUp { attempts, last: why });
            }
        }
    }

    fn stop(&mut self, reason: CloseReason) {
        if self.engine.phase.after(Stimulus::Stop).is_some() {
            self.engine.cut_requests_short();
            self.engine.finish(reason);
        }
    }

    fn receive(&mut self, message: Message) {
        if self.engine.phase != Phase::Closing {
            let silence = self.engine.at(self.engine.config.silence);
            self.engine.timers.set(Timer::Silence, silence);
        }
        match message {
            // Before and after, nobody waits for texts.
            Message::Text(text) if matches!(self.engine.phase, Phase::Opening | Phase::Ready) => {
                S::on_text(&mut self.state, text, &mut Cx { engine: &mut self.engine });
            }
            Message::Text(_) => {}
            // No service documents binary frames; a server that sends one is still alive.
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(frame) => {
                let why = S::on_close(&mut self.state, frame);
                self.engine.decision = Some(Decision::Lost(why));
            }
        }
        self.settle();
    }

    fn fire(&mut self, timer: Timer<S::Alarm>) {
        let config = &self.engine.config;
        match timer {
            // Nothing is read while an event is stuck: the peer is not to blame.
            Timer::Open if !self.engine.is_heard() => {
                let again = self.engine.at(config.open_timeout);
                self.engine.timers.set(timer, again);
            }
            Timer::Silence if !self.engine.is_heard() => {
                let again = self.engine.at(config.silence);
                self.engine.timers.set(timer, again);
            }
            Timer::Open => {
                self.engine.decision =
                    Some(Decision::Lost(Lost::OpenTimedOut(config.open_timeout)));
            }
            Timer::Retry => self.begin(Stimulus::RetryDue),
            Timer::Heartbeat => {
                let next = self.engine.at(config.heartbeat);
                // One that was not written yet is enough.
                if !self.engine.transmits.back().is_some_and(|(_, last)| is_ping(&last.message)) {
                    self.engine.push_message(Message::Ping(Bytes::new()));
                }
                self.engine.timers.set(Timer::Heartbeat, next);
            }
            Timer::Silence => {
                self.engine.decision = Some(Decision::Lost(Lost::Silent(config.silence)));
            }
            Timer::Stable => self.engine.backoff.reset(),
            Timer::Close => self.engine.finish(CloseReason::Requested),
            Timer::Alarm(alarm) => {
                S::on_alarm(&mut self.state, alarm, &mut Cx { engine: &mut self.engine });
            }
        }
        self.settle();
    }

    /// Ends the requests whose deadline has passed.
    fn expire_requests(&mut self) {
        while let Some(id) = self.engine.requests.due(self.engine.now.mono) {
            let cx = &mut Cx { engine: &mut self.engine };
            let error = S::on_unanswered(&mut self.state, id, cx);
            let still_due = self.engine.requests.due(self.engine.now.mono) == Some(id);
            match error {
                Some(error) => self.engine.complete(id, Err(error)),
                // A service that neither answered nor postponed must not leave it waiting for ever.
                None if still_due => self.engine.complete(id, Err(RequestError::Unknown)),
                None => {}
            }
            self.settle();
        }
    }
}

impl<S: Service> Machine for Session<S> {
    type Event = EventOf<S>;

    fn handle_input(&mut self, input: Input, now: Now) {
        self.engine.advance(now);
        match input {
            Input::Timeout => {
                self.expire_requests();
                while let Some(timer) = self.engine.timers.pop_due(self.engine.now.mono) {
                    self.fire(timer);
                }
            }
            Input::Opened { conn } if self.engine.is_live(conn) => self.open(),
            Input::Received { conn, message } if self.engine.is_live(conn) => self.receive(message),
            Input::Lost { conn, failure } if self.engine.is_live(conn) => {
                self.engine.decision = Some(Decision::Lost(failure.into()));
                self.settle();
            }
            Input::Response { id, result } => self.respond(id, result),
            Input::Opened { .. } | Input::Received { .. } | Input::Lost { .. } => {}
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        let (number, transmit) = self.engine.transmits.pop_front()?;
        self.engine.left = number + 1;
        Some(transmit)
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.engine.actions.pop_front()
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        let event = self.engine.events.pop_front();
        self.engine.drained = event.is_none();
        event
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match (self.engine.timers.next_at(), self.engine.requests.next_deadline()) {
            (Some(timer), Some(request)) => Some(timer.min(request)),
            (timer, request) => timer.or(request),
        }
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        let timer = self.engine.timers.next().map(|(at, timer)| (at, timer.name()));
        let request = self.engine.requests.next_deadline().map(|at| (at, "request"));
        timer.into_iter().chain(request).min()
    }

    fn is_finished(&self) -> bool {
        let engine = &self.engine;
        engine.phase == Phase::Closed && engine.events.is_empty() && engine.actions.is_empty()
    }

    #[inline]
    fn is_quiet(&self) -> bool {
        self.engine.transmits.is_empty() && self.engine.actions.is_empty()
    }
}

impl<S: Service> Session<S> {
    fn open(&mut self) {
        let Some(next) = self.engine.phase.after(Stimulus::Opened) else { return };
        let engine = &mut self.engine;
        engine.phase = next;
        let interval = engine.config.heartbeat;
        let half = u64::try_from(interval.as_millis() / 2).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(engine.rng.below(half));
        engine.timers.set(Timer::Heartbeat, engine.at((interval / 2).saturating_add(jitter)));
        engine.timers.set_if_idle(Timer::Silence, engine.at(engine.config.silence));
        S::on_open(&mut self.state, &mut Cx { engine: &mut self.engine });
        self.settle();
    }

    fn respond(&mut self, id: HttpId, result: HttpResult) {
        if let Some(call) = self.engine.calls.remove(&id) {
            S::on_response(&mut self.state, call, result, &mut Cx { engine: &mut self.engine });
            self.settle();
        }
    }
}

impl<S: Service> Engine<S> {
    /// Takes a reading of the clocks; the monotonic one never runs backwards here.
    fn advance(&mut self, now: Now) {
        self.now = Now { mono: now.mono.max(self.now.mono), unix: now.unix };
    }

    /// That much later than now, but always later.
    fn at(&self, after: Duration) -> Instant {
        self.now.mono + after.clamp(Duration::from_millis(1), LONGEST)
    }

    /// Whether the application takes what happens. While it does not, the transport stops reading,
    /// so that silence says nothing about the peer.
    fn is_heard(&self) -> bool {
        self.drained && self.events.is_empty()
    }

    fn is_live(&self, conn: ConnId) -> bool {
        self.phase.has_link() && conn.get() == self.conn
    }

    fn dial(&mut self, request: Upgrade) {
        if let Some(next) = self.phase.after(Stimulus::Prepared) {
            self.phase = next;
            self.conn += 1;
            self.actions.push_back(Action::Dial { conn: ConnId::new(self.conn), request });
        }
    }

    /// Puts a message into the queue, and tells its number.
    fn push_message(&mut self, message: Message) -> u64 {
        let number = self.next_transmit;
        self.next_transmit += 1;
        self.transmits.push_back((number, Transmit { conn: ConnId::new(self.conn), message }));
        number
    }

    /// Takes a message out of the queue. Whether it never left, and never will.
    fn take_back(&mut self, number: u64) -> bool {
        if number < self.left {
            return false;
        }
        if let Ok(at) = self.transmits.binary_search_by_key(&number, |(number, _)| *number) {
            self.transmits.remove(at);
        }
        true
    }

    /// Lets go of the link, if there is one. What was not written is not written any more.
    fn drop_link(&mut self) {
        if self.phase.has_link() {
            self.transmits.clear();
            self.actions.push_back(Action::Drop { conn: ConnId::new(self.conn) });
        }
    }

    fn abort_calls(&mut self, ended: impl Fn(&S::Call) -> bool) {
        let actions = &mut self.actions;
        self.calls.retain(|id, call| {
            let ended = ended(call);
            if ended {
                actions.push_back(Action::AbortHttp { id: *id });
            }
            !ended
        });
    }

    fn need_credentials(&mut self, why: super::event::CredentialsProblem) {
        if let Some(next) = self.phase.after(Stimulus::Lost) {
            if next == Phase::Closed {
                self.finish(CloseReason::Requested);
                return;
            }
            self.drop_link();
            self.abort_calls(|call| !S::outlives_link(call));
            self.phase = next;
            self.timers.clear_link();
            self.events.push_back(Event::CredentialsNeeded { why });
        }
    }

    fn complete(&mut self, id: RequestId, result: Result<S::Answer, RequestError>) {
        if self.requests.remove(id).is_some() {
            self.events.push_back(Event::Completed { id, result });
        }
    }

    fn cut_requests_short(&mut self) {
        for id in self.requests.ids() {
            if let Some(mut ask) = self.requests.remove(id) {
                let result = Err(S::on_cut_short(&mut ask, &mut Cx { engine: self }));
                self.events.push_back(Event::Completed { id, result });
            }
        }
    }

    fn finish(&mut self, reason: CloseReason) {
        self.drop_link();
        self.abort_calls(|_| true);
        self.timers.clear_all();
        self.phase = Phase::Closed;
        self.events.push_back(Event::Closed(reason));
    }
}

impl<S: Service> fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("service", &S::NAME)
            .field("phase", &self.engine.phase)
            .field("conn", &self.engine.conn)
            .field("waiting", &self.engine.requests.len())
            .field("next_timer", &self.next_timer())
            .finish_non_exhaustive()
    }
}

const fn is_ping(message: &Message) -> bool {
    matches!(message, Message::Ping(_))
}
