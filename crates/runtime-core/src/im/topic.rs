//! What is known of a topic, to keep.

use chat_proto::im::client::TopicView;
use chat_proto::im::{Access, Im, Seq, Stamp, TopicName, UserId};
use chat_proto::json::Raw;

use crate::client::{Client, Polled, SendError};
use crate::runtime::Runtime;

/// A copy of a [`TopicView`]: what the session knew of a topic when it was asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TopicState {
    /// The topic.
    pub name: TopicName,
    /// Number of the last message there is, as far as is known.
    pub seq: Seq,
    /// Number of the last message that was told, or known to be there when the topic was subscribed
    /// to.
    pub told: Option<Seq>,
    /// The last message this user has read.
    pub read: Seq,
    /// The last message this user has received.
    pub received: Seq,
    /// How many messages are not read yet; deleted ones count.
    pub unread: u64,
    /// This user's access, once the server told.
    pub access: Option<Access>,
    /// Whether the peer, or anybody in the group, is online; known while `me` is followed.
    pub online: bool,
    /// How many members there are; 0 where the server does not tell.
    pub members: u64,
    /// When the last message came; empty where the server does not tell.
    pub touched: Stamp<'static>,
    /// What everybody sees.
    pub public: Option<Raw<'static>>,
    /// What only this user sees.
    pub private: Option<Raw<'static>>,
    /// Whether the application subscribed in this session, so that messages are told.
    pub followed: bool,
    /// Whether the topic is attached on the live link.
    pub attached: bool,
}

impl From<TopicView<'_>> for TopicState {
    fn from(view: TopicView<'_>) -> Self {
        Self {
            name: view.name().clone(),
            seq: view.seq(),
            told: view.told(),
            read: view.read(),
            received: view.received(),
            unread: view.unread(),
            access: view.access(),
            online: view.is_online(),
            members: view.members(),
            touched: view.touched().clone(),
            public: view.public().cloned(),
            private: view.private().cloned(),
            followed: view.is_followed(),
            attached: view.is_attached(),
        }
    }
}

impl<R: Runtime> Client<Im, R> {
    /// What the session knows of a topic, without asking the server; `None` for one it does not know.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn topic(&self, topic: &TopicName) -> Result<Option<TopicState>, SendError> {
        let topic = topic.clone();
        self.call(move |session, _| session.topic(&topic).map(TopicState::from)).await
    }

    /// All topics the session knows of, those it follows first.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn topics(&self) -> Result<Vec<TopicState>, SendError> {
        self.call(|session, _| session.topics().map(TopicState::from).collect()).await
    }

    /// Who is logged in; `None` before the first login.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn user(&self) -> Result<Option<UserId>, SendError> {
        self.call(|session, _| session.user().cloned()).await
    }
}

impl<R: Runtime> Polled<Im, R> {
    /// What the session knows of a topic, without asking the server; `None` for one it does not know.
    #[must_use]
    pub fn topic(&self, topic: &TopicName) -> Option<TopicView<'_>> {
        self.session().topic(topic)
    }

    /// All topics the session knows of, those it follows first.
    pub fn topics(&self) -> impl Iterator<Item = TopicView<'_>> {
        self.session().topics()
    }

    /// Who is logged in; `None` before the first login.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        self.session().user()
    }
}
