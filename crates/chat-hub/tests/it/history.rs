//! Rules 53, 111 to 143: history, descriptions, lists.

use chat_hub::HubConfig;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, Store, ctrl, of, only, usr};

fn seqs(frames: &[Value]) -> Vec<u64> {
    of(frames, "data").iter().map(|it| it["seq"].as_u64().unwrap()).collect()
}

fn page(topic: &str, opts: Value) -> Value {
    json!({"get": {"id": "g", "topic": topic, "what": "data", "data": opts}})
}

#[test]
fn rule_112_to_118_121_pages() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let frames = lab.ask(ann, page(&group, json!({})));
    let end = only(&frames, "ctrl");
    assert_eq!(
        (&end["code"], &end["params"], &end["id"]),
        (&json!(204), &json!({"what": "data"}), &json!("g"))
    );
    for n in 1..=10 {
        assert_eq!(lab.publish(ann, &group, &n.to_string()), n);
    }
    for (opts, expected) in [
        (json!({"since": 0, "before": 10000, "limit": 1000}), vec![10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (json!({"since": 3, "before": 6}), vec![5, 4, 3]),
        (json!({"limit": 2}), vec![10, 9]),
        (json!({"ranges": [{"low": 2}, {"low": 5, "hi": 8}]}), vec![7, 6, 5, 2]),
        (json!({"since": 8, "before": 3}), vec![]),
    ] {
        let frames = lab.ask(ann, page(&group, opts.clone()));
        assert_eq!(seqs(&frames), expected, "{opts}");
        assert!(of(&frames, "data").iter().all(|it| it.get("id").is_none()));
        let end = &frames.last().unwrap()["ctrl"];
        assert_eq!(end["id"], "g");
        if !expected.is_empty() {
            assert_eq!(end["code"], 208);
            assert_eq!(end["params"], json!({"what": "data", "count": expected.len()}));
        }
    }
}

#[test]
fn rule_117_118_124_caps_and_paging() {
    let config = HubConfig { max_page: 7, default_page: 3, ..HubConfig::default() };
    let mut lab = Lab::with(config);
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 1..=20 {
        lab.publish(ann, &group, &n.to_string());
    }
    assert_eq!(seqs(&lab.ask(ann, page(&group, json!({})))).len(), 3);
    let (mut all, mut before) = (Vec::new(), 0);
    loop {
        let found = seqs(&lab.ask(ann, page(&group, json!({"before": before, "limit": 100}))));
        assert!(found.len() <= 7);
        let Some(lowest) = found.last() else { break };
        before = *lowest;
        all.extend(found);
        if before == 1 {
            break;
        }
    }
    assert_eq!(all, (1..=20).rev().collect::<Vec<_>>());
}

#[test]
fn a_page_ends_early_when_it_is_large() {
    let mut lab = Lab::with(HubConfig { max_page_bytes: 1000, ..HubConfig::default() });
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 0..10 {
        lab.publish(ann, &group, &format!("{n}{}", "x".repeat(200)));
    }
    assert_eq!(seqs(&lab.ask(ann, page(&group, json!({})))), [10, 9]);
}

#[test]
fn rule_053_122_123_139_refusals() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    assert_eq!(lab.code(ann, page("me", json!({}))), 403);
    for opts in
        [json!({"ims": "2024-01-03T07:38:56Z"}), json!({"user": usr(ANN)}), json!({"topic": "x"})]
    {
        assert_eq!(lab.code(ann, page(&group, opts)), 400);
    }
    assert_eq!(lab.code(ann, page(&usr(BOB), json!({}))), 403);
    lab.ask(
        ann,
        json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(BOB), "mode": "JW"}}}),
    );
    lab.clear();
    assert_eq!(lab.code(bob, page(&group, json!({}))), 403);
}

#[test]
fn rule_111_129_130_143_descriptions() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    for n in 0..3 {
        lab.publish(ann, &usr(BOB), &n.to_string());
    }
    lab.clear();
    let get = |opts| json!({"get": {"id": "1", "topic": usr(BOB), "what": "desc", "desc": opts}});
    let frames = lab.ask(ann, get(json!({"ims": "2024-01-03T07:38:56.304Z"})));
    let meta = only(&frames, "meta");
    let desc = &meta["desc"];
    assert_eq!((&desc["seq"], &desc["read"], &desc["recv"]), (&json!(3), &json!(3), &json!(3)));
    assert!(
        desc["created"].is_string() && desc["updated"].is_string() && desc["touched"].is_string()
    );
    assert_eq!(desc["acs"]["mode"], "JRWPA");
    assert_eq!(desc["public"], json!({"fn": "Ext 102"}));
    assert!(desc.get("defacs").is_none());
    let frames = lab.ask(ann, get(json!({"ims": meta["ts"]})));
    let desc = &only(&frames, "meta")["desc"];
    assert!(desc.get("public").is_none() && desc["created"].is_string());
    assert_eq!(lab.code(ann, get(json!({"limit": 3}))), 400);
    assert_eq!(lab.code(ann, get(json!({"ims": "yesterday"}))), 400);
}

