//! `cargo xtask bench`: measurements, kept in `benches/REPORT.md` and `benches/RUNTIME.md`.
//!
//! What is measured, and the gates, are in the package `chat-benches`; this builds it as users build
//! and starts it.

mod files;
mod runtime;

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;
use crate::cmd::Cmd;

const USAGE: &str = "`bench` takes `codec [--instructions] [--check] [FILTER]`, `files`, or \
                     `runtime [--peers] [--check] [--rounds N] [--only WORDS]`";

/// Builds and runs one bench.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    match args {
        [bench, options @ ..] if bench == "runtime" => return runtime::run(root, options),
        [bench, options @ ..] if bench == "files" => {
            return files::run(options).map_err(Failure::Usage)?.run(root).map_err(Failure::Check);
        }
        _ => {}
    }
    let [build, runner] = codec(args).map_err(Failure::Usage)?;
    build.run(root).and_then(|()| runner.run(root)).map_err(Failure::Check)
}

/// Whether instructions can be counted here.
pub(crate) fn can_count() -> bool {
    let mut valgrind = Command::new("valgrind");
    let asked = valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Counts the instructions of what has a gate; fails where one is missed.
pub(crate) fn gates(root: &Path) -> Result<(), String> {
    let options = ["codec", "--instructions", "--check"].map(str::to_owned);
    let [build, runner] = codec(&options)?;
    build.run(root).and_then(|()| runner.run(root))
}

/// Builds what is needed and runs it.
fn codec(args: &[String]) -> Result<[Cmd; 2], String> {
    let [bench, options @ ..] = args else { return Err(USAGE.to_owned()) };
    let known = |option: &String| {
        matches!(option.as_str(), "--instructions" | "--check") || !option.starts_with('-')
    };
    if bench != "codec" || !options.iter().all(known) {
        return Err(format!("{USAGE}, got `{}`", args.join(" ")));
    }
    let package = ["--release", "--locked", "--package", "chat-benches"];
    // Instructions are counted of ours and of the baseline: the others need not be built.
    let counts = options.iter().any(|option| option == "--instructions");
    let features: &[&str] = if counts { &["--no-default-features"] } else { &[] };
    let cargo = |command, what: &[&'static str]| {
        std::iter::once(command)
            .chain(package)
            .chain(features.iter().copied())
            .chain(what.iter().copied())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // Two programs: counting allocations would slow the other down.
    let build = cargo("build", &["--bins"]);
    let run = cargo("run", &["--quiet", "--bin", "codec", "--", "--report", "benches/REPORT.md"]);
    Ok([Cmd::cargo(build), Cmd::cargo(run.into_iter().chain(options.iter().cloned()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(words: &[&str]) -> Result<[String; 2], String> {
        let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        codec(&args).map(|both| both.map(|cmd| cmd.line()))
    }

    #[test]
    fn options_reach_the_runner() {
        let [_, run] = lines(&["codec", "--instructions", "--check", "decode/data"]).unwrap();
        assert!(
            run.ends_with("-- --report benches/REPORT.md --instructions --check decode/data"),
            "{run}"
        );
    }

    #[test]
    fn what_is_only_counted_is_built_without_the_others() {
        let lean = |words: &[&str]| lines(words).unwrap().map(|line| line.contains("no-default"));
        assert_eq!(lean(&["codec", "--instructions"]), [true, true]);
        assert_eq!(lean(&["codec", "--check"]), [false, false]);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for words in [&[][..], &["socket"], &["codec", "--fast"]] {
            assert!(lines(words).unwrap_err().starts_with(USAGE), "{words:?}");
        }
    }
}
