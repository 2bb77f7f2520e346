//! The deadlines of a session.

use std::time::Instant;

/// What can be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer<A> {
    /// The session must be ready.
    Open,
    /// The next attempt starts.
    Retry,
    /// The next ping goes out.
    Heartbeat,
    /// Something must have been heard.
    Silence,
    /// The session has lasted.
    Stable,
    /// The close handshake must be over.
    Close,
    /// The service's own.
    Alarm(A),
}

impl<A> Timer<A> {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Retry => "retry",
            Self::Heartbeat => "heartbeat",
            Self::Silence => "silence",
            Self::Stable => "stable",
            Self::Close => "close",
            Self::Alarm(_) => "service",
        }
    }
}

/// At most one deadline a timer. There are a dozen at most, and one of them moves with every message:
/// looking through a few entries that lie side by side is the cheapest there is.
#[derive(Debug)]
pub(super) struct Timers<A>(Vec<(Timer<A>, Instant)>);

impl<A: Copy + Ord> Timers<A> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Arms, or moves, a timer.
    pub(super) fn set(&mut self, timer: Timer<A>, at: Instant) {
        match self.entry(timer) {
            Some(armed) => *armed = at,
            None => self.0.push((timer, at)),
        }
    }

    /// Arms a timer unless it runs: for liveness, which a heartbeat must not push out of reach.
    pub(super) fn set_if_idle(&mut self, timer: Timer<A>, at: Instant) {
        if self.entry(timer).is_none() {
            self.0.push((timer, at));
        }
    }

    fn entry(&mut self, timer: Timer<A>) -> Option<&mut Instant> {
        self.0.iter_mut().find(|(armed, _)| *armed == timer).map(|(_, at)| at)
    }

    pub(super) fn clear(&mut self, timer: Timer<A>) {
        self.0.retain(|(armed, _)| *armed != timer);
    }

    /// Disarms everything that belongs to a link or to an attempt.
    pub(super) fn clear_link(&mut self) {
        self.0.retain(|(timer, _)| matches!(timer, Timer::Alarm(_)));
    }

    pub(super) fn clear_all(&mut self) {
        self.0.clear();
    }

    /// The earliest deadline; of equal ones, that of the timer named first.
    pub(super) fn next(&self) -> Option<(Instant, Timer<A>)> {
        self.0.iter().map(|(timer, at)| (*at, *timer)).min()
    }

    /// When that is.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.0.iter().map(|(_, at)| *at).min()
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Timer<A>> {
        let (at, timer) = self.next()?;
        (at <= now).then(|| {
            self.clear(timer);
            timer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn due_timers_come_in_order_and_once() {
        let (start, ms) = (start(), Duration::from_millis);
        let mut timers = Timers::<u8>::new();
        timers.set(Timer::Silence, start + ms(20));
        timers.set(Timer::Heartbeat, start + ms(10));
        timers.set_if_idle(Timer::Silence, start + ms(90));
        timers.set(Timer::Alarm(3), start + ms(30));
        assert_eq!(timers.pop_due(start + ms(5)), None);
        assert_eq!(timers.pop_due(start + ms(25)), Some(Timer::Heartbeat));
        assert_eq!(timers.pop_due(start + ms(25)), Some(Timer::Silence));
        assert_eq!(timers.pop_due(start + ms(25)), None);
        timers.clear_link();
        assert_eq!(timers.next(), Some((start + ms(30), Timer::Alarm(3))));
    }
}
