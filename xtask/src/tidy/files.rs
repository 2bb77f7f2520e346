//! Layout, length and wording of single files.

use super::{Finding, SourceFile};

const MAX_LINES: usize = 600;
const MAX_TEST_LINES: usize = 800;

/// What only makes sense on the machine of whoever wrote it. Spelled in two pieces: this file is
/// checked as well.
const MACHINE_PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("../sha", "red")];

pub(super) fn check(sources: &[SourceFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in sources {
        check_wording(source, &mut found);
        if source.path.ends_with(".rs") {
            check_rust(source, &mut found);
        }
    }
    found
}

fn check_wording(source: &SourceFile, found: &mut Vec<Finding>) {
    for (index, line) in source.text.lines().enumerate() {
        for path in MACHINE_PATHS.iter().filter(|path| line.contains(**path)) {
            let message = format!("`{path}` is a path of one machine");
            found.push(Finding::new(&source.path, index + 1, message));
        }
    }
}

fn check_rust(source: &SourceFile, found: &mut Vec<Finding>) {
    let path = &source.path;
    if path.ends_with("/mod.rs") {
        found.push(Finding::new(path, 1, "no mod.rs: write `name.rs` beside the folder `name`"));
    }
    let (max, what) =
        if is_test(path) { (MAX_TEST_LINES, "a test file") } else { (MAX_LINES, "a source file") };
    let lines = source.text.lines().count();
    if lines > max {
        let message = format!("{lines} lines; {what} holds one idea in at most {max}: split it");
        found.push(Finding::new(path, max + 1, message));
    }
    for (index, line) in source.text.lines().enumerate() {
        if line.contains('\t') {
            found.push(Finding::new(
                path,
                index + 1,
                "a tab; indent with spaces, write \\t in text",
            ));
        }
    }
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = SourceFile { path: path.to_owned(), text: text.to_owned() };
        check(&[source]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_limit_is_600_lines_and_800_for_tests() {
        let lines = |count: usize| "x\n".repeat(count);
        assert!(found("crates/lark/src/lib.rs", &lines(600)).is_empty());
        assert_eq!(
            found("crates/lark/src/lib.rs", &lines(601)),
            [
                "crates/lark/src/lib.rs:601: 601 lines; a source file holds one idea in at most 600: split it"
            ]
        );
        assert!(found("crates/lark/tests/it/song.rs", &lines(800)).is_empty());
        assert!(found("crates/lark/src/song/tests.rs", &lines(800)).is_empty());
        assert_eq!(found("crates/lark/tests/it/song.rs", &lines(801)).len(), 1);
        assert!(found("crates/lark/tests/it/fixtures/song.json", &lines(900)).is_empty());
    }

    #[test]
    fn mod_rs_and_tabs_are_named() {
        assert_eq!(found("crates/lark/src/song/mod.rs", "").len(), 1);
        assert_eq!(
            found("crates/lark/src/lib.rs", "a\n\tb\n"),
            ["crates/lark/src/lib.rs:2: a tab; indent with spaces, write \\t in text"]
        );
        assert!(found("Makefile", "all:\n\techo\n").is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_named_in_any_text() {
        for path in MACHINE_PATHS {
            let findings = found("README.md", &format!("see\n{path}x\n"));
            assert_eq!(findings, [format!("README.md:2: `{path}` is a path of one machine")]);
        }
        assert!(found("README.md", "work/life, shared\n").is_empty());
    }
}
