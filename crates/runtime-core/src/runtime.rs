//! What an async runtime provides.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chat_proto::{Now, UnixMillis};
use futures_util::{Sink, Stream};
use rustls_pki_types::ServerName;

use crate::inlet::Arrival;
use crate::network::Network;
use crate::options::WsConfig;

/// A WebSocket: tungstenite's messages in and out.
///
/// The stream answers pings and close frames by queueing the answer; flushing sends it. After an
/// error the stream is over. Implemented for whatever fits.
pub trait Socket:
    Stream<Item = Result<tungstenite::Message, tungstenite::Error>>
    + Sink<tungstenite::Message, Error = tungstenite::Error>
    + Send
    + Unpin
    + 'static
{
}

impl<T> Socket for T where
    T: Stream<Item = Result<tungstenite::Message, tungstenite::Error>>
        + Sink<tungstenite::Message, Error = tungstenite::Error>
        + Send
        + Unpin
        + 'static
{
}

/// What is below a WebSocket, for a driver that goes past it.
///
/// What has a default is for sockets without an [`Inlet`](crate::inlet::Inlet) or an
/// [`Outlet`](crate::outlet::Outlet): everything passes through the WebSocket then.
pub trait Below {
    /// The next text, where there is an [`Inlet`](crate::inlet::Inlet): what it cuts out does not pass
    /// through the WebSocket. The rest is asked of the WebSocket, and where nobody calls this,
    /// everything.
    fn poll_text(&mut self, _cx: &mut Context<'_>) -> Poll<Arrival> {
        Poll::Ready(Arrival::Other { fresh: false })
    }

    /// Whether bytes wait in an [`Inlet`](crate::inlet::Inlet), so that there may be one more text
    /// without a call of the system. True where that is not known.
    fn has_more(&self) -> bool {
        true
    }

    /// Whether there is room for a text, where there is an [`Outlet`](crate::outlet::Outlet).
    fn poll_room(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Takes a text past the WebSocket, where there is an [`Outlet`](crate::outlet::Outlet), and room.
    /// False when it has to go through the WebSocket.
    fn send_text(&mut self, _text: &str) -> bool {
        false
    }

    /// Writes what went past the WebSocket, and nothing of what the WebSocket itself still holds.
    fn poll_drain(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the writing half: TLS says goodbye, TCP sends its FIN.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads bytes and throws them away; 0 at the end.
    ///
    /// A socket that is closed while bytes wait unread is reset, and the peer may lose the close
    /// frame that tells it why.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>>;
}

/// The plugs of one async runtime: names, TCP, TLS, WebSocket, clock, tasks. What to do with them is
/// decided here, in [`connect()`](crate::connect()) and the driver.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// A stream of bytes: TCP, or TLS over another one.
    type Stream: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static;
    /// A WebSocket, of either role.
    type Socket: Socket;
    /// What is below it.
    type Below: Below;
    /// Ends at a point in time.
    type Sleep: Future<Output = ()> + Send + 'static;

    /// Whether asking a socket that has nothing new to read costs next to nothing, whoever was woken
    /// and why. Where it does not, it is asked only after it has woken somebody.
    const ASKING_IS_CHEAP: bool = false;

    /// Whom to trust and how to get there.
    fn network(&self) -> &Network;

    /// The addresses of a name, in the order in which to try them.
    ///
    /// Dropping the future loses the answer; most systems cannot interrupt the question.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// A TCP connection that sends what it is given without delay (`TCP_NODELAY`: corking is done
    /// above).
    ///
    /// Dropping the future gives up the attempt.
    fn connect(&self, address: SocketAddr)
    -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Performs a TLS handshake over `stream`.
    ///
    /// Dropping the future closes the stream.
    fn encrypt(
        &self,
        stream: Self::Stream,
        name: ServerName<'static>,
        config: Arc<rustls::ClientConfig>,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Performs the client's WebSocket handshake. `request` is complete: host, key and version are
    /// set. How long to wait is the machine's affair: it drops the attempt.
    ///
    /// Dropping the future gives up the connection.
    fn upgrade(
        &self,
        stream: Self::Stream,
        request: ::http::Request<()>,
        config: &WsConfig,
    ) -> impl Future<Output = Result<Self::Socket, tungstenite::Error>> + Send;

    /// What is below a WebSocket.
    fn below(socket: &mut Self::Socket) -> &mut Self::Below;

    /// Ends at `at`, not before.
    fn sleep_until(&self, at: Instant) -> Self::Sleep;

    /// Runs `task` on its own.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Both clocks.
    fn now(&self) -> Now {
        Now { mono: Instant::now(), unix: unix_now() }
    }

    /// The monotonic clock alone, the same as in [`Runtime::now`].
    fn mono(&self) -> Instant {
        self.now().mono
    }

    /// A seed from the operating system, another one each time.
    fn seed(&self) -> u64 {
        // The keys of a `RandomState` come from the system's entropy, and differ from call to call.
        RandomState::new().build_hasher().finish()
    }
}

/// The wall clock. A clock before 1970 reads as 1970.
#[must_use]
pub fn unix_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Where to connect to.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name that the certificate must carry; `None` for a connection without TLS.
    pub tls: Option<ServerName<'static>>,
}

impl Target {
    /// From an absolute URI of the scheme `ws`, `wss`, `http` or `https`.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Dial`] for another scheme, or without a usable host.
    pub fn from_uri(uri: &::http::Uri) -> Result<Self, ConnectError> {
        let (tls, standard_port) = match uri.scheme_str() {
            Some("ws" | "http") => (false, 80),
            Some("wss" | "https") => (true, 443),
            Some(_) | None => {
                return Err(ConnectError::Dial("the URI is not ws, wss, http or https".into()));
            }
        };
        let host = uri.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(ConnectError::Dial("the URI names no host".into()));
        }
        let tls = if tls {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| ConnectError::Dial("the host is no valid server name".into()))?;
            Some(name)
        } else {
            None
        };
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(standard_port), tls })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls.is_some() { " over TLS" } else { "" };
        write!(f, "{}:{}{tls}", self.host, self.port)
    }
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Name resolution, refused, unreachable, not in time, no usable target.
    #[error("cannot connect: {0}")]
    Dial(String),
    /// A proxy was not reached, or opens no tunnel.
    #[error("proxy {0}")]
    Proxy(String),
    /// The proxy wants a user and a password, or others.
    #[error("proxy {0}")]
    ProxyLogin(String),
    /// TLS failed: the peer speaks no TLS, the handshake broke off, what is known of servers cannot
    /// be read or written.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The certificate is not trusted, or there is nothing to trust.
    #[error("the server is not trusted: {0}")]
    Untrusted(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Result<Target, ConnectError> {
        Target::from_uri(&uri.parse().unwrap())
    }

    #[test]
    fn targets_come_from_uris() {
        assert_eq!(format!("{:?}", target("ws://h/x?token=1").unwrap()), "h:80");
        assert_eq!(format!("{:?}", target("wss://h:8887/im").unwrap()), "h:8887 over TLS");
        assert_eq!(format!("{:?}", target("http://[::1]:5/").unwrap()), "::1:5");
        assert_eq!(format!("{:?}", target("https://127.0.0.1").unwrap()), "127.0.0.1:443 over TLS");
        for wrong in ["ftp://h/", "/path", "wss://a_b..c/"] {
            assert!(matches!(target(wrong), Err(ConnectError::Dial(_))), "{wrong}");
        }
    }

    #[test]
    fn an_error_does_not_show_the_uri() {
        let error = target("ftp://h/?token=hush").unwrap_err();
        assert!(!error.to_string().contains("hush"));
    }
}
