//! A client of Binance C2C order chat, with names and types.
//!
//! [`connect`] gives a [`C2cClient`], whose session lives in a task of its own; [`open`] a
//! [`C2cConnection`], which the application polls. Adapters offer both for their runtime. What the
//! session does by itself stands in [`chat_proto::c2c::client`]; what the two forms have in common, in
//! [`client`](crate::client): full queues, dropped calls, events.
//!
//! ```
//! # use runtime_core::{Network, Runtime};
//! # async fn example<R: Runtime + From<Network>>() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use runtime_core::c2c::{self, C2cEvent, Event, Since};
//!
//! let order = "20210101000000000001";
//! let c2c = c2c::connect::<R>(c2c::Config::from_env()?).await?;
//! let mut events = c2c.events();
//! c2c.watch(order, Since::Now).await?;
//! let accepted = c2c.send_text(order, "Hello, I have paid.").await?;
//! println!("stands in the chat as {}", accepted.uuid);
//! while let Some(event) = events.next().await {
//!     if let Event::Service(C2cEvent::Push(incoming)) = event {
//!         println!("{:?}", incoming.view());
//!         break;
//!     }
//! }
//! c2c.close(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod config;
mod files;
mod verbs;

use chat_proto::Session;
use chat_proto::c2c::C2c;

use crate::client::{Client, Events, Polled};
use crate::network::Network;
use crate::runtime::Runtime;

pub use chat_proto::c2c::client::{
    Accepted, Answer, C2cConfig, C2cEvent, Checkpoint, Checkpoints, HistoryPage, Incoming,
    Progress, Resend, Rest, SendOptions, Since, Source, Weights,
};
pub use chat_proto::c2c::frame::{ImageRef, Kind, Push, Up};
pub use chat_proto::c2c::rest::{Api, DownloadRules, HistoryQuery, UploadSlot};
pub use chat_proto::c2c::{HistoryItem, ImageFormat, ImageInfo, MessageId, OrderNo, View};
pub use chat_proto::client::Phase;
pub use chat_proto::client::RequestId;

pub use crate::client::{Closed, ConfigError, FileCallError, NotReady, SendError};
pub use crate::files::{
    DownloadOptions, Downloaded, Source as FileSource, TransferError, UploadOptions,
};
pub use config::Config;

/// A session in a task of its own: cheap to clone, `async` verbs.
pub type C2cClient<R> = Client<C2c, R>;

/// A session that the application polls.
pub type C2cConnection<R> = Polled<C2c, R>;

/// What a [`C2cClient`] tells, as a stream.
pub type C2cEvents = Events<C2c>;

/// What a session tells.
pub type Event = chat_proto::client::Event<C2cEvent, Answer>;

/// Connects and waits until the session can be used: a ticket is fetched and the socket is open. What
/// the session told meanwhile waits in [`C2cClient::events`](Client::events).
///
/// Cancel safety: dropping the future gives the session up.
///
/// # Errors
///
/// The first attempt failed, or the key is not accepted. There is no second attempt: for those,
/// [`start`] and [`Client::ready`].
pub async fn connect<R>(config: Config) -> Result<C2cClient<R>, NotReady>
where
    R: Runtime + From<Network>,
{
    let client = start(config);
    client.ready().await?;
    Ok(client)
}

/// The same without waiting: the session connects, and connects again, in its task. Verbs may be
/// called at once; messages are kept until they can be sent, or their time is over.
#[must_use]
pub fn start<R>(config: Config) -> C2cClient<R>
where
    R: Runtime + From<Network>,
{
    open(config).into_client()
}

/// A session for the application to poll. It connects when [`Polled::next`] is awaited.
#[must_use]
pub fn open<R>(config: Config) -> C2cConnection<R>
where
    R: Runtime + From<Network>,
{
    let (session, api, network, options) = config.into_parts();
    let runtime = R::from(network);
    let mut session = Session::c2c(session, api, runtime.seed(), runtime.now());
    session.connect(runtime.now());
    Polled::new(session, runtime, options)
}
