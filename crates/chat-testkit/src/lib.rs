//! Clients and hub in one thread, under virtual time and seeded faults.
//!
//! For tests only. Nothing here opens a socket, reads a clock, starts a thread or draws entropy: the
//! same seed gives the same run, byte for byte.

pub mod clock;
pub mod coverage;
pub mod drill;
pub mod generate;
pub mod host;
pub mod laws;
pub mod link;
pub mod model;
pub mod observe;
pub mod pair;
pub mod people;
pub mod schedule;
pub mod sim;
pub mod world;

pub use clock::Clock;
pub use coverage::Coverage;
pub use generate::Generator;
pub use pair::Pair;
pub use schedule::Schedule;
pub use world::World;
