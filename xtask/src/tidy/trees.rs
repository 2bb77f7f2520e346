//! What may be in a crate's dependency tree (invariants 1, 3 and 4).
//!
//! No WebSocket, TLS, HTTP-client or runtime type can appear in the public signature of a crate
//! that has no such library below it.

use std::path::Path;

use super::{Finding, PURE, SourceFile, find};
use crate::cmd::Cmd;
use crate::metadata::Package;

/// Libraries, and features of libraries, that must not be below a crate.
struct Rule {
    names: &'static [&'static str],
    prefixes: &'static [&'static str],
    features: &'static [(&'static str, &'static [&'static str])],
    why: &'static str,
}

const PURE_RULE: Rule = Rule {
    names: &[
        "axum",
        "fastrand",
        "getrandom",
        "h2",
        "hyper",
        "mio",
        "native-tls",
        "openssl",
        "polling",
        "quinn",
        "rand",
        "rayon",
        "reqwest",
        "rustls",
        "signal-hook",
        "smol",
        "socket2",
        "tempfile",
        "tokio",
        "tower",
        "tungstenite",
        "ureq",
        "webpki",
    ],
    prefixes: &["async-", "futures", "hyper-", "rustls-", "smol-hyper", "tokio-", "tower-"],
    features: &[
        ("jiff", &["std", "tz-system"]),
        ("serde_json", &["arbitrary_precision", "preserve_order"]),
        ("uuid", &["v1", "v4", "v6", "v7"]),
    ],
    why: "a pure crate has no I/O, runtime, clock or entropy below it",
};

/// hyper's connection types need tokio's `sync` module, which is runtime-free; nothing else of
/// tokio may be switched on.
const RUNTIME_CORE_RULE: Rule = Rule {
    names: &["mio", "polling", "smol", "socket2"],
    prefixes: &["async-", "smol-", "tokio-"],
    features: &[(
        "tokio",
        &[
            "fs",
            "io-std",
            "io-util",
            "macros",
            "net",
            "process",
            "rt",
            "rt-multi-thread",
            "signal",
            "time",
        ],
    )],
    why: "runtime-core knows no runtime",
};

/// What runtime-core must not name in its own manifest, whatever its features.
const RUNTIMES: &[&str] = &["async-io", "async-std", "async-tungstenite", "smol", "tokio"];

pub(super) fn check(
    root: &Path,
    packages: &[Package],
    sources: &[SourceFile],
) -> Result<Vec<Finding>, String> {
    let mut found = Vec::new();
    for package in packages {
        let rule = match package.name.as_str() {
            name if PURE.contains(&name) => &PURE_RULE,
            "runtime-core" => &RUNTIME_CORE_RULE,
            _ => continue,
        };
        let manifest = format!("{}/Cargo.toml", package.folder);
        let toml = find(sources, &manifest).map_or("", |source| source.text.as_str());
        if package.name == "runtime-core" {
            found.extend(check_direct(&manifest, toml, package));
        }
        let args = [
            "tree",
            "--package",
            &package.name,
            "--edges",
            "normal",
            "--all-features",
            "--prefix",
            "depth",
            "--format",
            "{p}|{f}",
            "--locked",
        ];
        let tree = Cmd::cargo(args).capture(root)?;
        found.extend(check_tree(&manifest, toml, &tree, rule));
    }
    Ok(found)
}

fn check_direct(manifest: &str, toml: &str, package: &Package) -> Vec<Finding> {
    package
        .dependencies
        .iter()
        .filter(|name| RUNTIMES.contains(&name.as_str()) || name.starts_with("tokio-"))
        .map(|name| {
            let message = format!("`{name}`: {}", RUNTIME_CORE_RULE.why);
            Finding::new(manifest, line_naming(toml, name), message)
        })
        .collect()
}

/// Reads the output of `cargo tree --prefix depth --format '{p}|{f}'`.
fn check_tree(manifest: &str, toml: &str, tree: &str, rule: &Rule) -> Vec<Finding> {
    let mut chain: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in tree.lines() {
        let Some((depth, name, features)) = read_line(line) else { continue };
        chain.truncate(depth);
        chain.push(name);
        if let Some(what) = rule.breach(name, features) {
            let direct = chain.get(1).unwrap_or(&name);
            let message = format!("{what} ({}): {}", chain.join(" → "), rule.why);
            found.push(Finding::new(manifest, line_naming(toml, direct), message));
        }
    }
    found
}

