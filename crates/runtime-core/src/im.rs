//! A client of PortSIP PBX IM, or of its relative Tinode, with names and types.
//!
//! [`connect`] gives an [`ImClient`], whose session lives in a task of its own; [`open`] an
//! [`ImConnection`], which the application polls. Adapters offer both for their runtime. What the
//! session does by itself, after a loss above all, stands in [`chat_proto::im::client`]; what the two
//! forms have in common, in [`client`](crate::client): full queues, dropped calls, events.
//!
//! ```
//! # use runtime_core::{Network, Runtime};
//! # async fn example<R: Runtime + From<Network>>() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use runtime_core::im::{self, Event, ImEvent, Publish, Subscribe, TopicName, UserId};
//!
//! let im = im::connect::<R>(im::Config::from_env()?).await?;
//! let peer = TopicName::p2p(&UserId::from_number(804_252_613_548_703_744));
//! im.subscribe(&peer, Subscribe::default()).await?;
//! let receipt = im.publish(&peer, Publish::text("Hello")).await?;
//! println!("stored as {}", receipt.seq);
//! let mut events = im.events();
//! while let Some(event) = events.next().await {
//!     if let Event::Service(ImEvent::Message(message)) = event {
//!         println!("{}: {:?}", message.from(), message.content());
//!         break;
//!     }
//! }
//! im.close(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod config;
mod files;
mod topic;
mod verbs;

use chat_proto::Session;
use chat_proto::im::Im;

use crate::client::{Client, Events, Polled};
use crate::network::Network;
use crate::runtime::Runtime;

pub use chat_proto::client::Phase;
pub use chat_proto::client::RequestId;
pub use chat_proto::im::client::{
    AccessChange, Acknowledged, Activity, Answer, Changed, Credentials, Deleted, Delivered,
    History, HistoryQuery, ImConfig, ImEvent, Presence, PresenceKind, Publish, Query, ReceiptKind,
    Section, SetRequest, Subscribe, Subscribed, TopicView, Typing, TypingKind, Updated,
    UpdatedKind,
};
pub use chat_proto::im::rest::{FileUrl, TokenPair};
pub use chat_proto::im::{
    Access, AccessMode, Flavor, Seq, Seqs, Stamp, TopicKind, TopicName, UserId,
};
pub use chat_proto::json::Raw;

pub use crate::client::{Closed, ConfigError, FileCallError, NotReady, SendError};
pub use crate::files::{
    DownloadOptions, Downloaded, Source as FileSource, TransferError, UploadOptions,
};
pub use config::Config;
pub use topic::TopicState;
pub use verbs::Receipt;

/// A session in a task of its own: cheap to clone, `async` verbs.
pub type ImClient<R> = Client<Im, R>;

/// A session that the application polls.
pub type ImConnection<R> = Polled<Im, R>;

/// What an [`ImClient`] tells, as a stream.
pub type ImEvents = Events<Im>;

/// What a session tells.
pub type Event = chat_proto::client::Event<ImEvent, Answer>;

/// Connects and waits until the session can be used: tokens are fetched, the socket is open, the login
/// was accepted. What the session told meanwhile waits in [`ImClient::events`](Client::events): new
/// tokens, for one, which a program may want to store.
///
/// Cancel safety: dropping the future gives the session up.
///
/// # Errors
///
/// The first attempt failed, or the credentials are not accepted. There is no second attempt: for
/// those, [`start`] and [`Client::ready`].
pub async fn connect<R>(config: Config) -> Result<ImClient<R>, NotReady>
where
    R: Runtime + From<Network>,
{
    let client = start(config);
    client.ready().await?;
    Ok(client)
}

/// The same without waiting: the session connects, and connects again, in its task. Verbs may be
/// called at once; their requests are kept until they can be sent, or their time is over.
#[must_use]
pub fn start<R>(config: Config) -> ImClient<R>
where
    R: Runtime + From<Network>,
{
    open(config).into_client()
}

/// A session for the application to poll. It connects when [`Polled::next`] is awaited.
#[must_use]
pub fn open<R>(config: Config) -> ImConnection<R>
where
    R: Runtime + From<Network>,
{
    let (session, network, options) = config.into_parts();
    let runtime = R::from(network);
    let mut session = Session::im(session, runtime.seed(), runtime.now());
    session.connect(runtime.now());
    Polled::new(session, runtime, options)
}
