//! Automation of this workspace, run as `cargo xtask <command>`.
//!
//! `ci` is everything a change must pass; `tidy` is the part of it that enforces the rules of
//! `CONTRIBUTING.md`. Both run the same on a laptop and in CI.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks to its user"
)]

mod bench;
mod ci;
mod cmd;
mod conformance;
mod fuzz;
mod metadata;
mod packages;
mod sim;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Automation of this workspace.

Usage: cargo xtask <command>

Commands:
  ci [STEP...]   Run every check a change must pass, or only the named steps
  ci --list      List the steps
  bench codec    Measure the codec, signing and sessions beside other libraries; writes
                 benches/REPORT.md. --instructions counts under callgrind, --check fails
                 where a gate is missed, a FILTER chooses cases; these two write no report
  bench runtime  Measure sessions over the loopback on every runtime beside bare tungstenite;
                 writes benches/RUNTIME.md. --peers adds clients in Python and Node (installed
                 under target/conformance), --check fails where a gate is missed, --rounds N
                 takes more or fewer than 21, --only WORDS some and writes no report
  bench files    Measure the memory that a file of 1 GiB takes, up and down, on each runtime
  conformance [SCRIPT...]     Run clients that others wrote against our server: Node and Python
                              packages are installed under target/conformance
  conformance --check         Check that crates/chat-hub/CONFORMANCE.md is true to rules and tests
  conformance --write         Write it again
  sim --seeds N [--start S] [--jobs J]   Play schedules of clients, hub and faults, built with
                 optimisation: throughput, what was reached, seeds that fail, the first cut short
  sim --show SEED             Play one schedule and print what happens; --shrink SEED cuts it short
  tidy           Check the architecture rules and the layout of the sources
  fuzz --replay [TARGET]      Try the committed seeds and mutations of them, on stable
  fuzz --smoke [TARGET]       Fuzz 30 seconds a target; needs nightly and cargo-fuzz
  fuzz --minutes N [TARGET]   Fuzz N minutes a target
  fuzz --pack                 Write the seeds again from the fixtures

Exit codes: 0 passed, 1 a check failed, 2 the command line was wrong.
";

/// Why a command did not succeed.
#[derive(Debug)]
enum Failure {
    /// A check failed; the text says which and how.
    Check(String),
    /// The command line makes no sense.
    Usage(String),
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Check(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let (command, rest) = match args {
        [] => {
            print!("{HELP}");
            return Ok(());
        }
        [command, rest @ ..] => (command.as_str(), rest),
    };
    match command {
        "-h" | "--help" | "help" => {
            print!("{HELP}");
            Ok(())
        }
        "bench" => bench::run(&root(), rest),
        "ci" => ci::run(&root(), rest),
        "conformance" => conformance::run(&root(), rest),
        "tidy" if rest.is_empty() => tidy::run(&root()).map_err(Failure::Check),
        "tidy" => {
            Err(Failure::Usage(format!("`tidy` takes no argument, got `{}`", rest.join(" "))))
        }
        "fuzz" => fuzz::run(&root(), rest),
        "sim" => sim::run(&root(), rest),
        other => Err(Failure::Usage(format!("unknown command `{other}`"))),
    }
}

/// The workspace root. Cargo sets the variable at run time, so a binary that was built before the
/// checkout moved still finds it.
fn root() -> PathBuf {
    let manifest = std::env::var("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn help_succeeds() {
        assert!(dispatch(&[]).is_ok());
        assert!(dispatch(&args(&["--help"])).is_ok());
    }

    #[test]
    fn mistakes_on_the_command_line_are_usage_failures() {
        for words in [
            &["fly"][..],
            &["tidy", "now"],
            &["ci", "no-such-step"],
            &["ci", "--fast"],
            &["fuzz"],
            &["bench"],
            &["conformance", "--fast"],
            &["sim", "--fast"],
        ] {
            let failure = dispatch(&args(words)).unwrap_err();
            assert!(matches!(failure, Failure::Usage(_)), "{words:?}: {failure:?}");
        }
    }

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}
