//! What a script can make the other side, or the service, do.

use chat_proto::c2c::frame::{Down, Push};
use chat_proto::c2c::system::Role;
use chat_proto::codec::Wire;
use chat_proto::machine::Text;
use serde::{Deserialize, Deserializer};

use super::events::{self, Side};
use super::{C2cMessage, C2cPicture, C2cRecord, C2cState, chat, extras};
use crate::effects::Cx;
use crate::faults::is_close_code;

/// Something that happens on an order without a client's doing.
///
/// Read from JSON, a step is an object with the name in lower case: `{"text":{"from":KEY,"content":
/// "hi"}}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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
    /// A card to both sides, e.g. `order_payment` or `add_kyc_vrf`. (field reports)
    Card {
        /// Which.
        sub_type: String,
        /// JSON text.
        content: String,
    },
    /// A system message, e.g. `payed` or `completed_with_ref`. Each side gets it with **its own**
    /// role in front: `seller_payed` reaches the seller, and the buyer is who paid. Of the known
    /// names some reach one side only; unknown ones reach both. (field reports)
    OrderEvent {
        /// The name without the role.
        event: String,
    },
    /// A system message to both sides whose name tells no role, e.g. `cancelled_by_system`.
    SystemEvent {
        /// The name.
        event: String,
    },
    /// An appeal: who made it reads `submit_appeal`, the other side `be_appeal`. (field reports)
    Appeal {
        /// API key of who appeals.
        by: String,
    },
    /// A check of identity, e.g. `order_created_with_additional_kyc`: each side reads whether it is
    /// maker or taker, and whether it buys or sells, behind the name. (field reports; who reads
    /// which is a guess)
    Kyc {
        /// The name without the side.
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
    /// Counters, without an order. (field reports)
    Statistics {
        /// API key of the receiver.
        to: String,
    },
    /// A question about an ad: a text without an order. (one report)
    Enquiry {
        /// API key of the receiver.
        to: String,
        /// The text.
        content: String,
    },
    /// The connections of one side are closed.
    Close {
        /// API key of the side.
        of: String,
        /// The close code; 0 is the end without a close frame. With 1000 the reason is `Bye`.
        code: u16,
    },
    /// Any text to one side, as it is: frames of unknown kinds, broken ones, counters.
    Raw {
        /// API key of the receiver.
        to: String,
        /// The text.
        #[serde(deserialize_with = "text")]
        text: Text,
    },
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    String::deserialize(deserializer).map(Text::from)
}

impl Script {
    /// A script for every system message that is known by name, in which `by` appeals.
    pub fn every_event(by: &str) -> impl Iterator<Item = Self> {
        let named = |event: &str| event.to_owned();
        let appeal = Self::Appeal { by: by.to_owned() };
        let with_role =
            events::with_role().map(move |event| Self::OrderEvent { event: named(event) });
        let plain = events::plain().map(move |event| Self::SystemEvent { event: named(event) });
        let kyc = events::kyc().map(move |event| Self::Kyc { event: named(event) });
        with_role.chain(plain).chain(kyc).chain([appeal])
    }
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
    /// The number is not one that a close frame can carry.
    #[error("this is no code of a close frame")]
    NoCode,
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
    let of = |user| Side {
        role: if user == seller { Role::Seller } else { Role::Buyer },
        is_maker: user == maker,
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
        Script::Card { sub_type, content } => {
            vec![C2cMessage { sub_type, ..row("card", None, None, Some(content)) }]
        }
        Script::OrderEvent { event } => {
            let event = |user| events::read_by(&event, of(user));
            let rows = sides.into_iter().filter_map(|user| {
                let content = content(state, order_no, user, &event(user)?);
                Some(row("system", None, Some(user), Some(content)))
            });
            rows.collect()
        }
        Script::SystemEvent { event } => {
            let rows = sides.map(|user| {
                let content = content(state, order_no, user, &event);
                row("system", None, Some(user), Some(content))
            });
            rows.into()
        }
        Script::Appeal { by } => {
            let by = side(&by)?;
            let rows = sides.map(|user| {
                let event = if user == by { "submit_appeal" } else { "be_appeal" };
                row("system", None, Some(user), Some(content(state, order_no, user, event)))
            });
            rows.into()
        }
        Script::Kyc { event } => {
            let rows = sides.map(|user| {
                let content =
                    content(state, order_no, user, &events::kyc_read_by(&event, of(user)));
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
        Script::Statistics { to } => {
            let to = side(&to)?;
            let text = extras::statistics(state, to);
            for conn in state.conns(to) {
                cx.fx.send(conn, text.clone());
            }
            return Ok(None);
        }
        Script::Enquiry { to, content } => {
            let to = side(&to)?;
            let text = extras::enquiry(state, cx, to, &content);
            for conn in state.conns(to) {
                cx.fx.send(conn, text.clone());
            }
            return Ok(None);
        }
        Script::Close { of, code } => {
            let of = side(&of)?;
            if code != 0 && !is_close_code(code) {
                return Err(ScriptError::NoCode);
            }
            for conn in state.conns(of) {
                match code {
                    0 => cx.fx.cut(conn),
                    1000 => cx.fx.close(conn, code, "Bye"),
                    _ => cx.fx.close(conn, code, "fault"),
                }
            }
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
pub(super) fn uuid(cx: &mut Cx<'_>) -> String {
    let hex = cx.ids.hex32();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The JSON text of a system message: who reads it is told the other side's name.
fn content(state: &C2cState, order_no: &str, reader: u64, event: &str) -> String {
    let other = state.orders.get(order_no).map(|order| order.other(reader));
    let trader = other.and_then(|other| state.traders.get(&other));
    let mut content = serde_json::json!({
        "type": event,
        "nickName": trader.map_or("", |trader| &trader.nickname),
        "orderNo": order_no,
        "symbol": "USDT",
    });
    if events::has_reference(event) {
        content["refMessage"] = "null".into();
    }
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
