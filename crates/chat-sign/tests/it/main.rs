//! The crate from outside, one module a subject.

#[cfg(feature = "ed25519")]
mod ed25519;
mod file_auth;
mod login;
mod query;
mod redaction;
#[cfg(feature = "rsa")]
mod rsa;
mod token;
mod vectors;
mod verify;

use proptest::test_runner::{Config, RngSeed};

/// A fixed seed and nothing written: a failure is the same failure on every machine.
fn same_cases_each_run() -> Config {
    Config { rng_seed: RngSeed::Fixed(0x5161), failure_persistence: None, ..Config::default() }
}
