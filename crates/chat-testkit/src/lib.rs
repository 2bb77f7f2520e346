//! Clients and hub in one thread, under virtual time and seeded faults.
//!
//! For tests only. Nothing here opens a socket, reads a clock, starts a thread or draws entropy: the
//! same seed gives the same run, byte for byte.

pub mod clock;
pub mod model;
pub mod observe;

pub use clock::Clock;
