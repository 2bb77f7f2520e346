//! Topics that come to be, are left, and are found again: rules 73 and 76, and what is near them.

use chat_hub::HubConfig;
use chat_proto::machine::ConnId;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, ctrl, of, only, usr};

fn get(topic: &str, what: &str) -> Value {
    json!({"get": {"id": "g", "topic": topic, "what": what}})
}

fn unsub(topic: &str) -> Value {
    json!({"leave": {"id": "u", "topic": topic, "unsub": true}})
}

/// The topics that `me` lists.
fn topics(lab: &mut Lab, conn: ConnId) -> Vec<Value> {
    lab.clear();
    let frames = lab.ask(conn, get("me", "sub"));
    let rows = of(&frames, "meta").into_iter().next().map(|it| it["sub"].clone());
    rows.unwrap_or_default()
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| it["topic"].clone())
        .collect()
}

#[test]
fn a_new_topic_was_touched_and_changed_when_it_was_made() {
    let mut lab = Lab::new();
    let ann = crate::tinode::session(&mut lab, "101").0;
    let created = lab.sub(ann, "new");
    let group = ctrl(&created)["topic"].as_str().unwrap().to_owned();
    lab.sub(ann, &usr(BOB));
    for topic in [group, usr(BOB)] {
        let desc = only(&lab.ask(ann, get(&topic, "desc")), "meta")["desc"].clone();
        assert!(desc["created"].is_string(), "{desc}");
        assert_eq!((&desc["touched"], &desc["updated"]), (&desc["created"], &desc["created"]));
    }
}

#[test]
fn who_ends_a_conversation_and_comes_back_may_write_again() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    assert_eq!(lab.publish(ann, &usr(BOB), "one"), 1);
    lab.clear();
    assert_eq!(lab.code(bob, unsub(&usr(ANN))), 200);
    assert!(topics(&mut lab, bob).is_empty());
    let frames = lab.sub(bob, &usr(ANN));
    let acs = json!({"want": "JRWPA", "given": "JRWPA", "mode": "JRWPA"});
    assert_eq!(ctrl(&frames)["params"]["acs"], acs, "a new subscription is told its access");
    assert_eq!(lab.publish(bob, &usr(ANN), "two"), 2);
    assert_eq!(only(&lab.frames(ann), "data")["content"], "two");
    assert_eq!(topics(&mut lab, bob), [json!(usr(ANN))]);
}

#[test]
fn who_comes_back_to_a_conversation_brings_the_other_one_back() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.wait(10);
    lab.clear();
    assert_eq!(lab.code(bob, unsub(&usr(ANN))), 200);
    lab.wait(10);
    let frames = lab.ask(ann, get(&usr(BOB), "desc"));
    let before = only(&frames, "meta")["ts"].clone();
    lab.wait(10);
    lab.ask(ann, json!({"leave": {"id": "1", "topic": usr(BOB)}}));
    lab.sub(ann, &usr(BOB));
    assert_eq!(topics(&mut lab, bob), [json!(usr(ANN))]);
    lab.publish(ann, &usr(BOB), "hello again");
    let told = of(&lab.frames(bob), "pres");
    assert!(told.iter().any(|it| it["what"] == "msg" && it["src"] == usr(ANN)), "{told:?}");
    // For who asks what has changed, it has.
    let since =
        json!({"get": {"id": "2", "topic": usr(BOB), "what": "sub", "sub": {"ims": before}}});
    let frames = lab.ask(ann, since);
    let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
    assert!(rows.iter().any(|it| it["user"] == usr(BOB)), "{rows:?}");
}

#[test]
fn the_other_one_hears_who_opened_a_conversation() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("101");
    lab.sub(second, "me");
    lab.clear();
    lab.sub(ann, &usr(BOB));
    let told = of(&lab.frames(bob), "pres");
    let access = told.iter().find(|it| it["what"] == "acs").unwrap();
    assert_eq!(
        (&access["topic"], &access["src"], &access["act"]),
        (&json!("me"), &json!(usr(ANN)), &json!(usr(ANN)))
    );
    assert_eq!(access["dacs"], json!({"want": "JRWPA", "given": "JRWPA"}));
    // So do one's own other sessions.
    let told = of(&lab.frames(second), "pres");
    let access = told.iter().find(|it| it["what"] == "acs").unwrap();
    assert_eq!((&access["topic"], &access["src"]), (&json!("me"), &json!(usr(BOB))));
    assert_eq!(access["dacs"], json!({"want": "JRWPA", "given": "JRWPAS"}));
}

