//! Order chat: Binance C2C.
//!
//! Signed REST calls give a ticket for each dial; one WebSocket per account carries the chats of
//! all its orders; what is missed while it is down is read from history. Where the published
//! samples say nothing, facts come from field reports and are marked so: they are handled
//! tolerantly and never relied on.

pub mod answer;
pub mod client;
pub mod frame;
pub mod history;
pub mod image;
pub mod rest;
pub mod system;
pub mod value;

pub use client::{C2cConfig, C2cEvent, Checkpoint, Incoming, Since};
pub use frame::{Down, Kind, Push, Up};
pub use history::HistoryItem;
pub use image::{ImageFormat, ImageInfo};
pub use rest::{Api, Code, Refusal, Ticket};
pub use system::{OrderEvent, Role, SystemContent, SystemEvent};
pub use value::{Loose, MessageId, OrderNo};

use crate::codec::Dialect;

/// The frames of order chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct C2c;

impl Dialect for C2c {
    const NAME: &'static str = "c2c";
    type Up<'a> = Up<'a>;
    type Down<'a> = Down<'a>;
}
