//! Fuzz targets: what must hold whatever the bytes are.
//!
//! A target is a plain function that panics when a law is broken. libFuzzer calls it through the
//! binaries in `fuzz_targets/` (feature `libfuzzer`, nightly); the replay calls it on stable with
//! the seeds that are committed beside it.

mod canonical;
mod decode;
mod make;
mod make_frames;
mod oracle;
mod proxy;
mod replay;
mod round_trip;
pub mod seeds;
mod session;
mod world;

pub use canonical::canonical;
pub use decode::{decode_c2c, decode_im};
pub use oracle::{expected_difference, oracle};
pub use proxy::proxy;
pub use replay::{Replayed, replay};
pub use round_trip::round_trip;
pub use session::{c2c_session, im_session, server_session};
pub use world::{hub, pair, schedule};

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the function, of the binary and of the archive of seeds.
    pub name: &'static str,
    /// Tries one input; panics when a law is broken.
    pub run: fn(&[u8]),
}

/// All targets, sorted by name.
pub const TARGETS: &[Target] = &[
    Target { name: "c2c_session", run: c2c_session },
    Target { name: "canonical", run: canonical },
    Target { name: "decode_c2c", run: decode_c2c },
    Target { name: "decode_im", run: decode_im },
    Target { name: "hub", run: hub },
    Target { name: "im_session", run: im_session },
    Target { name: "oracle", run: oracle },
    Target { name: "pair", run: pair },
    Target { name: "proxy", run: proxy },
    Target { name: "round_trip", run: round_trip },
    Target { name: "server_session", run: server_session },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// A point from which time runs: nothing depends on which.
fn start() -> std::time::Instant {
    std::time::Instant::now()
}
