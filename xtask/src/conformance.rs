//! `cargo xtask conformance`: what the services' rules say and which test proves each, and how
//! clients that others wrote fare with our server.

pub(crate) mod peers;
mod rules;

use std::path::Path;

use crate::Failure;

/// Runs the clients of others, or compares or writes the table of rules.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--check"] => check(root).map_err(Failure::Check),
        ["--write"] => rules::write(root).map_err(Failure::Check),
        _ if args.iter().all(|arg| !arg.starts_with('-')) => {
            peers::run(root, &args).map(drop).map_err(Failure::Check)
        }
        _ => {
            let usage = "`conformance` takes `--check`, `--write` or names of scripts";
            Err(Failure::Usage(usage.to_owned()))
        }
    }
}

/// Fails where the committed table is not what the rules and tests of today give.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    rules::check(root)
}
