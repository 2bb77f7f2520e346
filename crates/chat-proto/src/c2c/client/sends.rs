//! Messages on their way: paced, matched with their echo, looked up in history without one.

use std::time::Duration;

use crate::c2c::C2c;
use crate::c2c::client::{Accepted, Answer, Ask, C2cEvent, Call, Progress, SendAsk, State, calls};
use crate::c2c::frame::Push;
use crate::client::{Cx, Phase, RequestId};
use crate::error::{CallError, Rejection, RequestError};
use crate::json::Str;
use crate::machine::Text;

use super::Alarm;

/// A message.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) uuid: String,
    pub(super) order_no: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Not written yet.
    Queued(Text),
    /// Given to the socket.
    Written,
    /// No echo came: history is asked.
    Verifying(Verifying),
}

/// How the search for a message in history is going.
#[derive(Clone, Copy, Debug, Default)]
struct Verifying {
    /// How often history was read without finding it.
    tries: u32,
    /// How often history could not be read.
    failures: u32,
    /// An exchange is under way.
    asking: bool,
}

/// After how many exchanges that failed a message counts as unknown; with the growing pauses
/// between them that is a matter of minutes.
const MAX_FAILURES: u32 = 8;
/// The longest pause between them.
const MAX_PAUSE: Duration = Duration::from_secs(30);

impl Send {
    pub(super) const fn is_queued(&self) -> bool {
        matches!(self.stage, Stage::Queued(_))
    }
}

/// Enters a message and writes it as soon as the pace allows.
pub(super) fn send(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    order_no: &str,
    frame: impl FnOnce(&str, &str, u64) -> Text,
) -> Result<RequestId, CallError> {
    calls::check_order(order_no)?;
    // A version 4 UUID: stamps in milliseconds, as in the published sample, collide under load.
    let uuid = cx.rng().uuid().to_string();
    let at = cx.now().unix.shifted(state.skew);
    let text = frame(&uuid, order_no, at.as_millis());
    let limit = cx.config().max_message;
    if text.len() > limit {
        return Err(CallError::TooLong { len: text.len(), limit });
    }
    let send =
        Send { uuid: uuid.clone(), order_no: order_no.to_owned(), stage: Stage::Queued(text) };
    let id = cx.request(Some(uuid), Ask::Send(Box::new(SendAsk(send))))?;
    // A queue moves one message a pace: those at its end need the time of those before them.
    let ahead = u32::try_from(state.queue.len()).unwrap_or(u32::MAX);
    let queued = state.config.pace.saturating_mul(ahead);
    let patience = cx.config().request_timeout.saturating_add(queued);
    cx.postpone(id, patience);
    state.queue.push_back(id);
    pump(state, cx);
    Ok(id)
}

/// Writes what the pace allows.
pub(super) fn pump(state: &mut State, cx: &mut Cx<'_, C2c>) {
    while cx.phase() == Phase::Ready {
        let Some(&id) = state.queue.front() else { return };
        let now = cx.now().mono;
        if let Some(at) = state.next_write.filter(|at| *at > now) {
            cx.set_alarm(Alarm::Pace, at.saturating_duration_since(now));
            return;
        }
        state.queue.pop_front();
        // It may have been given up or have timed out meanwhile.
        let Some(Ask::Send(ask)) = cx.ask_mut(id) else { continue };
        let Stage::Queued(text) = std::mem::replace(&mut ask.0.stage, Stage::Written) else {
            continue;
        };
        let uuid = ask.0.uuid.clone();
        cx.send_text(text);
        cx.event(C2cEvent::Sending { id, uuid, progress: Progress::Written });
        let patience = cx.config().request_timeout;
        cx.postpone(id, patience);
        state.next_write = Some(cx.later(state.config.pace));
    }
}

/// Ends the request whose message this is; `false` when it is nobody's.
pub(super) fn accept(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    push: &Push<'_>,
    from_history: bool,
) -> bool {
    // The other side may have chosen the same uuid.
    if push.self_ == Some(false) || push.uuid.is_empty() {
        return false;
    }
    let uuid = push.uuid.decode().into_owned();
    let Some(id) = cx.by_key(&uuid) else { return false };
    let Some(Ask::Send(ask)) = cx.ask(id) else { return false };
    if ask.0.is_queued() || push.order().is_some_and(|order| order.text() != ask.0.order_no) {
        return false;
    }
    state.seen.insert(push);
    state.note_read(push);
    let accepted = Accepted {
        uuid,
        message_id: (!push.id.is_empty()).then(|| push.id.detach()),
        create_time: push.create_millis(),
        from_history,
    };
    cx.complete(id, Ok(Answer::Accepted(accepted)));
    true
}