#[test]
fn rule_076_what_a_member_who_was_removed_had_is_what_they_come_back_to() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let acs = |user: u64, mode: &str| json!({"set": {"id": "a", "topic": group, "sub": {"user": usr(user), "mode": mode}}});
    let remove =
        |user: u64| json!({"del": {"id": "d", "topic": group, "what": "sub", "user": usr(user)}});
    assert_eq!(lab.code(ann, acs(BOB, "N")), 200);
    assert_eq!(lab.code(ann, remove(BOB)), 200);
    lab.clear();
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 403, "removing lifts no ban");
    assert_eq!(lab.code(ann, acs(CAT, "JR")), 200);
    assert_eq!(lab.code(ann, remove(CAT)), 200);
    lab.clear();
    assert_eq!(ctrl(&lab.sub(cat, &group))["params"]["acs"]["given"], "JR");
}

#[test]
fn the_other_end_and_ones_other_sessions_hear_of_leaving() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("102");
    lab.sub(second, "me");
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.clear();
    assert_eq!(lab.code(bob, unsub(&usr(ANN))), 200);
    let off = json!({"topic": "me", "src": usr(BOB), "what": "off"});
    assert!(of(&lab.frames(ann), "pres").contains(&off));
    let gone = json!({"topic": "me", "src": usr(ANN), "what": "gone"});
    assert_eq!(of(&lab.frames(second), "pres"), [gone]);
}

#[test]
fn nobody_is_in_a_group_without_joining_it() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann]);
    let asking =
        |mode: &str| json!({"sub": {"id": "s", "topic": group, "set": {"sub": {"mode": mode}}}});
    for mode in ["RW", "N", "JRWO"] {
        assert_eq!(lab.code(bob, asking(mode)), 403, "{mode}");
    }
    let rows = only(&lab.ask(ann, get(&group, "sub")), "meta")["sub"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    // Where nobody may join, one is invited or stays out.
    let frames = lab.ask(
        ann,
        json!({"sub": {"id": "n", "topic": "new", "set": {"desc": {"defacs": {"auth": "N"}}}}}),
    );
    let closed = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
    assert_eq!(ctrl(&lab.sub(bob, &closed))["code"], 403);
    let invite =
        json!({"set": {"id": "a", "topic": closed, "sub": {"user": usr(BOB), "mode": "JRWPS"}}});
    assert_eq!(lab.code(ann, invite), 200);
    lab.clear();
    assert_eq!(ctrl(&lab.sub(bob, &closed))["code"], 200);
}

#[test]
fn rule_073_who_shut_themself_out_wants_all_there_is_on_coming_back() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let acs = |user: u64, mode: &str| json!({"set": {"id": "a", "topic": group, "sub": {"user": usr(user), "mode": mode}}});
    assert_eq!(lab.code(ann, acs(BOB, "JRA")), 200);
    lab.clear();
    assert_eq!(
        lab.code(bob, json!({"set": {"id": "o", "topic": group, "sub": {"mode": "N"}}})),
        200
    );
    lab.clear();
    let frames = lab.sub(bob, &group);
    // What they were given and what a new member would get.
    assert_eq!(ctrl(&frames)["params"]["acs"]["want"], "JRWPAS");
}

/// Its oldest messages make room for the new one, also where the hub as a whole is full.
#[test]
fn a_full_topic_goes_on_in_a_full_hub() {
    let room = 1000;
    let config =
        HubConfig { max_topic_bytes: room, max_history_bytes: room, ..HubConfig::default() };
    let mut lab = Lab::with(config);
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 1..=20 {
        assert_eq!(lab.publish(ann, &group, &format!("{n:0>300}")), n);
    }
    let frames = lab.ask(ann, get(&group, "data"));
    assert_eq!(of(&frames, "data").last().unwrap()["seq"], 20);
}
