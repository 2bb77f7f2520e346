//! The simulation itself: that it repeats, reaches, and finds.

use std::collections::BTreeSet;

use chat_proto::client::Phase;
use chat_testkit::coverage::{Cell, Service};
use chat_testkit::observe::{Observation, Observed};
use chat_testkit::schedule::{Act, Fault, FaultKind};
use chat_testkit::{Generator, World, sim};

/// Seeds that go through all combinations at long steps.
fn some_seeds(generator: &Generator, count: u64) -> impl Iterator<Item = u64> {
    let step = generator.round() / count;
    (0..count).map(move |n| n * step + n)
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let generator = Generator::new();
    for seed in some_seeds(&generator, 12) {
        let schedule = generator.schedule(seed);
        assert_eq!(schedule, generator.schedule(seed));
        let first = World::run(&schedule, crate::start(), true);
        let second = World::run(&schedule, crate::start(), true);
        assert!(!first.transcript().is_empty());
        // Where they point to is no part of a run, and an `Instant` differs from run to run.
        let lines = |world: &World| -> Vec<String> {
            let lines = world.transcript().iter();
            lines.filter(|line| !line.contains("Instant")).cloned().collect()
        };
        assert_eq!(lines(&first), lines(&second), "seed {seed}");
        let observed = |world: &World| -> Vec<_> {
            let all = world.observed().iter();
            let same = |it: &&Observed| match &it.what {
                Observation::Shown(text) => !text.contains("Instant"),
                _ => true,
            };
            all.filter(same).cloned().collect()
        };
        assert_eq!(observed(&first), observed(&second), "seed {seed}");
        assert_eq!(first.coverage(), second.coverage(), "seed {seed}");
    }
}

#[test]
fn seeds_reach_what_they_aim_at() {
    let generator = Generator::new();
    let (mut aimed, mut hit) = (0, 0);
    for seed in some_seeds(&generator, 60) {
        let outcome = sim::run(&generator.schedule(seed), crate::start(), false);
        assert_eq!(outcome.failure, None, "seed {seed}");
        aimed += 1;
        hit += u32::from(outcome.coverage.count(&generator.target(seed)) > 0);
    }
    assert!(hit * 10 >= aimed * 8, "{hit} of {aimed}");
}

#[test]
fn what_cannot_be_has_a_reason_and_all_else_is_aimed_at() {
    let generator = Generator::new();
    let aimed: BTreeSet<Cell> = (0..generator.round()).map(|seed| generator.target(seed)).collect();
    let possible: BTreeSet<Cell> = Cell::all().filter(|it| it.impossible().is_none()).collect();
    assert_eq!(aimed, possible);
    let closing = Cell {
        service: Service::Im,
        fault: FaultKind::Cut,
        phase: Phase::Closing,
        verb: Some(chat_testkit::schedule::VerbKind::Publish),
    };
    assert!(closing.impossible().is_some());
}

#[test]
fn a_failing_schedule_is_cut_short() {
    let generator = Generator::new();
    let mut schedule = generator.schedule(3);
    // A network that never gets anything across: no run with it comes to rest in time.
    schedule.setup.weather.least = u32::MAX;
    let outcome = sim::run(&schedule, crate::start(), false);
    if let Some(failure) = outcome.failure {
        let short = sim::shrink(&schedule, crate::start());
        assert!(short.ops.len() <= schedule.ops.len(), "{failure}");
    }
    // What is printed names everything that happens.
    let printed = schedule.to_string();
    assert_eq!(
        printed.matches("\n").count(),
        2 + schedule.setup.im.len() + schedule.setup.c2c.len() + schedule.ops.len()
    );
}

#[test]
fn every_fault_has_its_kind() {
    let kinds = [Fault::Cut, Fault::Late(1), Fault::Switch(3, 1), Fault::TakeOver].map(Fault::kind);
    assert_eq!(kinds, [FaultKind::Cut, FaultKind::Late, FaultKind::Switch(3), FaultKind::TakeOver]);
    let act = Act::Break { client: 0, fault: Fault::HalfOpen };
    assert!(format!("{act:?}").contains("HalfOpen"));
}

#[test]
fn every_condition_comes_up() {
    let generator = Generator::new();
    let mut coverage = chat_testkit::Coverage::default();
    assert_eq!(coverage.never().len(), chat_testkit::coverage::CONDITIONS.len());
    for seed in (0..2000).step_by(17).chain(generator.round() - 150..generator.round()) {
        if coverage.never().is_empty() {
            return;
        }
        let schedule = generator.schedule(seed);
        coverage.add(&sim::run(&schedule, crate::start(), false).coverage);
    }
    assert_eq!(coverage.never(), Vec::<&str>::new());
}
