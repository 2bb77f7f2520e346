//! Virtual time.

use std::time::{Duration, Instant};

use chat_proto::{Now, Skew};

/// A clock that is told.
///
/// The monotonic side only moves forward. The wall clock can be stepped, as administrators and
/// time servers do.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    now: Now,
}

impl Clock {
    /// Starts at `start`.
    #[must_use]
    pub const fn new(start: Now) -> Self {
        Self { start: start.mono, now: start }
    }

    /// Both readings.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.now
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.mono.saturating_duration_since(self.start)
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    /// Lets time pass until `at`; a time that is over changes nothing.
    pub fn advance_to(&mut self, at: Instant) {
        self.advance(at.saturating_duration_since(self.now.mono));
    }

    /// Steps the wall clock and nothing else.
    pub const fn step_wall(&mut self, by: Skew) {
        self.now = Now { mono: self.now.mono, unix: self.now.unix.shifted(by) };
    }
}
