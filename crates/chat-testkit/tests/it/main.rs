//! Tests of the simulation and seeds that once failed.

#![expect(clippy::wildcard_enum_match_arm, reason = "some observations are looked for")]

mod clock;
mod drills;
mod guarantees;
mod model;
mod pair;
mod scenarios;
mod seeds;
mod simulation;
mod worlds;

use std::time::Instant;

use chat_proto::{Now, UnixMillis};

/// A point from which time runs: nothing depends on which.
#[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
fn start() -> Now {
    Now { mono: Instant::now(), unix: UnixMillis::new(1_729_731_998_924) }
}