/// Ends the request an error frame names; `false` when it names none.
pub(super) fn reject(cx: &mut Cx<'_, C2c>, push: &Push<'_>) -> bool {
    let Some(id) = cx.by_key(&push.uuid.decode().into_owned()) else { return false };
    let code = push.content_text().unwrap_or_default();
    let text = Some(&push.sub_type).filter(|sub| !sub.is_empty()).map(Str::decode);
    let text = text.unwrap_or("the service refused the message".into());
    cx.complete(id, Err(RequestError::Rejected(Rejection::new(code, text))));
    true
}

/// The time for a message is over.
pub(super) fn on_unanswered(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    id: RequestId,
) -> Option<RequestError> {
    let Some(Ask::Send(ask)) = cx.ask_mut(id) else { return None };
    let mut search = match ask.0.stage {
        // It never left: asking had no effect.
        Stage::Queued(_) => {
            state.queue.retain(|queued| *queued != id);
            return Some(RequestError::TimedOut);
        }
        Stage::Written => {
            let (uuid, progress) = (ask.0.uuid.clone(), Progress::Verifying);
            cx.event(C2cEvent::Sending { id, uuid, progress });
            Verifying::default()
        }
        Stage::Verifying(search) => search,
    };
    if search.asking {
        search.failures += 1;
    }
    if search.failures >= MAX_FAILURES {
        return Some(RequestError::Unknown);
    }
    search.asking = true;
    set_search(cx, id, search);
    // Longer than the exchange itself may take with a probe of the clock in between.
    let exchange = cx.config().http_timeout.saturating_mul(3);
    let patience = exchange.saturating_add(state.config.verify_spacing);
    cx.postpone(id, patience);
    state.issue(cx, Call::first(calls::Kind::Verify(id)));
    None
}

/// History was read, and the message was not there.
pub(super) fn not_found(state: &State, cx: &mut Cx<'_, C2c>, id: RequestId) {
    let Some(mut search) = search(cx, id) else { return };
    search.tries += 1;
    if search.tries >= state.config.verify_tries {
        cx.complete(id, Err(RequestError::Unknown));
    } else {
        set_search(cx, id, search);
        cx.postpone(id, state.config.verify_spacing);
    }
}

/// History could not be read, which says nothing about the message.
pub(super) fn not_read(
    state: &State,
    cx: &mut Cx<'_, C2c>,
    id: RequestId,
    retry_after: Option<Duration>,
) {
    let Some(mut search) = search(cx, id) else { return };
    search.failures += 1;
    if search.failures >= MAX_FAILURES {
        cx.complete(id, Err(RequestError::Unknown));
    } else {
        set_search(cx, id, search);
        let pause = state.config.verify_spacing.saturating_mul(1 << search.failures);
        cx.postpone(id, pause.min(MAX_PAUSE).max(retry_after.unwrap_or_default()));
    }
}

/// The search whose exchange has just ended.
fn search(cx: &Cx<'_, C2c>, id: RequestId) -> Option<Verifying> {
    let Some(Ask::Send(ask)) = cx.ask(id) else { return None };
    let Stage::Verifying(search) = ask.0.stage else { return None };
    Some(Verifying { asking: false, ..search })
}

fn set_search(cx: &mut Cx<'_, C2c>, id: RequestId, search: Verifying) {
    if let Some(Ask::Send(ask)) = cx.ask_mut(id) {
        ask.0.stage = Stage::Verifying(search);
    }
}

/// The link is gone: no echo will come for what was written, and the engine dropped the exchanges
/// under way.
pub(super) fn verify_written(state: &State, cx: &mut Cx<'_, C2c>) {
    for id in cx.waiting() {
        if let Some(Ask::Send(ask)) = cx.ask_mut(id)
            && let Stage::Verifying(search) = &mut ask.0.stage
        {
            // An exchange cut off counts, or a link that keeps failing would keep it alive for ever.
            search.failures += u32::from(std::mem::take(&mut search.asking));
        }
        if let Some(Ask::Send(ask)) = cx.ask(id)
            && !ask.0.is_queued()
        {
            cx.postpone(id, state.config.verify_spacing);
        }
    }
}
