//! Tests of the simulation and seeds that once failed.

mod clock;
mod model;
