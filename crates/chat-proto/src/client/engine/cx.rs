//! What a service may do.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::{Decision, Engine};
use crate::client::config::SessionConfig;
use crate::client::event::{CredentialsProblem, Event, RequestId};
use crate::client::phase::{Phase, Stimulus};
use crate::client::service::Service;
use crate::client::timers::Timer;
use crate::codec::{DecodeError, Limits, Wire};
use crate::error::{CallError, CloseReason, Lost, RequestError};
use crate::machine::{Action, HttpId, HttpRequest, Message, Text, Upgrade};
use crate::rng::Rng;
use crate::time::Now;

/// What a service may do while it reacts.
pub struct Cx<'e, S: Service> {
    pub(super) engine: &'e mut Engine<S>,
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

    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// The text is too long, too deep or no frame.
    pub fn decode<'t>(&self, text: &'t Text) -> Result<S::Down<'t>, DecodeError> {
        self.engine.codec.decode(text.as_str())
    }

    /// The limits of what is read.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        self.engine.codec.limits()
    }

    /// Writes a frame to the live link.
    pub fn send(&mut self, frame: &S::Up<'_>) {
        self.send_text(frame.encode());
    }

    /// An empty buffer to encode a frame into, for [`Cx::text`].
    pub fn scratch(&mut self) -> Vec<u8> {
        self.engine.frames.scratch()
    }

    /// A text of a frame that is encoded already.
    pub fn text(&mut self, frame: Vec<u8>) -> Text {
        self.engine.frames.text(frame)
    }

    /// Writes a frame that is encoded already, and tells its number. Dropped without a link, and after
    /// our close.
    pub fn send_text(&mut self, text: Text) -> u64 {
        if matches!(self.engine.phase, Phase::Opening | Phase::Ready) {
            self.engine.push_message(Message::Text(text))
        } else {
            u64::MAX
        }
    }

    /// Takes a frame back that the transport did not take yet, or did not before its link was lost.
    /// Whether it never left, and never will: then nobody has seen it.
    pub fn take_back(&mut self, number: u64) -> bool {
        self.engine.take_back(number)
    }

    /// How many messages wait to be written. What the peer provokes must not add to many.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.engine.transmits.len()
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
            engine.timers.set(Timer::Stable, engine.at(engine.config.stable));
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
    pub fn need_credentials(&mut self, why: CredentialsProblem) {
        self.engine.need_credentials(why);
    }

    /// Tells the application.
    pub fn event(&mut self, event: S::Event) {
        self.engine.events.push_back(Event::Service(event));
    }

    /// Starts an HTTP exchange.
    pub fn http(&mut self, call: S::Call, request: HttpRequest) {
        self.http_within(call, request, self.engine.config.http_timeout);
    }

    /// Starts an HTTP exchange that may take as long as told.
    pub fn http_within(&mut self, call: S::Call, request: HttpRequest, timeout: Duration) {
        let engine = &mut *self.engine;
        engine.next_http += 1;
        let id = HttpId::new(engine.next_http);
        let deadline = engine.at(timeout);
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
        let deadline = engine.at(engine.config.request_timeout);
        Ok(engine.requests.insert(key, ask, deadline))
    }

    /// The request with this key on the wire.
    #[must_use]
    pub fn by_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<RequestId>
    where
        S::Key: Borrow<Q>,
    {
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
        let deadline = self.engine.at(by);
        self.engine.requests.postpone(id, deadline);
    }

    /// Whether what the peer sends is read: not while the application leaves events lying about.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.engine.is_heard()
    }

    /// Ends a request. Does nothing when it has ended.
    pub fn complete(&mut self, id: RequestId, result: Result<S::Answer, RequestError>) {
        self.engine.complete(id, result);
    }

    /// Ends a request with what is made of what is remembered of it. Does nothing when it has ended.
    pub fn complete_with(
        &mut self,
        id: RequestId,
        result: impl FnOnce(S::Ask) -> Result<S::Answer, RequestError>,
    ) {
        if let Some(ask) = self.engine.requests.remove(id) {
            self.engine.events.push_back(Event::Completed { id, result: result(ask) });
        }
    }

    /// The time so much later than now.
    #[must_use]
    pub fn later(&self, after: Duration) -> Instant {
        self.engine.at(after)
    }

    /// Arms one of the service's timers.
    pub fn set_alarm(&mut self, alarm: S::Alarm, after: Duration) {
        let at = self.engine.at(after);
        self.engine.timers.set(Timer::Alarm(alarm), at);
    }

    /// Disarms one of the service's timers.
    pub fn clear_alarm(&mut self, alarm: S::Alarm) {
        self.engine.timers.clear(Timer::Alarm(alarm));
    }
}

impl<S: Service> fmt::Debug for Cx<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cx({:?})", self.engine.phase)
    }
}
