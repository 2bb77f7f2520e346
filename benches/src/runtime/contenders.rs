//! Who is measured.

use std::net::SocketAddr;

use runtime_async_std::{AsyncStdRuntime, SmolRuntime};
use runtime_tokio::{TlsPolicy, TokioRuntime};

use super::bare::Bare;
use super::clock::Turn;
use super::ours::{Polled, Spawned, Typed};
use super::peers::{Peer, Peers};
use super::turn::turn;
use super::work::Work;

/// One way of using a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// tokio-tungstenite with buffers of 16 KiB; texts are not looked at.
    Bare,
    /// The same; each text is read into a derived type with `String`s.
    Decoded,
    /// Our session on tokio, polled by the application.
    Tokio,
    /// Our session on tokio in a task of its own, by its handle.
    Handle,
    /// The same, all events that wait at once.
    Batches,
    /// The typed client: its session is in a task of its own, its verbs return the answers.
    Client,
    /// Our session on async-std, polled by the application.
    AsyncStd,
    /// Our session on smol, polled by the application.
    Smol,
    /// A client in another language.
    Peer(Peer),
}

impl Contender {
    /// Name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare tungstenite",
            Self::Decoded => "bare + serde_json",
            Self::Tokio => "session, polled",
            Self::Handle => "session, handle",
            Self::Batches => "session, handle, batches",
            Self::Client => "client",
            Self::AsyncStd => "session on async-std",
            Self::Smol => "session on smol",
            Self::Peer(peer) => peer.name(),
        }
    }

    /// Those that do this work, without peers.
    #[must_use]
    pub fn of(work: Work) -> Vec<Self> {
        match work {
            Work::PingPong | Work::Window => {
                vec![
                    Self::Bare,
                    Self::Tokio,
                    Self::Handle,
                    Self::Client,
                    Self::AsyncStd,
                    Self::Smol,
                ]
            }
            Work::Burst => {
                vec![Self::Bare, Self::Tokio, Self::Handle, Self::AsyncStd, Self::Smol]
            }
            Work::Sliding => vec![Self::Bare, Self::Tokio, Self::Handle],
            Work::Flood => vec![
                Self::Bare,
                Self::Tokio,
                Self::Decoded,
                Self::Handle,
                Self::Batches,
                Self::Client,
                Self::AsyncStd,
                Self::Smol,
            ],
        }
    }

    /// Opens a connection and does the work once, with so many messages. Peers know how many
    /// themselves.
    ///
    /// # Errors
    ///
    /// A peer could not be run. What is written in Rust panics where a socket fails.
    pub fn turn(
        self,
        server: SocketAddr,
        peers: Option<&Peers>,
        work: Work,
        count: u32,
    ) -> Result<Turn, String> {
        let order = work.order(count);
        let tls = TlsPolicy::platform;
        Ok(match self {
            Self::Bare | Self::Decoded => tokio(async move {
                let bare = Bare::open(server, order, self == Self::Decoded).await;
                turn(bare, work, count).await
            })?,
            Self::Tokio => tokio(async move {
                let polled = Polled::open(TokioRuntime::new(tls()), server, order).await;
                turn(polled, work, count).await
            })?,
            Self::Handle | Self::Batches => tokio(async move {
                let (runtime, batches) = (TokioRuntime::new(tls()), self == Self::Batches);
                let spawned = Spawned::open(runtime, server, order, batches).await;
                turn(spawned, work, count).await
            })?,
            Self::Client => tokio(async move {
                let typed = Typed::open(TokioRuntime::new(tls()), server, order).await;
                turn(typed, work, count).await
            })?,
            Self::AsyncStd => AsyncStdRuntime::block_on(async {
                let polled = Polled::open(AsyncStdRuntime::new(tls()), server, order).await;
                turn(polled, work, count).await
            }),
            Self::Smol => SmolRuntime::block_on(async {
                let polled = Polled::open(SmolRuntime::new(tls()), server, order).await;
                turn(polled, work, count).await
            }),
            Self::Peer(peer) => peers.ok_or("no peers here")?.turn(peer, server)?,
        })
    }
}

/// Runs on one thread of tokio: what waits for what is then the same at each turn. Everybody is a task
/// of its own, as in a server: what is waited for outside of tasks is woken by way of the reactor.
fn tokio(work: impl Future<Output = Turn> + Send + 'static) -> Result<Turn, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("tokio: {error}"))?;
    runtime.block_on(async { tokio::spawn(work).await }).map_err(|error| format!("a turn: {error}"))
}
