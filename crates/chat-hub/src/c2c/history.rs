//! History: which messages a page holds.

use bytes::Bytes;
use chat_proto::c2c::answer::Envelope;
use chat_proto::c2c::rest::MAX_ROWS;
use chat_proto::c2c::{HistoryItem, Loose, MessageId, OrderNo};
use chat_proto::codec::from_text;
use chat_sign::VerifiedQuery;
use http::{Response, StatusCode};

use super::http::{Gateway, raw, succeeded};
use super::{C2cState, answer, chat};
use crate::effects::Cx;

/// Rows of a page when none are asked for. (choice)
const DEFAULT_ROWS: u32 = 20;

/// A page, newest first; `id` is an exclusive upper bound. (seed)
pub(super) fn page(
    state: &C2cState,
    cx: &Cx<'_>,
    user: u64,
    query: Option<&VerifiedQuery<'_>>,
) -> Result<Response<Bytes>, Gateway> {
    let get = |name: &str| query.and_then(|it| it.get(name)).filter(|value| !value.is_empty());
    let order_no = get("orderNo").ok_or_else(|| Gateway::mandatory("orderNo"))?;
    let number = |name: &str, default: u32| {
        get(name).map_or(Ok(default), |text| text.parse().map_err(|_| Gateway::mandatory(name)))
    };
    let (page, rows) = (number("page", 1)?, number("rows", DEFAULT_ROWS)?);
    if page == 0 {
        return Err(Gateway::mandatory("page"));
    }
    let rows = rows.clamp(1, MAX_ROWS) as usize;
    let before = match get("id") {
        Some(id) => id.parse().map_err(|_| Gateway::mandatory("id"))?,
        None => i64::MAX,
    };
    let order = state.order_of(order_no, user).ok_or_else(Gateway::illegal)?;
    let kind = get("chatMessageType");
    // What is younger is not there yet.
    let lag = u64::from(state.faults.history_lag_ms);
    let until = state.clock(cx).as_millis().saturating_sub(lag);
    let shown = |id: &&i64| {
        let row = state.messages.get(id);
        row.is_some_and(|row| {
            row.to.is_none_or(|to| to == user) && (lag == 0 || row.created <= until)
        })
    };
    let wanted = |id: &&i64| {
        let row = state.messages.get(id);
        row.is_some_and(|row| kind.is_none_or(|kind| row.kind.eq_ignore_ascii_case(kind)))
    };
    let matching = || order.messages.range(..before).filter(shown).filter(wanted);
    let total = matching().count();
    let skip = (page as usize - 1).saturating_mul(rows);
    let mut ids: Vec<i64> = if get("sort").is_some_and(|sort| sort.eq_ignore_ascii_case("asc")) {
        matching().skip(skip).take(rows).copied().collect()
    } else {
        matching().rev().skip(skip).take(rows).copied().collect()
    };
    if state.faults.mixed_history {
        // The newest message of another order of the same account. (field report)
        let others = state.orders.iter().filter(|(no, it)| *no != order_no && it.has(user));
        ids.extend(others.filter_map(|(_, order)| order.messages.iter().rev().find(shown)).max());
    }
    let items = ids.into_iter().filter_map(|id| {
        let row = state.messages.get(&id)?;
        let item = HistoryItem::from(chat::push(state, id, row, user));
        let id = if state.faults.numeric_ids { numeric(id) } else { item.id };
        Some(HistoryItem { id, topic_id: OrderNo::default(), ..item })
    });
    let items: Vec<_> = items.collect();
    let envelope = Envelope {
        total: Some(Loose::number(i64::try_from(total).unwrap_or(i64::MAX))),
        ..succeeded(state, raw(&items))
    };
    Ok(answer(StatusCode::OK, &envelope))
}

/// An id that is written as a number.
fn numeric(id: i64) -> MessageId<'static> {
    let digits = id.to_string();
    from_text::<MessageId<'_>>(&digits, 1)
        .map_or_else(|_| MessageId::from_i64(id), |id| id.detach())
}
