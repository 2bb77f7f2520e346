//! Plays many schedules: `sim --seeds N [--start S] [--jobs J]`. `cargo xtask sim` builds and starts it.
#![expect(clippy::disallowed_methods, reason = "it measures how fast it is")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chat_proto::{Now, UnixMillis};
use chat_testkit::{Coverage, Generator, sim};

/// What the command line asks for.
struct Ask {
    seeds: u64,
    start: u64,
    jobs: usize,
    /// One seed, and whether to cut it short.
    show: Option<(u64, bool)>,
}

/// How often what was not reached is tried again.
const TRIES: u64 = 20;
/// More failing seeds than this are not looked for.
const ENOUGH: usize = 10;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match parse(&args) {
        Ok(ask) => play(&ask),
        Err(why) => {
            eprintln!(
                "{why}\nusage: sim --seeds N | --rounds N | --show SEED | --shrink SEED [--start S] [--jobs J]"
            );
            ExitCode::from(2)
        }
    }
}

fn parse(args: &[String]) -> Result<Ask, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut ask = Ask { seeds: 0, start: 0, jobs: cores, show: None };
    for pair in args.chunks(2) {
        let [name, value] = pair else { return Err(format!("`{}` needs a number", pair[0])) };
        let number: u64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        match name.as_str() {
            "--seeds" => ask.seeds = number,
            "--start" => ask.start = number,
            "--jobs" => ask.jobs = usize::try_from(number).unwrap_or(1).max(1),
            "--rounds" => ask.seeds = number.saturating_mul(Generator::new().round()),
            "--show" => ask.show = Some((number, false)),
            "--shrink" => ask.show = Some((number, true)),
            _ => return Err(format!("`{name}` is unknown")),
        }
    }
    if ask.seeds == 0 && ask.show.is_none() {
        return Err("how many seeds?".to_owned());
    }
    Ok(ask)
}

fn start() -> Now {
    Now { mono: Instant::now(), unix: UnixMillis::new(1_729_731_998_924) }
}

fn play(ask: &Ask) -> ExitCode {
    // What panics is reported with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let generator = Generator::new();
    if let Some((seed, shrink)) = ask.show {
        show(&generator, seed, shrink);
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let next = AtomicU64::new(ask.start);
    let end = ask.start.saturating_add(ask.seeds);
    let total = Mutex::new((Coverage::default(), 0_u64, Vec::new(), 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..ask.jobs {
            scope.spawn(|| {
                let (mut coverage, mut steps, mut played) = (Coverage::default(), 0, 0_u64);
                let mut failed = Vec::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || failed.len() >= ENOUGH {
                        break;
                    }
                    let outcome = sim::run(&generator.schedule(seed), start(), false);
                    coverage.add(&outcome.coverage);
                    steps += outcome.steps;
                    played += 1;
                    failed.extend(outcome.failure.map(|why| (seed, why)));
                }
                if let Ok(mut total) = total.lock() {
                    total.0.add(&coverage);
                    total.1 += steps;
                    total.2.extend(failed);
                    total.3 += played;
                }
            });
        }
    });
    let (mut coverage, mut steps, mut failed, mut played) = total.into_inner().unwrap_or_default();
    if ask.seeds >= generator.round() && failed.is_empty() {
        // What chance kept from being struck gets further seeds of its own.
        for nth in 0..TRIES {
            for cell in coverage.missing() {
                let Some(seed) = generator.seed(&cell, end / generator.round() + 1 + nth) else {
                    continue;
                };
                let outcome = sim::run(&generator.schedule(seed), start(), false);
                coverage.add(&outcome.coverage);
                steps += outcome.steps;
                played += 1;
                failed.extend(outcome.failure.map(|why| (seed, why)));
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let rate = |count: u64| count as f64 / seconds;
    print!("{}", coverage.table());
    println!(
        "{played} schedules, {steps} steps in {seconds:.1} s: {:.0} schedules/s, {:.0} steps/s",
        rate(played),
        rate(steps)
    );
    failed.sort();
    for (seed, why) in &failed {
        println!("seed {seed} FAILED: {why}");
    }
    if let Some((seed, _)) = failed.first() {
        show(&generator, *seed, true);
    }
    let missing = coverage.missing();
    let never = coverage.never();
    let complete = missing.is_empty() && never.is_empty() || ask.seeds < generator.round();
    if ask.seeds < generator.round() {
        println!("{} combinations need {} seeds", missing.len(), generator.round());
    } else {
        for cell in missing.iter().take(50) {
            println!("not reached: {cell}");
        }
        println!("{} of {} combinations not reached", missing.len(), generator.round());
        never.iter().for_each(|it| println!("never so: {it}"));
    }
    if failed.is_empty() && complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a run.
fn show(generator: &Generator, seed: u64, shrink: bool) {
    let mut schedule = generator.schedule(seed);
    println!("seed {seed} aims at {}", generator.target(seed));
    if shrink {
        schedule = sim::shrink(&schedule, start());
    }
    println!("{schedule}");
    let outcome = sim::run(&schedule, start(), true);
    for line in &outcome.transcript {
        println!("{line}");
    }
    println!("{}", outcome.failure.as_deref().unwrap_or("passed"));
}
