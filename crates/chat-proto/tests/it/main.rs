//! Integration tests of the protocol core.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, and looks for one variant"
)]

mod c2c_chaos;
mod c2c_desk;
mod c2c_fixtures;
mod c2c_gate;
mod c2c_laws;
mod c2c_pictures;
mod c2c_receiving;
mod c2c_sending;
mod c2c_session;
mod c2c_socket;
mod c2c_unsent;
mod client_phases;
mod im_client;
mod im_fixtures;
mod im_properties;
mod im_rest;
mod im_tolerance;
mod lasting;
mod multipart;
mod oracle;
mod server;
mod session_laws;

use std::time::Instant;

use proptest::test_runner::{Config, RngSeed};

/// A fixed seed and nothing written: a failure is the same failure on every machine.
fn same_cases_each_run() -> Config {
    Config { rng_seed: RngSeed::Fixed(0x1A17), failure_persistence: None, ..Config::default() }
}

/// Some time to count from.
#[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
fn some_instant() -> Instant {
    Instant::now()
}
