//! The scanner against serde: the same value and the same decision, whatever the text.
//!
//! The one deliberate difference is depth: serde_json counts levels only where it has a type for
//! what it reads, the scanner counts all of them. No text here is nested that deep.

use std::fmt::Debug;
use std::path::Path;
use std::sync::LazyLock;

use chat_proto::c2c::answer::Envelope as Answer;
use chat_proto::c2c::{HistoryItem, Push, SystemContent, Up as C2cUp};
use chat_proto::codec::{Decode, from_text};
use chat_proto::im::{down, up};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde::Deserialize;

use crate::same_cases_each_run;

/// Every fixture of both services.
static FIXTURES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
    let mut texts = Vec::new();
    for service in ["im", "c2c"] {
        for direction in ["up", "down", "rest"] {
            let mut files: Vec<_> = std::fs::read_dir(root.join(service).join(direction))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            files.sort();
            texts.extend(files.iter().map(|file| std::fs::read_to_string(file).unwrap()));
        }
    }
    assert!(texts.len() > 100);
    texts
});

/// What a text is made worse with.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    " ",
    "\n",
    "\t",
    "\u{feff}",
    "\u{0}",
    "\\u00e9",
    "\\ud83d",
    "null",
    "true",
    "0",
    "-",
    "-0",
    "1.5",
    "1e3",
    "18446744073709551616",
    "18446744073709551615",
    "4294967296",
    "\"id\":\"x\",",
    "\"topic\":null,",
    "\"seq\":7,",
    "\"\\u0069d\":\"y\",",
    ",\"Topic\":\"z\"",
    "{}",
    "[]",
    "\"text\"",
    "é",
    "\u{1F600}",
];

#[derive(Clone, Debug)]
enum Change {
    Insert(Index, &'static str),
    Remove(Index, usize),
    Copy(Index, Index, usize),
    SpaceOut,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Change::Insert(at, piece)),
        3 => (any::<Index>(), 1..4usize).prop_map(|(at, len)| Change::Remove(at, len)),
        2 => (any::<Index>(), any::<Index>(), 1..40usize)
            .prop_map(|(from, to, len)| Change::Copy(from, to, len)),
        1 => Just(Change::SpaceOut),
    ]
}

fn apply(text: &str, change: &Change) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    match change {
        Change::Insert(at, piece) => {
            let at = at.index(chars.len() + 1);
            chars.splice(at..at, piece.chars());
        }
        Change::Remove(at, len) if !chars.is_empty() => {
            let at = at.index(chars.len());
            let end = (at + len).min(chars.len());
            chars.drain(at..end);
        }
        Change::Copy(from, to, len) if !chars.is_empty() => {
            let from = from.index(chars.len());
            let piece = chars[from..(from + len).min(chars.len())].to_vec();
            let to = to.index(chars.len() + 1);
            chars.splice(to..to, piece);
        }
        Change::Remove(..) | Change::Copy(..) => {}
        Change::SpaceOut => return text.replace(':', " : ").replace(',', "\n, "),
    }
    chars.into_iter().collect()
}

fn agree<'a, T>(text: &'a str)
where
    T: Decode<'a> + Deserialize<'a> + PartialEq + Debug,
{
    match (from_text::<T>(text, 128), serde_json::from_str::<T>(text)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{text}\nscanner: {ours:?}\nserde: {theirs:?}"),
    }
}

fn agree_on_every_type(text: &str) {
    agree::<up::Envelope<'_>>(text);
    agree::<down::Envelope<'_>>(text);
    agree::<C2cUp<'_>>(text);
    agree::<Push<'_>>(text);
    agree::<HistoryItem<'_>>(text);
    agree::<SystemContent<'_>>(text);
    agree::<Answer<'_>>(text);
    agree::<Vec<Push<'_>>>(text);
}

#[test]
fn on_every_fixture() {
    for text in &*FIXTURES {
        agree_on_every_type(text);
    }
}

#[test]
fn on_numbers_at_the_edge() {
    for number in [
        "0",
        "-0",
        "00",
        "01",
        "1.0",
        "1e0",
        "1E2",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "4294967295",
        "4294967296",
        "-9223372036854775808",
        "1.",
        ".5",
        "1e",
        "99999999999999999999999999999999",
        "\"5\"",
        "true",
        "[5]",
        "{}",
        "null",
    ] {
        agree_on_every_type(&format!(r#"{{"data":{{"seq":{number}}}}}"#));
        agree_on_every_type(&format!(r#"{{"ctrl":{{"code":{number} , "text":"x"}}}}"#));
        agree_on_every_type(&format!(r#"{{"get":{{"data":{{"since":{number}}}}}}}"#));
        agree_on_every_type(&format!(r#"{{"type":"text","createTime":{number},"self":{number}}}"#));
        agree_on_every_type(&format!(r#"{{"meta":{{"del":{{"delseq":[{{"low":{number}}}]}}}}}}"#));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..same_cases_each_run() })]

    #[test]
    fn on_fixtures_made_worse(
        fixture: Index,
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        let fixture = fixture.get(&FIXTURES).as_str();
        let text = changes.iter().fold(fixture.to_owned(), |text, change| apply(&text, change));
        agree_on_every_type(&text);
    }

    #[test]
    fn on_pieces_of_frames(pieces in proptest::collection::vec(select(PIECES), 0..16)) {
        let inner = pieces.concat();
        agree_on_every_type(&format!("{{\"data\":{{{inner}}}}}"));
        agree_on_every_type(&inner);
    }
}
