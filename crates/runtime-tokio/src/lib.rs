//! The plugs of [`runtime_core`] for tokio.
//!
//! ```no_run
//! use runtime_tokio::{Connection, Options, TlsPolicy, TokioRuntime};
//! # async fn example<M: chat_proto::Machine>(machine: M) {
//! let runtime = TokioRuntime::new(TlsPolicy::platform());
//! let mut connection = Connection::new(machine, runtime, Options::default());
//! while let Some(event) = connection.next().await {
//!     let (machine, now) = connection.machine();
//!     // react
//! #   let _ = (machine, now, event);
//! }
//! # }
//! ```

mod connect;
mod io;

use std::io as std_io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use chat_proto::Now;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;

pub use io::TokioStream;
pub use runtime_core::{
    ConnectError, Connection, Gone, Handle, HttpLimits, Options, Reply, Runtime, Target, TlsPolicy,
    TlsPolicyError, TryCallError, WsConfig, http, runtime,
};

/// A WebSocket on tokio, of either role.
pub type TokioSocket = WebSocketStream<TokioStream>;

/// Sockets, tasks and clocks of tokio. Methods that start something need tokio's context.
#[derive(Clone, Debug)]
pub struct TokioRuntime {
    tls: TlsPolicy,
    connect_timeout: Duration,
}

impl TokioRuntime {
    /// Ten seconds for a connection, TLS included.
    #[must_use]
    pub fn new(tls: TlsPolicy) -> Self {
        Self { tls, connect_timeout: Duration::from_secs(10) }
    }

    /// How long name resolution, TCP and TLS may take together; a day at most.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.min(Duration::from_secs(24 * 60 * 60));
        self
    }
}

impl Default for TokioRuntime {
    fn default() -> Self {
        Self::new(TlsPolicy::platform())
    }
}

impl Runtime for TokioRuntime {
    type Stream = TokioIo<TokioStream>;
    type Socket = TokioSocket;
    type Sleep = tokio::time::Sleep;

    async fn connect(&self, target: &Target) -> Result<Self::Stream, ConnectError> {
        let connecting = connect::connect(target, &self.tls, self.connect_timeout);
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(result) => result.map(TokioIo::new),
            Err(_) => Err(ConnectError::Dial("no connection in time".into())),
        }
    }

    async fn upgrade(
        &self,
        stream: Self::Stream,
        request: ::http::Request<()>,
        config: &WsConfig,
    ) -> Result<Self::Socket, tungstenite::Error> {
        let (stream, config) = (stream.into_inner(), config.to_tungstenite());
        let upgrading = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        upgrading.await.map(|(socket, _answer)| socket)
    }

    fn poll_shutdown(socket: &mut Self::Socket, cx: &mut Context<'_>) -> Poll<std_io::Result<()>> {
        Pin::new(socket.get_mut()).poll_shutdown(cx)
    }

    fn poll_discard(
        socket: &mut Self::Socket,
        cx: &mut Context<'_>,
    ) -> Poll<std_io::Result<usize>> {
        let mut scratch = [0; 8192];
        let mut scratch = ReadBuf::new(&mut scratch);
        let read = Pin::new(socket.get_mut()).poll_read(cx, &mut scratch);
        read.map_ok(|()| scratch.filled().len())
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        tokio::time::sleep_until(at.into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(task));
    }

    fn now(&self) -> Now {
        // Tokio's clock, which tests can stop.
        let mono = tokio::time::Instant::now().into_std();
        Now { mono, unix: runtime::unix_now() }
    }
}

/// The server's WebSocket over a stream that was upgraded already: the 101 answer is out, the next
/// byte is a frame. Never waits.
///
/// Keep [`WsConfig::server`]'s small buffers where there are many sockets.
pub async fn server_socket<T>(io: T, config: &WsConfig) -> TokioSocket
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (io, config) = (TokioStream::new(io), config.to_tungstenite());
    WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await
}
