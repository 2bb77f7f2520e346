//! `cargo xtask ci`: every check, in order, stopping at the first that fails.
//!
//! The steps share one target folder and never change `RUSTFLAGS`, so what one has built the next
//! one reuses: clippy, the documentation and the feature checks share metadata, the two test steps
//! share code.

mod examples;
mod features;
mod lock;
mod readme;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cmd::Cmd;
use crate::{Failure, bench, conformance, fuzz, sim, tidy};

/// How a step that did not fail ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// It could not run here, for this reason. Shown, never silent.
    Skipped(&'static str),
}

/// Its one feature needs libFuzzer, so that `--all-features` must leave it out.
const FUZZ: &str = "chat-fuzz";

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<Outcome, String>,
}

/// Cheap ones first, so that a slip shows in seconds.
const STEPS: &[Step] = &[
    Step { name: "fmt", what: "formatting", run: fmt },
    Step { name: "tidy", what: "architecture rules and layout", run: tidy_rules },
    Step { name: "rules", what: "each rule with the tests that show it", run: rules },
    Step { name: "lock", what: "one tungstenite, no OpenSSL, no aws-lc", run: lock_file },
    Step { name: "clippy", what: "lints, all targets and features", run: clippy },
    Step { name: "test", what: "unit and integration tests", run: test },
    Step { name: "doctest", what: "examples in the documentation", run: doctest },
    Step { name: "fuzz", what: "the seeds of the fuzz targets", run: fuzz_seeds },
    Step { name: "sim", what: "clients and hub under every fault, simulated", run: simulation },
    Step { name: "readme", what: "the README's example against our server", run: readme_example },
    Step { name: "examples", what: "each example, on each runtime", run: each_example },
    Step { name: "peers", what: "clients that others wrote, against our server", run: peers },
    Step { name: "doc", what: "documentation builds without a warning", run: doc },
    Step {
        name: "features",
        what: "each library alone, with each feature alone",
        run: each_feature,
    },
    Step { name: "gates", what: "instructions of the codec and the signer", run: gates },
    Step { name: "deny", what: "licences, bans and sources", run: deny },
];

/// Runs all steps, or those named.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    if args.first().is_some_and(|arg| arg == "--list") {
        for step in STEPS {
            println!("{:<10} {}", step.name, step.what);
        }
        return Ok(());
    }
    let steps = select(args).map_err(Failure::Usage)?;
    let started = Instant::now();
    let mut done = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n==> [{}/{}] {}: {}", index + 1, steps.len(), step.name, step.what);
        let step_started = Instant::now();
        let result = (step.run)(root);
        let took = step_started.elapsed();
        println!("<== {}: {} in {}", step.name, verdict(&result), seconds(took));
        let failed = result.is_err();
        done.push((step.name, result, took));
        if failed {
            break;
        }
    }
    print!("{}", summary(&steps, &done, started.elapsed()));
    match done.pop() {
        Some((name, Err(message), _)) => {
            Err(Failure::Check(format!("step `{name}` failed: {message}")))
        }
        Some((_, Ok(_), _)) | None => Ok(()),
    }
}

/// The steps to run, always in their own order.
fn select(names: &[String]) -> Result<Vec<&'static Step>, String> {
    let unknown = names.iter().find(|name| STEPS.iter().all(|step| step.name != name.as_str()));
    if let Some(unknown) = unknown {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("`ci` has no step `{unknown}`; it has: {}", known.join(", ")));
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| name == step.name))
        .collect())
}

