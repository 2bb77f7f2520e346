//! The adapters for async-std and smol over real sockets.
#![cfg(any(feature = "async-std", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod clients;
mod conformance;
