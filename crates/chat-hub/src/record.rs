//! What a hub wants stored.
//!
//! Each record assigns one row. Folding the records of every commit, in order, into a fresh hub
//! gives back its state ([`Hub::restore`](crate::Hub::restore)).

use std::fmt;

use chat_proto::im::AccessMode;
use chat_proto::machine::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::c2c::C2cRecord;

/// The assignment of one row. A row of `None` removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Record {
    /// What a user says of themself.
    User {
        /// The user.
        user: u64,
        /// The row.
        row: Option<UserRow>,
    },
    /// A topic. `None` removes everything in it as well: members, messages, deletions.
    Topic {
        /// The topic.
        topic: TopicId,
        /// The row.
        row: Option<TopicRow>,
    },
    /// The counters of a topic.
    Head {
        /// The topic.
        topic: TopicId,
        /// The row.
        row: Head,
    },
    /// A subscription.
    Sub {
        /// The topic.
        topic: TopicId,
        /// The subscriber.
        user: u64,
        /// The row.
        row: Option<SubRow>,
    },
    /// When a subscription ended to a topic that is gone with all that was in it, and that asking for
    /// it would begin anew: its user is told when asking what changed.
    Ended {
        /// The topic.
        topic: TopicId,
        /// Whose subscription it was.
        user: u64,
        /// Microseconds since 1970. It says nothing where the user has a subscription again.
        row: Option<i64>,
    },
    /// How far a subscriber has read.
    Marks {
        /// The topic.
        topic: TopicId,
        /// The subscriber.
        user: u64,
        /// The row.
        row: Marks,
    },
    /// A message.
    Message {
        /// The topic.
        topic: TopicId,
        /// Its number.
        seq: u64,
        /// The row.
        row: Option<MessageRow>,
    },
    /// The `{pub}` of a message that was deleted for all, or had to go from a full topic: repeated, it
    /// must not bring it back.
    Pub {
        /// The topic.
        topic: TopicId,
        /// The number that the message had.
        seq: u64,
        /// The row.
        row: Option<PubRow>,
    },
    /// One deletion of messages.
    Deletion {
        /// The topic.
        topic: TopicId,
        /// The number of the deletion within the topic.
        clear: u64,
        /// The row.
        row: Option<DeletionRow>,
    },
    /// An OAuth token.
    Token {
        /// MAC of the token: the token itself is not stored.
        digest: String,
        /// The row.
        row: Option<TokenRow>,
    },
    /// An uploaded file.
    File {
        /// Its id.
        key: String,
        /// The row.
        row: Option<FileRow>,
    },
    /// A row of the C2C service.
    C2c(C2cRecord),
}

impl Record {
    /// The latest time in it that is compared with other ones: a hub goes on from there, also when the
    /// wall clock was set back meanwhile.
    pub(crate) fn stamp(&self) -> i64 {
        match self {
            Self::User { row: Some(row), .. } => row.updated,
            Self::Topic { row: Some(row), .. } => row.updated,
            Self::Head { row, .. } => row.touched,
            Self::Sub { row: Some(row), .. } => row.updated,
            Self::Ended { row: Some(at), .. } => *at,
            Self::User { row: None, .. }
            | Self::Topic { row: None, .. }
            | Self::Sub { row: None, .. }
            | Self::Ended { row: None, .. }
            | Self::Marks { .. }
            | Self::Message { .. }
            | Self::Pub { .. }
            | Self::Deletion { .. }
            | Self::Token { .. }
            | Self::File { .. }
            | Self::C2c(_) => i64::MIN,
        }
    }
}

/// The key of a topic, the same for everybody who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TopicId {
    /// Between two users, the lower number first.
    P2p(u64, u64),
    /// A group; the number is what its name encodes.
    Group(u64),
    /// A user's own profile and notices. Never stored.
    Me(u64),
    /// SMS and WhatsApp of a user, a ring group or a queue; the number is the PBX's.
    Emc(u64),
    /// A user's notes to themself.
    Slf(u64),
}

