//! What an application can ask for.

use chat_proto::client::RequestId;
use chat_proto::error::CallError;
use chat_proto::im::client::{
    Answer, Changed, Credentials, History, HistoryQuery, Publish, Query, SetRequest, Subscribe,
    Subscribed, TypingKind,
};
use chat_proto::im::down::{Ctrl, Meta};
use chat_proto::im::up::Cred;
use chat_proto::im::{AccessMode, Im, Seq, Seqs, Stamp, TopicName, UserId};

use crate::client::{Client, Polled, SendError, verbs};
use crate::runtime::Runtime;

/// The server has stored a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Receipt {
    /// The topic.
    pub topic: TopicName,
    /// The message's number in it.
    pub seq: Seq,
    /// When it was stored, by the server's clock.
    pub ts: Stamp<'static>,
    /// The request, of this session.
    pub id: RequestId,
}

verbs! { Im;
    /// Subscribes to a topic and attaches it to this session; attaches it again after every loss.
    /// [`TopicName::new_group`] creates a group.
    subscribe(&topic: TopicName; how: Subscribe) => Subscribed, via subscribed;

    /// Creates a group and follows it; the answer has its name.
    create_group(; how: Subscribe) => Subscribed, via subscribed;

    /// Detaches this session from a topic; the subscription stays.
    leave(&topic: TopicName;) => Ctrl<'static>, via done;

    /// Gives the subscription up, in all sessions of this user.
    unsubscribe(&topic: TopicName;) => Ctrl<'static>, via done;

    /// Publishes a message: the server has stored it. What happens when the link is lost before it says
    /// so stands in [`Session::publish`](chat_proto::Session::publish). Messages to one topic keep
    /// their order.
    publish(&topic: TopicName; message: Publish) => Receipt, via published;

    /// Asks about a topic: the sections that were there.
    get(&topic: TopicName, &query: Query;) => Box<Meta<'static>>, via meta;

    /// Asks for a topic's description.
    describe(&topic: TopicName;) => Box<Meta<'static>>, via meta;

    /// Asks for a topic's members, or, of `me`, for this user's topics.
    subscriptions(&topic: TopicName;) => Box<Meta<'static>>, via meta;

    /// Fetches one page of history; ask for the page before it with [`History::older`] until that is
    /// `None`.
    history(&topic: TopicName; query: HistoryQuery) => History, via history;

    /// Changes a topic: descriptions, access, tags. Each part is answered on its own.
    set(&topic: TopicName; request: SetRequest) => Box<Changed>, via changed;

    /// Makes `user` a member of a group, with a mode or with the group's default.
    invite(&topic: TopicName, &user: UserId; mode: Option<AccessMode>) => Box<Changed>, via changed;

    /// Takes all access to a group from `user`, who then cannot join again. Another `invite` with a
    /// mode undoes it.
    ban(&topic: TopicName, &user: UserId;) => Box<Changed>, via changed;

    /// Makes `user` the owner of a group: at once with PortSIP, with Tinode the other one must accept.
    /// The answer's `access` tells which it was.
    transfer_ownership(&topic: TopicName, &user: UserId;) => Box<Changed>, via changed;

    /// Accepts the ownership of a group that its owner offered. Tinode only.
    accept_ownership(&topic: TopicName;) => Box<Changed>, via changed;

    /// Removes a member from a group.
    remove_member(&topic: TopicName, &user: UserId;) => Ctrl<'static>, via done;

    /// Deletes a topic for everybody; who does not own it only leaves.
    delete_topic(&topic: TopicName;) => Ctrl<'static>, via done;

    /// Deletes messages for this user only.
    hide_messages(&topic: TopicName; seqs: Seqs) => Ctrl<'static>, via done;

    /// Deletes messages for everybody, where the user is allowed to; else only for this user.
    delete_messages(&topic: TopicName; seqs: Seqs) => Ctrl<'static>, via done;

    /// Deletes a credential of this user. Tinode only.
    delete_credential(; cred: Cred<'static>) => Ctrl<'static>, via done;
}

impl<R: Runtime> Client<Im, R> {
    /// Tells that everything up to `seq` was received. Nothing answers; receipts that follow each other
    /// closely become one.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// The topic is not subscribed to, the queue is full, or the client has ended.
    pub async fn note_received(
        &self,
        topic: &TopicName,
        seq: impl Into<Seq>,
    ) -> Result<(), SendError> {
        let (topic, seq) = (topic.clone(), seq.into());
        self.tell(move |session, now| session.note_received(&topic, seq, now)).await
    }

    /// Tells that everything up to `seq` was read, and so received. Nothing answers; receipts that
    /// follow each other closely become one.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// The topic is not subscribed to, the queue is full, or the client has ended.
    pub async fn note_read(&self, topic: &TopicName, seq: impl Into<Seq>) -> Result<(), SendError> {
        let (topic, seq) = (topic.clone(), seq.into());
        self.tell(move |session, now| session.note_read(&topic, seq, now)).await
    }

    /// Tells that this user is typing or recording; call it at every key. Nothing answers. Dropped when
    /// it was told a moment ago, and while the topic is not attached.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn note_typing(&self, topic: &TopicName, how: TypingKind) -> Result<(), SendError> {
        let topic = topic.clone();
        self.call(move |session, now| session.note_typing(&topic, how, now)).await
    }

    /// Other credentials, and an attempt with them where the session was waiting for some.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn set_credentials(&self, credentials: Credentials) -> Result<(), SendError> {
        self.call(move |session, now| {
            session.set_credentials(credentials, now);
            session.connect(now);
        })
        .await
    }
}

