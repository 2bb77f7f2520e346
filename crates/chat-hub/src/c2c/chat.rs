//! Messages: judged, stored, echoed, delivered.

use std::time::Duration;

use chat_proto::c2c::frame::{Down, Kind, Push, Up};
use chat_proto::c2c::{Loose, MessageId};
use chat_proto::codec::Wire;
use chat_proto::json::Raw;
use chat_proto::machine::{ConnId, Text};

use super::{C2cMessage, C2cPicture, C2cRecord, C2cState, extras, later};
use crate::effects::Cx;
use crate::world::CloseWhen;

/// What is wrong with a frame. (field reports)
pub(super) const ILLEGAL: &str = "ILLEGAL_PARAM";
/// A text that is not let through. (choice: the true words are not known)
const REFUSED: &str = "CONTENT_REFUSED";
/// The message could not be stored. (choice)
const FAILED: &str = "SYSTEM_ERROR";
/// Messages closer together than this are a burst. (field report: 800 ms cured it)
const BURST: Duration = Duration::from_millis(500);
/// Ids in one read mark.
const MAX_MARKS: usize = 100;

/// A text message came.
pub(super) fn received(state: &mut C2cState, cx: &mut Cx<'_>, conn: ConnId, text: &Text) {
    let Some(link) = state.links.get_mut(&conn) else { return };
    let user = link.user;
    link.received = link.received.saturating_add(1);
    let last = state.faults.close_after > 0 && link.received >= state.faults.close_after;
    let end = last.then_some(state.faults.close_when);
    match end {
        Some(CloseWhen::Received) => state.close(cx, conn),
        // What is said to a connection that is closing is not sent.
        Some(CloseWhen::Stored) => {
            state.close(cx, conn);
            handle(state, cx, conn, user, text);
        }
        Some(CloseWhen::Echoed) => {
            handle(state, cx, conn, user, text);
            state.close(cx, conn);
        }
        None => handle(state, cx, conn, user, text),
    }
}

fn handle(state: &mut C2cState, cx: &mut Cx<'_>, conn: ConnId, user: u64, text: &Text) {
    let Ok(frame) = Up::decode(text.as_str()) else {
        return cx.fx.answer(conn, error_frame(ILLEGAL, "", ""));
    };
    if frame.kind() == Kind::Ping {
        return cx.fx.answer(conn, Wire::encode(&Down::from(Push::of("pong"))));
    }
    if frame.kind() == Kind::Pong {
        return;
    }
    match judge(state, user, &frame) {
        Ok(row) if vanishes(state, cx, conn, &row) => {}
        Ok(row) => accept(state, cx, conn, row),
        Err(why) => {
            let (uuid, order) = (frame.uuid.decode(), frame.order_no.text());
            cx.fx.answer(conn, error_frame(why, &uuid, &order));
        }
    }
}

/// Whether a message gets lost, as some were seen to. (field report)
fn vanishes(state: &mut C2cState, cx: &Cx<'_>, conn: ConnId, row: &C2cMessage) -> bool {
    let lost = &state.faults.drop_text;
    let is_lost = |content: &String| !lost.is_empty() && content.contains(lost.as_str());
    row.content.as_ref().is_some_and(is_lost) || in_burst(state, cx, conn)
}

