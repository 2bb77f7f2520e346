//! Rules 119, 120, 141, 142, 179 to 198: `del`.

use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, ctrl, of, only, usr};

fn member(topic: &str, user: u64) -> Value {
    json!({"del": {"id": "m", "topic": topic, "what": "sub", "user": usr(user)}})
}

fn messages(topic: &str, ranges: Value, hard: bool) -> Value {
    json!({"del": {"id": "x", "topic": topic, "what": "msg", "delseq": ranges, "hard": hard}})
}

fn seqs(lab: &mut Lab, conn: chat_proto::machine::ConnId, topic: &str) -> Vec<u64> {
    lab.clear();
    let frames = lab.ask(conn, json!({"get": {"id": "1", "topic": topic, "what": "data"}}));
    of(&frames, "data").iter().map(|it| it["seq"].as_u64().unwrap()).collect()
}

#[test]
fn rule_179_to_183_removing_a_member() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    assert_eq!(lab.code(bob, member(&group, CAT)), 403);
    assert_eq!(lab.code(ann, member(&group, ANN)), 403);
    let frames = lab.ask(ann, member(&group, BOB));
    assert_eq!(frames[0]["ctrl"]["code"], 200);
    let frames = lab.frames(bob);
    let evicted = only(&frames, "ctrl");
    // The subscription is gone, so a client must not come back by itself. (tinode-code)
    assert_eq!((&evicted["code"], &evicted["params"]), (&json!(205), &json!({"unsub": true})));
    assert_eq!(of(&frames, "pres"), [json!({"topic": "me", "src": group, "what": "gone"})]);
    lab.clear();
    assert_eq!(lab.code(ann, member(&group, BOB)), 304);
    let frames = lab.ask(ann, json!({"get": {"id": "1", "topic": group, "what": "sub"}}));
    let rows = only(&frames, "meta")["sub"].clone();
    assert!(rows.as_array().unwrap().iter().all(|it| it["user"] != usr(BOB)));
    // Rule 187.
    assert_eq!(lab.code(bob, member(&group, CAT)), 409);
    lab.sub(ann, &usr(BOB));
    lab.clear();
    assert_eq!(lab.code(ann, member(&usr(BOB), BOB)), 403);
}

#[test]
fn rule_184_186_deleting_a_group() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    lab.ask(ann, json!({"leave": {"id": "1", "topic": group}}));
    lab.lose(cat);
    let cat = lab.session("103");
    lab.sub(cat, &group);
    lab.clear();
    let frames = lab.ask(ann, json!({"del": {"id": "2", "topic": group, "what": "topic"}}));
    assert_eq!(frames[0]["ctrl"]["code"], 200);
    for (conn, on_me) in [(bob, true), (cat, false)] {
        let frames = lab.frames(conn);
        let evicted = only(&frames, "ctrl");
        assert_eq!((&evicted["code"], &evicted["params"]), (&json!(205), &json!({"unsub": true})));
        let gone = of(&frames, "pres");
        assert_eq!(gone.len(), usize::from(on_me), "{gone:?}");
        assert!(gone.iter().all(|it| it["what"] == "gone" && it["src"] == group));
    }
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 404);
    // Rule 108.
    assert_eq!(lab.code(bob, json!({"pub": {"id": "3", "topic": group}})), 409);
    let left = lab.hub.snapshot();
    assert!(!left.iter().any(|row| matches!(row, chat_hub::Record::Topic { .. })));
}

#[test]
fn rule_185_others_only_leave() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    assert_eq!(lab.code(bob, json!({"del": {"id": "1", "topic": group, "what": "topic"}})), 200);
    lab.clear();
    lab.publish(ann, &group, "alive");
    assert!(of(&lab.frames(bob), "data").is_empty());
    assert_eq!(lab.code(bob, json!({"del": {"id": "2", "topic": group, "what": "topic"}})), 304);
}

