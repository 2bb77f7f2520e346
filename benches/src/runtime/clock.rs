//! Time and processor time of a turn.

use std::fs;
use std::time::{Duration, Instant};

/// What a turn took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Nanoseconds a message.
    pub wall: f64,
    /// Nanoseconds of processor time a message, over all threads of the process. NaN where that is
    /// not known: of other processes, and where the kernel does not tell.
    pub cpu: f64,
}

/// A clock that can be held.
#[derive(Debug)]
pub struct Clock {
    wall: Duration,
    cpu: Option<Duration>,
    running: Option<(Instant, Option<Duration>)>,
}

impl Clock {
    /// One that does not run yet.
    #[must_use]
    pub const fn stopped() -> Self {
        Self { wall: Duration::ZERO, cpu: Some(Duration::ZERO), running: None }
    }

    /// One that runs.
    #[must_use]
    pub fn start() -> Self {
        let mut clock = Self::stopped();
        clock.resume();
        clock
    }

    /// Runs from now on.
    pub fn resume(&mut self) {
        let cpu = cpu();
        self.running = Some((Instant::now(), cpu));
    }

    /// Does not count until it is resumed.
    pub fn pause(&mut self) {
        if let Some((started, before)) = self.running.take() {
            self.wall += started.elapsed();
            let spent = before.zip(cpu()).map(|(before, after)| after.saturating_sub(before));
            self.cpu = self.cpu.zip(spent).map(|(sum, spent)| sum + spent);
        }
    }

    /// What it shows, after so many messages.
    #[must_use]
    pub fn stop(mut self, messages: u32) -> Turn {
        self.pause();
        let each = |span: Duration| span.as_nanos() as f64 / f64::from(messages);
        Turn { wall: each(self.wall), cpu: self.cpu.map_or(f64::NAN, each) }
    }
}

/// Processor time of this process so far, by the scheduler's books.
fn cpu() -> Option<Duration> {
    // The books of a thread are brought up to date when it gives way.
    std::thread::yield_now();
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        // A thread may end while the folder is read.
        let Ok(line) = fs::read_to_string(task.ok()?.path().join("schedstat")) else { continue };
        sum += line.split(' ').next()?.trim().parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_held_does_not_count() {
        let mut clock = Clock::stopped();
        assert_eq!(clock.running, None);
        clock.resume();
        clock.pause();
        let shown = clock.wall;
        clock.pause();
        let turn = clock.stop(10);
        assert_eq!(turn.wall, shown.as_nanos() as f64 / 10.0);
        assert!(turn.cpu.is_nan() || turn.cpu >= 0.0, "{turn:?}");
    }
}
