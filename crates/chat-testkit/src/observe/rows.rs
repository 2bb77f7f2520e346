//! What the hub stores, in the words of an observation.

#![expect(clippy::wildcard_enum_match_arm, reason = "most is not checked")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat_hub::record::TopicId;
use chat_hub::{C2cRecord, Record};

use super::{Chat, Message, Row};

/// What a user of topic chat is called; 0 is nobody.
#[must_use]
pub fn topic_user(number: u64) -> String {
    if number == 0 { String::new() } else { format!("usr{number}") }
}

/// What a side of an order is called; `None` is the service.
#[must_use]
pub fn order_user(number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| format!("trader{number}"))
}

/// Rows of a commit, or of [`Hub::snapshot`](chat_hub::Hub::snapshot). Rows about what nobody checks
/// (tokens, files, what users say of themselves) are left out.
pub fn rows<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Row> {
    records.into_iter().filter_map(row).collect()
}

fn chat(id: TopicId) -> Option<Chat> {
    Some(match id {
        TopicId::P2p(a, b) => Chat::pair(&topic_user(a), &topic_user(b)),
        TopicId::Group(number) => {
            Chat::Topic(format!("grp{}", URL_SAFE_NO_PAD.encode(number.to_be_bytes())))
        }
        TopicId::Emc(number) => Chat::Topic(format!("emc{number}")),
        TopicId::Slf(user) => Chat::Topic(format!("slf of {}", topic_user(user))),
        TopicId::Me(_) => return None,
    })
}

fn row(record: &Record) -> Option<Row> {
    Some(match record {
        Record::Topic { topic, row } => Row::Topic { chat: chat(*topic)?, exists: row.is_some() },
        Record::Head { topic, row } => Row::Head { chat: chat(*topic)?, seq: row.seq },
        Record::Sub { topic, user, row } => Row::Member {
            chat: chat(*topic)?,
            user: topic_user(*user),
            access: row
                .as_ref()
                .filter(|row| row.deleted.is_none())
                .map(|row| (row.want.to_string(), row.given.to_string())),
        },
        Record::Marks { topic, user, row } => Row::Marks {
            chat: chat(*topic)?,
            user: topic_user(*user),
            read: row.read,
            received: row.recv,
        },
        Record::Message { topic, seq, row } => Row::Message {
            chat: Some(chat(*topic)?),
            seq: *seq,
            to: String::new(),
            message: row.as_ref().map(|row| Message {
                seq: *seq,
                from: topic_user(row.from),
                content: row.content.as_str().to_owned(),
            }),
        },
        Record::Deletion { topic, row: Some(row), .. } => Row::Erased {
            chat: chat(*topic)?,
            user: row.user.map(topic_user),
            ranges: row.ranges.iter().map(|(low, past)| (*low, past - 1)).collect(),
        },
        Record::C2c(C2cRecord::Message { id, row }) => {
            let seq = u64::try_from(*id).unwrap_or_default();
            Row::Message {
                chat: row.as_ref().map(|row| Chat::Order(row.order_no.clone())),
                seq,
                to: order_user(row.as_ref().and_then(|row| row.to)),
                message: row.as_ref().map(|row| Message {
                    seq,
                    from: order_user(row.from),
                    content: row.content.clone().unwrap_or_default(),
                }),
            }
        }
        Record::C2c(C2cRecord::Read { order_no, user, upto }) => {
            let upto = u64::try_from(*upto).unwrap_or_default();
            Row::Marks {
                chat: Chat::Order(order_no.clone()),
                user: order_user(Some(*user)),
                read: upto,
                received: upto,
            }
        }
        // Users, tokens, files, pictures, and a deletion that was merged into another.
        _ => return None,
    })
}
