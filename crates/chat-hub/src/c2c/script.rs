//! What a script can make the other side, or the service, do.

use chat_proto::c2c::frame::{Down, Push};
use chat_proto::c2c::system::Role;
use chat_proto::codec::Wire;
use chat_proto::machine::Text;

use super::{C2cMessage, C2cPicture, C2cRecord, C2cState, chat};
use crate::effects::Cx;

/// Something that happens on an order without a client's doing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Script {
    /// A text of one side.
    Text {
        /// API key of the author.
        from: String,
        /// The text.
        content: String,
    },
    /// A picture of one side.
    Image {
        /// API key of the author.
        from: String,
        /// The picture.
        picture: C2cPicture,
    },
    /// The advertiser's automatic reply.
    AutoReply {
        /// The text.
        content: String,
    },
    /// A system message to both sides, e.g. `payed` or `completed_with_ref`. Each side gets it with
    /// **its own** role in front: `seller_payed` reaches the seller, and the buyer is who paid.
    /// (field reports)
    OrderEvent {
        /// The name without the role.
        event: String,
    },
    /// A system message to both sides whose name tells no role, e.g. `cancelled_by_system`.
    SystemEvent {
        /// The name.
        event: String,
    },
    /// A system message that is plain text.
    SystemText {
        /// The text.
        content: String,
    },
    /// A message is withdrawn: history does not have it any more.
    Recall {
        /// Its id.
        id: i64,
    },
    /// One side reads all there is.
    Read {
        /// API key of the reader.
        by: String,
    },
    /// Any text to one side, as it is: frames of unknown kinds, broken ones, counters.
    Raw {
        /// API key of the receiver.
        to: String,
        /// The text.
        text: Text,
    },
}

/// Why a script could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// There is no such order.
    #[error("there is no such order")]
    NoOrder,
    /// The account is not a side of the order.
    #[error("the account is not a side of the order")]
    NoAccount,
    /// There is no such message in the order.
    #[error("there is no such message in the order")]
    NoMessage,
}

/// Follows a script.
pub(crate) fn perform(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    order_no: &str,
    script: Script,
) -> Result<Option<i64>, ScriptError> {
    let order = state.orders.get(order_no).ok_or(ScriptError::NoOrder)?;
    let sides = [order.maker, order.taker];
    let (maker, seller) = (order.maker, order.seller);
    let side = |key: &str| {
        let user = state.by_key.get(key).filter(|user| sides.contains(user));
        user.copied().ok_or(ScriptError::NoAccount)
    };
    let row = |kind: &str, from, to, content| C2cMessage {
        order_no: order_no.to_owned(),
        from,
        to,
        kind: kind.to_owned(),
        content,
        ..C2cMessage::default()
    };
    let rows = match script {
        Script::Text { from, content } => {
            vec![row("text", Some(side(&from)?), None, Some(content))]
        }
        Script::Image { from, picture } => {
            let image = Some(picture);
            vec![C2cMessage { image, ..row("image", Some(side(&from)?), None, None) }]
        }
        Script::AutoReply { content } => vec![row("auto_reply", Some(maker), None, Some(content))],
        Script::OrderEvent { event } => {
            let event = |user| {
                let role = if user == seller { Role::Seller } else { Role::Buyer };
                let prefix = match role {
                    Role::Seller => "seller",
                    Role::Buyer => "buyer",
                };
                format!("{prefix}_{event}")
            };
            let rows = sides.map(|user| {
                let content = content(state, order_no, user, &event(user));
                row("system", None, Some(user), Some(content))
            });
            rows.into()
        }
        Script::SystemEvent { event } => {
            let rows = sides.map(|user| {
                let content = content(state, order_no, user, &event);
                row("system", None, Some(user), Some(content))
            });
            rows.into()
        }
        Script::SystemText { content } => vec![row("system", None, None, Some(content))],
        Script::Recall { id } => return recall(state, cx, order_no, id),
        Script::Read { by } => {
            let user = side(&by)?;
            chat::mark_read(state, cx, order_no, user);
            return Ok(None);
        }
        Script::Raw { to, text } => {
            for conn in state.conns(side(&to)?) {
                cx.fx.send(conn, text.clone());
            }
            return Ok(None);
        }
    };
    let mut last = None;
    for mut row in rows {
        row.uuid = uuid(cx);
        let id = chat::store(state, cx, row);
        chat::deliver(state, cx, id, None);
        last = Some(id);
    }
    Ok(last)
}

/// 32 hex digits in the groups of a UUID.
fn uuid(cx: &mut Cx<'_>) -> String {
    let hex = cx.ids.hex32();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The JSON text of a system message: who reads it is told the other side's name.
fn content(state: &C2cState, order_no: &str, reader: u64, event: &str) -> String {
    let other = state.orders.get(order_no).map(|order| order.other(reader));
    let trader = other.and_then(|other| state.traders.get(&other));
    let content = serde_json::json!({
        "type": event,
        "nickName": trader.map_or("", |trader| &trader.nickname),
        "orderNo": order_no,
        "symbol": "USDT",
    });
    content.to_string()
}

fn recall(
    state: &mut C2cState,
    cx: &mut Cx<'_>,
    order_no: &str,
    id: i64,
) -> Result<Option<i64>, ScriptError> {
    let row = state.messages.get(&id).filter(|row| row.order_no == order_no);
    let row = row.cloned().ok_or(ScriptError::NoMessage)?;
    state.put(cx, C2cRecord::Message { id, row: None });
    let Some(order) = state.orders.get(order_no) else { return Ok(Some(id)) };
    for user in [order.maker, order.taker] {
        let message = chat::push(state, id, &row, user);
        let frame = Push {
            id: message.id,
            uuid: message.uuid,
            order_no: message.order_no,
            self_: message.self_,
            create_time: message.create_time,
            ..Push::of("recall")
        };
        let text = Wire::encode(&Down::from(frame));
        for conn in state.conns(user) {
            cx.fx.send(conn, text.clone());
        }
    }
    Ok(Some(id))
}
