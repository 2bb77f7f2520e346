//! A runtime that counts, knows names of its own, and waits before each step, so that every step has a
//! point to be dropped at however fast the peer is.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use chat_proto::Now;
use rustls_pki_types::ServerName;

use crate::{Network, Runtime, WsConfig};

/// Another runtime, counted.
#[derive(Clone)]
pub(super) struct Watched<R> {
    inner: R,
    names: Vec<(String, Vec<SocketAddr>)>,
    connects: Arc<AtomicUsize>,
    spawned: Arc<AtomicUsize>,
}

impl<R: Runtime> Watched<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, names: Vec::new(), connects: Arc::default(), spawned: Arc::default() }
    }

    /// Knows the addresses of a name, whatever the port.
    pub(super) fn with_name(mut self, name: &str, addresses: Vec<SocketAddr>) -> Self {
        self.names.push((name.to_owned(), addresses));
        self
    }

    /// How many TCP connections were tried.
    pub(super) fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }

    /// How many tasks were spawned.
    pub(super) fn spawned(&self) -> usize {
        self.spawned.load(Ordering::Relaxed)
    }
}

/// Waits once, for nothing.
async fn pause() {
    let mut waited = false;
    poll_fn(|cx| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl<R: Runtime> Runtime for Watched<R> {
    type Stream = R::Stream;
    type Socket = R::Socket;
    type Below = R::Below;
    type Sleep = R::Sleep;

    const ASKING_IS_CHEAP: bool = R::ASKING_IS_CHEAP;

    fn network(&self) -> &Network {
        self.inner.network()
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        pause().await;
        match self.names.iter().find(|(name, _)| name == host) {
            Some((_, addresses)) => Ok(addresses.clone()),
            None => self.inner.resolve(host, port).await,
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Self::Stream> {
        pause().await;
        self.connects.fetch_add(1, Ordering::Relaxed);
        self.inner.connect(address).await
    }

    async fn encrypt(
        &self,
        stream: Self::Stream,
        name: ServerName<'static>,
        config: Arc<rustls::ClientConfig>,
    ) -> io::Result<Self::Stream> {
        pause().await;
        self.inner.encrypt(stream, name, config).await
    }

    async fn upgrade(
        &self,
        stream: Self::Stream,
        request: ::http::Request<()>,
        config: &WsConfig,
    ) -> Result<Self::Socket, tungstenite::Error> {
        pause().await;
        self.inner.upgrade(stream, request, config).await
    }

    fn below(socket: &mut Self::Socket) -> &mut Self::Below {
        R::below(socket)
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.inner.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawned.fetch_add(1, Ordering::Relaxed);
        self.inner.spawn(task);
    }

    fn now(&self) -> Now {
        self.inner.now()
    }
}