type Done = (&'static str, Result<Outcome, String>, Duration);

fn summary(steps: &[&Step], done: &[Done], total: Duration) -> String {
    let mut out = String::from("\nSummary\n");
    for (name, result, took) in done {
        out.push_str(&format!("  {name:<10} {:>9}  {}\n", seconds(*took), verdict(result)));
    }
    for step in &steps[done.len()..] {
        out.push_str(&format!("  {:<10} {:>9}  not run\n", step.name, "-"));
    }
    let all_passed = done.iter().all(|(_, result, _)| result.is_ok());
    let word = if all_passed { "passed" } else { "FAILED" };
    out.push_str(&format!("  {:<10} {:>9}  {word}\n", "total", seconds(total)));
    out
}

fn verdict(result: &Result<Outcome, String>) -> String {
    match result {
        Ok(Outcome::Passed) => "passed".to_owned(),
        Ok(Outcome::Skipped(why)) => format!("SKIPPED: {why}"),
        Err(_) => "FAILED".to_owned(),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn passed(cmd: &Cmd, root: &Path) -> Result<Outcome, String> {
    cmd.run(root).map(|()| Outcome::Passed)
}

fn fmt(root: &Path) -> Result<Outcome, String> {
    passed(&Cmd::cargo(["fmt", "--all", "--check"]), root)
        .map_err(|error| format!("{error}; `cargo fmt --all` mends it"))
}

fn tidy_rules(root: &Path) -> Result<Outcome, String> {
    println!("$ cargo xtask tidy");
    tidy::run(root).map(|()| Outcome::Passed)
}

fn rules(root: &Path) -> Result<Outcome, String> {
    println!("$ cargo xtask conformance --check");
    conformance::check(root).map(|()| Outcome::Passed)
}

fn lock_file(root: &Path) -> Result<Outcome, String> {
    lock::check(root).map(|()| Outcome::Passed)
}

fn clippy(root: &Path) -> Result<Outcome, String> {
    let args = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--exclude",
        FUZZ,
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    Cmd::cargo(args).run(root)?;
    let args = ["clippy", "-p", FUZZ, "--all-targets", "--locked", "--", "-D", "warnings"];
    passed(&Cmd::cargo(args), root)
}

fn test(root: &Path) -> Result<Outcome, String> {
    let args = ["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--locked"];
    Cmd::cargo(args).run(root)?;
    // Its features are off by default, and their tests hold vectors that nothing else checks.
    passed(&Cmd::cargo(["test", "-p", "chat-sign", "--all-features", "--locked"]), root)
}

fn doctest(root: &Path) -> Result<Outcome, String> {
    passed(&Cmd::cargo(["test", "--workspace", "--doc", "--locked"]), root)
}

fn fuzz_seeds(root: &Path) -> Result<Outcome, String> {
    fuzz::replay(root, None).map(|()| Outcome::Passed)
}

fn simulation(root: &Path) -> Result<Outcome, String> {
    sim::fixed(root).map(|()| Outcome::Passed)
}

fn readme_example(root: &Path) -> Result<Outcome, String> {
    readme::check(root).map(|()| Outcome::Passed)
}

fn each_example(root: &Path) -> Result<Outcome, String> {
    examples::check(root).map(|()| Outcome::Passed)
}

fn peers(root: &Path) -> Result<Outcome, String> {
    Ok(match conformance::peers::run(root, &[])? {
        conformance::peers::Verdict::Passed => Outcome::Passed,
        conformance::peers::Verdict::Skipped(why) => Outcome::Skipped(why),
    })
}

fn doc(root: &Path) -> Result<Outcome, String> {
    let args = ["doc", "--workspace", "--exclude", FUZZ, "--no-deps", "--all-features", "--locked"];
    passed(&Cmd::cargo(args).env("RUSTDOCFLAGS", "-D warnings"), root)
}

fn each_feature(root: &Path) -> Result<Outcome, String> {
    features::check(root).map(|()| Outcome::Passed)
}

/// Instructions are the same on a busy machine as on an idle one, so that these gates can be held
/// here; the gates of times are for `cargo xtask bench codec`.
fn gates(root: &Path) -> Result<Outcome, String> {
    if !bench::can_count() {
        return without_valgrind(std::env::var("CI").as_deref() == Ok("true"));
    }
    bench::gates(root).map(|()| Outcome::Passed)
}

/// A machine of our own has it, because `.ci/run` installs it.
fn without_valgrind(in_ci: bool) -> Result<Outcome, String> {
    if in_ci {
        return Err("valgrind is missing, which counts the instructions".to_owned());
    }
    Ok(Outcome::Skipped(
        "valgrind is not installed (Debian and Ubuntu: `apt-get install valgrind`)",
    ))
}

fn deny(root: &Path) -> Result<Outcome, String> {
    if Cmd::cargo(["deny", "--version"]).capture(root).is_err() {
        return Ok(Outcome::Skipped(
            "cargo-deny is not installed (`cargo install --locked cargo-deny`)",
        ));
    }
    let args = ["deny", "--config", ".deny.toml", "check", "licenses", "bans", "sources"];
    passed(&Cmd::cargo(args), root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>, String> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        select(&args).map(|steps| steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn no_name_selects_every_step() {
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
    }

    #[test]
    fn named_steps_keep_the_order_of_the_list() {
        assert_eq!(names(&["doc", "fmt"]).unwrap(), ["fmt", "doc"]);
    }

    #[test]
    fn an_unknown_step_names_the_known_ones() {
        let error = names(&["fmt", "fly"]).unwrap_err();
        assert!(error.contains("`fly`") && error.contains("clippy"), "{error}");
    }

    #[test]
    fn the_summary_shows_what_failed_and_what_never_ran() {
        let steps = select(&[]).unwrap();
        let done = [
            ("fmt", Ok(Outcome::Passed), Duration::from_millis(1200)),
            ("tidy", Err("a rule is broken".to_owned()), Duration::from_millis(300)),
        ];
        let text = summary(&steps, &done, Duration::from_millis(1500));
        assert!(text.contains("fmt            1.2 s  passed"), "{text}");
        assert!(text.contains("tidy           0.3 s  FAILED"), "{text}");
        assert!(text.contains("clippy             -  not run"), "{text}");
        assert!(text.ends_with("total          1.5 s  FAILED\n"), "{text}");
    }

    #[test]
    fn only_a_laptop_may_lack_valgrind() {
        assert!(matches!(without_valgrind(false), Ok(Outcome::Skipped(_))));
        assert!(without_valgrind(true).is_err());
    }

    #[test]
    fn a_skipped_step_is_visible_and_does_not_fail() {
        let steps = select(&["deny".to_owned()]).unwrap();
        let done = [("deny", Ok(Outcome::Skipped("not installed")), Duration::ZERO)];
        let text = summary(&steps, &done, Duration::ZERO);
        assert!(text.contains("SKIPPED: not installed"), "{text}");
        assert!(text.ends_with("passed\n"), "{text}");
    }
}
