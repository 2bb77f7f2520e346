//! The engine: what every service's session has in common.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::config::SessionConfig;
use super::event::{Event, RequestId};
use super::phase::{Phase, Stimulus};
use super::requests::Requests;
use super::service::{Prepare, Service, Verdict};
use super::timers::{Timer, Timers};
use crate::backoff::Backoff;
use crate::codec::{Client, Codec, Wire};
use crate::error::{CallError, CloseReason, Lost, RequestError};
use crate::machine::{
    Action, CloseFrame, ConnId, HttpId, HttpRequest, HttpResult, Input, Machine, Message, Text,
    Transmit, Upgrade,
};
use crate::rng::Rng;
use crate::time::Now;

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
    calls: BTreeMap<HttpId, S::Call>,
    transmits: VecDeque<Transmit>,
    actions: VecDeque<Action>,
    events: VecDeque<EventOf<S>>,
    /// What the service decided inside a callback, carried out when the callback returns.
    decision: Option<Decision>,
}

enum Decision {
    Lost(Lost),
    Stop(CloseReason),
}

/// What a service may do while it reacts.
pub struct Cx<'e, S: Service> {
    engine: &'e mut Engine<S>,
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
            calls: BTreeMap::new(),
            transmits: VecDeque::new(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
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
            engine.timers.set(Timer::Close, engine.now.mono + engine.config.close_timeout);
            engine.phase = next;
        } else {
            engine.finish(CloseReason::Requested);
        }
    }

    /// Gives a request up. Its completion is emitted now, an answer that comes later is dropped.
    /// Does nothing when it has ended already.
    pub fn cancel(&mut self, id: RequestId, now: Now) {
        self.engine.advance(now);
        if let Some(ask) = self.engine.requests.remove(id) {
            let result = Err(S::on_cut_short(&ask));
            self.engine.events.push_back(Event::Completed { id, result });
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
        let timeout = self.engine.now.mono + self.engine.config.open_timeout;
        self.engine.timers.set(Timer::Open, timeout);
        match S::prepare(&mut self.state, &mut Cx { engine: &mut self.engine }) {
            Prepare::Dial(upgrade) => self.engine.dial(upgrade),
            Prepare::Fetching => {}
            Prepare::CredentialsNeeded(why) => self.engine.need_credentials(why),
        }
        self.settle();
    }

    /// Carries out what the service decided.
    fn settle(&mut self) {
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
        self.engine.abort_calls();
        let verdict = S::on_lost(&mut self.state, &why, &mut Cx { engine: &mut self.engine });
        let hint = match verdict {
            Verdict::Retry(hint) => hint,
            Verdict::Stop(reason) => {
                self.engine.events.push_back(Event::Lost { reason: why, retry_in: None });
                self.stop(reason);
                return;
            }
        };
        let retry_in = self.engine.backoff.next(hint);
        self.engine.events.push_back(Event::Lost { reason: why.clone(), retry_in });
        match retry_in {
            Some(delay) => {
                let at = self.engine.now.mono + delay.max(Duration::from_millis(1));
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
            let silence = self.engine.now.mono + self.engine.config.silence;
            self.engine.timers.set(Timer::Silence, silence);
        }
        match message {
            Message::Text(text) => self.receive_text(&text),
            // No service documents binary frames; a server that sends one is still alive.
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(frame) => {
                let why = S::on_close(&mut self.state, frame);
                self.engine.decision = Some(Decision::Lost(why));
            }
        }
        self.settle();
    }

    fn receive_text(&mut self, text: &Text) {
        if !matches!(self.engine.phase, Phase::Opening | Phase::Ready) {
            return;
        }
        let cx = &mut Cx { engine: &mut self.engine };
        match cx.engine.codec.decode(text.as_str()) {
            Ok(frame) => S::on_frame(&mut self.state, frame, text, cx),
            Err(_) => S::on_garbage(&mut self.state, text, cx),
        }
    }

    fn fire(&mut self, timer: Timer<S::Alarm>) {
        let config = &self.engine.config;
        match timer {
            Timer::Open => {
                self.engine.decision =
                    Some(Decision::Lost(Lost::OpenTimedOut(config.open_timeout)));
            }
            Timer::Retry => self.begin(Stimulus::RetryDue),
            Timer::Heartbeat => {
                let next = self.engine.now.mono + config.heartbeat.max(Duration::from_millis(1));
                self.engine.push_message(Message::Ping(Bytes::new()));
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
        self.engine.transmits.pop_front()
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.engine.actions.pop_front()
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        self.engine.events.pop_front()
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
}

impl<S: Service> Session<S> {
    fn open(&mut self) {
        let Some(next) = self.engine.phase.after(Stimulus::Opened) else { return };
        let engine = &mut self.engine;
        engine.phase = next;
        let interval = engine.config.heartbeat;
        let half = u64::try_from(interval.as_millis() / 2).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(engine.rng.below(half));
        engine.timers.set(Timer::Heartbeat, engine.now.mono + interval / 2 + jitter);
        engine.timers.set_if_idle(Timer::Silence, engine.now.mono + engine.config.silence);
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

    fn push_message(&mut self, message: Message) {
        self.transmits.push_back(Transmit { conn: ConnId::new(self.conn), message });
    }

    /// Lets go of the link, if there is one. What was not written is not written any more.
    fn drop_link(&mut self) {
        if self.phase.has_link() {
            self.transmits.clear();
            self.actions.push_back(Action::Drop { conn: ConnId::new(self.conn) });
        }
    }

    fn abort_calls(&mut self) {
        for id in std::mem::take(&mut self.calls).into_keys() {
            self.actions.push_back(Action::AbortHttp { id });
        }
    }

    fn need_credentials(&mut self, why: super::event::CredentialsProblem) {
        if let Some(next) = self.phase.after(Stimulus::Lost) {
            self.drop_link();
            self.abort_calls();
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
            if let Some(ask) = self.requests.remove(id) {
                let result = Err(S::on_cut_short(&ask));
                self.events.push_back(Event::Completed { id, result });
            }
        }
    }

    fn finish(&mut self, reason: CloseReason) {
        self.drop_link();
        self.abort_calls();
        self.timers.clear_all();
        self.phase = Phase::Closed;
        self.events.push_back(Event::Closed(reason));
    }
}

impl<S: Service> Cx<'_, S> {
    /// The clocks of this call.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.engine.now
    }

    /// The engine's settings.
    #[must_use]
    pub const fn config(&self) -> &SessionConfig {
        &self.engine.config
    }

    /// Where the session is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.engine.phase
    }

    /// Ids and jitter.
    pub const fn rng(&mut self) -> &mut Rng {
        &mut self.engine.rng
    }

    /// Writes a frame to the live link.
    pub fn send(&mut self, frame: &S::Up<'_>) {
        self.send_text(frame.encode());
    }

    /// Writes a frame that is encoded already. Dropped without a link, and after our close.
    pub fn send_text(&mut self, text: Text) {
        if matches!(self.engine.phase, Phase::Opening | Phase::Ready) {
            self.engine.push_message(Message::Text(text));
        }
    }

    /// Dials, when [`Service::prepare`] had to fetch something first.
    pub fn dial(&mut self, request: Upgrade) {
        self.engine.dial(request);
    }

    /// The opening is done.
    pub fn ready(&mut self) {
        let engine = &mut *self.engine;
        if let Some(next) = engine.phase.after(Stimulus::Ready) {
            engine.phase = next;
            engine.timers.clear(Timer::Open);
            engine.timers.set(Timer::Stable, engine.now.mono + engine.config.stable);
            let resumed = std::mem::replace(&mut engine.was_ready, true);
            engine.events.push_back(Event::Ready { resumed });
        }
    }

    /// Gives this attempt up.
    pub fn lose(&mut self, why: Lost) {
        self.engine.decision = Some(Decision::Lost(why));
    }

    /// Ends the session.
    pub fn stop(&mut self, why: CloseReason) {
        self.engine.decision = Some(Decision::Stop(why));
    }

    /// Waits for the application to set credentials and connect.
    pub fn need_credentials(&mut self, why: super::event::CredentialsProblem) {
        self.engine.need_credentials(why);
    }

    /// Tells the application.
    pub fn event(&mut self, event: S::Event) {
        self.engine.events.push_back(Event::Service(event));
    }

    /// Starts an HTTP exchange.
    pub fn http(&mut self, call: S::Call, request: HttpRequest) {
        let engine = &mut *self.engine;
        engine.next_http += 1;
        let id = HttpId::new(engine.next_http);
        let deadline = engine.now.mono + engine.config.http_timeout;
        engine.calls.insert(id, call);
        engine.actions.push_back(Action::Http { id, request, deadline });
    }

    /// Enters a request that waits for an answer.
    ///
    /// # Errors
    ///
    /// The session is closed or closing, or too many requests wait.
    pub fn request(&mut self, key: Option<S::Key>, ask: S::Ask) -> Result<RequestId, CallError> {
        let engine = &mut *self.engine;
        if matches!(engine.phase, Phase::Closing | Phase::Closed) {
            return Err(CallError::Closed);
        }
        let limit = engine.config.max_requests;
        if engine.requests.len() >= limit {
            return Err(CallError::Full { limit });
        }
        let deadline = engine.now.mono + engine.config.request_timeout;
        Ok(engine.requests.insert(key, ask, deadline))
    }

    /// The request with this key on the wire.
    #[must_use]
    pub fn by_key(&self, key: &S::Key) -> Option<RequestId> {
        self.engine.requests.by_key(key)
    }

    /// What is remembered of a request.
    #[must_use]
    pub fn ask(&self, id: RequestId) -> Option<&S::Ask> {
        self.engine.requests.get(id)
    }

    /// What is remembered of a request.
    pub fn ask_mut(&mut self, id: RequestId) -> Option<&mut S::Ask> {
        self.engine.requests.get_mut(id)
    }

    /// All requests that wait, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<RequestId> {
        self.engine.requests.ids()
    }

    /// Gives a request more time.
    pub fn postpone(&mut self, id: RequestId, by: Duration) {
        let deadline = self.engine.now.mono + by.max(Duration::from_millis(1));
        self.engine.requests.postpone(id, deadline);
    }

    /// Ends a request. Does nothing when it has ended.
    pub fn complete(&mut self, id: RequestId, result: Result<S::Answer, RequestError>) {
        self.engine.complete(id, result);
    }

    /// Arms one of the service's timers.
    pub fn set_alarm(&mut self, alarm: S::Alarm, after: Duration) {
        let at = self.engine.now.mono + after.max(Duration::from_millis(1));
        self.engine.timers.set(Timer::Alarm(alarm), at);
    }

    /// Disarms one of the service's timers.
    pub fn clear_alarm(&mut self, alarm: S::Alarm) {
        self.engine.timers.clear(Timer::Alarm(alarm));
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

impl<S: Service> fmt::Debug for Cx<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cx({:?})", self.engine.phase)
    }
}
