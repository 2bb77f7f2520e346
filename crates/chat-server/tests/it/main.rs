//! The server over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![expect(clippy::wildcard_enum_match_arm, reason = "tests pick out what they wait for")]

mod admin;
mod c2c;
mod c2c_streams;
mod c2c_wire;
mod files;
mod files_stream;
mod http;
mod im;
mod life;
mod rules;
mod secrets;
mod slow;
mod store;
mod support;
mod tinode;
mod upgrade;
mod wire;
