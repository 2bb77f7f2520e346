//! Messages on their way: paced, matched with their echo, looked up in history without one.

use std::time::{Duration, Instant};

use crate::c2c::C2c;
use crate::c2c::client::calls::{Failure, Kind, Row, VERIFY_ROWS};
use crate::c2c::client::{
    Accepted, Alarm, Answer, Ask, C2cEvent, Call, Progress, Resend, SendAsk, SendOptions, State,
    calls,
};
use crate::c2c::frame::{Push, Up};
use crate::c2c::value::Loose;
use crate::client::{Cx, Phase, RequestId};
use crate::codec::Wire;
use crate::error::{CallError, Rejection, RequestError};
use crate::json::Str;
use crate::machine::Text;

/// A message.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) uuid: String,
    pub(super) order_no: String,
    /// The frame.
    text: Text,
    /// When it was written last, by the server's clock, in milliseconds since 1970.
    written: u64,
    /// The same moment by the clock that nobody can set.
    written_at: Option<Instant>,
    resend: Resend,
    /// It was proven lost once: this is its second way.
    resent: bool,
    stage: Stage,
    /// The number of its frame on the link on which it was written last.
    number: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Waits for its turn.
    Queued,
    /// Given to the socket.
    Written,
    /// No echo came: history is asked.
    Verifying(Verifying),
}

/// How the search for a message in history is going.
#[derive(Clone, Copy, Debug)]
struct Verifying {
    /// How often history was read without finding it.
    tries: u32,
    /// How often history could not be read.
    failures: u32,
    /// An exchange is under way.
    asking: bool,
    /// So far every page showed that the message is not in the chat.
    proof: bool,
}

/// After how many exchanges that failed a message counts as unknown; with the growing pauses
/// between them that is a matter of minutes.
const MAX_FAILURES: u32 = 8;
/// The longest pause between them.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How far apart the two clocks may be when a time of history is compared with ours, in
/// milliseconds. A clock further off is corrected by the first signed call.
const CLOCK_MARGIN: u64 = 60_000;
/// How many of our messages are remembered, so that none is taken for another with the same content.
/// Only those of the last minute matter. (choice)
pub(super) const MAX_MINE: usize = 256;
/// The longest id that the caller may choose. (choice)
const MAX_UUID: usize = 128;

impl Send {
    /// Nothing of it ever left.
    pub(super) const fn is_untouched(&self) -> bool {
        matches!(self.stage, Stage::Queued) && !self.resent
    }
}

/// The id of a new message.
pub(super) fn choose_uuid(
    cx: &mut Cx<'_, C2c>,
    options: &SendOptions,
) -> Result<String, CallError> {
    let Some(uuid) = &options.uuid else {
        // Version 4: stamps in milliseconds, as in the published sample, collide under load.
        return Ok(cx.rng().uuid().to_string());
    };
    if uuid.is_empty() || uuid.len() > MAX_UUID {
        return Err(CallError::Invalid("the uuid is empty or too long"));
    }
    if cx.by_key(uuid).is_some() {
        return Err(CallError::Invalid("a message with this uuid is on its way"));
    }
    Ok(uuid.clone())
}

/// Enters a message and writes it as soon as the pace allows.
pub(super) fn send(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    order_no: &str,
    options: &SendOptions,
    frame: Up<'_>,
) -> Result<RequestId, CallError> {
    calls::check_order(order_no)?;
    let uuid = choose_uuid(cx, options)?;
    let send = new(state, cx, order_no, &uuid, options, frame)?;
    let id = cx.request(Some(uuid), Ask::Send(Box::new(SendAsk(send))))?;
    enqueue(state, cx, id);
    Ok(id)
}

/// A message that waits for its turn.
pub(super) fn new(
    state: &State,
    cx: &Cx<'_, C2c>,
    order_no: &str,
    uuid: &str,
    options: &SendOptions,
    frame: Up<'_>,
) -> Result<Send, CallError> {
    let now = Loose::number(state.server_now(cx).as_millis());
    let create_time = frame.create_time.is_some().then_some(now);
    let frame = Up { uuid: uuid.into(), order_no: order_no.into(), create_time, ..frame };
    let text = Wire::encode(&frame);
    let limit = cx.config().max_message;
    if text.len() > limit {
        return Err(CallError::TooLong { len: text.len(), limit });
    }
    Ok(Send {
        uuid: uuid.to_owned(),
        order_no: order_no.to_owned(),
        text,
        written: 0,
        written_at: None,
        resend: options.resend.unwrap_or(state.config.resend),
        resent: false,
        stage: Stage::Queued,
        number: 0,
    })
}

