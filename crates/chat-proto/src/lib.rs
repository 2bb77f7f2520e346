//! Sans-IO core for two chat services: frames, codec, session state machines.
//!
//! * [`im`] — PortSIP PBX instant messaging, and its relative Tinode.
//! * [`c2c`] — Binance's order chat for P2P merchants.
//!
//! Nothing here opens a socket, reads a clock or draws entropy: a session is told what happened
//! ([`Input`]) and what time it is ([`Now`]), and says what to write ([`Transmit`]), what to start
//! ([`Action`]) and what the application should know (its events). Whoever wants sockets takes a
//! runtime crate; whoever has them already writes this loop:
//!
//! ```
//! use chat_proto::{Action, Input, Machine, Message, Now, Transmit};
//!
//! /// What the loop needs of the world outside.
//! trait World {
//!     fn now(&self) -> Now;
//!     fn start(&mut self, action: Action);          // dial, HTTP exchange, abort
//!     fn write(&mut self, transmit: Transmit);      // one WebSocket message
//!     fn wait(&mut self, until: Option<std::time::Instant>) -> Input; // something happens
//! }
//!
//! fn run<M: Machine>(mut machine: M, world: &mut impl World, mut tell: impl FnMut(M::Event)) {
//!     loop {
//!         while let Some(action) = machine.poll_action() { world.start(action); }
//!         while let Some(transmit) = machine.poll_transmit() { world.write(transmit); }
//!         while let Some(event) = machine.poll_event() { tell(event); }
//!         if machine.is_finished() { return; }
//!         let input = world.wait(machine.poll_timeout());
//!         machine.handle_input(input, world.now());
//!     }
//! }
//! ```
//!
//! # What a session guarantees
//!
//! 1. It uses no clock, entropy, thread, file or socket: the same configuration, seed and calls give
//!    the same outputs, byte for byte.
//! 2. `now` is monotone; a call with an earlier one acts as at the last one.
//! 3. After [`Input::Timeout`] at `t`, [`Machine::poll_timeout`] is `None` or later than `t`.
//! 4. Inputs about an older [`ConnId`] or an unknown [`HttpId`] change nothing.
//! 5. Every [`RequestId`](client::RequestId) gets exactly one `Completed`.
//! 6. Each message is told once; where the service numbers messages they come in order, and a hole
//!    is announced before what follows it.
//! 7. `Closed` is the last event, comes at most once, and the session is finished then.
//! 8. There is at most one live [`ConnId`], and a new dial only after the former was dropped.
//! 9. Nothing is sent before the session is ready but the service's own opening frames, and nothing
//!    after our close frame.
//! 10. Secrets never appear in `Debug` or in errors.
//! 11. Memory is bounded by the configuration, whatever the peer sends.
//! 12. Nothing that others can see is ever sent twice unless it was proven lost or the server is
//!     known to recognise it.
//!
//! # What is known of the services
//!
//! Both are described by short documents of their owners; nothing in this crate has ever been tried
//! against the live services. Each protocol fact names its source: *seed* (the published samples),
//! *portsip-docs*, *tinode-doc* and *tinode-code* (documentation and observed behaviour of the
//! relative), *field report* (programs of others), *choice* (ours, where everybody is silent).

pub mod backoff;
#[cfg(feature = "c2c")]
pub mod c2c;
pub mod client;
pub mod codec;
pub mod error;
pub mod gauge;
#[cfg(feature = "im")]
pub mod im;
pub mod json;
pub mod machine;
#[cfg(feature = "reference")]
mod reference;
pub mod rest;
pub mod rng;
mod secret;
pub mod server;
mod table;
pub mod time;

pub use client::Session;
pub use gauge::Gauge;
pub use machine::{Action, ConnId, HttpId, Input, Machine, Message, Text, Transmit};
pub use time::{Now, Skew, UnixMillis};

/// A fixed seed and nothing written: a failing property fails the same way on every machine.
#[cfg(test)]
fn same_cases_each_run() -> proptest::test_runner::Config {
    let rng_seed = proptest::test_runner::RngSeed::Fixed(0x1A17);
    proptest::test_runner::Config { rng_seed, failure_persistence: None, ..Default::default() }
}
