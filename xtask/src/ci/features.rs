//! Every library builds alone, without its features and with each of them alone.
//!
//! A build of the whole workspace unifies features, so it hides a feature that forgets what it
//! needs. Clippy rather than `check`: its `-D warnings` reaches only our own packages, so
//! dependencies are shared with the clippy step, and a lint that shows only without some feature is
//! caught too.

use std::path::Path;

use crate::cmd::Cmd;
use crate::metadata::{self, Package};

pub(super) fn check(root: &Path) -> Result<(), String> {
    let packages = metadata::packages(root)?;
    for package in packages.iter().filter(|package| package.is_in_crates() && package.has_lib) {
        for selection in selections(package) {
            let mut args = vec!["clippy".to_owned(), "--lib".to_owned(), "--locked".to_owned()];
            args.extend(["-p".to_owned(), package.name.clone()]);
            args.extend(selection);
            // A helper or an import that serves one feature is idle without it: no defect.
            args.extend(["--", "-D", "warnings", "-A", "unused"].map(str::to_owned));
            Cmd::cargo(args).run(root)?;
        }
    }
    Ok(())
}

/// The feature arguments to try, from least to most. A package without features is tried once: that
/// it builds outside the workspace's unified features is worth knowing.
fn selections(package: &Package) -> Vec<Vec<String>> {
    let none = "--no-default-features".to_owned();
    let named = package.features.iter().filter(|feature| *feature != "default");
    let mut selections = vec![vec![none.clone()]];
    selections
        .extend(named.map(|feature| vec![none.clone(), "--features".to_owned(), feature.clone()]));
    if package.features.iter().any(|feature| feature == "default") {
        selections.push(Vec::new());
    }
    selections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(features: &[&str]) -> Vec<String> {
        let package = Package {
            name: "lark".to_owned(),
            description: String::new(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
            dependencies: Vec::new(),
            folder: "crates/lark".to_owned(),
            has_lib: true,
        };
        selections(&package).iter().map(|args| args.join(" ")).collect()
    }

    #[test]
    fn none_each_and_default() {
        assert_eq!(
            joined(&["c2c", "default", "im"]),
            [
                "--no-default-features",
                "--no-default-features --features c2c",
                "--no-default-features --features im",
                "",
            ]
        );
    }

    #[test]
    fn a_package_without_features_is_built_alone_once() {
        assert_eq!(joined(&[]), ["--no-default-features"]);
    }
}
