//! What stands between a [`Machine`](chat_proto::Machine) and a network, for any async runtime.
//!
//! * [`Runtime`] is what an adapter provides: a connector, a WebSocket, a clock. It knows no
//!   protocol.
//! * [`Connection`] is the one driver: it moves the bytes of any machine, client or server. It
//!   spawns nothing; awaiting [`Connection::next`] is what makes it go.
//! * [`Handle`] is the same driver in a task of its own, for an application that speaks from many
//!   tasks.
//! * [`im`] and [`c2c`] are clients of the two services with names and types, in both forms;
//!   [`client`] says what they have in common.
//! * [`http`] performs HTTP/1 exchanges over the same connector.
//! * [`files`] moves files up and down, with progress, limits and resumption.
//! * [`TlsPolicy`] says whom to trust, [`Proxies`] through whom to go; [`Network`] holds both.
//!   [`proxy::Handshake`] is what is said to a proxy, without a socket.
//! * `conformance`, behind the feature of that name, is what every adapter must do, as tests.
//!
//! ```text
//! loop {
//!     let (machine, now) = connection.machine();     // verbs: they queue, and go out corked
//!     machine.say("hello", now);
//!     match connection.next().await {                // drives everything until an event is there
//!         Some(event) => …,
//!         None => break,                             // the machine is finished
//!     }
//! }
//! ```
//!
//! # Which runtime is in here
//!
//! None. `hyper`'s HTTP/1 client depends on tokio with the feature `sync` only: channels, no
//! reactor, no timer, no task.
//!
//! # Back-pressure
//!
//! Messages are read only while there is room for an event: one, or up to 16 at once for an
//! application that has taken the former ones within a millisecond. An application that stops taking
//! events stops the reads, the socket's buffers fill, and the peer has to wait. Writes, pongs,
//! timers, dials and HTTP exchanges go on (in the spawned form; a [`Connection`] that nobody polls
//! does nothing at all).

pub mod c2c;
pub mod client;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod files;
pub mod http;
pub mod im;
pub mod inlet;
pub mod network;
pub mod options;
pub mod outlet;
pub mod proxy;
pub mod runtime;
pub mod tls;

mod connect;
mod connection;
mod dial;
mod driver;
mod failure;
mod handle;
mod link;
mod wire;

pub use connect::{connect, timeout_at};
pub use connection::Connection;
pub use handle::{Gone, Handle, Reply, TryCallError};
pub use network::Network;
pub use options::{HttpLimits, Options, WsConfig};
pub use proxy::{Proxies, Proxy, ProxyConfigError};
pub use runtime::{Below, ConnectError, Runtime, Socket, Target};
pub use tls::{KnownServersFile, TlsPolicy, TlsPolicyError};

/// The WebSocket types that cross the boundary to an adapter.
pub use tungstenite;
