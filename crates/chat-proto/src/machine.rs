//! The boundary between a state machine and whatever moves its bytes. Read this first.
//!
//! One way in ([`Machine::handle_input`]), three lanes out:
//!
//! | lane | method | pulled when |
//! |---|---|---|
//! | messages | [`Machine::poll_transmit`] | the socket takes more |
//! | actions | [`Machine::poll_action`] | at once: dials, HTTP exchanges, aborts |
//! | events | [`Machine::poll_event`] | the application has room |
//!
//! The lanes are independent: a blocked socket must not delay a token request, and a slow
//! application must stop reads, not writes. They may be polled in any order, at any time, or not at
//! all. [`Machine::poll_timeout`] says when the next [`Input::Timeout`] is due; it is computed, so
//! asking costs nothing and forgets nothing.

mod failure;

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;

use crate::time::Now;

pub use failure::{HttpFailure, LinkFailure};

/// A transport attempt. Every input about a connection names one; inputs about an older one are
/// ignored, so a late dial can never replace a live socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

impl ConnId {
    /// From a number. Machines count their own attempts; a server names its sessions with it.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// One HTTP exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpId(u64);

impl HttpId {
    /// From a number.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A whole text message: UTF-8, shared, immutable. Cloning and slicing copy no bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(ByteString);

impl Text {
    /// The empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self(ByteString::new())
    }

    /// A text that costs no allocation.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// Takes the bytes as they are, after checking that they are UTF-8.
    ///
    /// # Errors
    ///
    /// Gives the position of the first byte that is not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, std::str::Utf8Error> {
        ByteString::try_from(bytes).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes behind it.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0.into_bytes()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `part` as a text of its own: a view if it lies inside this text, otherwise a copy.
    #[cfg(feature = "c2c")]
    pub(crate) fn view(&self, part: &str) -> Self {
        let whole = self.0.as_bytes().as_ptr_range();
        let inner = part.as_bytes().as_ptr_range();
        if whole.start <= inner.start && inner.end <= whole.end {
            Self(self.0.slice_ref(part))
        } else {
            part.into()
        }
    }
}

impl From<ByteString> for Text {
    fn from(text: ByteString) -> Self {
        Self(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// One WebSocket message, in either direction.
///
/// `Debug` prints the kind and the length only: a text may carry a login secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
    /// A ping. The transport answers pings by itself; a machine sees them as signs of life.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The peer's close frame, or ours to send; `None` when it carries no code.
    Close(Option<CloseFrame>),
}

impl Message {
    /// A text message.
    #[must_use]
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// Length of the payload in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Ping(bytes) | Self::Pong(bytes) => bytes.len(),
            Self::Close(frame) => frame.as_ref().map_or(0, |frame| 2 + frame.reason.len()),
        }
    }

    /// Whether the payload is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Binary(bytes) => write!(f, "Binary({} bytes)", bytes.len()),
            Self::Ping(bytes) => write!(f, "Ping({} bytes)", bytes.len()),
            Self::Pong(bytes) => write!(f, "Pong({} bytes)", bytes.len()),
            Self::Close(frame) => f.debug_tuple("Close").field(frame).finish(),
        }
    }
}

/// Why one side closes the WebSocket (RFC 6455, section 7.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The status code, e.g. 1000 normal, 1009 too big, 1013 try again later.
    pub code: u16,
    /// The reason: at most 123 bytes of UTF-8 travel.
    pub reason: Text,
}

impl CloseFrame {
    /// A close frame.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<Text>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// A WebSocket upgrade to perform: an absolute `ws://` or `wss://` URI and extra headers. The
/// transport adds what RFC 6455 asks for.
///
/// `Debug` hides the query and the headers, which carry tokens.
#[derive(Clone)]
pub struct Upgrade(http::Request<()>);

impl Upgrade {
    /// Wraps a request.
    #[must_use]
    pub const fn new(request: http::Request<()>) -> Self {
        Self(request)
    }

    /// The request.
    #[must_use]
    pub const fn request(&self) -> &http::Request<()> {
        &self.0
    }

    /// The request.
    #[must_use]
    pub fn into_request(self) -> http::Request<()> {
        self.0
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upgrade({})", RedactedUpgrade(self.0.uri()))
    }
}

/// A URI without its query.
pub(crate) struct Redacted<'a>(pub(crate) &'a http::Uri);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_redacted(f, self.0, self.0.path())
    }
}

/// A URI without its query and without what follows the first segment of its path: order chat's
/// listen key stands there.
struct RedactedUpgrade<'a>(&'a http::Uri);

impl fmt::Display for RedactedUpgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.path();
        match path.get(1..).and_then(|rest| rest.find('/')) {
            Some(at) => write_redacted(f, self.0, &format!("{}/…", &path[..=at])),
            None => write_redacted(f, self.0, path),
        }
    }
}

fn write_redacted(f: &mut fmt::Formatter<'_>, uri: &http::Uri, path: &str) -> fmt::Result {
    if let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) {
        write!(f, "{scheme}://{host}")?;
        if let Some(port) = uri.port() {
            write!(f, ":{port}")?;
        }
    }
    let query = if uri.query().is_some() { "?…" } else { "" };
    write!(f, "{path}{query}")
}

/// An HTTP request to perform: absolute `http://` or `https://` URI, headers, whole body.
///
/// `Debug` hides the query, the headers and the body.
#[derive(Clone)]
pub struct HttpRequest(http::Request<Bytes>);

impl HttpRequest {
    /// Wraps a request.
    #[must_use]
    pub const fn new(request: http::Request<Bytes>) -> Self {
        Self(request)
    }

    /// The request.
    #[must_use]
    pub const fn request(&self) -> &http::Request<Bytes> {
        &self.0
    }

