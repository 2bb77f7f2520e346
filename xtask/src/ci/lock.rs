//! What `Cargo.lock` may hold. Works without cargo-deny, so it is checked everywhere.

use std::path::Path;

/// Libraries that would bring a second TLS stack or a foreign build tool.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "TLS uses ring, which builds with a C compiler alone"),
    ("native-tls", "TLS is rustls on every platform"),
    ("openssl-sys", "TLS is rustls on every platform"),
];

/// Libraries of which two versions would be two incompatible sets of types.
const ONLY_ONE: &[&str] = &["rustls", "tungstenite"];

pub(super) fn check(root: &Path) -> Result<(), String> {
    let path = root.join("Cargo.lock");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages = parse(&text);
    let problems = problems(&packages);
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    for name in ONLY_ONE {
        match packages.iter().find(|package| package.name == *name) {
            Some(package) => println!("{name} {}: the only version", package.version),
            None => println!("{name}: not in the tree"),
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Locked<'a> {
    name: &'a str,
    version: &'a str,
    line: usize,
}

/// Names, versions and lines of the packages in a lock file, in its order.
fn parse(text: &str) -> Vec<Locked<'_>> {
    let mut packages = Vec::new();
    let mut name = None;
    for (index, line) in text.lines().enumerate() {
        if line == "[[package]]" {
            name = None;
        } else if let Some(value) = quoted(line, "name") {
            name = Some((value, index + 1));
        } else if let (Some(version), Some((name, line))) = (quoted(line, "version"), name) {
            packages.push(Locked { name, version, line });
        }
    }
    packages
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

fn problems(packages: &[Locked<'_>]) -> Vec<String> {
    let mut problems = Vec::new();
    for (banned, why) in BANNED {
        for package in packages.iter().filter(|package| package.name == *banned) {
            problems.push(format!("Cargo.lock:{}: {banned} is banned: {why}", package.line));
        }
    }
    for name in ONLY_ONE {
        let found: Vec<_> = packages.iter().filter(|package| package.name == *name).collect();
        if let [_, second, ..] = found[..] {
            let versions: Vec<_> = found.iter().map(|package| package.version).collect();
            problems.push(format!(
                "Cargo.lock:{}: {name} must be there once, found {}",
                second.line,
                versions.join(" and ")
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "tungstenite"
version = "0.30.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
dependencies = [
 "bytes",
]

[[package]]
name = "xtask"
version = "0.1.0"
"#;

    #[test]
    fn one_version_is_fine() {
        let packages = parse(LOCK);
        assert_eq!(
            packages,
            [
                Locked { name: "tungstenite", version: "0.30.0", line: 4 },
                Locked { name: "xtask", version: "0.1.0", line: 12 },
            ]
        );
        assert!(problems(&packages).is_empty());
    }

    #[test]
    fn a_second_tungstenite_is_named_with_both_versions() {
        let text = format!("{LOCK}\n[[package]]\nname = \"tungstenite\"\nversion = \"0.29.0\"\n");
        let found = problems(&parse(&text));
        assert_eq!(
            found,
            ["Cargo.lock:16: tungstenite must be there once, found 0.30.0 and 0.29.0"]
        );
    }

    #[test]
    fn banned_libraries_are_found() {
        let text = format!("{LOCK}\n[[package]]\nname = \"openssl-sys\"\nversion = \"0.9.1\"\n");
        let found = problems(&parse(&text));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("Cargo.lock:16: openssl-sys is banned"), "{found:?}");
    }
}
