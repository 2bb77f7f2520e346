//! What can go wrong with a client, by who is to blame.

use chat_proto::client::CredentialsProblem;
use chat_proto::error::{CallError, CloseReason, Lost, RequestError};

use crate::files::TransferError;
use crate::handle::TryCallError;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// As many calls or requests wait as may: nothing was sent. Try again when some have ended.
    #[error("the queue is full: {len} wait already, nothing was sent")]
    QueueFull {
        /// How many wait.
        len: usize,
    },
    /// So many events wait to be taken that the socket is not read, and the answer was not among
    /// them. The request was made, and its end comes as an event: take them.
    #[error("{len} events wait to be taken, and the answer has not come before them")]
    EventsFull {
        /// How many wait.
        len: usize,
    },
    /// The client has ended: nothing was sent.
    #[error("the client has ended, nothing was sent")]
    Ended,
    /// The call makes no sense: nothing was sent.
    #[error("{0}")]
    Call(CallError),
    /// The request ended without what it asked for.
    #[error("{0}")]
    Request(#[from] RequestError),
}

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        if let CallError::Full { limit } = error {
            return Self::QueueFull { len: limit };
        }
        if error == CallError::Closed { Self::Ended } else { Self::Call(error) }
    }
}

impl From<TryCallError> for SendError {
    fn from(error: TryCallError) -> Self {
        match error {
            TryCallError::Full { len } => Self::QueueFull { len },
            TryCallError::Gone => Self::Ended,
        }
    }
}

/// Why a file was not transferred.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileCallError {
    /// The session has not logged in yet, so it has no token for files.
    #[error("the session has not logged in yet")]
    NotLoggedIn,
    /// The bytes are no picture that the service takes.
    #[error("the file is neither a JPEG nor a PNG picture")]
    NotAPicture,
    /// The transfer failed.
    #[error("{0}")]
    Transfer(#[from] TransferError),
    /// The session could not be asked, or refused.
    #[error("{0}")]
    Send(#[from] SendError),
}

/// Why a session cannot be used yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The attempt failed.
    #[error("not connected: {0}")]
    Lost(Lost),
    /// The service does not accept the credentials, or there are none.
    #[error("{0}")]
    Credentials(CredentialsProblem),
    /// The session has ended.
    #[error("the session has ended: {0}")]
    Closed(CloseReason),
    /// So many events wait to be taken that nothing is read.
    #[error("{len} events wait to be taken, and nothing is read meanwhile")]
    EventsFull {
        /// How many wait.
        len: usize,
    },
    /// The session could not be asked.
    #[error("{0}")]
    NotAsked(SendError),
    /// The session's task has ended.
    #[error("the session's task has ended")]
    Ended,
}

/// How a session was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Both sides said goodbye, or there was no link.
    Cleanly,
    /// The peer did not answer in time: the link was dropped.
    Dropped,
    /// It had ended before.
    Before,
}
