//! A client session of order chat.
//!
//! One session per account carries the chats of all its orders. Each dial uses a fresh ticket. A
//! message that was sent ends as accepted (its echo came, or history shows it), rejected (an error
//! frame named it) or unknown; it is sent again only when the caller asked for that and history
//! proves it lost. What arrives is emitted once, and what was missed while the link was down is read
//! from history for each watched order. All REST calls go through one limiter.

mod backfill;
mod calls;
mod checkpoint;
mod config;
mod event;
mod gate;
mod pictures;
mod rest_call;
mod seen;
mod sends;
mod verbs;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::c2c::C2c;
use crate::c2c::frame::{Down, Kind, Push, Up};
use crate::c2c::rest::Api;
use crate::client::{Cx, Prepare, RequestId, Service, Verdict};
use crate::codec::Wire;
use crate::error::{Lost, RequestError};
use crate::machine::{CloseFrame, HttpResult, LinkFailure, Text};
use crate::table::Table;
use crate::time::Skew;

use self::backfill::{Backfill, Watch};
use self::calls::Paused;
use self::gate::Gate;
use self::pictures::Picture;
use self::seen::Seen;
use self::sends::Send;

pub use self::checkpoint::{Checkpoint, Checkpoints, Since};
pub use self::config::{C2cConfig, Resend};
pub use self::event::{Accepted, Answer, C2cEvent, HistoryPage, Incoming, Progress, Source};
pub use self::gate::Weights;
pub use self::rest_call::{Rest, RestAsk};
pub use self::verbs::SendOptions;

/// With so many messages unwritten, no more pongs are added.
const MAX_BACKLOG: usize = 16;
/// How often recycling waits for messages that are on their way, and for how long each time.
const RECYCLE_WAITS: u32 = 10;
const RECYCLE_WAIT: Duration = Duration::from_secs(1);

/// What a session remembers of a request.
#[derive(Debug)]
pub enum Ask {
    /// A message.
    #[doc(hidden)]
    Send(Box<SendAsk>),
    /// A picture that becomes a message.
    #[doc(hidden)]
    Picture(Box<PictureAsk>),
    /// A REST call.
    #[doc(hidden)]
    Rest(Box<RestAsk>),
}

/// A message that waits for its echo.
#[derive(Debug)]
pub struct SendAsk(Send);

/// A picture that is being uploaded.
#[derive(Debug)]
pub struct PictureAsk(Picture);

impl PictureAsk {
    fn name(&self) -> &str {
        &self.0.name
    }
}

/// What a session remembers of an HTTP exchange.
#[derive(Clone, Debug)]
pub struct Call(calls::Kind, calls::Try);

/// Timers of a session of order chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The next message may be written.
    Pace,
    /// A page of history may be asked for again.
    Backfill,
    /// The next call may be made.
    Calls,
    /// The socket is old.
    Recycle,
}

/// What a session of order chat remembers.
#[derive(Debug)]
pub struct State {
    config: C2cConfig,
    api: Api,
    skew: Skew,
    /// The time was asked for; these calls wait for the answer.
    probing: bool,
    paused: Vec<Paused>,
    gate: Gate,
    queue: VecDeque<RequestId>,
    next_write: Option<Instant>,
    /// Uuids of messages that were accepted lately.
    mine: VecDeque<String>,
    seen: Seen,
    watches: Table<String, Watch>,
    to_fill: VecDeque<String>,
    filling: Option<Backfill>,
    ready_since: Option<Instant>,
    /// How often another session took over without a long peace in between.
    takeovers: u32,
    /// How often the old socket was given more time.
    recycle_waits: u32,
}

impl Service for C2c {
    type State = State;
    type Event = C2cEvent;
    type Answer = Answer;
    type Key = String;
    type Ask = Ask;
    type Call = Call;
    type Alarm = Alarm;

    fn prepare(state: &mut State, cx: &mut Cx<'_, Self>) -> Prepare {
        state.issue(cx, Call::first(calls::Kind::Credential));
        Prepare::Fetching
    }

    /// Messages flow at once: there is no opening frame. (seed)
    fn on_open(state: &mut State, cx: &mut Cx<'_, Self>) {
        cx.ready();
        state.ready_since = Some(cx.now().mono);
        if let Some(after) = state.config.recycle_after {
            state.recycle_waits = 0;
            cx.set_alarm(Alarm::Recycle, after);
        }
        sends::pump(state, cx);
        backfill::start_all(state, cx);
    }

    fn on_frame(state: &mut State, frame: Down<'_>, text: &Text, cx: &mut Cx<'_, Self>) {
        match Wire::share(frame, text) {
            Down::Push(push) => state.on_push(Box::new(push), text, cx),
            Down::Batch(pushes) => {
                for push in pushes {
                    state.on_push(Box::new(push), text, cx);
                }
            }
            // An empty object is somebody's idea of a heartbeat. (field report)
            Down::Other(raw) if raw.as_str() == "{}" => {}
            Down::Other(_) => cx.event(C2cEvent::Raw(text.clone())),
        }
    }

