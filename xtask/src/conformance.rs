//! `cargo xtask conformance`: what the services' rules say, and which test proves each.

mod rules;

use std::path::Path;

use crate::Failure;

/// Compares or writes the table of rules.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--check"] => check(root).map_err(Failure::Check),
        ["--write"] => rules::write(root).map_err(Failure::Check),
        _ => Err(Failure::Usage("`conformance` takes `--check` or `--write`".to_owned())),
    }
}

/// Fails where the committed table is not what the rules and tests of today give.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    rules::check(root)
}
