//! Integration tests of the protocol core.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, and looks for one variant"
)]

mod c2c_chaos;
mod c2c_fixtures;
mod c2c_laws;
mod c2c_session;
mod client_phases;
mod im_client;
mod im_fixtures;