/// Puts a message at the end of the queue.
pub(super) fn enqueue(state: &mut State, cx: &mut Cx<'_, C2c>, id: RequestId) {
    // A queue moves one message a pace: those at its end need the time of those before them.
    let ahead = u32::try_from(state.queue.len()).unwrap_or(u32::MAX);
    let queued = state.config.pace.saturating_mul(ahead);
    let patience = cx.config().request_timeout.saturating_add(queued);
    cx.postpone(id, patience);
    state.queue.push_back(id);
    pump(state, cx);
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
        let (at, written) = (cx.now().mono, state.server_now(cx).as_millis());
        // It may have ended meanwhile.
        let Some(Ask::Send(ask)) = cx.ask_mut(id) else { continue };
        if !matches!(ask.0.stage, Stage::Queued) {
            continue;
        }
        (ask.0.stage, ask.0.written) = (Stage::Written, written);
        ask.0.written_at = Some(at);
        let (uuid, text) = (ask.0.uuid.clone(), ask.0.text.clone());
        let number = cx.send_text(text);
        if let Some(Ask::Send(ask)) = cx.ask_mut(id) {
            ask.0.number = number;
        }
        cx.event(C2cEvent::Sending { id, uuid, progress: Progress::Written });
        let patience = cx.config().request_timeout;
        cx.postpone(id, patience);
        state.next_write = Some(cx.later(state.config.pace));
    }
}

/// Whether a message was written and nothing is known of it yet.
pub(super) fn is_any_on_its_way(cx: &Cx<'_, C2c>) -> bool {
    cx.waiting().into_iter().any(
        |id| matches!(cx.ask(id), Some(Ask::Send(ask)) if matches!(ask.0.stage, Stage::Written)),
    )
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
    if ask.0.is_untouched() || push.order().is_some_and(|order| order.text() != ask.0.order_no) {
        return false;
    }
    state.seen.insert(push);
    // A page read to look a message up may be ahead of the socket: what the other side wrote before
    // may still be on its way, and a link that is lost now would take it along for good.
    if !from_history {
        state.note_read(push);
    }
    if state.mine.len() >= MAX_MINE {
        state.mine.pop_front();
    }
    state.mine.push_back(uuid.clone());
    let accepted = Accepted {
        uuid,
        message_id: (!push.id.is_empty()).then(|| push.id.detach()),
        create_time: push.create_millis(),
        from_history,
    };
    cx.complete(id, Ok(Answer::Accepted(accepted)));
    true
}

/// Whether it is a message of ours that was accepted already.
pub(super) fn is_known(state: &State, push: &Push<'_>) -> bool {
    push.self_ != Some(false)
        && push.kind().is_message()
        && state.mine.iter().any(|uuid| push.uuid == **uuid)
}

/// Ends the request an error frame names; `false` when it names none.
pub(super) fn reject(cx: &mut Cx<'_, C2c>, push: &Push<'_>) -> bool {
    let Some(id) = cx.by_key(&push.uuid.decode().into_owned()) else { return false };
    let code = push.content_text().unwrap_or_default();
    let text = Some(&push.sub_type).filter(|sub| !sub.is_empty()).map(Str::decode);
    let text = text.unwrap_or("the service refused the message".into());
    // A refusal of the second copy says nothing about the first.
    let resent = matches!(cx.ask(id), Some(Ask::Send(ask)) if ask.0.resent);
    let rejected = RequestError::Rejected(Rejection::new(code, text));
    cx.complete(id, Err(if resent { RequestError::Unknown } else { rejected }));
    true
}

/// The time for a message is over.
pub(super) fn on_unanswered(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    id: RequestId,
) -> Option<RequestError> {
    take_back(cx, id);
    let Some(Ask::Send(ask)) = cx.ask_mut(id) else { return None };
    let mut search = match ask.0.stage {
        Stage::Queued => {
            // What never left had no effect. What left once was lost, as far as anybody can tell.
            let untouched = ask.0.is_untouched();
            state.queue.retain(|queued| *queued != id);
            return Some(if untouched { RequestError::TimedOut } else { RequestError::Unknown });
        }
        Stage::Written => {
            let (uuid, progress) = (ask.0.uuid.clone(), Progress::Verifying);
            cx.event(C2cEvent::Sending { id, uuid, progress });
            Verifying { tries: 0, failures: 0, asking: false, proof: true }
        }
        Stage::Verifying(search) => search,
    };
    // The limits may keep the exchange waiting; that says nothing.
    if state.is_waiting_call(|kind| matches!(kind, Kind::Verify(of) if *of == id)) {
        cx.postpone(id, state.config.max_wait);
        return None;
    }
    if search.asking {
        search.failures += 1;
    }
    if search.failures >= MAX_FAILURES {
        return Some(RequestError::Unknown);
    }
    search.asking = true;
    set_search(cx, id, search);
    cx.postpone(id, state.config.max_wait);
    state.issue(cx, Call::first(Kind::Verify(id)));
    None
}

