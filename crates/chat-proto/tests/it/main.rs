//! Integration tests of the protocol core.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, and looks for one variant"
)]

mod client_phases;
mod im_client;
mod im_fixtures;
