//! Catching up: after every connect, what was missed of each watched order is read from history.
//!
//! The service replays nothing (field reports). Orders are done one after the other, because all
//! calls of a key share one limit; pages go back from the newest until something known turns up, and
//! what is new is emitted oldest first.

use crate::c2c::C2c;
use crate::c2c::client::calls::{self, Failure, Kind, Row};
use crate::c2c::client::{
    Alarm, C2cEvent, Call, Checkpoint, Incoming, Since, Source, State, sends,
};
use crate::c2c::frame::Push;
use crate::c2c::rest::{HistoryQuery, MAX_ROWS};
use crate::client::{Cx, Phase};
use crate::error::CallError;
use crate::machine::Text;

impl Backfill {
    /// Messages that wait for the rest.
    pub(super) const fn found(&self) -> usize {
        self.found.len()
    }
}

/// A watched order.
#[derive(Debug)]
pub(super) struct Watch {
    /// Everything up to here was emitted.
    known: Checkpoint,
    /// The last message that was emitted, perhaps with a gap before it.
    newest: Checkpoint,
    /// There is no gap between the two.
    filled: bool,
}

impl Watch {
    /// A message was emitted. Gives whether everything before it was, too.
    pub(super) fn note(&mut self, push: &Push<'_>) -> bool {
        self.newest.note(push);
        self.filled
    }

    pub(super) const fn checkpoint(&self) -> &Checkpoint {
        if self.filled { &self.newest } else { &self.known }
    }

    /// Something may be missed from here on.
    fn interrupt(&mut self) {
        if std::mem::take(&mut self.filled) {
            self.known = self.newest.clone();
        }
    }
}

