//! What the runtimes on async-io have in common.

use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use async_io::Timer;
use futures_rustls::TlsConnector;
use futures_rustls::rustls::ClientConfig;
use futures_util::future::{FutureExt, Map};
use runtime_core::inlet::Inlet;
use runtime_core::{Network, Runtime, TlsPolicy, WsConfig};
use rustls_pki_types::ServerName;
use smol_hyper::rt::FuturesIo;

use crate::io::Tcp;
use crate::{AsyncIoSocket, Family, IoStream};

/// Sockets and timers of async-io, the rest by `F`.
#[derive(Clone, Debug, Default)]
pub struct AsyncIoRuntime<F> {
    network: Network,
    family: PhantomData<F>,
}

impl<F> AsyncIoRuntime<F> {
    /// Ten seconds for a connection, TLS included. See [`Network`] for more settings.
    #[must_use]
    pub fn new(tls: TlsPolicy) -> Self {
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
    type Below = IoStream;
    type Sleep = Map<Timer, fn(Instant)>;

    fn network(&self) -> &Network {
        &self.network
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        F::resolve(host, port).await
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        Ok(FuturesIo::new(IoStream::new(Tcp::connect(address).await?)))
    }

    async fn encrypt(
        &self,
        stream: Self::Stream,
        name: ServerName<'static>,
        config: Arc<ClientConfig>,
    ) -> io::Result<Self::Stream> {
        let encrypting = TlsConnector::from(config).connect(name, stream.into_inner());
        Ok(FuturesIo::new(IoStream::new(encrypting.await?)))
    }

    async fn upgrade(
        &self,
        stream: Self::Stream,
        request: http::Request<()>,
        config: &WsConfig,
    ) -> Result<Self::Socket, tungstenite::Error> {
        let stream = stream.into_inner().below_websocket(config);
        let config = Some(Inlet::behind(config).to_tungstenite());
        let upgrading = async_tungstenite::client_async_with_config(request, stream, config);
        upgrading.await.map(|(socket, _answer)| socket)
    }

    fn below(socket: &mut Self::Socket) -> &mut Self::Below {
        socket.get_mut()
    }

    fn mono(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        Timer::at(at).map(drop)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        F::spawn(task);
    }
}