#[test]
fn rule_127_128_131_132_the_topics_of_me() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let me = |opts: Value| json!({"get": {"id": "1", "topic": "me", "what": "sub", "sub": opts}});
    let frames = lab.ask(ann, me(json!({})));
    assert_eq!(only(&frames, "ctrl")["params"], json!({"what": "sub"}));
    lab.sub(ann, &usr(BOB));
    let group = lab.group(&[ann, bob]);
    lab.publish(bob, &group, "hello");
    lab.clear();
    let meta = only(&lab.ask(ann, me(json!({}))), "meta");
    let rows = meta["sub"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["topic"], &rows[0]["seq"]), (&json!(group), &json!(1)));
    assert!(rows[0]["touched"].is_string() && rows[0]["acs"]["mode"] == "JRWPASDO");
    assert!(rows[0].get("read").is_none());
    assert_eq!((&rows[1]["topic"], &rows[1]["online"]), (&json!(usr(BOB)), &json!(true)));
    let frames = lab.ask(ann, me(json!({"ims": meta["ts"]})));
    assert_eq!(only(&frames, "ctrl")["code"], 204);
    lab.ask(ann, json!({"leave": {"id": "2", "topic": usr(BOB), "unsub": true}}));
    let rows = only(&lab.ask(ann, me(json!({"ims": meta["ts"]}))), "meta")["sub"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert!(rows[0]["deleted"].is_string() && rows[0]["topic"] == usr(BOB));
}

#[test]
fn rule_126_133_members() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let set = |user, mode| json!({"set": {"id": "1", "topic": group, "sub": {"user": user, "mode": mode}}});
    lab.ask(ann, set(usr(BOB), "JRW"));
    lab.clear();
    let frames = lab.ask(bob, json!({"get": {"id": "1", "topic": group, "what": "sub"}}));
    let rows = only(&frames, "meta")["sub"].clone();
    let of = |user| rows.as_array().unwrap().iter().find(|it| it["user"] == usr(user)).unwrap();
    assert_eq!(of(ANN)["acs"]["mode"], "JRWPASDO");
    assert_eq!(of(BOB)["acs"]["mode"], "JRW");
    assert_eq!(of(CAT)["acs"], json!({}));
}

#[test]
fn rule_134_135_136_sections() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let get = |what: &str| json!({"get": {"id": "1", "topic": group, "what": what}});
    assert_eq!(lab.ask(ann, get("desc bogus")).len(), 1);
    assert_eq!(lab.code(ann, get("bogus")), 400);
    let frames = lab.ask(ann, get("sub desc"));
    assert!(frames[0]["meta"]["desc"].is_object() && frames[1]["meta"]["sub"].is_array());
    assert!(frames.iter().all(|it| it["meta"]["id"] == "1"));
}

#[test]
fn rule_137_138_139_140_not_attached() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    let get = |topic: &str, what: &str| json!({"get": {"id": "1", "topic": topic, "what": what}});
    let frames = lab.ask(bob, get(&group, "desc"));
    let desc = &only(&frames, "meta")["desc"];
    assert!(desc["created"].is_string() && desc["acs"].is_object() && desc.get("seq").is_none());
    let rows = only(&lab.ask(bob, get(&group, "sub desc")), "meta")["sub"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["user"], usr(BOB));
    let other =
        json!({"get": {"id": "1", "topic": group, "what": "sub", "sub": {"user": usr(ANN)}}});
    assert_eq!(lab.code(bob, other), 403);
    assert_eq!(lab.code(bob, get(&group, "data")), 403);
    assert_eq!(lab.code(cat, get(&group, "sub")), 404);
    assert_eq!(lab.code(bob, get("grpAAAAAAAAAAA", "desc")), 404);
    let frames = lab.ask(cat, get(&usr(ANN), "desc"));
    assert_eq!(only(&frames, "meta")["desc"], json!({"public": {"fn": "Ext 101"}}));
    assert_eq!(ctrl(&lab.ask(cat, get("usr5", "desc")))["code"], 404);
}

#[test]
fn a_full_topic_lets_its_oldest_messages_go() {
    let mut lab = Lab::with(HubConfig { max_messages: 3, ..HubConfig::default() });
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 1..=5 {
        assert_eq!(lab.publish(ann, &group, &n.to_string()), n);
    }
    assert_eq!(seqs(&lab.ask(ann, page(&group, json!({})))), [5, 4, 3]);
    let old = lab.ask(ann, page(&group, json!({"before": 3})));
    assert_eq!(only(&old, "ctrl")["code"], 204);
    // A commit that fails brings back what had to go for it.
    lab.mode = Store::Waits;
    lab.send(ann, json!({"pub": {"id": "x", "topic": group, "content": "6"}}).to_string());
    lab.fail_commit();
    lab.mode = Store::Works;
    lab.clear();
    assert_eq!(seqs(&lab.ask(ann, page(&group, json!({})))), [5, 4, 3]);
    for id in ["a", "b", "c"] {
        lab.ask(ann, json!({"pub": {"id": id, "topic": group, "content": id}}));
    }
    assert_eq!(seqs(&lab.ask(ann, page(&group, json!({})))), [8, 7, 6]);
    // The records say the same.
    lab.restart();
    let ann = lab.session("101");
    lab.sub(ann, &group);
    assert_eq!(seqs(&lab.ask(ann, page(&group, json!({})))), [8, 7, 6]);
    assert_eq!(lab.publish(ann, &group, "9"), 9);
}

#[test]
fn ranges_of_a_page_are_1024_at_most() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    lab.publish(ann, &group, "one");
    lab.clear();
    let ranges = |count: usize| page(&group, json!({"ranges": vec![json!({"low": 1}); count]}));
    assert_eq!(seqs(&lab.ask(ann, ranges(1024))), [1]);
    assert_eq!(lab.code(ann, ranges(1025)), 400);
}
