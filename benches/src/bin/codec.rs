//! Measures all cases, prints one table and keeps it in a report. `cargo xtask bench codec` builds
//! and starts it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;

use chat_benches::cases::{self, Case};
use chat_benches::gates;
use chat_benches::measure::allocations::Counts;
use chat_benches::measure::{allocations, instructions, times};
use chat_benches::report::{self, Cost, Row};

const HELP: &str = "\
Usage: codec [--instructions] [--check] [--rounds N] [--report FILE] [FILTER]

  --instructions   Count instructions under callgrind instead of measuring times
  --check          Fail where a gate is missed; only cases that have one, and no report
  --rounds N       Rounds of times, 101 unless told
  --report FILE    Keep the table there; not with a FILTER
  FILTER           Only cases whose name holds this

  --once CASE CONTENDER TIMES   Do this and nothing else
";

#[derive(Debug)]
struct Options {
    instructions: bool,
    check: bool,
    rounds: usize,
    report: Option<PathBuf>,
    filter: String,
}

impl Options {
    fn choose(&self, case: &Case) -> bool {
        let id = case.id();
        let counts = gates::of(&id).is_some_and(|gate| {
            !self.instructions || gate.in_instructions || gate.max_allocations.is_some()
        });
        let fits = !(self.instructions && case.times_only);
        id.contains(&self.filter) && fits && (counts || !self.check)
    }

    /// Whether the table holds everything.
    const fn is_whole(&self) -> bool {
        self.filter.is_empty() && !self.check
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--once", case, contender, times] => once(case, contender, times),
        [instructions::ALL, cases @ ..] => count(cases),
        _ => parse(&args).and_then(|options| run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        instructions: false,
        check: false,
        rounds: 101,
        report: None,
        filter: String::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n\n{HELP}"));
        match arg.as_str() {
            "--instructions" => options.instructions = true,
            "--check" => options.check = true,
            "--rounds" => {
                let value = value()?;
                options.rounds =
                    value.parse().map_err(|_| format!("--rounds {value}: a number"))?;
            }
            "--report" => options.report = Some(value()?.into()),
            other if other.starts_with('-') => return Err(format!("unknown: {other}\n\n{HELP}")),
            filter => filter.clone_into(&mut options.filter),
        }
    }
    Ok(options)
}

/// What a profiler watches.
fn once(case: &str, contender: &str, times: &str) -> Result<(), String> {
    let times = times.parse().map_err(|_| format!("{times} is no number"))?;
    let found = cases::all().into_iter().find(|it| it.id() == case);
    let built = found.ok_or_else(|| format!("no case {case}"))?.build();
    let contender = built.contenders.into_iter().find(|it| it.name == contender);
    contender.ok_or_else(|| format!("{case} has no such contender"))?.run(times);
    Ok(())
}

/// What callgrind watches.
fn count(wanted: &[&str]) -> Result<(), String> {
    let cases = cases::all();
    let cases = cases.iter().filter(|case| wanted.contains(&case.id().as_str()));
    print!("{}", instructions::work(cases));
    Ok(())
}

/// What is measured in one go.
struct Kind {
    title: &'static str,
    command: &'static str,
    unit: &'static str,
    /// How the numbers came about.
    how: &'static str,
    missed: fn(&Row) -> Vec<String>,
}

const TIMES: Kind = Kind {
    title: "Times",
    command: "cargo xtask bench codec",
    unit: report::TIME,
    how: "Medians of rounds in which the contenders take turns.",
    missed: report::missed_in_time,
};

const INSTRUCTIONS: Kind = Kind {
    title: "Instructions",
    command: "cargo xtask bench codec --instructions",
    unit: "instructions",
    how: "Counted by callgrind, the same at each run of one binary.",
    missed: report::missed_in_instructions,
};

fn run(options: &Options) -> Result<(), String> {
    let machine = report::machine();
    let chosen: Vec<Case> = cases::all().into_iter().filter(|case| options.choose(case)).collect();
    if chosen.is_empty() {
        return Err(format!("no case holds `{}`", options.filter));
    }
    let program = std::env::current_exe().map_err(|error| format!("no own path: {error}"))?;
    if options.instructions {
        instructions::available()?;
    }
    let counts = allocations::measure(&program)?;
    let rows: Vec<Row> = if options.instructions {
        let measured = instructions::measure(&program, &chosen)?;
        let rows = chosen.iter().zip(measured);
        rows.map(|(case, costs)| in_instructions(case, &costs, &counts)).collect()
    } else {
        chosen.iter().map(|case| in_time(case, options.rounds, &counts)).collect()
    };
    let Kind { title, command, unit, how, missed } =
        if options.instructions { INSTRUCTIONS } else { TIMES };
    let table = report::table(&rows, unit, missed);
    println!("{machine}\n\n{table}");
    if let Some(path) = options.report.as_deref().filter(|_| options.is_whole()) {
        let body = format!("`{command}`: {how} {machine}.\n\n{table}");
        report::keep(path, title, &body).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("kept in {}", path.display());
    }
    verdict(&rows, missed, options.check)
}

fn in_time(case: &Case, rounds: usize, counts: &Counts) -> Row {
    eprintln!("{}", case.id());
    let mut built = case.build();
    let measured = times::measure(&mut built.contenders, rounds);
    let costs = built.contenders.iter().zip(measured);
    let costs = costs.map(|(it, (cost, ratio))| Cost { name: it.name, cost, ratio }).collect();
    row(case, built.bytes, costs, counts)
}

fn in_instructions(case: &Case, costs: &[f64], counts: &Counts) -> Row {
    let built = case.build();
    let baseline = costs.get(1).copied().unwrap_or(f64::NAN);
    let names = built.contenders.iter().map(|it| it.name);
    let costs = names.zip(costs).map(|(name, &cost)| Cost { name, cost, ratio: baseline / cost });
    row(case, built.bytes, costs.collect(), counts)
}

fn row(case: &Case, bytes: usize, costs: Vec<Cost>, counts: &Counts) -> Row {
    let count = |index: usize| {
        let cost: &Cost = costs.get(index)?;
        counts.get(&(case.id(), cost.name.to_owned())).copied()
    };
    let allocations = count(0).zip(count(1));
    Row { case: case.id(), bytes, costs, allocations }
}

/// Says which gates are missed; with `check` that is an error.
fn verdict(rows: &[Row], missed: fn(&Row) -> Vec<String>, check: bool) -> Result<(), String> {
    let gated = rows.iter().filter(|row| gates::of(&row.case).is_some()).count();
    let missing: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let missed = missed(row);
            (!missed.is_empty()).then(|| format!("{}: {}", row.case, missed.join("; ")))
        })
        .collect();
    for line in &missing {
        println!("missed: {line}");
    }
    let summary = format!("{} of {gated} cases with a gate miss it", missing.len());
    if check && !missing.is_empty() {
        return Err(summary);
    }
    println!("{summary}");
    Ok(())
}
