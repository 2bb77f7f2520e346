//! One run from a seed: play, judge, and, when it fails, cut it shorter.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chat_proto::Now;

use crate::coverage::Coverage;
use crate::link::Weather;
use crate::model::Model;
use crate::people;
use crate::schedule::{Act, Op, Schedule};
use crate::world::World;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What is wrong with it.
    pub failure: Option<String>,
    /// Deadlines handled.
    pub steps: u64,
    /// What was reached.
    pub coverage: Coverage,
    /// What happened, for people; empty unless it was asked for.
    pub transcript: Vec<String>,
}

/// Plays a schedule and judges it. A panic is a failure like any other.
#[must_use]
pub fn run(schedule: &Schedule, start: Now, record: bool) -> Outcome {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let world = World::run(schedule, start, record);
        let failure = world.failure().map(ToString::to_string).or_else(|| judge(&world));
        Outcome {
            failure,
            steps: world.steps(),
            coverage: world.coverage().clone(),
            transcript: world.transcript().to_vec(),
        }
    }));
    played.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        Outcome {
            failure: Some(format!("panic: {}", said.unwrap_or_default())),
            steps: 0,
            coverage: Coverage::default(),
            transcript: Vec::new(),
        }
    })
}

fn judge(world: &World) -> Option<String> {
    Model::judge(people::limits(), world.observed()).err().map(|violation| violation.to_string())
}

/// The kind of a failure: its words without what differs from run to run.
fn kind(failure: &str) -> String {
    let text = failure.split_once(": ").map_or(failure, |(_, text)| text);
    text.chars().filter(|it| !it.is_ascii_digit()).take(60).collect()
}

/// A schedule with as little as possible in it that fails in the same way.
#[must_use]
pub fn shrink(schedule: &Schedule, start: Now) -> Schedule {
    let Some(failure) = run(schedule, start, false).failure else { return schedule.clone() };
    let wanted = kind(&failure);
    let fails = |schedule: &Schedule| {
        run(schedule, start, false).failure.is_some_and(|failure| kind(&failure) == wanted)
    };
    let mut best = schedule.clone();
    loop {
        let before = best.clone();
        fewer(&mut best, &fails);
        simpler(&mut best, &fails);
        if best == before {
            return best;
        }
    }
}

/// Leaves out as many operations as possible: half of them, a quarter, and so on.
fn fewer(best: &mut Schedule, fails: &impl Fn(&Schedule) -> bool) {
    let mut size = best.ops.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < best.ops.len() {
            let mut next = best.clone();
            next.ops.drain(at..(at + size).min(best.ops.len()));
            if fails(&next) {
                *best = next;
            } else {
                at += size;
            }
        }
        if size == 1 {
            return;
        }
        size = size.div_ceil(2);
    }
}

/// Makes what is left plainer.
fn simpler(best: &mut Schedule, fails: &impl Fn(&Schedule) -> bool) {
    let mut change = |change: &dyn Fn(&mut Schedule)| {
        let mut next = best.clone();
        change(&mut next);
        if next != *best && fails(&next) {
            *best = next;
        }
    };
    change(&|it| it.setup.commit = Weather { least: 0, jitter: 0 });
    change(&|it| it.setup.weather = Weather { least: 10, jitter: 0 });
    change(&|it| it.setup.token_life = 1800);
    change(&|it| it.setup.window = 10_000);
    change(&|it| it.setup.im.iter_mut().for_each(|im| im.tokens = false));
    change(&|it| it.setup.im.iter_mut().for_each(|im| im.dedup = false));
    change(&|it| it.setup.c2c.iter_mut().for_each(|c2c| c2c.resend = false));
    change(&|it| it.setup.c2c.truncate(it.setup.c2c.len().saturating_sub(1)));
    for at in 0..best_len(best) {
        let plain = |op: &mut Op| {
            if let Act::Do { verb, .. } | Act::Ambush { verb: Some(verb), .. } = &mut op.act {
                (verb.who, verb.arg) = (0, 0);
            }
        };
        let mut next = best.clone();
        if let Some(op) = next.ops.get_mut(at) {
            plain(op);
        }
        if next != *best && fails(&next) {
            *best = next;
        }
    }
}

fn best_len(schedule: &Schedule) -> usize {
    schedule.ops.len()
}