/// An order that is being caught up with.
#[derive(Debug)]
pub(super) struct Backfill {
    order_no: String,
    /// What is new, with the text it stands in.
    found: Vec<(Push<'static>, Text)>,
    pages: u32,
}

pub(super) fn watch(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    order_no: &str,
    since: Since,
) -> Result<(), CallError> {
    calls::check_order(order_no)?;
    if state.watches.contains_key(order_no) {
        return Ok(());
    }
    if state.watches.len() >= state.config.max_watched {
        return Err(CallError::Invalid("too many orders are watched"));
    }
    let known = match since {
        Since::Start => Checkpoint::default(),
        Since::Now => {
            let since_millis = state.server_now(cx).as_millis();
            Checkpoint { since_millis, ..Checkpoint::default() }
        }
        Since::Checkpoint(checkpoint) => checkpoint,
    };
    let watch = Watch { newest: known.clone(), known, filled: false };
    state.watches.insert(order_no.to_owned(), watch);
    if cx.phase() == Phase::Ready {
        state.to_fill.push_back(order_no.to_owned());
        next(state, cx);
    }
    Ok(())
}

/// The session is ready: every watched order may have missed something.
pub(super) fn start_all(state: &mut State, cx: &mut Cx<'_, C2c>) {
    state.to_fill = state.watches.keys().cloned().collect();
    state.filling = None;
    next(state, cx);
}

/// The link is gone. What was collected so far was not emitted, so it is simply read again.
pub(super) fn interrupt(state: &mut State) {
    state.to_fill.clear();
    state.filling = None;
    state.watches.values_mut().for_each(Watch::interrupt);
}

/// The pause after a failure is over.
pub(super) fn resume(state: &mut State, cx: &mut Cx<'_, C2c>) {
    if cx.phase() == Phase::Ready {
        next(state, cx);
    }
}

/// Turns to the next order.
fn next(state: &mut State, cx: &mut Cx<'_, C2c>) {
    while state.filling.is_none() {
        let Some(order_no) = state.to_fill.pop_front() else { return };
        if state.watches.contains_key(&order_no) {
            let query = HistoryQuery { rows: Some(MAX_ROWS), ..HistoryQuery::newest(&order_no) };
            state.filling = Some(Backfill { order_no, found: Vec::new(), pages: 0 });
            state.issue(cx, Call::first(Kind::Backfill(query)));
        }
    }
}

/// A page came.
pub(super) fn on_page(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    query: &HistoryQuery,
    rows: Vec<Row>,
) {
    let Some(fill) = state.filling.as_mut().filter(|it| it.order_no == query.order_no) else {
        return;
    };
    let Some(watch) = state.watches.get(&fill.order_no) else {
        state.filling = None;
        return next(state, cx);
    };
    fill.pages += 1;
    let full = rows.len() >= MAX_ROWS as usize;
    // Where an item has no id that is a number, pages are counted instead.
    let ids = rows.iter().map(|row| row.item.as_ref().and_then(|item| item.id.as_i64()));
    let lowest = ids.collect::<Option<Vec<_>>>().and_then(|ids| ids.into_iter().min());
    let (mut met_known, mut unreadable) = (false, Vec::new());
    for Row { item, raw } in rows {
        let Some(item) = item else {
            unreadable.push(raw);
            continue;
        };
        if !calls::is_of(&item, &fill.order_no) {
            continue;
        }
        let mut push = Push::from(item);
        if watch.known.covers(&push) {
            met_known = true;
            continue;
        }
        if push.order().is_none() {
            push.order_no = fill.order_no.clone().into();
        }
        fill.found.push((push, raw));
    }
    // Below what was asked for before, or the server does not page by id and would go on for ever.
    let further = match lowest {
        Some(low) if query.before_id.is_none_or(|before| low < before) => {
            Some(HistoryQuery { before_id: Some(low), page: None, ..query.clone() })
        }
        Some(_) => None,
        None => Some(HistoryQuery { page: Some(query.page.unwrap_or(1) + 1), ..query.clone() }),
    };
    let more = full && !met_known && fill.pages < state.config.backfill_pages;
    // Of which order it is cannot be told, so it is shown once and held back never.
    for raw in unreadable {
        if state.seen.insert_text(&query.order_no, raw.as_str()) {
            cx.event(C2cEvent::Raw(raw));
        }
    }
    match further.filter(|_| more) {
        Some(query) => state.issue(cx, Call::first(Kind::Backfill(query))),
        None => finish(state, cx, met_known || !full),
    }
}

fn finish(state: &mut State, cx: &mut Cx<'_, C2c>, complete: bool) {
    let Some(mut fill) = state.filling.take() else { return };
    let received = state.server_now(cx);
    // Ids are in the order of arrival; times are sometimes rounded down to whole seconds.
    let by_id = fill.found.iter().all(|(push, _)| push.id.as_i64().is_some());
    if !by_id {
        fill.found.reverse();
    }
    // Numbers are sorted, not messages: less to move, and less to compile.
    let mut order = Vec::<(u64, u64)>::with_capacity(fill.found.len());
    for (at, (push, _)) in (0..).zip(&fill.found) {
        let id = || u64::try_from(push.id.as_i64()?).ok();
        let key = if by_id { id().or(Some(0)) } else { push.create_millis() };
        order.push((key.unwrap_or(u64::MAX), at));
    }
    order.sort_unstable();
    let mut found: Vec<_> = fill.found.into_iter().map(Some).collect();
    let mut count = 0;
    for (_, at) in order {
        let found = usize::try_from(at).ok().and_then(|at| found.get_mut(at)?.take());
        let Some((push, raw)) = found else { continue };
        // Ours without an echo: this is its answer.
        if sends::accept(state, cx, &push, true) {
            state.note_read(&push);
            continue;
        }
        if sends::is_known(state, &push) || !state.seen.insert(&push) {
            continue;
        }
        state.note_read(&push);
        let (push, source) = (Box::new(push), Source::History);
        cx.event(C2cEvent::Push(Incoming { push, raw, source, received, gapless: false }));
        count += 1;
    }
    if let Some(watch) = state.watches.get_mut(&fill.order_no) {
        watch.filled = true;
        let checkpoint = watch.checkpoint().clone();
        let order_no = fill.order_no;
        cx.event(C2cEvent::Backfilled { order_no, count, complete, checkpoint });
    }
    next(state, cx);
}

/// A page could not be read.
pub(super) fn on_failure(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    query: &HistoryQuery,
    failure: &Failure,
) {
    if state.filling.as_ref().is_none_or(|fill| fill.order_no != query.order_no) {
        return;
    }
    let why = failure.rejection();
    let pause = state.config.backfill_retry.max(why.retry_after.unwrap_or_default());
    cx.event(C2cEvent::BackfillFailed { order_no: query.order_no.clone(), why });
    // The others must not wait behind an order that cannot be read.
    if let Some(fill) = state.filling.take() {
        state.to_fill.push_back(fill.order_no);
    }
    cx.set_alarm(Alarm::Backfill, pause);
}
