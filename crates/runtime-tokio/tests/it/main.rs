//! The driver over real sockets and over pipes with a stopped clock.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "helpers of tests")]

mod accept;
mod backpressure;
mod close;
mod dial;
mod exchange;
mod idle;
mod messages;
mod spawned;
mod support;
mod tls;
