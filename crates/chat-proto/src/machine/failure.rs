//! How connections and exchanges fail.

use std::time::Duration;

/// Why a link is gone, or was never there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkFailure {
    /// No connection: name resolution, refused, unreachable, proxy.
    #[error("cannot connect: {0}")]
    Dial(String),
    /// TLS failed: the peer speaks no TLS, or the handshake broke off.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The certificate is not trusted: of another authority or host, expired, not the one that is
    /// pinned or known.
    #[error("the server is not trusted: {0}")]
    Untrusted(String),
    /// The proxy wants a user and a password, or others.
    #[error("cannot pass the proxy: {0}")]
    ProxyLogin(String),
    /// The server answered the upgrade with an HTTP status instead of switching protocols.
    #[error("the server refused the WebSocket upgrade with HTTP {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`, where the server named one in seconds.
        retry_after: Option<Duration>,
    },
    /// The transport ended without a close frame.
    #[error("the connection ended without a close frame")]
    Ended,
    /// The transport failed.
    #[error("the connection failed: {0}")]
    Io(String),
    /// The peer broke the WebSocket protocol.
    #[error("the peer broke the WebSocket protocol: {0}")]
    Protocol(String),
    /// A message was larger than the configured limit.
    #[error("a message exceeds the limit of {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: usize,
    },
}

impl LinkFailure {
    /// Whether another attempt will fail as well until somebody changes something: whom to trust,
    /// or what is shown to a proxy. A session then waits for the application.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        match self {
            Self::Untrusted(_) | Self::ProxyLogin(_) => true,
            Self::Dial(_)
            | Self::Tls(_)
            | Self::Refused { .. }
            | Self::Ended
            | Self::Io(_)
            | Self::Protocol(_)
            | Self::TooBig { .. } => false,
        }
    }
}

/// Why an HTTP exchange gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFailure {
    /// No connection was made: the request was certainly not seen by the server.
    #[error("cannot connect: {0}")]
    Dial(String),
    /// TLS failed before the request was sent.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The certificate is not trusted; nothing was sent.
    #[error("the server is not trusted: {0}")]
    Untrusted(String),
    /// The proxy wants a user and a password, or others; the server was not reached.
    #[error("cannot pass the proxy: {0}")]
    ProxyLogin(String),
    /// The connection failed after the request may have been sent.
    #[error("the exchange failed: {0}")]
    Io(String),
    /// The deadline passed.
    #[error("the exchange did not finish in time")]
    TimedOut,
    /// The body of the answer is larger than allowed.
    #[error("the answer exceeds the limit of {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: usize,
    },
}

impl HttpFailure {
    /// Whether another attempt will fail as well until somebody changes something: whom to trust, or
    /// what is shown to a proxy.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::Untrusted(_) | Self::ProxyLogin(_))
    }

    /// Whether the server can have acted on the request.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        match self {
            Self::Dial(_) | Self::Tls(_) | Self::Untrusted(_) | Self::ProxyLogin(_) => false,
            Self::Io(_) | Self::TimedOut | Self::TooBig { .. } => true,
        }
    }
}
