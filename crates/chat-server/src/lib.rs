//! The service side of two chat protocols on tokio: PBX instant messaging and C2C order chat, over
//! real sockets on one port.
//!
//! [`chat_hub::Hub`] decides everything; this crate gives it sockets, TLS, a clock, a place for
//! files and a store for records.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_server::{Config, Server, world};
//!
//! let server = Server::bind(Config::new(world::builtin())).await?;
//! println!("{}", server.ready_line());
//! server.run_until(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! For tests there is [`TestServer`]: port 0, a certificate of its own, everything in a temporary
//! folder that goes away with it.
//!
//! # Tasks
//!
//! One task owns the hub and its store. Each socket has a task; it talks to the hub through a
//! bounded queue, and stops reading while the hub is behind. What the hub has to say to a peer that
//! does not read waits in that peer's own bounded queue and never in the way of others.
//!
//! # What is logged
//!
//! Numbers of connections, routes without their queries and secret parts, statuses, sizes. Never a
//! query, a header, a body, a text or a name.

mod admin;
mod answer;
mod config;
mod download;
mod error;
mod files;
mod front;
mod hub_task;
mod link;
mod patience;
mod server;
mod sniff;
mod socket;
pub mod store;
mod test_server;
mod tls;
mod upgrade;
mod upload;
mod urls;
mod wire;
pub mod world;

pub use chat_hub::{Hub, HubConfig, Record, World};
pub use config::{Config, HubKey, Limits};
pub use error::ServeError;
pub use server::{Control, Server};
pub use store::{MemoryStore, Store};
pub use test_server::TestServer;
pub use tls::Tls;
pub use urls::{Admin, Urls};
