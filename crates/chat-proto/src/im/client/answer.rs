//! Answers to requests.

use crate::im::TopicName;
use crate::im::down::{Ctrl, Data, Meta};
use crate::im::stamp::Stamp;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// To `subscribe`.
    Subscribed(Subscribed),
    /// To `publish`.
    Published(Receipt),
    /// To `get`: the sections that were there. A section that is missing was empty.
    Meta(Box<Meta<'static>>),
    /// To `history`.
    History(History),
    /// To everything else: the server's `ctrl`, or the last one where several are due.
    Done(Ctrl<'static>),
}

/// A topic is attached to this session.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    /// Its name; differs from the request's for a new group.
    pub topic: TopicName,
    /// The server's words: `params.acs` and `params.seq` may be there.
    pub ctrl: Ctrl<'static>,
}

/// The server has stored a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The topic.
    pub topic: TopicName,
    /// The message's number.
    pub seq: u64,
    /// When it was stored.
    pub ts: Stamp<'static>,
}

/// One page of history.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The topic.
    pub topic: TopicName,
    /// The messages, oldest first. Numbers may be missing: deleted messages are not sent.
    pub messages: Vec<Data<'static>>,
    /// How many messages the server says it sent.
    pub count: u64,
}

impl History {
    /// Where the page before this one ends: for the next [`HistoryQuery::before`](super::HistoryQuery);
    /// `None` when there is none.
    #[must_use]
    pub fn before(&self) -> Option<u64> {
        self.messages.first().map(|message| message.seq).filter(|seq| *seq > 1)
    }
}
