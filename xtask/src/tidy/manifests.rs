//! Manifests: lints, descriptions, the lock file, and who may depend on whom.
//!
//! The layers are written once, as a table in `CONTRIBUTING.md`; this reads it, so that the
//! document cannot grow stale.

use super::{Finding, PURE, SourceFile, find};
use crate::metadata::Package;

const CONTRIBUTING: &str = "CONTRIBUTING.md";
const TABLE_BEGIN: &str = "<!-- layers: read by xtask tidy -->";
const TABLE_END: &str = "<!-- /layers -->";

pub(super) fn check(packages: &[Package], sources: &[SourceFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    if find(sources, "Cargo.lock").is_none() {
        found.push(Finding::new("Cargo.lock", 1, "missing: builds of programs are locked"));
    }
    let manifest = find(sources, "Cargo.toml").map_or("", |source| source.text.as_str());
    if !has_setting(manifest, "[workspace.lints.rust]", "unsafe_code = \"forbid\"") {
        let message = "[workspace.lints.rust] must forbid unsafe_code";
        found.push(Finding::new("Cargo.toml", 1, message));
    }
    for package in packages {
        check_package(package, sources, &mut found);
    }
    let guide = find(sources, CONTRIBUTING).map_or("", |source| source.text.as_str());
    let layers = layers(guide);
    if layers.is_empty() {
        let message = format!("no table of layers between `{TABLE_BEGIN}` and `{TABLE_END}`");
        found.push(Finding::new(CONTRIBUTING, 1, message));
    }
    check_layers(packages, &layers, &mut found);
    found
}

fn check_package(package: &Package, sources: &[SourceFile], found: &mut Vec<Finding>) {
    let path = format!("{}/Cargo.toml", package.folder);
    let text = find(sources, &path).map_or("", |source| source.text.as_str());
    if !has_setting(text, "[lints]", "workspace = true") {
        let message = "no `[lints] workspace = true`: the rules are the same for every crate";
        found.push(Finding::new(&path, 1, message));
    }
    let clippy = format!("{}/clippy.toml", package.folder);
    if PURE.contains(&package.name.as_str()) && find(sources, &clippy).is_none() {
        let message = "missing: it bans clocks, threads and sockets from a pure crate";
        found.push(Finding::new(clippy, 1, message));
    }
    if package.is_in_crates() && is_placeholder(&package.description) {
        let line = text.lines().position(|line| line.starts_with("description"));
        let message = format!("the description `{}` says too little", package.description);
        found.push(Finding::new(&path, line.map_or(1, |index| index + 1), message));
    }
}

/// Whether `table` has the line `setting`; spaces around `=` do not matter.
fn has_setting(toml: &str, table: &str, setting: &str) -> bool {
    let tight = |line: &str| line.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let mut inside = false;
    toml.lines().any(|line| {
        if line.starts_with('[') {
            inside = line.trim_end() == table;
        }
        inside && tight(line) == tight(setting)
    })
}

fn is_placeholder(description: &str) -> bool {
    let lower = description.to_lowercase();
    description.split_whitespace().count() < 3
        || ["todo", "tbd", "placeholder", "fixme"].iter().any(|word| lower.contains(word))
}

/// A row of the table of layers.
#[derive(Debug, PartialEq, Eq)]
struct Layer<'a> {
    name: &'a str,
    /// Crates of this workspace it may depend on.
    below: Vec<&'a str>,
    line: usize,
}

/// Rows such as ``| `chat-proto` | `chat-sign` | frames |``; a row without a name is a heading.
fn layers(guide: &str) -> Vec<Layer<'_>> {
    let lines = guide.lines().enumerate().skip_while(|(_, line)| line.trim() != TABLE_BEGIN);
    lines
        .take_while(|(_, line)| line.trim() != TABLE_END)
        .filter_map(|(index, line)| {
            let mut cells = line.trim().strip_prefix('|')?.split('|');
            let name = code_spans(cells.next()?).next()?;
            let below = code_spans(cells.next()?).collect();
            Some(Layer { name, below, line: index + 1 })
        })
        .collect()
}

