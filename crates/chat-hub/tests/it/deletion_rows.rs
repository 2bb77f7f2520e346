//! Rules 141, 142, 191, 192, 198: what is remembered of deletions, and that it stays bounded.

use std::collections::BTreeSet;

use chat_hub::{HubConfig, Record};
use chat_proto::machine::ConnId;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lab::{Lab, Store, cases, ctrl, of, only};

fn delete(topic: &str, ranges: &[(u64, u64)], hard: bool) -> Value {
    let ranges: Vec<_> = ranges.iter().map(|(low, hi)| json!({"low": low, "hi": hi})).collect();
    json!({"del": {"id": "x", "topic": topic, "what": "msg", "delseq": ranges, "hard": hard}})
}

fn seqs(lab: &mut Lab, conn: ConnId, topic: &str) -> Vec<u64> {
    lab.clear();
    let get = json!({"get": {"id": "1", "topic": topic, "what": "data", "data": {"limit": 1000}}});
    let frames = lab.ask(conn, get);
    of(&frames, "data").iter().map(|it| it["seq"].as_u64().unwrap()).collect()
}

/// What a client is told that it does not know yet: the last number and the messages.
fn told(lab: &mut Lab, conn: ConnId, topic: &str, since: u64) -> (u64, Vec<u64>) {
    let (mut since, mut gone) = (since, BTreeSet::new());
    let mut last = 0;
    loop {
        let get =
            json!({"get": {"id": "1", "topic": topic, "what": "del", "del": {"since": since}}});
        let frames = lab.ask(conn, get);
        let Some(meta) = of(&frames, "meta").pop() else { break };
        last = meta["del"]["clear"].as_u64().unwrap();
        since = last + 1;
        for range in meta["del"]["delseq"].as_array().unwrap() {
            let low = range["low"].as_u64().unwrap();
            gone.extend(low..range["hi"].as_u64().unwrap_or(low + 1));
        }
    }
    (last, gone.into_iter().collect())
}

fn rows(lab: &Lab) -> usize {
    let rows = lab.hub.snapshot().into_iter();
    rows.filter(|row| matches!(row, Record::Deletion { .. })).count()
}

#[test]
fn rule_141_142_deletions_are_listed_as_ranges() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for n in 1..=10 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.clear();
    let get = |since: u64| json!({"get": {"id": "1", "topic": group, "what": "del", "del": {"since": since}}});
    let said = only(&lab.ask(bob, get(1)), "ctrl");
    assert_eq!((&said["code"], &said["params"]), (&json!(204), &json!({"what": "del"})));
    lab.ask(bob, delete(&group, &[(2, 4), (3, 5), (9, 0)], false));
    lab.ask(ann, delete(&group, &[(5, 7)], true));
    lab.clear();
    let del = only(&lab.ask(bob, get(1)), "meta")["del"].clone();
    assert_eq!(del, json!({"clear": 2, "delseq": [{"low": 2, "hi": 7}, {"low": 9}]}));
    // Ann does not hear of what Bob hides from himself.
    let del = only(&lab.ask(ann, get(1)), "meta")["del"].clone();
    assert_eq!(del, json!({"clear": 2, "delseq": [{"low": 5, "hi": 7}]}));
    let del = only(&lab.ask(bob, get(2)), "meta")["del"].clone();
    assert_eq!(del, json!({"clear": 2, "delseq": [{"low": 5, "hi": 7}]}));
    assert_eq!(only(&lab.ask(bob, get(3)), "ctrl")["code"], 204);
}

