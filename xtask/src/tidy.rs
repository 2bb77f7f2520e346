//! `cargo xtask tidy`: the rules of `CONTRIBUTING.md` that a program can check.
//!
//! Every finding names a file and a line, so that an editor can jump to it.

mod files;
mod fixtures;
mod manifests;
mod purity;
mod source;
mod trees;

use std::fmt;
use std::fs;
use std::path::Path;

use crate::metadata;

/// Crates without I/O, async, threads, clock or entropy (invariants 1 and 2).
const PURE: &[&str] = &["chat-hub", "chat-proto", "chat-sign", "chat-testkit"];

/// A broken rule and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// Relative to the workspace root, with `/`.
    path: String,
    /// From 1.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A text file of the workspace.
#[derive(Debug)]
struct SourceFile {
    /// Relative to the workspace root, with `/`.
    path: String,
    text: String,
}

/// Checks everything; prints what was checked, and every finding.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let sources = sources(root)?;
    let packages = metadata::packages(root)?;
    let checks: [(&str, Result<Vec<Finding>, String>); 5] = [
        ("layout, length and wording of files", Ok(files::check(&sources))),
        ("pure crates hold no async and no I/O", Ok(purity::check(&sources))),
        ("dependency trees", trees::check(root, &packages, &sources)),
        ("manifests and the table of layers", Ok(manifests::check(&packages, &sources))),
        ("every frame kind has a fixture", Ok(fixtures::check(&sources))),
    ];
    let mut findings = Vec::new();
    for (what, result) in checks {
        let found = result?;
        let verdict = if found.is_empty() { "ok" } else { "BROKEN" };
        println!("tidy: {what}: {verdict}");
        findings.extend(found);
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("tidy found 1 broken rule".to_owned()),
        count => Err(format!("tidy found {count} broken rules")),
    }
}

/// Every UTF-8 file that people write, sorted by path. Build output and git's own data are left
/// out by name, so that this works in an unpacked archive as well.
fn sources(root: &Path) -> Result<Vec<SourceFile>, String> {
    let mut sources = Vec::new();
    collect(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<SourceFile>) -> Result<(), String> {
    let unreadable = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        // A link is not followed: it may lead out of the workspace, or round in a circle.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && !is_output(&path) {
            collect(&entry.path(), &format!("{path}/"), sources)?;
        } else if kind.is_file() && is_text(&name) {
            let bytes = fs::read(entry.path()).map_err(|error| format!("{path}: {error}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                sources.push(SourceFile { path, text });
            }
        }
    }
    Ok(())
}

/// Folders that programs fill. `cargo fuzz`, when it is run by hand, writes beside the targets.
fn is_output(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, ".git" | "target" | "node_modules")
        || matches!(path, "fuzz/artifacts" | "fuzz/corpus" | "fuzz/coverage")
}

/// By ending, or the few names without one. `.git` is a file in a git worktree.
fn is_text(name: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "json", "lock", "md", "rs", "sh", "snap", "toml", "txt", "yaml", "yml", "js", "html", "py",
        "tsv",
    ];
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => ENDINGS.contains(&ending),
        Some(_) => name != ".git",
        None => true,
    }
}

/// The source text of `path`.
fn find<'a>(sources: &'a [SourceFile], path: &str) -> Option<&'a SourceFile> {
    sources
        .binary_search_by(|source| source.path.as_str().cmp(path))
        .ok()
        .map(|index| &sources[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let finding = Finding::new("crates/lark/src/lib.rs", 7, "too loud");
        assert_eq!(finding.to_string(), "crates/lark/src/lib.rs:7: too loud");
    }

    #[test]
    fn text_files_are_told_by_name() {
        for name in ["lib.rs", "run", "LICENSE-MIT", ".gitignore", ".deny.toml", "a.snap"] {
            assert!(is_text(name), "{name}");
        }
        for name in ["photo.png", ".git", "store.sqlite"] {
            assert!(!is_text(name), "{name}");
        }
    }

    #[test]
    fn folders_that_programs_fill_are_told_by_name() {
        for path in ["target", "fuzz/target", ".git", "fuzz/corpus", "fuzz/artifacts"] {
            assert!(is_output(path), "{path}");
        }
        for path in ["fuzz", "fuzz/seeds", "crates/corpus", "targets"] {
            assert!(!is_output(path), "{path}");
        }
    }

    #[test]
    fn the_walk_finds_this_file_and_skips_build_output() {
        let sources = sources(&crate::root()).unwrap();
        assert!(find(&sources, "xtask/src/tidy.rs").is_some());
        assert!(find(&sources, "Cargo.lock").is_some());
        assert!(sources.iter().all(|source| !source.path.starts_with("target/")));
    }
}
