//! What topic chat tells the application.

use crate::error::Rejection;
use crate::im::down::{Ctrl, Data, Info, Pres};
use crate::im::rest::TokenPair;
use crate::im::{Down, TopicName, UserId};
use crate::machine::Text;

/// Something of topic chat.
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
    Message(Data<'static>),
    /// Messages `from ..= to` of a topic cannot be had: they were deleted, or the server keeps no
    /// more. Announced before what follows them.
    Gap {
        /// The topic.
        topic: TopicName,
        /// First missing.
        from: u64,
        /// Last missing.
        to: u64,
    },
    /// Something changed.
    Presence(Pres<'static>),
    /// A receipt or typing.
    Info(Info<'static>),
    /// The topic was deleted, or this user is no longer in it; it is not attached again.
    TopicGone {
        /// The topic.
        topic: TopicName,
    },
    /// A topic could not be attached again after a loss; it is not tried again.
    AttachRefused {
        /// The topic.
        topic: TopicName,
        /// The server's words.
        why: Rejection,
    },
    /// A `ctrl` that answers nothing: evictions, shutdown, a receipt refused, a late answer.
    Notice(Ctrl<'static>),
    /// A frame that answers nothing, or of a kind this crate does not know.
    Other(Down<'static>),
    /// A text that is no frame.
    Garbage(Text),
}
