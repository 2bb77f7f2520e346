//! Order chat: Binance C2C.
//!
//! Signed REST calls give a ticket for each dial; one WebSocket per account carries the chats of
//! all its orders; what is missed while it is down is read from history. Where the published
//! samples say nothing, facts come from field reports and are marked so: they are handled
//! tolerantly and never relied on.
//!
//! ```
//! use std::time::Instant;
//!
//! use chat_proto::c2c::{Api, C2cConfig, Since};
//! use chat_proto::client::Session;
//! use chat_proto::{Action, Machine, Now, UnixMillis};
//!
//! let api = Api::new(&"demo-merchant-key".into(), &"demo-merchant-secret".into())?
//!     .base_url("https://127.0.0.1:8887")?;
//! let now = Now { mono: Instant::now(), unix: UnixMillis::new(1_700_000_000_000) };
//! let mut session = Session::c2c(C2cConfig::default(), api, 7, now);
//!
//! // Verbs may come before the connection: what they ask for waits.
//! session.watch("20476365073825144832", Since::Now, now)?;
//! session.connect(now);
//!
//! // The first thing to do is the exchange that gives a ticket; `Action::Dial` follows it.
//! let Some(Action::Http { request, .. }) = session.poll_action() else { panic!() };
//! assert_eq!(request.request().uri().path(), "/sapi/v1/c2c/chat/retrieveChatCredential");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A merchant's program
//!
//! What it does with an event: it follows orders by their system messages, answers people and nobody
//! else, and stores how far it came only when it has dealt with a message.
//!
//! ```
//! use chat_proto::Now;
//! use chat_proto::c2c::client::Answer;
//! use chat_proto::c2c::{C2c, C2cEvent, Checkpoints, OrderState, Since, View};
//! use chat_proto::client::{Event, Session};
//! use chat_proto::error::{CallError, Lost};
//!
//! fn on_event(
//!     event: Event<C2cEvent, Answer>,
//!     session: &mut Session<C2c>,
//!     store: &mut Checkpoints,
//!     now: Now,
//! ) -> Result<(), CallError> {
//!     match event {
//!         Event::Service(C2cEvent::Push(incoming)) => {
//!             let Some(order) = incoming.push.order().map(ToString::to_string) else {
//!                 return Ok(()); // counters, and questions about an ad
//!             };
//!             match incoming.view() {
//!                 View::System { event, .. }
//!                     if event.event.order_state() == Some(OrderState::Open) =>
//!                 {
//!                     session.watch(&order, Since::Start, now)?;
//!                 }
//!                 View::Text(text) if incoming.push.is_from_counterparty() && text == "hi" => {
//!                     session.send_text(&order, "Hello! Payment details follow.", now)?;
//!                 }
//!                 _ => {}
//!             }
//!             if let Some(checkpoint) = incoming.checkpoint() {
//!                 store.insert(order, checkpoint);
//!             }
//!         }
//!         Event::Service(C2cEvent::Backfilled { order_no, checkpoint, .. }) => {
//!             store.insert(order_no, checkpoint);
//!         }
//!         // Accepted, rejected, or unknown: the last is for people.
//!         Event::Completed { result: Err(why), .. } => eprintln!("{why}"),
//!         Event::Lost { reason: Lost::TakenOver, retry_in: None } => {
//!             eprintln!("another process has the account; connect() takes it back");
//!         }
//!         _ => {}
//!     }
//!     Ok(())
//! }
//! ```

pub mod answer;
pub mod client;
pub mod frame;
pub mod history;
pub mod image;
pub mod rest;
pub mod system;
pub mod value;
pub mod view;

pub use client::{
    C2cConfig, C2cEvent, Checkpoint, Checkpoints, Incoming, Resend, SendOptions, Since,
};
pub use frame::{Down, Kind, Push, Up};
pub use history::HistoryItem;
pub use image::{ImageFormat, ImageInfo};
pub use rest::{Api, Code, Refusal, Ticket};
pub use system::{OrderEvent, OrderState, Role, SystemContent, SystemEvent};
pub use value::{Loose, MessageId, MessageUuid, OrderNo};
pub use view::View;

use crate::codec::Dialect;

/// The frames of order chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct C2c;

impl Dialect for C2c {
    const NAME: &'static str = "c2c";
    type Up<'a> = Up<'a>;
    type Down<'a> = Down<'a>;
}