impl Rule {
    fn breach(&self, name: &str, features: &str) -> Option<String> {
        let prefixed = self.prefixes.iter().any(|prefix| name.starts_with(prefix));
        if prefixed || self.names.contains(&name) {
            return Some(format!("`{name}` is in the tree"));
        }
        let (_, forbidden) = self.features.iter().find(|(library, _)| *library == name)?;
        let on = features.split(',').find(|feature| forbidden.contains(feature))?;
        Some(format!("`{name}` has its feature `{on}` on"))
    }
}

/// `2tokio v1.0.0 (proc-macro)|rt,sync (*)` is depth 2, `tokio`, `rt,sync`.
fn read_line(line: &str) -> Option<(usize, &str, &str)> {
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    let depth = line[..digits].parse().ok()?;
    let (package, features) = line[digits..].split_once('|')?;
    let name = package.split_whitespace().next()?;
    Some((depth, name, features.split_whitespace().next().unwrap_or_default()))
}

/// The line of a manifest that declares the dependency; 1 if it is not to be found.
fn line_naming(toml: &str, name: &str) -> usize {
    let declares = |line: &str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || line.strip_prefix("[dependencies.").and_then(|rest| rest.strip_suffix(']'))
                == Some(name)
    };
    toml.lines().position(declares).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "[package]\nname = \"chat-proto\"\n[dependencies]\nbytes.workspace = true\nhttp.workspace = true\n";

    fn messages(tree: &str, rule: &Rule) -> Vec<String> {
        check_tree("crates/chat-proto/Cargo.toml", TOML, tree, rule)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_clean_tree_has_no_finding() {
        let tree = "0chat-proto v0.1.0 (/x)|im\n1bytes v1.0.0|std\n1smol_str v0.3.0|\n1jiff v0.2.0|alloc\n";
        assert_eq!(messages(tree, &PURE_RULE), [""; 0]);
    }

    #[test]
    fn a_library_deep_down_is_found_with_the_way_to_it() {
        let tree =
            "0chat-proto v0.1.0 (/x)|\n1bytes v1.0.0|\n1http v1.0.0|std\n2tokio v1.0.0|sync (*)\n";
        assert_eq!(
            messages(tree, &PURE_RULE),
            [
                "crates/chat-proto/Cargo.toml:5: `tokio` is in the tree (chat-proto → http → tokio): \
              a pure crate has no I/O, runtime, clock or entropy below it"
            ]
        );
    }

    #[test]
    fn families_of_libraries_are_meant_as_a_whole() {
        for name in [
            "futures-core",
            "futures",
            "tokio-rustls",
            "hyper-util",
            "async-trait",
            "rustls-pki-types",
        ] {
            assert!(PURE_RULE.breach(name, "").is_some(), "{name}");
        }
        for name in ["http", "rand_core", "smol_str", "hmac"] {
            assert!(PURE_RULE.breach(name, "").is_none(), "{name}");
        }
    }

    #[test]
    fn features_that_bring_a_clock_or_entropy_are_found() {
        let tree = "0chat-proto v0.1.0 (/x)|\n1jiff v0.2.0|alloc,std\n1uuid v1.0.0|v4\n";
        assert_eq!(messages(tree, &PURE_RULE).len(), 2);
    }

    #[test]
    fn runtime_core_may_have_the_sync_part_of_tokio_below_hyper_only() {
        let tree = |features: &str| {
            format!("0runtime-core v0.1.0 (/x)|\n1hyper v1.0.0|client\n2tokio v1.0.0|{features}\n")
        };
        assert_eq!(messages(&tree("default,sync"), &RUNTIME_CORE_RULE).len(), 0);
        assert_eq!(messages(&tree("net,sync"), &RUNTIME_CORE_RULE).len(), 1);

        let package = Package {
            name: "runtime-core".to_owned(),
            description: String::new(),
            features: Vec::new(),
            dependencies: ["hyper", "tokio"].map(str::to_owned).into(),
            folder: "crates/runtime-core".to_owned(),
            has_lib: true,
        };
        let found =
            check_direct("crates/runtime-core/Cargo.toml", "hyper = 1\ntokio = 1\n", &package);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
    }
}