    fn on_garbage(_: &mut State, text: &Text, cx: &mut Cx<'_, Self>) {
        if !text.is_empty() {
            cx.event(C2cEvent::Raw(text.clone()));
        }
    }

    fn on_response(state: &mut State, call: Call, result: HttpResult, cx: &mut Cx<'_, Self>) {
        state.respond(cx, call, result);
    }

    fn on_alarm(state: &mut State, alarm: Alarm, cx: &mut Cx<'_, Self>) {
        match alarm {
            Alarm::Pace => sends::pump(state, cx),
            Alarm::Backfill => backfill::resume(state, cx),
            Alarm::Calls => state.pump_calls(cx),
            Alarm::Recycle
                if state.recycle_waits < RECYCLE_WAITS && sends::is_any_on_its_way(cx) =>
            {
                state.recycle_waits += 1;
                cx.set_alarm(Alarm::Recycle, RECYCLE_WAIT);
            }
            Alarm::Recycle => cx.lose(Lost::Recycled),
        }
    }

    /// A second session of the account throws the first one out with this reason. (field reports)
    fn on_close(_: &mut State, frame: Option<CloseFrame>) -> Lost {
        match &frame {
            Some(close) if close.reason.as_str().eq_ignore_ascii_case("bye") => Lost::TakenOver,
            _ => Lost::ClosedByPeer(frame),
        }
    }

    fn on_lost(state: &mut State, why: &Lost, cx: &mut Cx<'_, Self>) -> Verdict {
        cx.clear_alarm(Alarm::Recycle);
        state.forget_link(cx);
        sends::verify_written(state, cx);
        backfill::interrupt(state);
        let lasted = state.ready_since.take().map(|at| cx.now().mono.duration_since(at));
        if lasted.is_some_and(|it| it >= state.config.taken_over_pause.saturating_mul(4)) {
            state.takeovers = 0;
        }
        match why {
            Lost::TakenOver => {
                state.takeovers = state.takeovers.saturating_add(1);
                match state.config.taken_over_limit {
                    Some(limit) if state.takeovers >= limit => {
                        state.takeovers = 0;
                        Verdict::Park
                    }
                    Some(_) | None => Verdict::Retry(Some(state.config.taken_over_pause)),
                }
            }
            Lost::Refused(rejection) => Verdict::Retry(rejection.retry_after),
            Lost::Link(LinkFailure::Refused { retry_after, .. }) => {
                let pause = state.config.refused_pause;
                Verdict::Retry(Some(retry_after.map_or(pause, |after| after.max(pause))))
            }
            Lost::Link(_)
            | Lost::ClosedByPeer(_)
            | Lost::Silent(_)
            | Lost::OpenTimedOut(_)
            | Lost::Prepare(_)
            | Lost::Recycled => Verdict::Retry(None),
        }
    }

    fn on_unanswered(
        state: &mut State,
        id: RequestId,
        cx: &mut Cx<'_, Self>,
    ) -> Option<RequestError> {
        let end = match cx.ask(id) {
            Some(Ask::Send(_)) => sends::on_unanswered(state, cx, id),
            Some(Ask::Rest(ask)) => Some(ask.without_answer()),
            // The message that others could see was not written.
            Some(Ask::Picture(_)) => Some(RequestError::TimedOut),
            None => None,
        };
        if end.is_some() {
            state.gate.retain(|kind| kind.request() != Some(id));
        }
        end
    }

    /// The calls of the application and those that clear up what became of a message need no
    /// socket.
    fn outlives_link(call: &Call) -> bool {
        !call.0.is_of_the_link()
    }

    fn on_cancelled(state: &mut State, _: Ask, cx: &mut Cx<'_, Self>) {
        let waits = |id: RequestId| cx.ask(id).is_some();
        state.queue.retain(|id| waits(*id));
        state.gate.retain(|kind| kind.request().is_none_or(waits));
    }

    fn on_cut_short(ask: &mut Ask, cx: &mut Cx<'_, Self>) -> RequestError {
        match ask {
            Ask::Send(send) => {
                send.0.take_back(cx);
                if send.0.is_untouched() { RequestError::Cancelled } else { RequestError::Unknown }
            }
            // The message that others could see was not written.
            Ask::Picture(_) => RequestError::Cancelled,
            Ask::Rest(ask) => ask.cut_short(),
        }
    }
}

impl State {
    fn on_push(&mut self, push: Box<Push<'static>>, text: &Text, cx: &mut Cx<'_, C2c>) {
        let kind = push.kind();
        if kind == Kind::Ping {
            // A peer that asks and never reads must not fill our memory.
            if cx.backlog() < MAX_BACKLOG {
                cx.send(&Up::pong());
            }
            return;
        }
        if kind == Kind::Pong
            || (kind == Kind::Error && sends::reject(cx, &push))
            || ((kind.is_message() || kind == Kind::Other) && sends::accept(self, cx, &push, false))
            || sends::is_known(self, &push)
            || !self.seen.insert(&push)
        {
            return;
        }
        let gapless = self.note_read(&push);
        let (raw, source, received) = (text.clone(), Source::Socket, self.server_now(cx));
        cx.event(C2cEvent::Push(Incoming { push, raw, source, received, gapless }));
    }
}
