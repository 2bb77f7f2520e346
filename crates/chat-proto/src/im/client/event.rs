//! What topic chat tells the application.

use super::delivered::Delivered;
use crate::error::Rejection;
use crate::im::down::{Ctrl, Info, Pres};
use crate::im::rest::TokenPair;
use crate::im::{Access, Dacs, Down, Seq, Seqs, TopicName, UserId};
use crate::machine::Text;

/// Something of topic chat. What came in a frame brings the frame along.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImEvent {
    /// The login succeeded.
    LoggedIn {
        /// As whom.
        user: UserId,
    },
    /// A new pair of OAuth tokens: store both together, the old refresh token may be dead.
    Tokens(TokenPair),
    /// The next message of a topic, one's own echo included.
    Message(Delivered),
    /// Messages `from ..= to` of a topic cannot be had: they were deleted, or the server keeps no
    /// more. Announced before what follows them.
    Gap {
        /// The topic.
        topic: TopicName,
        /// First missing.
        from: Seq,
        /// Last missing.
        to: Seq,
    },
    /// The topic's numbers went backwards while the session was away, as after a server was restored
    /// from a copy. Messages from `head` on are told, with numbers that were told before.
    Rewound {
        /// The topic.
        topic: TopicName,
        /// The last number told so far.
        told: Seq,
        /// The topic's last number now.
        head: Seq,
    },
    /// Messages were deleted.
    Deleted(Deleted),
    /// A user, or a topic, came online or went away.
    Presence(Presence),
    /// Somebody's access was changed; one's own is in the mirror as well.
    Access(Box<AccessChange>),
    /// Somebody became a member: oneself, when one was invited or joined in another session.
    Joined(Box<AccessChange>),
    /// Somebody is no member any more.
    Left(Box<AccessChange>),
    /// Somebody received or read messages.
    Receipt(Acknowledged),
    /// Somebody is typing or recording.
    Typing(Typing),
    /// A message came in a topic that this session is not attached to.
    Activity(Activity),
    /// A topic or user has other descriptions or tags now.
    Updated(Updated),
    /// The list of this user's topics was read, after subscribing to `me` and after each login since:
    /// the mirror holds it.
    Roster {
        /// How many rows it has; after a loss only those that changed.
        rows: usize,
    },
    /// The server let go of a topic. The session attaches it again by itself, if it may.
    Detached {
        /// The topic.
        topic: TopicName,
        /// The frame that said so.
        cause: Box<Down<'static>>,
    },
    /// The topic was deleted, or this user is no longer in it; it is not attached again.
    TopicGone {
        /// The topic.
        topic: TopicName,
        /// The frame that said so; `None` when another user logged in.
        cause: Option<Box<Down<'static>>>,
    },
    /// A topic could not be attached again; it is not tried again.
    AttachRefused {
        /// The topic.
        topic: TopicName,
        /// The server's words.
        why: Rejection,
    },
    /// A relayed note that is neither a receipt nor a sign of typing: of a call, or something newer.
    Info(Box<Info<'static>>),
    /// A `ctrl` that answers nothing: shutdown, a receipt refused, a late answer.
    Notice(Box<Ctrl<'static>>),
    /// A frame that answers nothing, or of a kind this crate does not know.
    Other(Box<Down<'static>>),
    /// A text that is no frame.
    Garbage(Text),
}

/// Messages of a topic were deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// The topic.
    pub topic: TopicName,
    /// Which; empty where the server does not say, which is so on `me`.
    pub seqs: Seqs,
    /// Id of the deletion.
    pub clear: u64,
    /// The frame.
    pub frame: Box<Pres<'static>>,
}

/// Presence of a user or a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    /// The topic: that of the peer, or a group.
    pub topic: TopicName,
    /// The user; `None` when it is about a group as a whole.
    pub user: Option<UserId>,
    /// What happened.
    pub what: PresenceKind,
    /// The frame.
    pub frame: Box<Pres<'static>>,
}

/// What happened to somebody's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceKind {
    /// Came online.
    Online,
    /// Went away.
    Offline,
    /// Uses another program now; the frame names it.
    UserAgent,
}

/// A change of somebody's access to a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessChange {
    /// The topic.
    pub topic: TopicName,
    /// Whose access.
    pub user: UserId,
    /// Who changed it, where the server says.
    pub by: Option<UserId>,
    /// Change of what the user wants; `None` when that stays.
    pub want: Option<Dacs>,
    /// Change of what the topic gives; `None` when that stays.
    pub given: Option<Dacs>,
    /// Both sides after the change: one's own, and that of a new member.
    pub access: Option<Access>,
    /// The frame.
    pub frame: Box<Pres<'static>>,
}

/// Somebody received or read everything up to a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    /// The topic.
    pub topic: TopicName,
    /// Who; this user, when another session of theirs did.
    pub user: UserId,
    /// What they did.
    pub what: ReceiptKind,
    /// Up to which message.
    pub seq: Seq,
    /// The frame, an `info` or a `pres`.
    pub frame: Box<Down<'static>>,
}

/// What somebody did with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiptKind {
    /// Received.
    Received,
    /// Read, and so received.
    Read,
}

/// Somebody is about to say something.
#[derive(Clone, Debug, PartialEq)]
pub struct Typing {
    /// The topic.
    pub topic: TopicName,
    /// Who.
    pub user: UserId,
    /// How.
    pub what: TypingKind,
    /// The frame.
    pub frame: Box<Info<'static>>,
}

/// How somebody is about to say something. (tinode-doc)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypingKind {
    /// Typing: `kp`.
    #[default]
    Text,
    /// Recording sound: `kpa`.
    Audio,
    /// Recording pictures: `kpv`.
    Video,
}

impl TypingKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "kp",
            Self::Audio => "kpa",
            Self::Video => "kpv",
        }
    }
}

/// A message in a topic that is not attached.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// The topic.
    pub topic: TopicName,
    /// The message's number.
    pub seq: Seq,
    /// Its author, where the server says.
    pub by: Option<UserId>,
    /// The frame.
    pub frame: Box<Pres<'static>>,
}

/// Something about a topic or a user is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Updated {
    /// The topic.
    pub topic: TopicName,
    /// The user whose description changed, within a group.
    pub user: Option<UserId>,
    /// What changed.
    pub what: UpdatedKind,
    /// The frame.
    pub frame: Box<Pres<'static>>,
}

/// What is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdatedKind {
    /// Descriptions or default access; the mirror is brought up to date by itself.
    Description,
    /// Tags.
    Tags,
    /// Auxiliary data.
    Aux,
}