/// The row of a frame that is as it should be.
fn judge(state: &C2cState, user: u64, frame: &Up<'_>) -> Result<C2cMessage, &'static str> {
    let order_no = frame.order_no.text();
    if frame.uuid.is_empty() || state.order_of(&order_no, user).is_none() {
        return Err(ILLEGAL);
    }
    let content = frame.content.as_ref().map(Loose::text).filter(|text| !text.is_empty());
    let row = C2cMessage {
        order_no: order_no.into_owned(),
        from: Some(user),
        uuid: frame.uuid.decode().into_owned(),
        ..C2cMessage::default()
    };
    match (frame.kind(), content) {
        (Kind::Text, Some(content)) => {
            let refused = &state.faults.refuse_text;
            if !refused.is_empty() && content.contains(refused.as_str()) {
                return Err(REFUSED);
            }
            Ok(C2cMessage { kind: "text".into(), content: Some(content.into_owned()), ..row })
        }
        (Kind::Image, None) => {
            let picture = picture(frame).ok_or(ILLEGAL)?;
            Ok(C2cMessage { kind: "image".into(), image: Some(picture), ..row })
        }
        // A text without content, a picture with one, and everything no client is known to send.
        _ => Err(ILLEGAL),
    }
}

/// The five members every picture must have. (field reports)
fn picture(frame: &Up<'_>) -> Option<C2cPicture> {
    let side = |side: &Option<Loose<'_>>| side.as_ref()?.as_u32().filter(|pixels| *pixels > 0);
    let text =
        |text: &chat_proto::json::Str<'_>| (!text.is_empty()).then(|| text.decode().into_owned());
    Some(C2cPicture {
        url: text(&frame.image_url)?,
        thumbnail: text(&frame.thumbnail_url)?,
        extension: text(&frame.image_type)?,
        width: side(&frame.width)?,
        height: side(&frame.height)?,
    })
}

/// Whether a message is one too many in a row.
fn in_burst(state: &mut C2cState, cx: &Cx<'_>, conn: ConnId) -> bool {
    let allowed = state.faults.drop_bursts_over;
    let Some(link) = state.links.get_mut(&conn).filter(|_| allowed > 0) else { return false };
    let now = cx.now.mono;
    let count = match link.burst {
        Some((last, count)) if now.saturating_duration_since(last) < BURST => {
            count.saturating_add(1)
        }
        _ => 1,
    };
    link.burst = Some((now, count));
    count > allowed
}

fn accept(state: &mut C2cState, cx: &mut Cx<'_>, conn: ConnId, row: C2cMessage) {
    if state.faults.dedupe_uuids
        && let Some(first) = earlier(state, &row)
    {
        return echo(state, cx, first, conn);
    }
    let reply = auto_reply(state, cx, &row);
    let id = store(state, cx, row);
    deliver(state, cx, id, Some(conn));
    if let Some(reply) = reply {
        let id = store(state, cx, reply);
        deliver(state, cx, id, None);
    }
}

/// The message of the same author that has the same `uuid`.
fn earlier(state: &C2cState, row: &C2cMessage) -> Option<i64> {
    let order = state.orders.get(&row.order_no)?;
    let is_it = |id: &&i64| {
        state.messages.get(id).is_some_and(|it| it.from == row.from && it.uuid == row.uuid)
    };
    order.messages.iter().find(is_it).copied()
}

/// Gives the author of a message its copy.
fn echo(state: &C2cState, cx: &mut Cx<'_>, id: i64, conn: ConnId) {
    let row = state.messages.get(&id);
    let user = state.links.get(&conn).map(|link| link.user);
    if let (Some(row), Some(user)) = (row, user) {
        cx.fx.answer(conn, Wire::encode(&Down::from(push(state, id, row, user))));
    }
}

/// What the advertiser has the service answer to the other side's first message. (field reports)
fn auto_reply(state: &C2cState, cx: &mut Cx<'_>, row: &C2cMessage) -> Option<C2cMessage> {
    let order = state.orders.get(&row.order_no)?;
    let content = order.auto_reply.clone().filter(|_| row.from == Some(order.taker))?;
    let mut earlier = order.messages.iter().filter_map(|id| state.messages.get(id));
    if earlier.any(|earlier| earlier.from == Some(order.taker)) {
        return None;
    }
    Some(C2cMessage {
        order_no: row.order_no.clone(),
        from: Some(order.maker),
        kind: "auto_reply".into(),
        uuid: format!("auto-{}", cx.ids.hex32()),
        content: Some(content),
        ..C2cMessage::default()
    })
}

/// Stores a message under a new id.
pub(super) fn store(state: &mut C2cState, cx: &mut Cx<'_>, mut row: C2cMessage) -> i64 {
    let now = state.clock(cx);
    row.created = now.as_millis();
    // The upper bits are the time, so ids also grow over restarts; but the clock may go back.
    let newest = state.messages.last_key_value().map_or(0, |(id, _)| *id);
    let flake = i64::try_from(cx.ids.snowflake(now)).unwrap_or(i64::MAX);
    let id = flake.max(newest.saturating_add(1));
    let max = cx.config.max_order_messages.max(1);
    let kept = state.orders.get(&row.order_no).map(|order| &order.messages);
    let excess = kept.map_or(0, |kept| (kept.len() + 1).saturating_sub(max));
    let oldest: Vec<_> = kept.into_iter().flatten().take(excess).copied().collect();
    for id in oldest {
        state.put(cx, C2cRecord::Message { id, row: None });
    }
    state.put(cx, C2cRecord::Message { id, row: Some(row) });
    id
}

/// Sends a message to every connection that may see it. To the one that sent it, it is the answer.
pub(super) fn deliver(state: &mut C2cState, cx: &mut Cx<'_>, id: i64, sender: Option<ConnId>) {
    let Some(row) = state.messages.get(&id).cloned() else { return };
    let Some(order) = state.orders.get(&row.order_no) else { return };
    let copies = if state.faults.duplicate { 2 } else { 1 };
    for user in [order.maker, order.taker] {
        let own = row.from == Some(user);
        if row.to.is_some_and(|to| to != user) || (own && state.faults.no_echo) {
            continue;
        }
        let text: Text = Wire::encode(&Down::from(push(state, id, &row, user)));
        let conns: Vec<_> = state.conns(user).collect();
        for conn in conns {
            for _ in 0..copies {
                if own && later::put_off(state, cx, conn, id) {
                    continue;
                }
                if sender == Some(conn) {
                    cx.fx.answer(conn, text.clone());
                } else {
                    cx.fx.send(conn, text.clone());
                }
            }
            extras::after_message(state, cx, conn, user);
        }
    }
}

/// A message as one side sees it.
pub(super) fn push(state: &C2cState, id: i64, row: &C2cMessage, viewer: u64) -> Push<'static> {
    let own = row.from == Some(viewer);
    // Read by whom it is meant for: the other side reads ours, we read theirs.
    let order = state.orders.get(&row.order_no);
    let reader = order.map_or(viewer, |order| if own { order.other(viewer) } else { viewer });
    let upto = state.reads.get(&(row.order_no.clone(), reader)).copied().unwrap_or(0);
    let nickname = row.from.and_then(|from| state.traders.get(&from)).map(|it| &it.nickname);
    let image = row.image.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default().into();
    Push {
        id: MessageId::from_i64(id),
        uuid: row.uuid.clone().into(),
        order_no: row.order_no.clone().into(),
        topic_id: row.order_no.clone().into(),
        topic_type: "ORDER".into(),
        source_type: "contact".into(),
        self_: Some(own),
        status: if id <= upto { "read" } else { "unread" }.into(),
        from_nickname: nickname.map(|name| name.clone().into()),
        create_time: Some(Loose::number(row.created)),
        sub_type: row.sub_type.clone().into(),
        content: row.content.clone().map(Loose::string),
        image_url: text(image.map(|it| &it.url)),
        thumbnail_url: text(image.map(|it| &it.thumbnail)),
        image_type: text(image.map(|it| &it.extension)),
        width: image.map(|it| Loose::number(it.width)),
        height: image.map(|it| Loose::number(it.height)),
        ..Push::of(row.kind.clone())
    }
}

