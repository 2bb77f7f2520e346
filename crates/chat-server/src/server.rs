//! The server: binds, accepts, stops.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chat_hub::Hub;
use chat_proto::Now;
use runtime_tokio::{Options, Runtime as _, TlsPolicy, TokioRuntime, WsConfig};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tracing::Instrument as _;

use crate::admin::AdminAccess;
use crate::config::{Config, HubKey, Limits};
use crate::error::ServeError;
use crate::files::FileStore;
use crate::hub_task::{HubHandle, HubTask};
use crate::socket;
use crate::store::{MemoryStore, Store};
use crate::tls::{self, Tls};
use crate::urls::{Admin, Urls, host_of};
use crate::wire::WireFaults;

/// What to wait after an accept that failed: most likely there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every socket's task needs.
pub(crate) struct Shared {
    pub(crate) hub: HubHandle,
    pub(crate) files: FileStore,
    /// The way in for whoever steers the server, if there is one.
    pub(crate) admin: Option<AdminAccess>,
    pub(crate) wire: Arc<WireFaults>,
    pub(crate) limits: Limits,
    pub(crate) runtime: TokioRuntime,
    pub(crate) ws: WsConfig,
    pub(crate) options: Options,
}

/// A server that is bound: clients can connect, and are served once [`Server::run_until`] runs.
///
/// Dropping it ends everything at once.
pub struct Server {
    shared: Arc<Shared>,
    listener: TcpListener,
    local_addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    urls: Urls,
    hub_task: AbortOnDrop,
    /// Goes away with the server.
    temporary: Option<TempDir>,
}

impl Server {
    /// Binds with a store in memory: what is said is gone when the server ends.
    ///
    /// Needs tokio's context. Blocks for some milliseconds: certificates are made, files read.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the configuration or the machine.
    pub async fn bind(config: Config) -> Result<Self, ServeError> {
        Self::bind_with(config, MemoryStore).await
    }

    /// Binds with a store of your own. See [`Server::bind`].
    ///
    /// # Errors
    ///
    /// As [`Server::bind`], and what the store cannot read.
    pub async fn bind_with<S: Store>(config: Config, mut store: S) -> Result<Self, ServeError> {
        config.world.validate()?;
        let addr = config.listen;
        let unbound = |source| ServeError::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(unbound)?;
        let local_addr = listener.local_addr().map_err(unbound)?;

        let mut temporary = None;
        let host = config.public_host.clone().unwrap_or_else(|| host_of(local_addr));
        let mut urls = Urls::new(&host, local_addr.port(), config.tls != Tls::Off);
        let tls = match &config.tls {
            Tls::Off => None,
            Tls::Files { cert, key } => Some(tls::from_files(cert, key)?),
            Tls::SelfSigned => {
                let made = tls::self_signed(&host)?;
                let path = match &config.ca_file {
                    Some(path) => path.clone(),
                    None => folder(&mut temporary)?.join("ca.pem"),
                };
                std::fs::write(&path, &made.ca_pem).map_err(ServeError::file(&path))?;
                urls.ca = Some(path);
                urls.ca_pem = Some(made.ca_pem);
                Some(made.acceptor)
            }
        };
        let files = match &config.files {
            Some(path) => path.clone(),
            None => folder(&mut temporary)?.join("files"),
        };
        let files = FileStore::open(files.clone()).await.map_err(ServeError::file(files))?;

        let runtime = TokioRuntime::new(TlsPolicy::platform());
        let key = match &config.key {
            Some(key) => key.clone(),
            None => HubKey::random()?,
        };
        let mut hub_config = config.hub;
        hub_config.urls = urls.public();
        let ws = WsConfig::server().with_max_message_bytes(hub_config.session.limits.max_bytes);
        let mut hub = Hub::new(hub_config, &config.world, key.bytes(), runtime.now())?;
        hub.restore(store.load().await.map_err(ServeError::Store)?);

        let admin = match config.admin {
            true => Some(AdminAccess::new(config.world.faults.clone())?),
            false => None,
        };
        urls.admin = admin.as_ref().map(|access| Admin {
            url: format!("{}{}", urls.pbx, crate::admin::PATH),
            token: access.token().clone(),
        });
        let limits = config.limits;
        let wire = Arc::new(WireFaults::default());
        let (hub, task) = HubTask::new(
            hub,
            store,
            files.clone(),
            wire.clone(),
            runtime.clone(),
            limits.hub_queue,
        );
        let hub_task = AbortOnDrop(tokio::spawn(task.run()));
        let options = Options { linger: limits.linger, ..Options::default() };
        let shared = Arc::new(Shared { hub, files, admin, wire, limits, runtime, ws, options });
        tracing::info!(%local_addr, tls = tls.is_some(), "bound");
        Ok(Self { shared, listener, local_addr, tls, urls, hub_task, temporary })
    }

