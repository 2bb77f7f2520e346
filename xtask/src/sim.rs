//! `cargo xtask sim`: clients and hub against each other, under virtual time and seeded faults.
//!
//! The program is an example of `chat-testkit`, built with optimisation: what is played is worth as
//! much as it is many.

use std::path::Path;

use crate::Failure;
use crate::cmd::Cmd;

const FLAGS: [&str; 5] = ["--seeds", "--start", "--jobs", "--show", "--shrink"];

/// Plays what the arguments ask for.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    check_args(args).map_err(Failure::Usage)?;
    program(args.iter().map(String::as_str)).run(root).map_err(Failure::Check)
}

/// The schedules that every change must pass: each fault in each phase with each verb in flight,
/// twice.
pub(crate) fn fixed(root: &Path) -> Result<(), String> {
    program(["--rounds", "2"]).run(root)
}

fn program<'a>(args: impl IntoIterator<Item = &'a str>) -> Cmd {
    let run = ["run", "--quiet", "--release", "--locked", "-p", "chat-testkit", "--example", "sim"];
    Cmd::cargo(run.into_iter().chain(["--"]).chain(args))
}

fn check_args(args: &[String]) -> Result<(), String> {
    if args.is_empty() {
        return Err("`sim` takes --seeds N, or --show SEED, or --shrink SEED".to_owned());
    }
    for pair in args.chunks(2) {
        let known = FLAGS.contains(&pair[0].as_str());
        if !known || pair.get(1).is_none_or(|number| number.parse::<u64>().is_err()) {
            return Err(format!("`sim` does not know what to do with `{}`", pair.join(" ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> bool {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        check_args(&args).is_ok()
    }

    #[test]
    fn flags_come_with_numbers() {
        assert!(check(&["--seeds", "100", "--start", "7", "--jobs", "2"]));
        assert!(check(&["--shrink", "7"]));
        for wrong in [&[][..], &["--seeds"], &["--seeds", "many"], &["--fast", "1"], &["7", "7"]] {
            assert!(!check(wrong), "{wrong:?}");
        }
    }
}