/// Marks what `user` can see of an order as read, and tells the other side.
pub(super) fn mark_read(state: &mut C2cState, cx: &mut Cx<'_>, order_no: &str, user: u64) {
    let Some(order) = state.order_of(order_no, user) else { return };
    let Some(newest) = order.messages.last().copied() else { return };
    let before = state.reads.get(&(order_no.to_owned(), user)).copied().unwrap_or(0);
    if newest <= before {
        return;
    }
    let other = order.other(user);
    let read = order
        .messages
        .range(before + 1..)
        .rev()
        .filter(|id| state.messages.get(id).is_some_and(|row| row.from == Some(other)));
    let mut ids: Vec<_> = read.take(MAX_MARKS).map(ToString::to_string).collect();
    ids.reverse();
    let order_no = order_no.to_owned();
    state.put(cx, C2cRecord::Read { order_no: order_no.clone(), user, upto: newest });
    if ids.is_empty() {
        return;
    }
    let frame = Push {
        order_no: order_no.into(),
        self_: Some(false),
        mark_ids: Raw::from_value(&ids).ok(),
        ..Push::of("mark")
    };
    let text = Wire::encode(&Down::from(frame));
    for conn in state.conns(other) {
        cx.fx.send(conn, text.clone());
    }
}

/// An error frame; the socket stays open. (field reports)
pub(super) fn error_frame(why: &str, uuid: &str, order_no: &str) -> Text {
    let frame = Push {
        uuid: uuid.to_owned().into(),
        topic_id: order_no.to_owned().into(),
        content: Some(Loose::string(why.to_owned())),
        ..Push::of("error")
    };
    Wire::encode(&Down::from(frame))
}

pub(super) fn store_failed(text: &Text) -> Option<Text> {
    let frame = Up::decode(text.as_str()).ok()?;
    let awaits = matches!(frame.kind(), Kind::Text | Kind::Image);
    awaits.then(|| error_frame(FAILED, &frame.uuid.decode(), &frame.order_no.text()))
}
