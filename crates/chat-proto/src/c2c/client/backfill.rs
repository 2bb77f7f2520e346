//! Catching up: after every connect, what was missed of each watched order is read from history.
//!
//! The service replays nothing (field reports). Orders are done one after the other, because all
//! calls of a key share one limit; pages go back from the newest until something known turns up, and
//! what is new is emitted oldest first.

use std::collections::BTreeMap;

use crate::c2c::C2c;
use crate::c2c::client::calls::{self, Failure, Kind};
use crate::c2c::client::{Alarm, C2cEvent, Call, Checkpoint, Incoming, Since, State, sends};
use crate::c2c::frame::Push;
use crate::c2c::history::HistoryItem;
use crate::c2c::rest::{HistoryQuery, MAX_ROWS};
use crate::client::{Cx, Phase};
use crate::error::CallError;

/// A watched order.
#[derive(Debug)]
pub(super) struct Watch {
    /// Everything up to here was emitted.
    known: Checkpoint,
    /// The highest id that was emitted, perhaps with a gap before it.
    newest: Option<i64>,
    /// There is no gap between the two.
    filled: bool,
}

impl Watch {
    /// A message was emitted.
    pub(super) fn note(&mut self, id: i64) {
        self.newest = self.newest.max(Some(id));
        if self.filled {
            self.known.last_id = self.newest;
        }
    }

    pub(super) const fn checkpoint(&self) -> Checkpoint {
        self.known
    }
}

/// An order that is being caught up with.
#[derive(Debug)]
pub(super) struct Backfill {
    order_no: String,
    /// What is new, by time and id.
    found: BTreeMap<(u64, i64, usize), Push<'static>>,
    pages: u32,
    before_id: Option<i64>,
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
        Since::Now => Checkpoint {
            last_id: None,
            since_millis: cx.now().unix.shifted(state.skew).as_millis(),
        },
        Since::Checkpoint(checkpoint) => checkpoint,
    };
    let watch = Watch { known, newest: known.last_id, filled: false };
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
    for watch in state.watches.values_mut() {
        watch.filled = false;
    }
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
            let found = BTreeMap::new();
            state.filling = Some(Backfill { order_no, found, pages: 0, before_id: None });
            ask(state, cx);
        }
    }
}

fn ask(state: &mut State, cx: &mut Cx<'_, C2c>) {
    let Some(fill) = &state.filling else { return };
    let query = HistoryQuery {
        rows: Some(MAX_ROWS),
        before_id: fill.before_id,
        ..HistoryQuery::newest(&fill.order_no)
    };
    state.issue(cx, Call::first(Kind::Backfill(query)));
}

/// A page came.
pub(super) fn on_page(
    state: &mut State,
    cx: &mut Cx<'_, C2c>,
    query: &HistoryQuery,
    items: Vec<HistoryItem<'static>>,
) {
    let Some(fill) = state.filling.as_mut().filter(|it| it.order_no == query.order_no) else {
        return;
    };
    let Some(watch) = state.watches.get(&fill.order_no) else {
        state.filling = None;
        return next(state, cx);
    };
    let known = watch.known;
    fill.pages += 1;
    let full = items.len() >= MAX_ROWS as usize;
    let lowest = items.iter().filter_map(|item| item.id.as_i64()).min();
    let mut met_known = false;
    for item in items {
        if !calls::is_of(&item, &fill.order_no) {
            continue;
        }
        let at = item.create_time.as_ref().and_then(|time| time.as_u64());
        let id = item.id.as_i64();
        if id.is_some_and(|id| known.last_id.is_some_and(|last| id <= last))
            || at.is_some_and(|at| at < known.since_millis)
        {
            met_known = true;
            continue;
        }
        let mut push = Push::from(item);
        if push.order().is_none() {
            push.order_no = fill.order_no.clone().into();
        }
        let place = fill.found.len();
        fill.found.insert((at.unwrap_or(u64::MAX), id.unwrap_or(i64::MAX), place), push);
    }
    // Below what was asked for before, or the server does not page by id and would go on for ever.
    let goes_on = lowest.is_some_and(|low| fill.before_id.is_none_or(|before| low < before));
    if full && !met_known && goes_on && fill.pages < state.config.backfill_pages {
        fill.before_id = lowest;
        return ask(state, cx);
    }
    finish(state, cx, met_known || !full);
}

fn finish(state: &mut State, cx: &mut Cx<'_, C2c>, complete: bool) {
    let Some(fill) = state.filling.take() else { return };
    let mut count = 0;
    for push in fill.found.into_values() {
        // Ours without an echo: this is its answer.
        if sends::accept(state, cx, &push, true) || !state.seen.insert(&push) {
            continue;
        }
        state.note_read(&push);
        cx.event(C2cEvent::Push(Incoming { push: Box::new(push), raw: None }));
        count += 1;
    }
    if let Some(watch) = state.watches.get_mut(&fill.order_no) {
        watch.filled = true;
        watch.known.last_id = watch.newest;
    }
    cx.event(C2cEvent::Backfilled { order_no: fill.order_no, count, complete });
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
