//! Clocks as arguments.
//!
//! A machine never asks what time it is: each call brings a [`Now`], one reading of both clocks.

pub(crate) mod calendar;

use std::fmt;
use std::time::{Duration, Instant};

/// One reading of both clocks, taken by the caller.
///
/// `mono` drives every timer; `unix` is what goes into signatures, token expiry and message stamps.
/// The wall clock may step, the monotonic clock may not: a machine that is given an earlier `mono`
/// than before acts as at the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub mono: Instant,
    /// The wall clock.
    pub unix: UnixMillis,
}

impl Now {
    /// Both clocks moved forward by `by`.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self { mono: self.mono + by, unix: self.unix.after(by) }
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Later by `by`; saturates.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Moved by `skew`; saturates at both ends.
    #[must_use]
    pub const fn shifted(self, skew: Skew) -> Self {
        Self(self.0.saturating_add_signed(skew.0))
    }

    /// How far `server` is ahead of this reading.
    #[must_use]
    pub fn skew_to(self, server: Self) -> Skew {
        let (ours, theirs) = (i128::from(self.0), i128::from(server.0));
        let ahead = theirs - ours;
        Skew(i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX }))
    }
}

impl fmt::Debug for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// How far a server's wall clock is ahead of ours, in milliseconds; negative when it is behind.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Skew(i64);

impl Skew {
    /// From milliseconds; positive means the server is ahead.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds; positive means the server is ahead.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Debug for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_what_must_be_added_to_our_clock() {
        let ours = UnixMillis::new(10_000);
        let server = UnixMillis::new(4_000);
        let skew = ours.skew_to(server);
        assert_eq!(skew.as_millis(), -6_000);
        assert_eq!(ours.shifted(skew), server);
    }

    #[test]
    fn extremes_saturate() {
        let far = UnixMillis::new(u64::MAX);
        assert_eq!(far.after(Duration::MAX), far);
        assert_eq!(UnixMillis::new(0).shifted(Skew::from_millis(i64::MIN)), UnixMillis::new(0));
        assert_eq!(far.skew_to(UnixMillis::new(0)).as_millis(), i64::MIN);
    }
}