fn code_spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn check_layers(packages: &[Package], layers: &[Layer<'_>], found: &mut Vec<Finding>) {
    let ours = || packages.iter().filter(|package| package.is_in_crates());
    for layer in layers {
        if !ours().any(|package| package.name == layer.name) {
            let message = format!("`{}` is in the table of layers but not in crates/", layer.name);
            found.push(Finding::new(CONTRIBUTING, layer.line, message));
        }
    }
    for package in ours() {
        let path = format!("{}/Cargo.toml", package.folder);
        let Some(layer) = layers.iter().find(|layer| layer.name == package.name) else {
            let message =
                format!("`{}` is missing from the table of layers in {CONTRIBUTING}", package.name);
            found.push(Finding::new(path, 1, message));
            continue;
        };
        let of_workspace = package
            .dependencies
            .iter()
            .filter(|name| packages.iter().any(|other| other.name == **name));
        for name in of_workspace.filter(|name| !layer.below.contains(&name.as_str())) {
            let message = format!(
                "depends on `{name}`, which {CONTRIBUTING}:{} does not allow it",
                layer.line
            );
            found.push(Finding::new(&path, 1, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "\
# Guide
| `elsewhere` | | not this |

<!-- layers: read by xtask tidy -->
| crate | may depend on | what |
|---|---|---|
| `chat-sign` | | signatures |
| `chat-proto` | `chat-sign` | frames |
<!-- /layers -->
| `later` | | nor this |
";

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            description: "Says what it is".to_owned(),
            features: Vec::new(),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            folder: format!("crates/{name}"),
            has_lib: true,
        }
    }

    fn broken(packages: &[Package]) -> Vec<String> {
        let mut found = Vec::new();
        check_layers(packages, &layers(GUIDE), &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_is_read_between_its_marks() {
        assert_eq!(
            layers(GUIDE),
            [
                Layer { name: "chat-sign", below: vec![], line: 7 },
                Layer { name: "chat-proto", below: vec!["chat-sign"], line: 8 },
            ]
        );
    }

    #[test]
    fn an_allowed_tree_has_no_finding() {
        let packages = [package("chat-proto", &["bytes", "chat-sign"]), package("chat-sign", &[])];
        assert_eq!(broken(&packages), [""; 0]);
    }

    #[test]
    fn a_dependency_upwards_is_named() {
        let packages = [package("chat-proto", &[]), package("chat-sign", &["chat-proto"])];
        assert_eq!(
            broken(&packages),
            [
                "crates/chat-sign/Cargo.toml:1: depends on `chat-proto`, which CONTRIBUTING.md:7 does not allow it"
            ]
        );
    }

    #[test]
    fn table_and_folder_must_agree() {
        let packages = [package("chat-sign", &[]), package("lark", &[])];
        assert_eq!(
            broken(&packages),
            [
                "CONTRIBUTING.md:8: `chat-proto` is in the table of layers but not in crates/",
                "crates/lark/Cargo.toml:1: `lark` is missing from the table of layers in CONTRIBUTING.md",
            ]
        );
    }

    #[test]
    fn a_crate_inherits_the_lints_and_a_pure_one_has_its_bans() {
        let file =
            |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let check = |name: &str, sources: &[SourceFile]| {
            let mut found = Vec::new();
            check_package(&package(name, &[]), sources, &mut found);
            found.into_iter().map(|finding| finding.path).collect::<Vec<_>>()
        };
        let manifest = file("crates/chat-hub/Cargo.toml", "[lints]\nworkspace = true\n");
        let clippy = file("crates/chat-hub/clippy.toml", "");
        assert_eq!(check("chat-hub", &[manifest, clippy]), [""; 0]);
        assert_eq!(
            check("chat-hub", &[]),
            ["crates/chat-hub/Cargo.toml", "crates/chat-hub/clippy.toml"]
        );
        assert_eq!(check("runtime-core", &[]), ["crates/runtime-core/Cargo.toml"]);
    }

    #[test]
    fn settings_count_only_in_their_own_table() {
        assert!(has_setting("[lints]\nworkspace=true\n", "[lints]", "workspace = true"));
        assert!(!has_setting(
            "[lints]\n[other]\nworkspace = true\n",
            "[lints]",
            "workspace = true"
        ));
        assert!(!has_setting("", "[lints]", "workspace = true"));
    }

    #[test]
    fn descriptions_must_say_something() {
        for text in ["", "TODO: write this down", "A crate", "Placeholder for the hub"] {
            assert!(is_placeholder(text), "{text}");
        }
        assert!(!is_placeholder("Frames and state machines of two chat services"));
    }
}
