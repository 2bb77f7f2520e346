//! The adapters for async-std and smol over real sockets.
#![cfg(any(feature = "async-std", feature = "smol"))]

mod clients;
mod conformance;