#[test]
fn rule_119_120_188_189_190_198_soft_and_hard() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for n in 1..=8 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.clear();
    let frames = lab.ask(bob, messages(&group, json!([{"low": 3}]), true));
    assert_eq!(only(&frames, "ctrl")["params"], json!({"del": 1}));
    assert!(lab.frames(ann).is_empty(), "without D it is soft");
    assert_eq!(seqs(&mut lab, bob, &group), [8, 7, 6, 5, 4, 2, 1]);
    assert_eq!(seqs(&mut lab, ann, &group).len(), 8);
    lab.clear();
    let frames = lab.ask(ann, messages(&group, json!([{"low": 4, "hi": 6}]), true));
    assert_eq!(only(&frames, "ctrl")["params"], json!({"del": 2}));
    let told = of(&lab.frames(bob), "pres");
    assert_eq!(
        told,
        [json!({"topic": group, "src": usr(ANN), "what": "del", "clear": 2,
            "delseq": [{"low": 4, "hi": 6}]})]
    );
    assert_eq!(seqs(&mut lab, bob, &group), [8, 7, 6, 2, 1]);
    assert_eq!(seqs(&mut lab, ann, &group), [8, 7, 6, 3, 2, 1]);
    assert_eq!(lab.publish(ann, &group, "9"), 9);
    lab.clear();
    // Rule 141.
    let get = json!({"get": {"id": "1", "topic": group, "what": "del", "del": {"since": 1}}});
    let del = only(&lab.ask(bob, get), "meta")["del"].clone();
    assert_eq!(del, json!({"clear": 2, "delseq": [{"low": 3, "hi": 6}]}));
    let get = json!({"get": {"id": "1", "topic": "me", "what": "del"}});
    assert_eq!(only(&lab.ask(bob, get), "ctrl")["params"], json!({"what": "del"}));
}

#[test]
fn rule_191_to_197_ranges() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    for n in 1..=10 {
        lab.publish(ann, &group, &n.to_string());
    }
    for bad in [
        json!([]),
        json!([{"low": 11}]),
        json!([{"low": 5, "hi": 3}]),
        json!([{"low": 0}]),
        json!([{"low": 0, "hi": 1}]),
        json!([{"low": -1}]),
        json!("all"),
    ] {
        assert_eq!(lab.code(ann, messages(&group, bad.clone(), true)), 400, "{bad}");
    }
    assert_eq!(lab.code(ann, json!({"del": {"id": "1", "topic": group, "what": "nothing"}})), 400);
    let gap = json!([{"low": 1, "hi": 4}, {"low": 5, "hi": 7}]);
    assert_eq!(lab.code(ann, messages(&group, gap, true)), 200);
    assert_eq!(seqs(&mut lab, ann, &group), [10, 9, 8, 7, 4]);
    assert_eq!(lab.code(ann, messages(&group, json!([{"low": 9, "hi": 999_999}]), true)), 200);
    assert_eq!(seqs(&mut lab, ann, &group), [8, 7, 4]);
    let get = json!({"get": {"id": "1", "topic": group, "what": "del"}});
    let del = only(&lab.ask(ann, get), "meta")["del"].clone();
    assert_eq!(
        del["delseq"],
        json!([{"low": 1, "hi": 4}, {"low": 5, "hi": 7}, {"low": 9, "hi": 11}])
    );
}

#[test]
fn rule_196_too_many() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    for n in 1..=1100 {
        lab.publish(ann, &group, &n.to_string());
    }
    let two = json!([{"low": 1, "hi": 1030}, {"low": 1090, "hi": 1095}]);
    assert_eq!(lab.code(ann, messages(&group, two, false)), 400);
    assert_eq!(lab.code(ann, messages(&group, json!([{"low": 1, "hi": 1101}]), false)), 200);
}

/// Numbers begin at 1, so a range from 0 begins there; one that ends where it begins, or has no
/// end, is one message.
#[test]
fn rule_195_ranges_at_the_edges() {
    for (range, left) in [
        (json!([{"low": 0, "hi": 3}]), vec![4, 3]),
        (json!([{"low": 2, "hi": 2}]), vec![4, 3, 1]),
        (json!([{"low": 2}]), vec![4, 3, 1]),
        (json!([{"low": 4, "hi": 100}]), vec![3, 2, 1]),
    ] {
        let mut lab = Lab::new();
        let [ann, ..] = lab.three();
        let group = lab.group(&[ann]);
        for n in 0..4 {
            lab.publish(ann, &group, &n.to_string());
        }
        assert_eq!(lab.code(ann, messages(&group, range.clone(), true)), 200, "{range}");
        assert_eq!(seqs(&mut lab, ann, &group), left, "{range}");
    }
}
