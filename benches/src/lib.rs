//! What is measured, and how: the codec beside other JSON libraries, signing, and a session
//! without I/O.
//!
//! [`cases`] lists everything once. Four programs walk that list: the criterion benches for people,
//! `codec` for the table of times and for instructions under callgrind, `allocs` for allocations
//! (a program of its own, because counting them costs those who allocate).
//!
//! `runtime` measures sessions over the loopback, on each runtime and beside other clients.

pub mod cases;
pub mod contender;
pub mod gates;
pub mod measure;
pub mod report;
#[cfg(feature = "runtimes")]
pub mod runtime;
pub mod samples;
pub mod shapes;
