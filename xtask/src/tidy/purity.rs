//! Pure crates: what their source must not say (invariants 1 and 2).

use super::source::{code_only, line_of, words};
use super::{Finding, PURE, SourceFile};

/// Never, tests included.
const KEYWORDS: &[(&str, &str)] = &[
    ("async", "a machine is not async; the runtime crates are"),
    ("await", "a machine is not async; the runtime crates are"),
];

/// Not outside tests. Clippy checks calls and types; this also finds an import, or a path inside a
/// macro.
const PATHS: &[(&str, &str)] = &[
    ("std::env", "configuration is an argument"),
    ("std::fs", "no file is touched here"),
    ("std::net", "no socket is touched here"),
    ("std::process", "no process is started here"),
    ("std::thread", "a machine has no thread"),
    ("Instant::now", "time is an argument"),
    ("SystemTime::now", "time is an argument"),
    ("Timestamp::now", "time is an argument"),
    ("RandomState", "a hash seed differs between runs"),
];

pub(super) fn check(sources: &[SourceFile]) -> Vec<Finding> {
    let is_pure =
        |path: &str| PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")));
    sources
        .iter()
        .filter(|source| is_pure(&source.path) && source.path.ends_with(".rs"))
        .flat_map(|source| check_text(&source.path, &source.text))
        .collect()
}

fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let shipped = &code[..tests_start(path, &code)];
    let named = |rules: &'static [(&str, &str)], code: &str| -> Vec<Finding> {
        let mut found = Vec::new();
        for (word, why) in rules {
            for at in words(code, word) {
                let message = format!("`{word}` in a pure crate: {why}");
                found.push(Finding::new(path, line_of(code, at), message));
            }
        }
        found
    };
    let mut found = named(KEYWORDS, &code);
    found.extend(named(PATHS, shipped));
    found
}

/// Where the unit tests begin: they come last in a file, and files named `tests.rs` hold nothing
/// else.
fn tests_start(path: &str, code: &str) -> usize {
    if path.ends_with("/tests.rs") || path.contains("/tests/") {
        return 0;
    }
    code.match_indices("#[cfg(test)]")
        .map(|(at, attribute)| (at, &code[at + attribute.len()..]))
        .find(|(_, after)| {
            let mut item = after.trim_start();
            while let Some((_, rest)) = item.strip_prefix("#[").and_then(|it| it.split_once(']')) {
                item = rest.trim_start();
            }
            let item = item.strip_prefix("pub(crate) ").unwrap_or(item);
            // `mod tests;` is in a file of its own, and code may follow it.
            item.starts_with("mod ") && item.find('{') < item.find(';')
        })
        .map_or(code.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check_text("crates/chat-proto/src/lark.rs", text).iter().map(|found| found.line).collect()
    }

    #[test]
    fn async_and_await_are_found_with_their_line() {
        let text = "//! async is fine here\nasync fn sing() {\n    song().await;\n}\n";
        assert_eq!(lines(text), [2, 3]);
    }

    #[test]
    fn clocks_files_and_threads_are_found() {
        assert_eq!(
            lines("use std::fs;\nlet now = Instant::now();\nstd::thread::spawn(f);"),
            [1, 3, 2]
        );
    }

    #[test]
    fn unit_tests_may_read_the_clock_but_not_be_async() {
        let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { Instant::now(); }\n}\n";
        assert_eq!(lines(text), [0; 0]);
        assert_eq!(lines(&text.replace("Instant::now()", "async {}")), [4]);
        assert_eq!(lines(&text.replace("mod", "#[expect(unused, reason = \"x\")]\nmod")), [0; 0]);
    }

    #[test]
    fn code_after_a_declared_test_module_is_still_checked() {
        assert_eq!(lines("#[cfg(test)]\nmod tests;\nfn f() { Instant::now(); }\n"), [3]);
    }

    #[test]
    fn only_the_pure_crates_are_meant() {
        let text = "async fn f() {}".to_owned();
        let source = |path: &str| SourceFile { path: path.to_owned(), text: text.clone() };
        let found = check(&[
            source("crates/chat-hub/src/lib.rs"),
            source("crates/chat-proto/tests/it/main.rs"),
            source("crates/runtime-core/src/lib.rs"),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "crates/chat-hub/src/lib.rs");
    }
}
