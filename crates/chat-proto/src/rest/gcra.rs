//! A rate limit that is told the time.

use std::time::{Duration, Instant};

/// How many calls are allowed in how long.
///
/// A part of them, the burst, may come at once; the others are spread evenly, so that no stretch of
/// the given length holds more than the whole, wherever it starts.
///
/// ```
/// use std::time::Duration;
///
/// use chat_proto::rest::Quota;
///
/// let quota = Quota::per_minute(36).burst(6);
/// assert_eq!(quota.step(), Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    calls: u32,
    per: Duration,
    burst: u32,
}

impl Quota {
    /// So many calls in so long; 0 counts as 1. A sixth of them may come at once.
    #[must_use]
    pub const fn new(calls: u32, per: Duration) -> Self {
        let calls = if calls == 0 { 1 } else { calls };
        Self { calls, per, burst: 1 }.burst(calls / 6)
    }

    /// So many calls a minute.
    #[must_use]
    pub const fn per_minute(calls: u32) -> Self {
        Self::new(calls, Duration::from_secs(60))
    }

    /// How many may come at once: at least one, and fewer than all.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        let most = if self.calls > 1 { self.calls - 1 } else { 1 };
        self.burst = if burst > most { most } else { burst };
        if self.burst == 0 {
            self.burst = 1;
        }
        self
    }

    /// Between two calls, once the burst is used up.
    #[must_use]
    pub fn step(&self) -> Duration {
        self.per / (self.calls - self.burst).max(1)
    }
}

/// The generic cell rate algorithm: a limiter whose whole state is one instant.
///
/// It reads no clock. Times that run backwards are harmless: they find less room, never more.
#[derive(Clone, Debug)]
pub struct Gcra {
    step: Duration,
    slack: Duration,
    /// When the next call would come if all came evenly.
    due: Option<Instant>,
}

impl Gcra {
    /// A limiter that nobody has used yet.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let step = quota.step();
        Self { step, slack: step.saturating_mul(quota.burst - 1), due: None }
    }

    /// When a call may start: `now`, or later.
    #[must_use]
    pub fn ready_at(&self, now: Instant) -> Instant {
        let early = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        now + early.saturating_sub(self.slack)
    }

    /// Takes the place of one call.
    ///
    /// # Errors
    ///
    /// There is none before the instant that comes back.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let at = self.ready_at(now);
        if at > now {
            return Err(at);
        }
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + self.step);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_burst_comes_at_once_and_the_rest_evenly() {
        let (start, second) = (start(), Duration::from_secs(1));
        let mut limit = Gcra::new(Quota::per_minute(36));
        assert!((0..6).all(|_| limit.take(start).is_ok()));
        assert_eq!(limit.take(start), Err(start + 2 * second));
        assert_eq!(limit.ready_at(start + second), start + 2 * second);
        assert_eq!(limit.take(start + 2 * second), Ok(()));
        assert_eq!(limit.take(start + 2 * second), Err(start + 4 * second));
        // After a rest the whole burst is there again, and not more.
        let later = start + 3600 * second;
        assert!((0..6).all(|_| limit.take(later).is_ok()));
        assert!(limit.take(later).is_err());
    }

    #[test]
    fn quotas_without_sense_still_let_calls_through() {
        for quota in [
            Quota::new(0, Duration::from_secs(1)),
            Quota::per_minute(1).burst(9),
            Quota::per_minute(2).burst(0),
            Quota::new(u32::MAX, Duration::ZERO),
        ] {
            let now = start();
            let mut limit = Gcra::new(quota);
            assert_eq!(limit.take(now), Ok(()));
            let at = limit.ready_at(now);
            assert_eq!(limit.take(at), Ok(()), "{quota:?}");
        }
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        /// No stretch of the quota's length holds more calls than the quota, and a call that waits
        /// as long as it is told goes through.
        #[test]
        fn no_stretch_holds_more_than_the_quota(
            calls in 1u32..50,
            burst in 0u32..60,
            waits in prop::collection::vec(0u64..2_000, 1..300),
        ) {
            let per = Duration::from_secs(10);
            let start = start();
            let mut limit = Gcra::new(Quota::new(calls, per).burst(burst));
            let (mut now, mut admitted) = (start, Vec::new());
            for (n, wait) in waits.into_iter().enumerate() {
                // Two in three come as they like, the third obeys.
                now = if n % 3 == 2 { limit.ready_at(now) } else { now + Duration::from_millis(wait / 4) };
                match limit.take(now) {
                    Ok(()) => admitted.push(now),
                    Err(at) => prop_assert!(n % 3 != 2 && at > now),
                }
            }
            for (n, first) in admitted.iter().enumerate() {
                let within = admitted[n..].iter().filter(|at| **at < *first + per).count();
                prop_assert!(within <= calls as usize, "{within} of {calls}");
            }
        }
    }
}