/// Whoever asks for few ranges gets whole deletions, at least one, and asks on behind it.
#[test]
fn rule_141_a_page_of_deletions_ends_with_a_whole_one() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    for n in 1..=10 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.ask(ann, delete(&group, &[(1, 0), (3, 0)], true));
    lab.ask(ann, delete(&group, &[(5, 0)], true));
    lab.ask(ann, delete(&group, &[(7, 0)], true));
    let first = json!([{"low": 1}, {"low": 3}]);
    let second = json!([{"low": 1}, {"low": 3}, {"low": 5}]);
    let all = json!([{"low": 1}, {"low": 3}, {"low": 5}, {"low": 7}]);
    for (limit, clear, ranges) in
        [(1, 1, &first), (2, 1, &first), (3, 2, &second), (4, 3, &all), (0, 3, &all)]
    {
        lab.clear();
        let get =
            json!({"get": {"id": "1", "topic": group, "what": "del", "del": {"limit": limit}}});
        let del = only(&lab.ask(ann, get), "meta")["del"].clone();
        assert_eq!(del, json!({"clear": clear, "delseq": ranges}), "{limit}");
    }
}

#[test]
fn rule_191_192_ranges_neither_swallow_nor_lose() {
    for hard in [false, true] {
        let mut lab = Lab::new();
        let [ann, ..] = lab.three();
        let group = lab.group(&[ann]);
        for n in 1..=8 {
            lab.publish(ann, &group, &n.to_string());
        }
        assert_eq!(lab.code(ann, delete(&group, &[(1, 4), (5, 7)], hard)), 200);
        assert_eq!(seqs(&mut lab, ann, &group), [8, 7, 4]);
        let other = lab.group(&[ann]);
        for n in 1..=8 {
            lab.publish(ann, &other, &n.to_string());
        }
        assert_eq!(lab.code(ann, delete(&other, &[(1, 4), (2, 4), (6, 8)], hard)), 200);
        assert_eq!(seqs(&mut lab, ann, &other), [8, 5, 4]);
    }
}

#[test]
fn rule_198_deleting_the_same_again_counts_and_adds_no_row() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for n in 1..=10 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.clear();
    for n in 1..=500 {
        let frames = lab.ask(bob, delete(&group, &[(3, 6)], false));
        assert_eq!(ctrl(&frames)["params"], json!({"del": n}));
    }
    assert_eq!(rows(&lab), 1);
    assert_eq!(told(&mut lab, bob, &group, 1), (500, vec![3, 4, 5]));
    assert_eq!(told(&mut lab, bob, &group, 400), (500, vec![3, 4, 5]));
    // A part of it again leaves the rest where it was.
    lab.ask(bob, delete(&group, &[(4, 0)], false));
    assert_eq!(told(&mut lab, bob, &group, 501), (501, vec![4]));
    assert_eq!(told(&mut lab, bob, &group, 1), (501, vec![3, 4, 5]));
    assert_eq!(seqs(&mut lab, bob, &group), [10, 9, 8, 7, 6, 2, 1]);
    // What is gone for all need not be hidden.
    lab.ask(ann, delete(&group, &[(1, 11)], true));
    assert_eq!(rows(&lab), 1);
    assert_eq!(told(&mut lab, bob, &group, 502).1.len(), 10);
}

/// Between deletions of messages that are gone anyway no gap is remembered.
#[test]
fn what_is_remembered_of_old_deletions_does_not_grow() {
    let config = HubConfig { max_messages: 3, max_deletions: 2, ..HubConfig::default() };
    let mut lab = Lab::with(config);
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 1..=40 {
        assert_eq!(lab.publish(ann, &group, &n.to_string()), n);
        if n % 2 == 1 {
            lab.ask(ann, delete(&group, &[(n, 0)], true));
        }
    }
    let ranges = lab.hub.snapshot().into_iter().filter_map(|row| match row {
        Record::Deletion { row, .. } => Some(row?.ranges.len()),
        _ => None,
    });
    let ranges: usize = ranges.sum();
    assert!((2..=6).contains(&ranges), "{ranges}");
}

#[test]
fn what_was_deleted_for_all_does_not_come_back_with_its_id() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let frame = json!({"pub": {"id": "once", "topic": group, "content": "x"}});
    lab.ask(ann, frame.clone());
    lab.ask(ann, delete(&group, &[(1, 0)], true));
    lab.clear();
    let frames = lab.ask(ann, frame.clone());
    assert_eq!(ctrl(&frames)["params"], json!({"seq": 1}));
    assert!(lab.frames(bob).is_empty());
    // Nor after a restart, from what was stored and from a snapshot.
    for _ in 0..2 {
        lab.restart();
        let ann = lab.session("101");
        lab.sub(ann, &group);
        let frames = lab.ask(ann, frame.clone());
        assert_eq!(ctrl(&frames)["params"], json!({"seq": 1}));
        lab.store = lab.hub.snapshot();
    }
}

