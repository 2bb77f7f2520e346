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
mod plugs;

use std::io as std_io;
use std::net::SocketAddr;

use async_tungstenite::WebSocketStream;

pub use io::IoStream;
#[cfg(feature = "async-std")]
pub use on_async_std::AsyncStd;
#[cfg(feature = "smol")]
pub use on_smol::Smol;
pub use plugs::AsyncIoRuntime;
pub use runtime_core::{
    ConnectError, Connection, Gone, Handle, HttpLimits, KnownServersFile, Network, Options,
    Proxies, Proxy, ProxyConfigError, Reply, Runtime, Target, TlsPolicy, TlsPolicyError,
    TryCallError, WsConfig, client, connect, files, http, runtime,
};

#[cfg(feature = "async-std")]
runtime_core::clients!(crate::AsyncStdRuntime);

/// The typed clients on smol.
#[cfg(feature = "smol")]
pub mod smol {
    runtime_core::clients!(crate::SmolRuntime);
}

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

    /// Runs `task` on its own until it ends.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// Runs `future` on this thread, which waits for it.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
}
