//! Sans-IO core for two chat services: frames, codec, session state machines.
//!
//! Nothing here opens a socket, reads a clock or draws entropy.

pub mod backoff;
#[cfg(feature = "c2c")]
pub mod c2c;
pub mod client;
pub mod codec;
pub mod error;
#[cfg(feature = "im")]
pub mod im;
pub mod json;
pub mod machine;
pub mod rest;
pub mod rng;
pub mod server;
pub mod time;

pub use machine::{Action, ConnId, HttpId, Input, Machine, Message, Text, Transmit};
pub use time::{Now, Skew, UnixMillis};
