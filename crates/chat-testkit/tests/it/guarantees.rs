//! `docs/guarantees.md`: no link of it is dead, and its table is about the tests there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../../docs/guarantees.md");
const TESTS: [&str; 2] = [include_str!("scenarios.rs"), include_str!("scenarios/long.rs")];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Targets of links to files of this project.
fn links(text: &str) -> Vec<&str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    links.map(|(target, _)| target).filter(|target| !target.starts_with("http")).collect()
}

fn rows() -> Vec<&'static str> {
    let (_, table) = PAGE.split_once("<!-- scenarios").expect("the table begins");
    let (table, _) = table.split_once("<!-- /scenarios").expect("the table ends");
    table.lines().filter(|line| line.starts_with("| [")).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for link in links(PAGE) {
        assert!(docs().join(link).is_file(), "{link}");
    }
}

#[test]
fn every_scenario_has_its_row_and_its_transcript() {
    let mut named = BTreeSet::new();
    for row in rows() {
        let (_, test) = row.trim_end_matches(" |").rsplit_once("| ").expect("a row has columns");
        let test = test.trim_matches('`');
        let snapshot = links(row)[0];
        assert!(snapshot.ends_with(&format!("__{test}.snap")), "{snapshot} is not of {test}");
        assert!(named.insert(test), "{test} twice");
    }
    let tests = TESTS.iter().flat_map(|text| text.split("#[test]\nfn ").skip(1));
    let tests: BTreeSet<_> = tests.filter_map(|text| text.split_once('(')).map(|it| it.0).collect();
    assert_eq!(named, tests);
    assert_eq!(named.len(), 10);
}

/// What a snapshot shows is what its row says, as far as words can tell.
#[test]
fn the_transcripts_show_what_the_rows_say() {
    let shows = |test: &str, words: &[&str]| {
        let row = rows().into_iter().find(|row| row.contains(&format!("`{test}`")));
        let path = docs().join(links(row.expect("a row"))[0]);
        let text = std::fs::read_to_string(&path).expect("a transcript");
        for word in words {
            assert!(text.contains(word), "{test}: {word}");
        }
    };
    shows(
        "the_link_dies_at_each_point_of_a_publish",
        &["accepted as 2", "ended: Unknown", "the last number is 1", "get data since 2"],
    );
    shows(
        "the_server_crashes_after_the_commit_and_before_the_reply",
        &["CrashStored", "is told that it is accepted"],
    );
    shows("the_token_expires_in_a_flood", &["ctrl 401", "asks token", "accepted as 9"]);
    shows("a_second_process_takes_over", &["TakenOver, retry_in: Some(20s)", "retry_in: None"]);
    shows("the_counterparty_floods", &["the shop was told 300", "m63 accepted"]);
    shows("removed_from_a_group_while_offline", &["TopicGone", "Bob was told: 1 \"m1\"\n"]);
    shows("clocks_jump", &["400 Bad Request", "ClockCorrected"]);
    shows("the_server_restarts_and_keeps_less_history", &["(gap 2 to 4), (gap 5 to 6), 7 \"m7\""]);
    shows(
        "pushes_come_twice",
        &["Bob ← data 2 \"m2\"\n  3.025  Bob is told message 2\n  3.025  Bob ← data 2"],
    );
    shows("a_message_is_longer_than_the_limit", &["the limit is 65536", "closes with 1009"]);
}