/// What a user says of themself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserRow {
    /// What everybody sees, as JSON.
    pub public: Option<SharedText>,
    /// What only the user sees, as JSON.
    pub private: Option<SharedText>,
    /// Access that others get by default.
    #[serde(with = "mode")]
    pub auth: AccessMode,
    /// Access that anonymous users get by default.
    #[serde(with = "mode")]
    pub anon: AccessMode,
    /// Microseconds since 1970 of creation.
    pub created: i64,
    /// Of the last change.
    pub updated: i64,
    /// When the user was last here; 0 for never.
    pub seen: i64,
    /// Raising it voids all file tokens.
    pub serial: u16,
    /// What the user is found by.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A topic's description.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicRow {
    /// What everybody sees, as JSON.
    pub public: Option<SharedText>,
    /// Access of new members.
    #[serde(with = "mode")]
    pub auth: AccessMode,
    /// Access of anonymous users.
    #[serde(with = "mode")]
    pub anon: AccessMode,
    /// Microseconds since 1970 of creation.
    pub created: i64,
    /// Of the last change of the description.
    pub updated: i64,
    /// What the group is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What its administrators keep in it for everybody, as a JSON object.
    #[serde(default)]
    pub aux: Option<SharedText>,
}

/// A topic's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last message.
    pub seq: u64,
    /// Number of the last deletion.
    pub clear: u64,
    /// Microseconds since 1970 of the last message.
    pub touched: i64,
}

/// A subscription.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubRow {
    /// What the subscriber wants.
    #[serde(with = "mode")]
    pub want: AccessMode,
    /// What the subscriber is given.
    #[serde(with = "mode")]
    pub given: AccessMode,
    /// What only the subscriber sees, as JSON.
    pub private: Option<SharedText>,
    /// Microseconds since 1970 of creation.
    pub created: i64,
    /// Of the last change.
    pub updated: i64,
    /// Of its end; `None` while it lives.
    pub deleted: Option<i64>,
}

/// How far a subscriber is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Last message read.
    pub read: u64,
    /// Last message received.
    pub recv: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// The author; 0 for somebody outside.
    pub from: u64,
    /// Microseconds since 1970.
    pub at: i64,
    /// Headers, as JSON.
    pub head: Option<SharedText>,
    /// The content, as JSON.
    pub content: SharedText,
    /// Id of the `{pub}`; empty where it had none.
    pub reqid: SharedText,
}

/// Who sent a message, and under which id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PubRow {
    /// The author.
    pub from: u64,
    /// Id of the `{pub}`.
    pub reqid: SharedText,
}

/// Messages that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionRow {
    /// For whom; `None` for everybody.
    pub user: Option<u64>,
    /// Ranges with an exclusive end, ascending, apart from each other.
    pub ranges: Vec<(u64, u64)>,
}

/// An OAuth token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Whose.
    pub user: u64,
    /// Which of the pair.
    pub kind: TokenKind,
    /// Digest of the other one of the pair.
    pub twin: String,
    /// Milliseconds since 1970 of issue.
    pub issued: u64,
    /// Milliseconds since 1970 from which on it is void.
    pub expires: u64,
}

/// Which token of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// Logs in.
    Access,
    /// Gets a new pair.
    Refresh,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Who uploaded it.
    pub user: u64,
    /// File name.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Length in bytes.
    pub size: u64,
    /// Microseconds since 1970 of the upload.
    pub created: i64,
    /// Whether a message or a description names it. Rows of old stores do not tell, and stay.
    #[serde(default = "yes")]
    pub linked: bool,
}

const fn yes() -> bool {
    true
}

/// Text that many rows and frames may share without a copy.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SharedText(Text);

impl SharedText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// An access mode as its letters.
mod mode {
    use super::{AccessMode, Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        mode: &AccessMode,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(mode)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<AccessMode, D::Error> {
        String::deserialize(deserializer).map(|text| AccessMode::parse_lenient(&text))
    }
}
