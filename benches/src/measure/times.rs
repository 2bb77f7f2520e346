//! Nanoseconds: medians of rounds in which the contenders take turns, so that whatever else the
//! machine does meets them all. Ratios are formed within a round, of turns a millisecond apart.

use std::time::{Duration, Instant};

use crate::contender::Contender;

/// How long a contender works in one round: much shorter than a scheduler's slice, so that most turns
/// are not interrupted.
const TURN: Duration = Duration::from_micros(300);

/// The contender at this place is what the others are compared with.
const BASELINE: usize = 1;

/// Nanoseconds an operation, and the baseline's divided by them, one pair a contender.
#[must_use]
pub fn measure(contenders: &mut [Contender], rounds: usize) -> Vec<(f64, f64)> {
    let times: Vec<u64> = contenders.iter_mut().map(calibrate).collect();
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for ((contender, times), samples) in contenders.iter_mut().zip(&times).zip(&mut samples) {
            let took = run(contender, *times);
            samples.push(took.as_nanos() as f64 / *times as f64);
        }
    }
    let ratios = |own: &[f64]| {
        let baseline = samples.get(BASELINE).into_iter().flatten();
        baseline.zip(own).map(|(baseline, own)| baseline / own).collect()
    };
    samples.iter().map(|own| (median(own.clone()), median(ratios(own)))).collect()
}

/// How often a contender does its work within a turn; warms it up. The shortest of a few tries counts:
/// one interruption here would leave every round with too little work to time.
fn calibrate(contender: &mut Contender) -> u64 {
    let mut times = 1;
    loop {
        let took = (0..5).map(|_| run(contender, times)).min().unwrap_or_default();
        if took * 2 >= TURN {
            return times;
        }
        times *= 2;
    }
}

fn run(contender: &mut Contender, times: u64) -> Duration {
    let started = Instant::now();
    contender.run(times);
    started.elapsed()
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_outliers() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
