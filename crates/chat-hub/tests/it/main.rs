//! The hub from outside, under virtual time.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test may panic, looks for one variant, and takes one reading of the clock to start from"
)]

mod c2c;
mod c2c_faults;
mod c2c_front;
mod c2c_pair;
