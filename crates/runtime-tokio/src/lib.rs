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

mod compat;
mod io;
mod server;

use std::io as std_io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use chat_proto::Now;
use hyper_util::rt::TokioIo;
use runtime_core::inlet::Inlet;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_tungstenite::WebSocketStream;

pub use compat::Compat;
pub use io::TokioStream;
pub use runtime_core::{
    ConnectError, Connection, Gone, Handle, HttpLimits, KnownServersFile, Network, Options,
    Proxies, Proxy, ProxyConfigError, Reply, Runtime, Target, TlsPolicy, TlsPolicyError,
    TryCallError, WsConfig, client, connect, files, http, runtime,
};
pub use server::server_socket;

runtime_core::clients!(crate::TokioRuntime);

/// A WebSocket on tokio, of either role.
pub type TokioSocket = WebSocketStream<TokioStream>;

/// Sockets, tasks and clocks of tokio. Methods that start something need tokio's context.
#[derive(Clone, Debug, Default)]
pub struct TokioRuntime {
    network: Network,
}

impl TokioRuntime {
    /// Ten seconds for a connection, TLS included. See [`Network`] for more settings.
    #[must_use]
    pub fn new(tls: TlsPolicy) -> Self {
        Self { network: Network::new(tls) }
    }
}

impl From<Network> for TokioRuntime {
    fn from(network: Network) -> Self {
        Self { network }
    }
}

impl Runtime for TokioRuntime {
    type Stream = TokioIo<TokioStream>;
    type Socket = TokioSocket;
    type Below = TokioStream;
    type Sleep = tokio::time::Sleep;

    /// Tokio remembers what a socket last said.
    const ASKING_IS_CHEAP: bool = true;

    fn network(&self) -> &Network {
        &self.network
    }

    async fn resolve(&self, host: &str, port: u16) -> std_io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> std_io::Result<Self::Stream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(TokioStream::new(stream)))
    }

    async fn encrypt(
        &self,
        stream: Self::Stream,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
    ) -> std_io::Result<Self::Stream> {
        let encrypting = TlsConnector::from(config).connect(name, stream.into_inner());
        Ok(TokioIo::new(TokioStream::new(encrypting.await?)))
    }

    async fn upgrade(
        &self,
        stream: Self::Stream,
        request: ::http::Request<()>,
        config: &WsConfig,
    ) -> Result<Self::Socket, tungstenite::Error> {
        let stream = stream.into_inner().below_websocket(config);
        let config = Inlet::behind(config).to_tungstenite();
        let upgrading = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        upgrading.await.map(|(socket, _answer)| socket)
    }

    fn below(socket: &mut Self::Socket) -> &mut Self::Below {
        socket.get_mut()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        tokio::time::sleep_until(at.into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(task));
    }

    fn now(&self) -> Now {
        Now { mono: self.mono(), unix: runtime::unix_now() }
    }

    fn mono(&self) -> Instant {
        // Tokio's clock, which tests can stop.
        tokio::time::Instant::now().into_std()
    }
}