#[test]
fn ids_of_deleted_messages_are_forgotten_in_their_turn() {
    let mut lab = Lab::with(HubConfig { remembered_pubs: 2, ..HubConfig::default() });
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let publish = |lab: &mut Lab, id: &str| {
        let frames = lab.ask(ann, json!({"pub": {"id": id, "topic": group, "content": 1}}));
        ctrl(&frames)["params"]["seq"].as_u64().unwrap()
    };
    let kept = |lab: &Lab| {
        let rows = lab.hub.snapshot().into_iter();
        rows.filter(|row| matches!(row, Record::Pub { .. })).count()
    };
    assert_eq!(["a", "b", "c"].map(|id| publish(&mut lab, id)), [1, 2, 3]);
    // That of the first is forgotten already.
    lab.ask(ann, delete(&group, &[(1, 3)], true));
    assert_eq!((kept(&lab), publish(&mut lab, "b")), (1, 2));
    // A deletion that is not stored leaves it as it was.
    let before = lab.hub.snapshot();
    lab.mode = Store::Waits;
    lab.send(ann, delete(&group, &[(3, 4)], true).to_string());
    lab.fail_commit();
    lab.mode = Store::Works;
    lab.clear();
    assert_eq!(lab.hub.snapshot(), before);
    assert_eq!(["c", "d", "e", "a"].map(|id| publish(&mut lab, id)), [3, 4, 5, 6]);
    assert_eq!(kept(&lab), 0);
}

proptest! {
    #![proptest_config(cases(40))]

    /// Against a set of numbers: what each of two users sees, what they are told of, and how much is
    /// kept of it.
    #[test]
    fn rule_119_120_198_deletions_are_sets(
        ops in prop::collection::vec((any::<bool>(), any::<bool>(), 1..40u64, 0..9u64), 1..60),
        most in 1..5usize,
    ) {
        let mut lab = Lab::with(HubConfig { max_deletions: most, ..HubConfig::default() });
        let [ann, bob, _] = lab.three();
        let group = lab.group(&[ann, bob]);
        for n in 1..=40 {
            lab.publish(ann, &group, &n.to_string());
        }
        let mut gone = [BTreeSet::new(), BTreeSet::new()];
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        let mut known = [0, 0];
        for (at, (of_ann, hard, low, len)) in ops.into_iter().enumerate() {
            let (conn, who) = if of_ann { (ann, 0) } else { (bob, 1) };
            let end = (low + len + 1).min(41);
            let frames = lab.ask(conn, delete(&group, &[(low, end)], hard));
            prop_assert_eq!(&ctrl(&frames)["params"]["del"], at as u64 + 1);
            // Bob has no D.
            let hidden: &[usize] = if hard && of_ann { &[0, 1] } else { std::slice::from_ref(&who) };
            for who in hidden {
                gone[*who].extend(low..end);
            }
            // Each learns of it at times, from where they left off.
            if at % 3 == 0 {
                let (last, news) = told(&mut lab, conn, &group, known[who] + 1);
                known[who] = known[who].max(last);
                seen[who].extend(news);
                prop_assert_eq!(&seen[who], &gone[who]);
            }
            prop_assert!(rows(&lab) <= 3 * most, "{} rows", rows(&lab));
        }
        for (who, conn) in [ann, bob].into_iter().enumerate() {
            let left: Vec<_> = (1..=40).rev().filter(|seq| !gone[who].contains(seq)).collect();
            prop_assert_eq!(seqs(&mut lab, conn, &group), left);
            let all: Vec<_> = gone[who].iter().copied().collect();
            prop_assert_eq!(told(&mut lab, conn, &group, 1).1, all);
        }
    }
}
