//! What a session tells the application.

use std::time::Duration;

use crate::error::{CloseReason, Lost, Rejection, RequestError};

/// A request of this session. Local, counted from 1, never reused; the id on the wire is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    pub(super) const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Why the session needs the application to act before it can connect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsProblem {
    /// None were given.
    #[error("no credentials")]
    Missing,
    /// The service does not accept them.
    #[error("the credentials were refused: {0}")]
    Refused(Rejection),
}

/// What a session tells the application. `E` is the service's own events, `A` its answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<E, A> {
    /// The session can be used.
    Ready {
        /// Whether it was ready before.
        resumed: bool,
    },
    /// The link is gone, or an attempt failed.
    Lost {
        /// Why.
        reason: Lost,
        /// When the next attempt starts; `None` when none will without
        /// [`connect`](super::Session::connect): the certificate is not trusted, a proxy wants other
        /// credentials, other sessions of the account took over again and again.
        retry_in: Option<Duration>,
    },
    /// Something of the service.
    Service(E),
    /// A request ended. Every request ends exactly once.
    Completed {
        /// The request.
        id: RequestId,
        /// Its answer.
        result: Result<A, RequestError>,
    },
    /// Set other credentials and connect again.
    CredentialsNeeded {
        /// Why.
        why: CredentialsProblem,
    },
    /// The session ended for good; the last event.
    Closed(CloseReason),
}
