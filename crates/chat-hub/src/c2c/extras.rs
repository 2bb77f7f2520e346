//! Frames beside the messages of orders: counters, questions about ads, kinds nobody knows.

use chat_proto::c2c::frame::{Down, Push};
use chat_proto::c2c::{Loose, MessageId};
use chat_proto::codec::Wire;
use chat_proto::machine::{ConnId, Text};

use super::C2cState;
use super::script::uuid;
use crate::effects::Cx;

/// What the fault switches add to a message.
pub(super) fn after_message(state: &C2cState, cx: &mut Cx<'_>, conn: ConnId, user: u64) {
    if state.faults.statistics {
        cx.fx.send(conn, statistics(state, user));
    }
    if state.faults.unknown_frames {
        let text = r#"{"type":"CONFETTI","subType":"gold","pieces":[1,{"of":"many"}]}"#;
        cx.fx.send(conn, Text::from_static(text));
    }
    if state.faults.enquiries {
        let text = enquiry(state, cx, user, "Is this still available?");
        cx.fx.send(conn, text);
    }
}

/// How many messages an account has yet to read, without an order. (field reports)
pub(super) fn statistics(state: &C2cState, user: u64) -> Text {
    let orders = state.orders.iter().filter(|(_, order)| order.has(user));
    let unread = orders.map(|(order_no, order)| {
        let upto = state.reads.get(&(order_no.clone(), user)).copied().unwrap_or(0);
        let of_other = |id: &&i64| {
            let row = state.messages.get(id);
            row.is_some_and(|row| row.from.is_some_and(|from| from != user))
        };
        order.messages.range(upto.saturating_add(1)..).filter(of_other).count()
    });
    let unread = i64::try_from(unread.sum::<usize>()).unwrap_or(i64::MAX);
    let frame = Push {
        sub_type: "unreadChatCount".into(),
        unread_count: Some(Loose::number(unread)),
        ..Push::of("statistics")
    };
    Wire::encode(&Down::from(frame))
}

/// A question about an ad, before there is an order: it has a group in place of one. (one report)
pub(super) fn enquiry(state: &C2cState, cx: &mut Cx<'_>, user: u64, content: &str) -> Text {
    let now = state.clock(cx);
    let id = i64::try_from(cx.ids.snowflake(now)).unwrap_or(i64::MAX);
    let frame = Push {
        id: MessageId::from_i64(id),
        uuid: uuid(cx).into(),
        group_id: Loose::string(format!("{:010}", user % 10_000_000_000)),
        source_type: "contact".into(),
        self_: Some(false),
        status: "unread".into(),
        from_nickname: Some("Visitor".into()),
        create_time: Some(Loose::number(now.as_millis())),
        content: Some(Loose::string(content.to_owned())),
        has_ongoing_order: Some(false),
        ..Push::of("text")
    };
    Wire::encode(&Down::from(frame))
}
