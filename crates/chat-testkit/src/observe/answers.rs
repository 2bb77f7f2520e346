//! What clients tell their applications, in the words of an observation.

#![expect(clippy::wildcard_enum_match_arm, reason = "most is not checked")]

use chat_proto::c2c::client as order;
use chat_proto::error::RequestError;
use chat_proto::im::client as topic;
use chat_proto::im::down::Data;

use super::{Chat, Client, End, Message, Observation};

/// How a request of topic chat ended for `user`.
#[must_use]
pub fn topic_end(user: &str, result: &Result<topic::Answer, RequestError>) -> End {
    match result {
        Ok(topic::Answer::Published(receipt)) => End::Published(Some(receipt.seq.get())),
        Ok(topic::Answer::Subscribed(it)) => {
            End::Subscribed(Chat::of_topic(user, it.topic.as_str()))
        }
        Ok(topic::Answer::History(page)) => {
            End::Page(page.messages.iter().map(topic_message).collect())
        }
        Ok(_) => End::Done,
        Err(why) => failed(why),
    }
}

/// How a request of order chat ended.
#[must_use]
pub fn order_end(user: &str, result: &Result<order::Answer, RequestError>) -> End {
    match result {
        Ok(order::Answer::Accepted(it)) => {
            End::Published(it.message_id.as_ref().and_then(|id| id.text().parse().ok()))
        }
        Ok(order::Answer::History(page)) => {
            let message = |it: &chat_proto::c2c::HistoryItem<'_>| Message {
                seq: it.id.text().parse().unwrap_or_default(),
                from: author(user, it.self_),
                content: it.content.as_ref().map(|it| it.text().into_owned()).unwrap_or_default(),
            };
            End::Page(page.items.iter().map(message).collect())
        }
        Ok(_) => End::Done,
        Err(why) => failed(why),
    }
}

/// What an event of topic chat says about what is checked.
#[must_use]
pub fn topic_event(client: Client, user: &str, event: &topic::ImEvent) -> Option<Observation> {
    let chat_of = |topic: &chat_proto::im::TopicName| Chat::of_topic(user, topic.as_str());
    Some(match event {
        topic::ImEvent::Message(data) => Observation::Told {
            client,
            chat: Chat::of_topic(user, &data.topic().decode())?,
            message: topic_message(&data.frame()),
            from_history: false,
        },
        topic::ImEvent::Gap { topic, from, to } => {
            Observation::Gap { client, chat: chat_of(topic)?, from: from.get(), to: to.get() }
        }
        topic::ImEvent::Rewound { topic, .. } => {
            Observation::Rewound { client, chat: chat_of(topic)? }
        }
        topic::ImEvent::TopicGone { topic, .. } | topic::ImEvent::AttachRefused { topic, .. } => {
            Observation::Dropped { client, chat: chat_of(topic)? }
        }
        _ => return None,
    })
}

/// What an event of order chat says about what is checked: of frames the messages.
#[must_use]
pub fn order_event(client: Client, user: &str, event: &order::C2cEvent) -> Option<Observation> {
    let order::C2cEvent::Push(it) = event else { return None };
    let push = &it.push;
    if (push.content.is_none() && !push.kind().is_message()) || push.id.is_empty() {
        return None;
    }
    let order = [&push.order_no, &push.topic_id].into_iter().find(|it| !it.is_empty())?;
    Some(Observation::Told {
        client,
        chat: Chat::Order(order.text().into_owned()),
        message: Message {
            seq: push.id.text().parse().unwrap_or_default(),
            from: author(user, push.self_),
            content: push.content.as_ref().map(|it| it.text().into_owned()).unwrap_or_default(),
        },
        from_history: it.is_from_history(),
    })
}

/// Frames of order chat only say whether the reader wrote them.
fn author(user: &str, own: Option<bool>) -> String {
    if own == Some(true) { user.to_owned() } else { String::new() }
}

fn topic_message(data: &Data<'_>) -> Message {
    Message {
        seq: data.seq,
        from: data.from.decode().into_owned(),
        content: data.content.as_ref().map(|it| it.as_str().to_owned()).unwrap_or_default(),
    }
}

fn failed(why: &RequestError) -> End {
    match why {
        RequestError::Rejected(it) => End::Rejected(it.code.clone()),
        RequestError::TimedOut => End::TimedOut,
        RequestError::Cancelled => End::Cancelled,
        // Whatever else there will be, nothing is known of it.
        _ => End::Unknown,
    }
}
