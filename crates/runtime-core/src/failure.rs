//! What tungstenite calls an error, in the machine's words. Never with a URI or a header in it.

use std::io;
use std::time::Duration;

use chat_proto::machine::{HttpFailure, LinkFailure};
use tungstenite::error::{CapacityError, Error, ProtocolError};

use crate::runtime::ConnectError;

impl From<ConnectError> for LinkFailure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Dial(text) => Self::Dial(text),
            ConnectError::Proxy(_) => Self::Dial(error.to_string()),
            ConnectError::ProxyLogin(text) => Self::ProxyLogin(text),
            ConnectError::Tls(text) => Self::Tls(text),
            ConnectError::Untrusted(text) => Self::Untrusted(text),
        }
    }
}

impl From<ConnectError> for HttpFailure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Dial(text) => Self::Dial(text),
            ConnectError::Proxy(_) => Self::Dial(error.to_string()),
            ConnectError::ProxyLogin(text) => Self::ProxyLogin(text),
            ConnectError::Tls(text) => Self::Tls(text),
            ConnectError::Untrusted(text) => Self::Untrusted(text),
        }
    }
}

/// The longest pause that a server may ask for. Without a limit it could stop a client for ever.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// An error of the handshake or of a live socket.
pub(crate) fn of_websocket(error: Error) -> LinkFailure {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => LinkFailure::Ended,
        Error::Io(error) => of_io(&error),
        Error::Tls(error) => LinkFailure::Tls(error.to_string()),
        Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            LinkFailure::TooBig { limit: max_size }
        }
        Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete,
        ) => LinkFailure::Ended,
        Error::WriteBufferFull(_) => LinkFailure::Io("the write buffer is full".into()),
        Error::Http(answer) => {
            let retry_after = answer.headers().get(http::header::RETRY_AFTER);
            LinkFailure::Refused {
                status: answer.status().as_u16(),
                retry_after: retry_after
                    .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                    .map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE)),
            }
        }
        // Their texts may quote what the peer sent, or our own URI.
        Error::Url(_) => LinkFailure::Dial("the URI cannot be used".into()),
        Error::HttpFormat(_) => LinkFailure::Protocol("a malformed HTTP answer".into()),
        Error::Utf8(_) => LinkFailure::Protocol("a text that is not UTF-8".into()),
        Error::AttackAttempt => LinkFailure::Protocol("a suspicious HTTP answer".into()),
        Error::Capacity(CapacityError::TooManyHeaders) => {
            LinkFailure::Protocol("too many HTTP headers".into())
        }
        Error::Protocol(error) => LinkFailure::Protocol(error.to_string()),
    }
}

/// An error of a live transport: an end is an end, however it is reported.
pub(crate) fn of_io(error: &io::Error) -> LinkFailure {
    if matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    ) {
        LinkFailure::Ended
    } else {
        LinkFailure::Io(error.to_string())
    }
}
