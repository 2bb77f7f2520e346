//! One way of doing the work of a case.

use std::fmt;
use std::hint::black_box;

/// One way of doing the work of a case, and its name.
pub struct Contender {
    /// `ours`, `owned`, …
    pub name: &'static str,
    run: Box<dyn FnMut(u64)>,
}

impl Contender {
    /// Does the work `operation` once for each time it is asked to; the optimiser cannot see what
    /// becomes of the result.
    pub fn new<R>(name: &'static str, mut operation: impl FnMut() -> R + 'static) -> Self {
        let run = move |times| {
            for _ in 0..times {
                // By reference: a large result is not copied once more.
                black_box(&operation());
            }
        };
        Self { name, run: Box::new(run) }
    }

    /// Does the work `times` times.
    pub fn run(&mut self, times: u64) {
        (self.run)(times);
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contender({})", self.name)
    }
}
