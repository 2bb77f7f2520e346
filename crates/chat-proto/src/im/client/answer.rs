//! Answers to requests.

use super::request::HistoryQuery;
use crate::error::Rejection;
use crate::im::down::{Ctrl, Data, Meta};
use crate::im::{Access, Seq, Stamp, TopicName, UserId};
use crate::table::Table;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// To `subscribe`.
    Subscribed(Box<Subscribed>),
    /// To `publish`.
    Published(Receipt),
    /// To `get`: the sections that were there. A section that is missing was empty.
    Meta(Box<Meta<'static>>),
    /// To `history`.
    History(Box<History>),
    /// To `set` and what is made of it: `invite`, `ban`, `transfer_ownership`.
    Changed(Box<Changed>),
    /// To everything else: the server's `ctrl`.
    Done(Box<Ctrl<'static>>),
}

/// A topic is attached to this session.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    /// Its name; differs from the request's for a new group.
    pub topic: TopicName,
    /// This user's access, where the answer tells. It does for what is new.
    pub access: Option<Access>,
    /// The sections that were asked for with it; those that are missing were empty or refused.
    pub meta: Box<Meta<'static>>,
    /// The server's words.
    pub ctrl: Ctrl<'static>,
}

/// The server has stored a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The topic.
    pub topic: TopicName,
    /// The message's number.
    pub seq: Seq,
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
    /// Whether the server said that this is all. If not, its time was over before it did.
    pub complete: bool,
    pub(super) query: HistoryQuery,
}

impl History {
    /// A page as it came; `end` is what the end marker says, if there was one.
    pub(super) fn new(
        topic: TopicName,
        messages: Table<u64, Data<'static>>,
        end: Option<Option<u64>>,
        query: HistoryQuery,
    ) -> Self {
        let messages = messages.into_values();
        let count = end.flatten().unwrap_or(messages.len() as u64);
        Self { topic, messages, count, complete: end.is_some(), query }
    }

    /// The query for the page before this one; `None` when this one is empty or reaches the start of
    /// what was asked for.
    #[must_use]
    pub fn older(&self) -> Option<HistoryQuery> {
        let first = self.messages.first()?.seq;
        (first > self.query.lowest().max(1)).then(|| self.query.clone().before(first))
    }
}

/// What became of a `set`. A server answers each part of it on its own, so some may have been done
/// and others refused; when all were refused, the request was.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The topic.
    pub topic: TopicName,
    /// Whose access was changed, where the answer tells.
    pub user: Option<UserId>,
    /// That access now. After `transfer_ownership` it tells whether the member owns the topic already
    /// (both sides hold `O`), or must accept.
    pub access: Option<Access>,
    /// The server's words for the parts that were done; code 304 means that it was so before.
    pub done: Vec<Ctrl<'static>>,
    /// Its words for those that were not.
    pub refused: Vec<Rejection>,
    /// Parts without an answer: they may have been done.
    pub unanswered: usize,
}
