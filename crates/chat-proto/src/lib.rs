//! Sans-IO core for two chat services: frames, codec, session state machines.
//!
//! Nothing here opens a socket, reads a clock or draws entropy.

pub mod backoff;
pub mod machine;
pub mod rng;
pub mod time;

pub use machine::{Action, ConnId, HttpId, Input, Machine, Message, Text, Transmit};
pub use time::{Now, Skew, UnixMillis};
