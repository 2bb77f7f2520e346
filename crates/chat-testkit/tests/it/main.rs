//! Tests of the simulation and seeds that once failed.

mod clock;

    Now { mono: Instant::now(), unix: UnixMillis::new(1_729_731_998_924) }
#[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
/// A point from which time runs: nothing depends on which.
fn start() -> Now {
mod model;
mod worlds;
use chat_proto::{Now, UnixMillis};
use std::time::Instant;
}
