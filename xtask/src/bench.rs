//! `cargo xtask bench`: measurements, kept in `benches/REPORT.md`.
//!
//! What is measured, and the gates, are in the package `chat-benches`; this builds it as users build
//! and starts it.

use std::path::Path;

use crate::Failure;
use crate::cmd::Cmd;

const USAGE: &str = "`bench` takes `codec [--instructions] [--check] [FILTER]`";

/// Builds and runs one bench.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let runner = codec(args).map_err(Failure::Usage)?;
    // Two programs: counting allocations would slow the other down.
    let build = ["build", "--release", "--locked", "--package", "chat-benches", "--bins"];
    Cmd::cargo(build).run(root).and_then(|()| runner.run(root)).map_err(Failure::Check)
}

fn codec(args: &[String]) -> Result<Cmd, String> {
    let [bench, options @ ..] = args else { return Err(USAGE.to_owned()) };
    let known = |option: &String| {
        matches!(option.as_str(), "--instructions" | "--check") || !option.starts_with('-')
    };
    if bench != "codec" || !options.iter().all(known) {
        return Err(format!("{USAGE}, got `{}`", args.join(" ")));
    }
    let start =
        ["run", "--release", "--quiet", "--locked", "--package", "chat-benches", "--bin", "codec"];
    let report = ["--", "--report", "benches/REPORT.md"];
    Ok(Cmd::cargo(start.iter().chain(&report).copied().chain(options.iter().map(String::as_str))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Result<String, String> {
        let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        codec(&args).map(|cmd| cmd.line())
    }

    #[test]
    fn options_reach_the_runner() {
        let line = line(&["codec", "--instructions", "--check", "decode/data"]).unwrap();
        assert!(
            line.ends_with("-- --report benches/REPORT.md --instructions --check decode/data"),
            "{line}"
        );
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for words in [&[][..], &["socket"], &["codec", "--fast"]] {
            assert!(line(words).unwrap_err().starts_with(USAGE), "{words:?}");
        }
    }
}
