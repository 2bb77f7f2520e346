//! The examples, each run against our server on each runtime.
//!
//! Their test starts the server and the programs. It is one of those that the step `test` runs; alone
//! it takes seconds, because whatever is built is built already.

use std::path::Path;

use crate::cmd::Cmd;

pub(super) fn check(root: &Path) -> Result<(), String> {
    // The whole workspace, so that libraries are built with the features they have there.
    Cmd::cargo(["test", "--workspace", "--test", "examples", "--locked"]).run(root)?;
    Cmd::cargo(["test", "--workspace", "--bin", "09_snapshots", "--locked"]).run(root)
}
