//! Rules 89 to 110.

use chat_hub::HubConfig;
use serde_json::json;

use crate::lab::{ANN, BOB, Lab, ctrl, of, only, usr};

#[test]
fn rule_089_to_094_109_accepted_then_echoed_and_the_peer_has_its_own_name_for_it() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("102");
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.sub(second, &usr(ANN));
    lab.clear();
    let frame =
        json!({"pub": {"id": "99c5", "topic": usr(BOB), "noecho": false, "content": "test"}});
    let frames = lab.ask(ann, frame);
    assert_eq!(frames.len(), 2);
    let ctrl = &frames[0]["ctrl"];
    assert_eq!((&ctrl["code"], &ctrl["text"]), (&json!(202), &json!("accepted")));
    assert_eq!((&ctrl["params"], &ctrl["topic"]), (&json!({"seq": 1}), &json!(usr(BOB))));
    let echo = &frames[1]["data"];
    assert_eq!(
        *echo,
        json!({"topic": usr(BOB), "from": usr(ANN), "ts": ctrl["ts"], "seq": 1,
            "content": "test", "reqid": "99c5"})
    );
    for conn in [bob, second] {
        let copy = only(&lab.frames(conn), "data");
        assert_eq!((&copy["topic"], &copy["from"]), (&json!(usr(ANN)), &json!(usr(ANN))));
        assert_eq!((&copy["reqid"], &copy["seq"]), (&json!("99c5"), &json!(1)));
    }
    let frames = lab.ask(
        ann,
        json!({"pub": {"id": "99c6", "topic": usr(BOB), "noecho": true, "content": "test"}}),
    );
    assert_eq!(frames.len(), 1);
}

#[test]
fn rule_095_096_106_110_head_and_content_are_kept() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.send(
        ann,
        format!(
            r#"{{"pub":{{"id":"1","topic":"{group}","head":{{"sender":"x","mime":"text/x-drafty","a":{{"b": 1}}}},"content":{{"z":1, "a":[2.50]}}}}}}"#
        ),
    );
    let text = lab.texts(bob).remove(0);
    assert!(text.contains(r#""head":{"mime":"text/x-drafty","a":{"b": 1}}"#), "{text}");
    assert!(text.contains(r#""content":{"z":1, "a":[2.50]}"#), "{text}");
    let frames = lab.ask(bob, json!({"get": {"id": "1", "topic": group, "what": "data"}}));
    assert_eq!(only(&frames, "data")["head"]["mime"], "text/x-drafty");
    lab.ask(ann, json!({"pub": {"id": "2", "topic": group}}));
    let text = lab.texts(bob).remove(0);
    assert!(text.contains(r#""content":null"#), "{text}");
    lab.ask(ann, json!({"pub": {"id": "3", "topic": group, "head": {"sender": "x"}}}));
    assert!(!lab.texts(bob)[0].contains("head"));
    assert_eq!(lab.code(ann, json!({"pub": {"id": "4", "topic": group, "head": [1]}})), 400);
}

#[test]
fn rule_052_097_098_099_who_may_not() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    assert_eq!(lab.code(ann, json!({"pub": {"id": "1", "topic": "me"}})), 403);
    assert_eq!(lab.code(ann, json!({"pub": {"id": "1", "topic": usr(BOB)}})), 409);
    for (user, mode) in [(usr(BOB), "JRP"), (usr(crate::lab::CAT), "JW")] {
        let set = json!({"set": {"id": "1", "topic": group, "sub": {"user": user, "mode": mode}}});
        assert_eq!(lab.code(ann, set), 200);
    }
    lab.clear();
    assert_eq!(lab.code(bob, json!({"pub": {"id": "1", "topic": group}})), 403);
    assert_eq!(lab.publish(cat, &group, "one"), 1);
    assert!(lab.frames(cat).is_empty());
    assert_eq!(of(&lab.frames(bob), "data").len(), 1);
}

#[test]
fn rule_100_without_an_id_there_is_no_answer() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let frames = lab.ask(ann, json!({"pub": {"topic": group, "content": 1}}));
    assert!(frames.len() == 1 && frames[0].get("data").is_some());
    assert!(frames[0]["data"].get("reqid").is_none());
    assert_eq!(of(&lab.frames(bob), "data").len(), 1);
}

#[test]
fn rule_101_pipelined() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    for n in 0..100 {
        let frame = json!({"pub": {"id": n.to_string(), "topic": group, "noecho": true}});
        lab.send(ann, frame.to_string());
    }
    for (n, frame) in lab.frames(ann).iter().enumerate() {
        assert_eq!(frame["ctrl"]["id"], n.to_string());
        assert_eq!(frame["ctrl"]["params"]["seq"], n + 1);
    }
}

#[test]
fn rule_104_a_repeated_publish_gets_its_first_answer() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let frame = json!({"pub": {"id": "once", "topic": group, "content": "x"}});
    let first = ctrl(&lab.ask(ann, frame.clone())).clone();
    lab.lose(ann);
    let ann = lab.session("101");
    lab.sub(ann, &group);
    lab.clear();
    let again = lab.ask(ann, frame.clone());
    assert_eq!(again, [json!({"ctrl": first})]);
    assert!(of(&lab.frames(bob), "data").is_empty());
    // The id is the user's: another user's is another message.
    let frames = lab.ask(bob, frame);
    assert_eq!(ctrl(&frames)["params"]["seq"], 2);
}

#[test]
fn rule_105_authors_have_read_what_they_wrote() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    lab.publish(ann, &group, "one");
    let frames = lab.ask(ann, json!({"get": {"id": "1", "topic": group, "what": "sub"}}));
    let row = &only(&frames, "meta")["sub"][0];
    assert_eq!((&row["read"], &row["recv"]), (&json!(1), &json!(1)));
}

#[test]
fn an_id_used_again_outlives_its_first_message() {
    let config = HubConfig { max_messages: 4, remembered_pubs: 2, ..HubConfig::default() };
    let mut lab = Lab::with(config);
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let mut seq = |id: &str| {
        let frames = lab.ask(ann, json!({"pub": {"id": id, "topic": group, "content": 1}}));
        ctrl(&frames)["params"]["seq"].as_u64().unwrap()
    };
    assert_eq!(["a", "b", "c"].map(&mut seq), [1, 2, 3]);
    // The first `a` is forgotten, its message is not; with `d` the message goes.
    assert_eq!(["a", "d", "a"].map(&mut seq), [4, 5, 4]);
}

#[test]
fn an_id_outlives_its_message_in_a_full_topic() {
    let config = HubConfig { max_messages: 2, remembered_pubs: 4, ..HubConfig::default() };
    let mut lab = Lab::with(config);
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let seq = |lab: &mut Lab, ann, id: &str| {
        let frames = lab.ask(ann, json!({"pub": {"id": id, "topic": group, "content": 1}}));
        ctrl(&frames)["params"]["seq"].as_u64().unwrap()
    };
    // With `e` there are five, and the one that was heard of first is forgotten.
    let seqs = ["a", "b", "c", "d", "a", "b", "e", "a"].map(|id| seq(&mut lab, ann, id));
    assert_eq!(seqs, [1, 2, 3, 4, 1, 2, 5, 6]);
    lab.restart();
    let ann = lab.session("101");
    lab.sub(ann, &group);
    assert_eq!(["c", "e", "f"].map(|id| seq(&mut lab, ann, id)), [3, 5, 7]);
}