    /// The address that is listened on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where clients reach it.
    #[must_use]
    pub const fn urls(&self) -> &Urls {
        &self.urls
    }

    /// One line of JSON for whoever started the server: `{"event":"ready","im":…}`.
    #[must_use]
    pub fn ready_line(&self) -> String {
        self.urls.ready_line()
    }

    /// Reaches the hub while the server runs.
    #[must_use]
    pub fn control(&self) -> Control {
        Control { hub: self.shared.hub.clone() }
    }

    /// Serves until `shutdown` ends; then says goodbye on every connection, waits for them at most
    /// [`Limits::shutdown_within`], and cuts what is left.
    ///
    /// Cancel safety: dropping the future ends everything at once.
    ///
    /// # Errors
    ///
    /// The hub's task has ended by itself, which is a bug.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self { shared, listener, tls, mut hub_task, temporary, .. } = self;
        let (stop, stopping) = watch::channel(false);
        let slots = Arc::new(Semaphore::new(shared.limits.max_sockets));
        let mut sockets = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let early = loop {
            tokio::select! {
                (stream, peer, slot) = accept(&listener, &slots) => {
                    let span = tracing::debug_span!("socket", %peer);
                    let serve =
                        socket::serve(shared.clone(), stream, tls.clone(), stopping.clone());
                    sockets.spawn(async move {
                        serve.instrument(span).await;
                        drop(slot);
                    });
                }
                Some(ended) = sockets.join_next(), if !sockets.is_empty() => report(ended),
                ended = &mut hub_task.0 => break Some(ended),
                () = &mut shutdown => break None,
            }
        };
        drop(listener);
        let _ = stop.send(true);
        if let Some(ended) = early {
            let why = ended.err().map_or_else(String::new, |error| error.to_string());
            return Err(io::Error::other(format!("the hub has stopped: {why}")));
        }
        let within = shared.limits.shutdown_within;
        let _ = shared.hub.shutdown(within).await;
        let goodbye = async {
            while let Some(ended) = sockets.join_next().await {
                report(ended);
            }
            let _ = (&mut hub_task.0).await;
        };
        if tokio::time::timeout(within, goodbye).await.is_err() {
            tracing::warn!(open = sockets.len(), "sockets were cut at shutdown");
            sockets.shutdown().await;
        }
        drop(temporary);
        tracing::info!("stopped");
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// Reaches the hub of a running server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    hub: HubHandle,
}

impl Control {
    /// Runs `f` on the hub, between two inputs, and does what the hub wants afterwards.
    ///
    /// Cancel safety: once asked for, `f` runs even if the future is dropped.
    ///
    /// # Errors
    ///
    /// The server has stopped.
    pub async fn hub<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Hub, Now) -> T + Send + 'static,
    ) -> io::Result<T> {
        let stopped = |_| io::Error::new(io::ErrorKind::NotConnected, "the server has stopped");
        self.hub.call(f).await.map_err(stopped)
    }
}

/// A task that does not outlive its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The server's temporary folder, made when it is first needed.
fn folder(temporary: &mut Option<TempDir>) -> Result<PathBuf, ServeError> {
    let made = match temporary.take() {
        Some(made) => made,
        None => tempfile::Builder::new()
            .prefix("chat-server-")
            .tempdir()
            .map_err(ServeError::file(std::env::temp_dir()))?,
    };
    Ok(temporary.insert(made).path().to_owned())
}

/// The next connection, once there is room for one.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("the task of a socket panicked");
    }
}
