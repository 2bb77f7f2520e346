//! A server for tests.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use chat_hub::{Hub, World};
use chat_proto::Now;
use runtime_tokio::TlsPolicy;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::error::ServeError;
use crate::server::{Control, Server};
use crate::tls::Tls;
use crate::urls::Urls;

/// A server on a free port of this machine, in a task of its own, with everything in a temporary
/// folder that goes away with it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chat_server::{TestServer, world};
///
/// let server = TestServer::start(world::builtin()).await?;
/// assert!(server.urls().im.starts_with("wss://127.0.0.1:"));
/// // … connect clients with `server.tls_policy()` …
/// server.stop().await?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping it ends the server at once; [`TestServer::stop`] does so in good order.
pub struct TestServer {
    urls: Urls,
    world: World,
    control: Control,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

impl TestServer {
    /// With TLS and a certificate of its own.
    ///
    /// # Errors
    ///
    /// The world is not valid, or the machine gives no port, file or randomness.
    pub async fn start(world: World) -> Result<Self, ServeError> {
        Self::start_with(Config::new(world)).await
    }

    /// Without TLS.
    ///
    /// # Errors
    ///
    /// As [`TestServer::start`].
    pub async fn start_plain(world: World) -> Result<Self, ServeError> {
        Self::start_with(Config { tls: Tls::Off, ..Config::new(world) }).await
    }

    /// With settings of your own; the address is replaced by a free port on loopback.
    ///
    /// # Errors
    ///
    /// As [`Server::bind`].
    pub async fn start_with(config: Config) -> Result<Self, ServeError> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let world = config.world.clone();
        let server = Server::bind(Config { listen, ..config }).await?;
        Ok(Self::run(server, world))
    }

    fn run(server: Server, world: World) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (urls, control) = (server.urls().clone(), server.control());
        let task = tokio::spawn(server.run_until(async {
            // Dropping the other end stops the server as well.
            let _ = stopped.await;
        }));
        Self { urls, world, control, stop: Some(stop), task }
    }

    /// Where clients reach it.
    #[must_use]
    pub const fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The authority to trust, as PEM; `None` without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.urls.ca_pem.as_deref()
    }

    /// Whom a client has to trust: this server and nobody else; without TLS, the platform's roots.
    #[must_use]
    pub fn tls_policy(&self) -> TlsPolicy {
        match self.ca_pem() {
            Some(pem) => TlsPolicy::only_ca_pem(pem).expect("the server made this certificate"),
            None => TlsPolicy::platform(),
        }
    }

    /// Who there is.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Reaches the hub.
    #[must_use]
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Runs `f` on the hub. See [`Control::hub`].
    ///
    /// # Errors
    ///
    /// The server has stopped.
    pub async fn hub<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Hub, Now) -> T + Send + 'static,
    ) -> io::Result<T> {
        self.control.hub(f).await
    }

    /// Says goodbye to everybody and waits until they are gone.
    ///
    /// # Errors
    ///
    /// The server ended by itself before.
    pub async fn stop(mut self) -> io::Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}
