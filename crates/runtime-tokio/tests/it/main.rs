//! The driver over real sockets and over pipes with a stopped clock.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod accept;
mod backpressure;
mod clients;
mod close;
mod compat;
mod conformance;
mod idle;
mod spawned;
mod support;
