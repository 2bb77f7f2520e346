//! Fuzz targets: what must hold whatever the bytes are.
//!
//! A target is a plain function that panics when a law is broken. libFuzzer calls it through the
//! binaries in `fuzz_targets/` (feature `libfuzzer`, nightly); the replay calls it on stable with
//! the seeds that are committed beside it.

mod canonical;
mod decode;
mod inlet;
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
pub use inlet::inlet;
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
    /// Whether an input takes milliseconds: minutes of virtual time pass in it.
    pub is_slow: bool,
}

impl Target {
    const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run, is_slow: false }
    }

    const fn slow(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run, is_slow: true }
    }

    /// How many changed copies of a seed to try, where a quick target gets `most`.
    #[must_use]
    pub const fn mutations(&self, most: usize) -> usize {
        if self.is_slow { most / 10 } else { most }
    }
}

/// All targets, sorted by name.
pub const TARGETS: &[Target] = &[
    Target::new("c2c_session", c2c_session),
    Target::new("canonical", canonical),
    Target::new("decode_c2c", decode_c2c),
    Target::new("decode_im", decode_im),
    Target::slow("hub", hub),
    Target::new("im_session", im_session),
    Target::new("inlet", inlet),
    Target::new("oracle", oracle),
    Target::slow("pair", pair),
    Target::new("proxy", proxy),
    Target::new("round_trip", round_trip),
    Target::new("server_session", server_session),
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