/// A page of history came that was read to look a message up. It may answer for others, too.
pub(super) fn on_history(state: &mut State, cx: &mut Cx<'_, C2c>, id: RequestId, rows: Vec<Row>) {
    let full = rows.len() >= VERIFY_ROWS as usize;
    let mut own = Vec::new();
    let (mut oldest, mut unreadable) = (u64::MAX, false);
    for row in rows {
        let Some(item) = row.item else {
            unreadable = true;
            continue;
        };
        let push = Push::from(item);
        oldest = oldest.min(push.create_millis().unwrap_or(u64::MAX));
        if !accept(state, cx, &push, true) && push.self_ != Some(false) {
            own.push(push);
        }
    }
    let Some(Ask::Send(ask)) = cx.ask(id) else { return };
    let Stage::Verifying(search) = ask.0.stage else { return };
    let sent = Up::decode(ask.0.text.as_str()).unwrap_or_default();
    let written = ask.0.written;
    // A message of ours with the same content around the same time might be it under another uuid.
    let twin = own.iter().any(|push| {
        let around = push.create_millis().is_none_or(|at| at.abs_diff(written) <= CLOCK_MARGIN);
        let same = push.content_text() == sent.content.as_ref().map(|content| content.text())
            && push.image_url == sent.image_url;
        around && same && !is_known(state, push)
    });
    let reached = !full || oldest.saturating_add(CLOCK_MARGIN) < written;
    let proof = search.proof && reached && !twin && !unreadable;
    let search = Verifying { tries: search.tries + 1, asking: false, proof, ..search };
    let again = proof && ask.0.resend == Resend::WhenProvenLost && !ask.0.resent;
    // A wall clock that steps must neither hurry this nor put it off.
    let since = ask.0.written_at.map(|at| cx.now().mono.saturating_duration_since(at));
    let due = since.is_none_or(|since| since >= state.config.resend_after);
    if search.tries < state.config.verify_tries || (again && !due) {
        set_search(cx, id, search);
        cx.postpone(id, state.config.verify_spacing);
    } else if again {
        send_again(state, cx, id);
    } else {
        cx.complete(id, Err(RequestError::Unknown));
    }
}

/// A message is proven lost, and the caller wants it to be sent again.
fn send_again(state: &mut State, cx: &mut Cx<'_, C2c>, id: RequestId) {
    let Some(Ask::Send(ask)) = cx.ask_mut(id) else { return };
    (ask.0.stage, ask.0.resent) = (Stage::Queued, true);
    let uuid = ask.0.uuid.clone();
    cx.event(C2cEvent::Sending { id, uuid, progress: Progress::Resending });
    enqueue(state, cx, id);
}

/// History could not be read, which says nothing about the message.
pub(super) fn not_read(state: &State, cx: &mut Cx<'_, C2c>, id: RequestId, failure: &Failure) {
    let Some(Ask::Send(ask)) = cx.ask(id) else { return };
    let Stage::Verifying(mut search) = ask.0.stage else { return };
    search.asking = false;
    search.failures += 1;
    let retry_after = failure.rejection().retry_after.unwrap_or_default();
    if search.failures >= MAX_FAILURES || retry_after > state.config.max_wait {
        cx.complete(id, Err(RequestError::Unknown));
    } else {
        set_search(cx, id, search);
        let pause = state.config.verify_spacing.saturating_mul(1 << search.failures);
        cx.postpone(id, pause.min(MAX_PAUSE).max(retry_after));
    }
}

fn set_search(cx: &mut Cx<'_, C2c>, id: RequestId, search: Verifying) {
    if let Some(Ask::Send(ask)) = cx.ask_mut(id) {
        ask.0.stage = Stage::Verifying(search);
    }
}

impl Send {
    /// A message whose frame never left was not written.
    pub(super) fn take_back(&mut self, cx: &mut Cx<'_, C2c>) -> bool {
        let is_back = matches!(self.stage, Stage::Written) && cx.take_back(self.number);
        if is_back {
            self.stage = Stage::Queued;
        }
        is_back
    }
}

fn take_back(cx: &mut Cx<'_, C2c>, id: RequestId) -> bool {
    let Some(Ask::Send(ask)) = cx.ask(id) else { return false };
    let (stage, number) = (ask.0.stage, ask.0.number);
    let is_back = matches!(stage, Stage::Written) && cx.take_back(number);
    if is_back && let Some(Ask::Send(ask)) = cx.ask_mut(id) {
        ask.0.stage = Stage::Queued;
    }
    is_back
}

/// The link is gone: no echo will come for what was written.
pub(super) fn verify_written(state: &mut State, cx: &mut Cx<'_, C2c>) {
    // What never left waits for the next link, before what came later.
    let unsent: Vec<_> = cx.waiting().into_iter().filter(|id| take_back(cx, *id)).collect();
    for id in unsent.into_iter().rev() {
        let patience = cx.config().request_timeout;
        cx.postpone(id, patience);
        state.queue.push_front(id);
    }
    for id in cx.waiting() {
        if let Some(Ask::Send(ask)) = cx.ask(id)
            && matches!(ask.0.stage, Stage::Written)
        {
            cx.postpone(id, state.config.verify_spacing);
        }
    }
}
