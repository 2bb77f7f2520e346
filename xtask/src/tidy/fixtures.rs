//! Every kind of frame that the code knows has a recorded sample.
//!
//! The kinds are read from the source text of `pub const KINDS: &[&str]`, so that a frame added
//! there is missed here at once.

use super::source::{Kind, code_only, line_of, spans, words};
use super::{Finding, SourceFile, find};

const FIXTURES: &str = "crates/chat-proto/tests/it/fixtures/";

struct Rule {
    /// Where `KINDS` is.
    source: &'static str,
    /// Folders under [`FIXTURES`], any of which may hold the sample.
    folders: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { source: "crates/chat-proto/src/im/up.rs", folders: &["im/up/"] },
    Rule { source: "crates/chat-proto/src/im/down.rs", folders: &["im/down/"] },
    Rule {
        source: "crates/chat-proto/src/c2c/frame.rs",
        folders: &["c2c/up/", "c2c/down/", "c2c/rest/"],
    },
];

pub(super) fn check(sources: &[SourceFile]) -> Vec<Finding> {
    // Before there is any frame there is none to record.
    if !sources.iter().any(|source| source.path.starts_with("crates/chat-proto/src/im/")) {
        return Vec::new();
    }
    RULES.iter().flat_map(|rule| check_rule(rule, sources)).collect()
}

fn check_rule(rule: &Rule, sources: &[SourceFile]) -> Vec<Finding> {
    let Some(source) = find(sources, rule.source) else {
        return vec![Finding::new(rule.source, 1, "missing: it declares `KINDS`")];
    };
    let Some(kinds) = kinds(&source.text) else {
        let message = "no `pub const KINDS: &[&str] = &[…]` that names the kinds of frames";
        return vec![Finding::new(rule.source, 1, message)];
    };
    let fixtures: Vec<&str> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix(FIXTURES))
        .filter_map(|path| {
            let folder = rule.folders.iter().find(|folder| path.starts_with(**folder))?;
            path[folder.len()..].strip_suffix(".json")
        })
        .collect();
    kinds
        .iter()
        .filter(|(kind, _)| !fixtures.iter().any(|stem| is_sample_of(stem, kind)))
        .map(|(kind, line)| {
            let folders = rule.folders.join(" or ");
            let message = format!("frame kind `{kind}` has no fixture in {FIXTURES}{folders}");
            Finding::new(rule.source, *line, message)
        })
        .collect()
}

/// `data.json`, `data-reply.json` and `data_reply.json` are samples of `data`.
fn is_sample_of(stem: &str, kind: &str) -> bool {
    stem.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

/// The string literals of `const KINDS` with their lines; `None` where there is no such constant or
/// it is empty.
fn kinds(text: &str) -> Option<Vec<(&str, usize)>> {
    let code = code_only(text);
    let declared = words(&code, "const KINDS").next()?;
    // The type has brackets of its own, so the value begins after the `=`.
    let value = declared + code[declared..].find('=')?;
    let open = value + code[value..].find('[')?;
    let close = open + code[open..].find(']')?;
    let kinds: Vec<_> = spans(text)
        .iter()
        .filter(|span| span.kind == Kind::Str && span.start > open && span.end <= close)
        .map(|span| (text[span.start + 1..span.end - 1].trim(), line_of(text, span.start)))
        .collect();
    (!kinds.is_empty()).then_some(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: &str = "crates/chat-proto/src/im/up.rs";

    #[test]
    fn kinds_are_the_literals_of_the_constant() {
        let text = "\
/// `const KINDS` of [\"comment\"].
pub const OTHER: &[&str] = &[\"other\"];
pub const KINDS: &[&str] = &[
    \"login\", // not \"this\"
    \"pub\",
];
pub const AFTER: &[&str] = &[\"after\"];
";
        assert_eq!(kinds(text).unwrap(), [("login", 4), ("pub", 5)]);
        assert_eq!(kinds("pub const KINDS: [&str; 1] = [\"a\"];").unwrap(), [("a", 1)]);
    }

    #[test]
    fn no_constant_or_an_empty_one_is_none() {
        assert_eq!(kinds("pub const KINDSMAN: &[&str] = &[\"a\"];"), None);
        assert_eq!(kinds("// pub const KINDS: &[&str] = &[\"a\"];"), None);
        assert_eq!(kinds("pub const KINDS: &[&str] = &[];"), None);
        assert_eq!(kinds("pub const KINDS"), None);
    }

    #[test]
    fn a_sample_is_named_after_its_kind() {
        for stem in ["data", "data-echo", "data_2"] {
            assert!(is_sample_of(stem, "data"), "{stem}");
        }
        for stem in ["database", "dat", "meta-data"] {
            assert!(!is_sample_of(stem, "data"), "{stem}");
        }
    }

    fn source(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_kind_without_a_sample_in_its_own_folder_is_named() {
        let sources = [
            source(UP, "pub const KINDS: &[&str] = &[\n    \"login\",\n    \"pub\",\n];"),
            source("crates/chat-proto/tests/it/fixtures/im/down/pub.json", "{}"),
            source("crates/chat-proto/tests/it/fixtures/im/up/login-token.json", "{}"),
        ];
        let found: Vec<_> =
            check_rule(&RULES[0], &sources).iter().map(ToString::to_string).collect();
        assert_eq!(found, [format!("{UP}:3: frame kind `pub` has no fixture in {FIXTURES}im/up/")]);
    }

    #[test]
    fn once_there_are_frames_a_missing_file_is_a_finding() {
        assert_eq!(check(&[]), []);
        let topic = source("crates/chat-proto/src/im/topic.rs", "");
        assert_eq!(check(&[topic]).len(), RULES.len());
    }
}
