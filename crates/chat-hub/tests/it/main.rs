//! The hub driven through real frames, under virtual time.

#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test may panic, looks for one variant, and reads the clock once to start from"
)]

mod access;
mod c2c;
mod c2c_faults;
mod c2c_front;
mod c2c_pair;
mod deletion;
mod durability;
mod files;
mod history;
mod hostile;
mod im_pair;
mod lab;
mod links;
mod login;
mod model;
mod notes;
mod oauth;
mod presence;
mod publish;
mod topics;
mod transcript;
mod world;
