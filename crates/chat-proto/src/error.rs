//! What can go wrong, by who is to blame.

use std::time::Duration;

use crate::machine::{CloseFrame, HttpFailure, LinkFailure};

/// A verb was called wrongly: nothing was sent and nothing will be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The session has ended.
    #[error("the session is closed")]
    Closed,
    /// Too many requests wait for an answer.
    #[error("{limit} requests are waiting for an answer already")]
    Full {
        /// The configured limit.
        limit: usize,
    },
    /// The message is larger than the configured limit.
    #[error("the message has {len} bytes, the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An argument makes no sense to the service.
    #[error("{0}")]
    Invalid(&'static str),
}

/// How a request ended without its answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The service said no: nothing happened.
    #[error("rejected: {0}")]
    Rejected(Rejection),
    /// No answer in time, and asking had no effect.
    #[error("no answer in time")]
    TimedOut,
    /// No answer, and the service may have done what was asked.
    #[error("no answer: it may have happened")]
    Unknown,
    /// Given up before anything was sent.
    #[error("cancelled before it was sent")]
    Cancelled,
}

/// The service's words for a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {text}")]
pub struct Rejection {
    /// The code as text: a `ctrl` code, a business code, an HTTP status.
    pub code: String,
    /// The explanation.
    pub text: String,
    /// When to try again, where the service says so.
    pub retry_after: Option<Duration>,
}

impl Rejection {
    /// A refusal without a time.
    #[must_use]
    pub fn new(code: impl ToString, text: impl Into<String>) -> Self {
        Self { code: code.to_string(), text: text.into(), retry_after: None }
    }
}

/// Why an attempt to be connected ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The link failed, or could not be made.
    #[error("{0}")]
    Link(#[from] LinkFailure),
    /// The peer closed the WebSocket.
    #[error("closed by the server{}", describe(.0.as_ref()))]
    ClosedByPeer(Option<CloseFrame>),
    /// Nothing was heard for too long.
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    /// The session did not become ready in time.
    #[error("not ready after {0:?}")]
    OpenTimedOut(Duration),
    /// What must be done before dialling failed: no token, no ticket.
    #[error("cannot prepare: {0}")]
    Prepare(String),
    /// The service refused this session, and another attempt may succeed.
    #[error("refused: {0}")]
    Refused(Rejection),
    /// Another connection of the same account took over.
    #[error("another connection of this account took over")]
    TakenOver,
    /// Replaced on purpose by a fresh connection.
    #[error("recycled")]
    Recycled,
}

impl Lost {
    /// What must be done before dialling failed for want of an answer.
    pub(crate) fn unprepared(why: HttpFailure) -> Self {
        match why {
            HttpFailure::Untrusted(text) => Self::Link(LinkFailure::Untrusted(text)),
            HttpFailure::ProxyLogin(text) => Self::Link(LinkFailure::ProxyLogin(text)),
            HttpFailure::Dial(_)
            | HttpFailure::Tls(_)
            | HttpFailure::Io(_)
            | HttpFailure::TimedOut
            | HttpFailure::TooBig { .. } => Self::Prepare(why.to_string()),
        }
    }

    /// Whether another attempt will fail as well until somebody changes something.
    pub(crate) const fn is_lasting(&self) -> bool {
        matches!(self, Self::Link(failure) if failure.is_lasting())
    }
}

fn describe(frame: Option<&CloseFrame>) -> String {
    frame.map_or_else(String::new, |frame| format!(": {} {}", frame.code, frame.reason.as_str()))
}

/// Why a session ended for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed it.
    #[error("closed by the application")]
    Requested,
    /// The attempts are used up.
    #[error("gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// How many attempts were made.
        attempts: u32,
        /// How the last one ended.
        last: Lost,
    },
    /// No further attempt can help.
    #[error("the service refused for good: {0}")]
    Refused(Rejection),
}