impl<R: Runtime> Polled<Im, R> {
    /// Tells that everything up to `seq` was received. Nothing answers; receipts that follow each other
    /// closely become one.
    ///
    /// # Errors
    ///
    /// The topic is not subscribed to.
    pub fn note_received(
        &mut self,
        topic: &TopicName,
        seq: impl Into<Seq>,
    ) -> Result<(), CallError> {
        self.with(|session, now| session.note_received(topic, seq, now))
    }

    /// Tells that everything up to `seq` was read, and so received. Nothing answers; receipts that
    /// follow each other closely become one.
    ///
    /// # Errors
    ///
    /// The topic is not subscribed to.
    pub fn note_read(&mut self, topic: &TopicName, seq: impl Into<Seq>) -> Result<(), CallError> {
        self.with(|session, now| session.note_read(topic, seq, now))
    }

    /// Tells that this user is typing or recording; call it at every key. Nothing answers. Dropped when
    /// it was told a moment ago, and while the topic is not attached.
    pub fn note_typing(&mut self, topic: &TopicName, how: TypingKind) {
        self.with(|session, now| session.note_typing(topic, how, now));
    }

    /// Other credentials, and an attempt with them where the session was waiting for some.
    pub fn set_credentials(&mut self, credentials: Credentials) {
        self.with(|session, now| {
            session.set_credentials(credentials, now);
            session.connect(now);
        });
    }
}

fn subscribed(_: RequestId, answer: Answer) -> Option<Subscribed> {
    if let Answer::Subscribed(subscribed) = answer { Some(*subscribed) } else { None }
}

fn published(id: RequestId, answer: Answer) -> Option<Receipt> {
    let Answer::Published(stored) = answer else { return None };
    Some(Receipt { topic: stored.topic, seq: stored.seq, ts: stored.ts, id })
}

fn meta(_: RequestId, answer: Answer) -> Option<Box<Meta<'static>>> {
    if let Answer::Meta(meta) = answer { Some(meta) } else { None }
}

fn history(_: RequestId, answer: Answer) -> Option<History> {
    if let Answer::History(page) = answer { Some(*page) } else { None }
}

fn changed(_: RequestId, answer: Answer) -> Option<Box<Changed>> {
    if let Answer::Changed(changed) = answer { Some(changed) } else { None }
}

fn done(_: RequestId, answer: Answer) -> Option<Ctrl<'static>> {
    if let Answer::Done(ctrl) = answer { Some(*ctrl) } else { None }
}
