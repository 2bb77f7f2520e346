//! The plugs of [`runtime_core`] for async-std, and behind the feature `smol` for smol.
//!
//! # Which one
//!
//! **async-std is discontinued**: its maintainers stopped in 2025 and name smol as the successor
//! ([RUSTSEC-2025-0052](https://rustsec.org/advisories/RUSTSEC-2025-0052)); no fixes will come.
//! `AsyncStdRuntime` is for programs that run on it already. For a new program take tokio, with
//! the crate `runtime-tokio`, or smol:
//!
//! ```toml
//! runtime-async-std = { version = "0.1", default-features = false, features = ["smol"] }
//! ```
//!
//! which leaves async-std out of the build. All three behave alike: one suite,
//! `runtime_core::conformance`, runs on each.
//!
//! ```no_run
//! # #[cfg(feature = "async-std")]
//! use runtime_async_std::AsyncStdRuntime; // or SmolRuntime
//! use runtime_async_std::{Connection, Options, TlsPolicy};
//! # #[cfg(feature = "async-std")]
//! # async fn example<M: chat_proto::Machine>(machine: M) {
//! let runtime = AsyncStdRuntime::new(TlsPolicy::platform());
//! let mut connection = Connection::new(machine, runtime, Options::default());
//! while let Some(event) = connection.next().await {
//!     let (machine, now) = connection.machine();
//!     // react
//! #   let _ = (machine, now, event);
//! }
//! # }
//! ```
//!
//! Both stand on async-io: its thread watches sockets and timers, so any executor can poll a
//! [`Connection`], and nothing has to be started before. Only [`Runtime::spawn`] uses the global
//! executor of async-std or smol.

mod io;
#[cfg(feature = "async-std")]
mod on_async_std;
#[cfg(feature = "smol")]
mod on_smol;

use std::io as std_io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use async_io::Timer;
use async_tungstenite::WebSocketStream;
use futures_rustls::TlsConnector;
use futures_rustls::rustls::ClientConfig;
use futures_util::future::{FutureExt, Map};
use futures_util::io::{AsyncRead, AsyncWrite};
use rustls_pki_types::ServerName;
use smol_hyper::rt::FuturesIo;

pub use io::IoStream;
#[cfg(feature = "async-std")]
pub use on_async_std::AsyncStd;
#[cfg(feature = "smol")]
pub use on_smol::Smol;
pub use runtime_core::{
    ConnectError, Connection, Gone, Handle, HttpLimits, KnownServersFile, Network, Options, Reply,
    Runtime, Target, TlsPolicy, TlsPolicyError, TryCallError, WsConfig, connect, http, runtime,
};

/// async-std's plugs. Discontinued upstream; see the head of this crate.
#[cfg(feature = "async-std")]
pub type AsyncStdRuntime = AsyncIoRuntime<AsyncStd>;

/// smol's plugs.
#[cfg(feature = "smol")]
pub type SmolRuntime = AsyncIoRuntime<Smol>;

/// A WebSocket over a stream of futures-io.
pub type AsyncIoSocket = WebSocketStream<IoStream>;

/// What the runtimes that stand on async-io do each in its own way.
pub trait Family: Clone + Send + Sync + 'static {
    /// The addresses of a name.
    fn resolve(
        host: &str,
        port: u16,
    ) -> impl Future<Output = std_io::Result<Vec<SocketAddr>>> + Send;

    /// A TCP connection without delay.
    fn connect(address: SocketAddr) -> impl Future<Output = std_io::Result<IoStream>> + Send;

    /// Runs `task` on its own until it ends.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// Runs `future` on this thread, which waits for it.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
}

/// Sockets and timers of async-io, the rest by `F`.
#[derive(Clone, Debug, Default)]
pub struct AsyncIoRuntime<F> {
    network: Network,
    family: PhantomData<F>,
}

impl<F> AsyncIoRuntime<F> {
    /// Ten seconds for a connection, TLS included. See [`Network`] for more settings.
    #[must_use]
    pub const fn new(tls: TlsPolicy) -> Self {
        Self { network: Network::new(tls), family: PhantomData }
    }
}

impl<F: Family> AsyncIoRuntime<F> {
    /// Runs `future` on this thread, which waits for it: the way into async code from `main`.
    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        F::block_on(future)
    }
}

impl<F> From<Network> for AsyncIoRuntime<F> {
    fn from(network: Network) -> Self {
        Self { network, family: PhantomData }
    }
}

impl<F: Family> Runtime for AsyncIoRuntime<F> {
    type Stream = FuturesIo<IoStream>;
    type Socket = AsyncIoSocket;
    type Sleep = Map<Timer, fn(Instant)>;

    fn network(&self) -> &Network {
        &self.network
    }

    async fn resolve(&self, host: &str, port: u16) -> std_io::Result<Vec<SocketAddr>> {
        F::resolve(host, port).await
    }

    async fn connect(&self, address: SocketAddr) -> std_io::Result<Self::Stream> {
        F::connect(address).await.map(FuturesIo::new)
    }

    async fn encrypt(
        &self,
        stream: Self::Stream,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
    ) -> std_io::Result<Self::Stream> {
        let encrypting = TlsConnector::from(config).connect(name, stream.into_inner());
        Ok(FuturesIo::new(IoStream::new(encrypting.await?)))
    }

    async fn upgrade(
        &self,
        stream: Self::Stream,
        request: ::http::Request<()>,
        config: &WsConfig,
    ) -> Result<Self::Socket, tungstenite::Error> {
        let (stream, config) = (stream.into_inner(), Some(config.to_tungstenite()));
        let upgrading = async_tungstenite::client_async_with_config(request, stream, config);
        upgrading.await.map(|(socket, _answer)| socket)
    }

    fn poll_shutdown(socket: &mut Self::Socket, cx: &mut Context<'_>) -> Poll<std_io::Result<()>> {
        Pin::new(socket.get_mut()).poll_close(cx)
    }

    fn poll_discard(
        socket: &mut Self::Socket,
        cx: &mut Context<'_>,
    ) -> Poll<std_io::Result<usize>> {
        Pin::new(socket.get_mut()).poll_read(cx, &mut [0; 8192])
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        Timer::at(at).map(drop)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        F::spawn(task);
    }
}
