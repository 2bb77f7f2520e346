//! How long to wait before the next attempt.

use std::time::Duration;

use crate::rng::Rng;

/// Exponential growth with full jitter.
///
/// The delay before attempt *n* (counted from 0) is drawn evenly from `floor ..= min(cap, base × factor^n)`.
/// Full jitter, because a server that restarts meets all its clients at once.
#[derive(Clone, Debug, PartialEq)]
pub struct BackoffPolicy {
    /// The shortest delay ever drawn.
    pub floor: Duration,
    /// The ceiling of the first delay.
    pub base: Duration,
    /// Growth per attempt.
    pub factor: u32,
    /// The ceiling of any delay.
    pub cap: Duration,
    /// After how many attempts without success to give up; `None` for never.
    pub max_attempts: Option<u32>,
}

impl Default for BackoffPolicy {
    /// 1 s doubling to 30 s, never below 200 ms, without an end.
    fn default() -> Self {
        Self {
            floor: Duration::from_millis(200),
            base: Duration::from_secs(1),
            factor: 2,
            cap: Duration::from_secs(30),
            max_attempts: None,
        }
    }
}

/// The state of a series of attempts. Seeded: the same seed draws the same delays.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    attempt: u32,
    rng: Rng,
}

impl Backoff {
    /// Starts a series.
    #[must_use]
    pub fn new(policy: BackoffPolicy, seed: u64) -> Self {
        Self { policy, attempt: 0, rng: Rng::new(seed) }
    }

    /// Attempts since the last reset.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The delay before the next attempt, or `None` when the attempts are used up. A `hint` from
    /// the server (`Retry-After`, a pause after being replaced) is a lower bound.
    pub fn next(&mut self, hint: Option<Duration>) -> Option<Duration> {
        if self.policy.max_attempts.is_some_and(|max| self.attempt >= max) {
            return None;
        }
        let grown = self.policy.factor.checked_pow(self.attempt);
        let ceiling = grown
            .and_then(|by| self.policy.base.checked_mul(by))
            .map_or(self.policy.cap, |delay| delay.min(self.policy.cap));
        self.attempt = self.attempt.saturating_add(1);
        let span = u64::try_from(ceiling.saturating_sub(self.policy.floor).as_millis());
        let drawn = self.rng.below(span.unwrap_or(u64::MAX).saturating_add(1));
        let delay = self.policy.floor.saturating_add(Duration::from_millis(drawn));
        Some(hint.map_or(delay, |hint| delay.max(hint)))
    }

    /// Starts again from the first delay. Call it when the session has *lasted*, not when it opened.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn stays_within_floor_and_cap(seed: u64, attempts in 1usize..40) {
            let policy = BackoffPolicy::default();
            let mut backoff = Backoff::new(policy.clone(), seed);
            for n in 0..attempts {
                let delay = backoff.next(None).unwrap();
                let ceiling = policy.base.saturating_mul(1 << n.min(20)).min(policy.cap);
                prop_assert!(policy.floor <= delay && delay <= ceiling, "{n}: {delay:?}");
            }
        }
    }

    #[test]
    fn a_hint_is_a_lower_bound_and_attempts_end() {
        let policy = BackoffPolicy { max_attempts: Some(2), ..BackoffPolicy::default() };
        let mut backoff = Backoff::new(policy, 7);
        assert!(backoff.next(Some(Duration::from_secs(90))).unwrap() >= Duration::from_secs(90));
        assert!(backoff.next(None).is_some());
        assert_eq!(backoff.next(None), None);
        backoff.reset();
        assert!(backoff.next(None).is_some());
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let draw = |seed| {
            let mut backoff = Backoff::new(BackoffPolicy::default(), seed);
            (0..6).map(|_| backoff.next(None)).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