    /// The request.
    #[must_use]
    pub fn into_request(self) -> http::Request<Bytes> {
        self.0
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, uri) = (self.0.method(), Redacted(self.0.uri()));
        write!(f, "HttpRequest({method} {uri}, {} bytes)", self.0.body().len())
    }
}

/// What came of an HTTP exchange.
pub type HttpResult = Result<http::Response<Bytes>, HttpFailure>;

/// What happened outside, told to a machine.
pub enum Input {
    /// The deadline that [`Machine::poll_timeout`] named has passed.
    Timeout,
    /// The dial succeeded: messages may flow.
    Opened {
        /// The attempt.
        conn: ConnId,
    },
    /// A message came in.
    Received {
        /// The attempt it came on.
        conn: ConnId,
        /// The message.
        message: Message,
    },
    /// The link is gone, or could not be made.
    Lost {
        /// The attempt.
        conn: ConnId,
        /// Why.
        failure: LinkFailure,
    },
    /// An HTTP exchange ended.
    Response {
        /// The exchange.
        id: HttpId,
        /// Its answer.
        result: HttpResult,
    },
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => write!(f, "Timeout"),
            Self::Opened { conn } => write!(f, "Opened({})", conn.get()),
            Self::Received { conn, message } => write!(f, "Received({}, {message:?})", conn.get()),
            Self::Lost { conn, failure } => write!(f, "Lost({}, {failure})", conn.get()),
            Self::Response { id, result: Ok(answer) } => {
                let (status, len) = (answer.status(), answer.body().len());
                write!(f, "Response({}, HTTP {}, {len} bytes)", id.get(), status.as_u16())
            }
            Self::Response { id, result: Err(failure) } => {
                write!(f, "Response({}, {failure})", id.get())
            }
        }
    }
}

/// A message to write to the live connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The attempt it belongs to; a transport drops it when that is no longer the live one.
    pub conn: ConnId,
    /// The message. After a [`Message::Close`] nothing more is written.
    pub message: Message,
}

/// Something to start, or to stop, at once.
#[derive(Clone, Debug)]
pub enum Action {
    /// Open a WebSocket; answer with [`Input::Opened`] or [`Input::Lost`].
    Dial {
        /// The attempt.
        conn: ConnId,
        /// What to request.
        request: Upgrade,
    },
    /// Let go of this connection, or of the dial under way; no answer is expected.
    Drop {
        /// The attempt.
        conn: ConnId,
    },
    /// Perform an HTTP exchange; answer with [`Input::Response`].
    Http {
        /// The exchange.
        id: HttpId,
        /// What to send.
        request: HttpRequest,
        /// When to give up.
        deadline: Instant,
    },
    /// Give up an exchange; no answer is expected.
    AbortHttp {
        /// The exchange.
        id: HttpId,
    },
}

/// A protocol state machine without I/O.
///
/// After a call that may change state (an input or a verb), poll the lanes until they are empty and
/// ask [`Machine::poll_timeout`] again.
pub trait Machine {
    /// What the application is told.
    type Event;

    /// Tells the machine what happened. Infallible: what the peer does wrong becomes state and
    /// events. An input about an older [`ConnId`] or an unknown [`HttpId`] changes nothing.
    fn handle_input(&mut self, input: Input, now: Now);

    /// The next message to write.
    fn poll_transmit(&mut self) -> Option<Transmit>;

    /// The next thing to start or stop.
    fn poll_action(&mut self) -> Option<Action>;

    /// The next event for the application.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When [`Input::Timeout`] is due; `None` when nothing waits for time.
    fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(at, _)| at)
    }

    /// The same with the name of the timer, for people who ask why they are woken.
    fn next_timer(&self) -> Option<(Instant, &'static str)>;

    /// Whether the machine is done for good: no lane will give anything more.
    fn is_finished(&self) -> bool;

    /// Whether there is nothing to write, to start or to stop, for sure. A machine that can tell
    /// without effort is given the messages that have come one after the other, at one reading of the
    /// clock.
    fn is_quiet(&self) -> bool {
        false
    }
}

impl<M: Machine + ?Sized> Machine for &mut M {
    type Event = M::Event;

    fn handle_input(&mut self, input: Input, now: Now) {
        (**self).handle_input(input, now);
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        (**self).poll_transmit()
    }

    fn poll_action(&mut self) -> Option<Action> {
        (**self).poll_action()
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        (**self).poll_event()
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        (**self).next_timer()
    }

    fn is_finished(&self) -> bool {
        (**self).is_finished()
    }

    fn is_quiet(&self) -> bool {
        (**self).is_quiet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_requests_hides_query_headers_and_body() {
        let request = http::Request::builder()
            .uri("wss://im.example.com:443/chat/c2c_key?token=TOKEN123&clientType=web")
            .header("authorization", "token hush")
            .body(())
            .unwrap();
        assert_eq!(
            format!("{:?}", Upgrade::new(request)),
            "Upgrade(wss://im.example.com:443/chat/…?…)"
        );
        let request =
            http::Request::post("https://h/p?signature=abc").body(Bytes::from("password"));
        assert_eq!(
            format!("{:?}", HttpRequest::new(request.unwrap())),
            "HttpRequest(POST https://h/p?…, 8 bytes)"
        );
    }

    #[cfg(feature = "c2c")]
    #[test]
    fn a_view_of_a_part_copies_nothing() {
        let text = Text::from("hello world");
        let view = text.view(&text.as_str()[6..]);
        assert_eq!(view.as_str().as_ptr(), text.as_str()[6..].as_ptr());
        assert_eq!(text.view("elsewhere").as_str(), "elsewhere");
    }
}
