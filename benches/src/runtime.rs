//! One WebSocket over the loopback, texts of 200 bytes: a session on each runtime beside bare
//! tungstenite, and beside clients in other languages.
//!
//! The other end is a process of its own ([`server`]), the same for everyone: it answers the opening
//! of topic chat, then either answers each `pub` with a `ctrl`, or floods numbered `data`. Each turn
//! is a connection of its own, opened before the clock starts; contenders take turns within a round,
//! and ratios are formed within a round. What counts as done is in [`work::Work`].

pub mod allocations;
pub mod clock;
pub mod contenders;
pub mod gates;
pub mod peers;
pub mod processor;
pub mod server;
pub mod table;
pub mod texts;
pub mod work;

mod bare;
mod ours;
mod turn;
