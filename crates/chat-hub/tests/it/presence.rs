//! Rules 214 to 230: who is told of whom.

use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, of, usr};

fn pres(lab: &mut Lab, conn: chat_proto::machine::ConnId) -> Vec<Value> {
    of(&lab.frames(conn), "pres")
}

fn on(user: u64, what: &str) -> Value {
    json!({"topic": "me", "src": usr(user), "what": what})
}

#[test]
fn rule_214_to_217_coming_and_going() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.lose(bob);
    lab.clear();
    lab.wait(3_999);
    assert!(pres(&mut lab, ann).is_empty());
    lab.wait(1);
    assert_eq!(pres(&mut lab, ann), [on(BOB, "off")]);
    let bob = lab.session("102");
    lab.send(bob, r#"{"sub":{"id":"1","topic":"me"}}"#);
    assert_eq!(pres(&mut lab, ann), [on(BOB, "on")]);
    assert_eq!(pres(&mut lab, bob), [on(ANN, "on")], "the newcomer learns who is here");
    let second = lab.session("102");
    lab.sub(second, "me");
    assert!(pres(&mut lab, ann).is_empty());
    lab.lose(bob);
    lab.lose(second);
    lab.wait(3_000);
    let third = lab.session("102");
    lab.sub(third, "me");
    lab.wait(10_000);
    assert!(pres(&mut lab, ann).is_empty(), "back within the grace period");
    let frames = lab.ask(ann, json!({"get": {"id": "1", "topic": usr(BOB), "what": "desc"}}));
    assert_eq!(frames[0]["meta"]["desc"]["online"], true);
}

#[test]
fn rule_218_members_on_the_topic() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let of_bob = |what: &str| json!({"topic": group, "src": usr(BOB), "what": what});
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    assert_eq!(pres(&mut lab, ann), [of_bob("off")]);
    let frames = lab.sub(bob, &group);
    assert_eq!(frames.len(), 1);
    assert_eq!(pres(&mut lab, ann), [of_bob("on")]);
}

#[test]
fn an_idle_group_wakes_and_sleeps() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.ask(ann, json!({"leave": {"id": "1", "topic": group}}));
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    lab.clear();
    lab.wait(4_000);
    let off = json!({"topic": "me", "src": group, "what": "off"});
    assert_eq!(pres(&mut lab, ann), std::slice::from_ref(&off));
    assert_eq!(pres(&mut lab, bob), [off]);
    lab.sub(ann, &group);
    assert_eq!(pres(&mut lab, bob), [json!({"topic": "me", "src": group, "what": "on"})]);
}

#[test]
fn rule_066_219_220_221_messages_elsewhere() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let second = lab.session("101");
    lab.sub(second, "me");
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    lab.clear();
    lab.publish(ann, &group, "one");
    let told = json!({"topic": "me", "src": group, "what": "msg", "seq": 1, "act": usr(ANN)});
    assert_eq!(pres(&mut lab, bob), [told]);
    let frames = lab.frames(cat);
    assert!(frames.len() == 1 && frames[0].get("data").is_some());
    let own = json!({"topic": "me", "src": group, "what": "msg", "seq": 1});
    assert_eq!(pres(&mut lab, second), [own]);
    // Muted: no word.
    lab.ask(
        ann,
        json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(BOB), "mode": "JRW"}}}),
    );
    lab.clear();
    lab.publish(ann, &group, "two");
    assert!(pres(&mut lab, bob).is_empty());
    // In a P2P topic the author is the source as well, and still named: Tinode's client counts a
    // message without an author as its own.
    lab.sub(ann, &usr(CAT));
    lab.clear();
    lab.publish(ann, &usr(CAT), "three");
    assert_eq!(
        pres(&mut lab, cat),
        [json!({"topic": "me", "src": usr(ANN), "what": "msg", "seq": 1, "act": usr(ANN)})]
    );
}

#[test]
fn rule_223_a_join_is_told_to_sharers() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    let second = lab.session("103");
    lab.sub(second, "me");
    lab.clear();
    let frames = lab.sub(cat, &group);
    assert_eq!(frames.len(), 1, "not to the joining session: {frames:?}");
    let dacs = json!({"want": "JRWPS", "given": "JRWPS"});
    let told = pres(&mut lab, ann);
    assert_eq!(told[0], json!({"topic": group, "src": usr(CAT), "what": "acs", "dacs": dacs}));
    assert_eq!(told[1], json!({"topic": group, "src": usr(CAT), "what": "on"}));
    assert_eq!(
        pres(&mut lab, bob),
        [
            json!({"topic": "me", "src": group, "what": "acs", "tgt": usr(CAT), "act": usr(CAT), "dacs": dacs})
        ]
    );
    assert_eq!(
        pres(&mut lab, second),
        [json!({"topic": "me", "src": group, "what": "acs", "dacs": dacs})]
    );
}

#[test]
fn rule_230_a_deletion_on_me_names_no_ranges() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.publish(ann, &group, "one");
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    lab.clear();
    lab.ask(ann, json!({"del": {"id": "2", "topic": group, "hard": true, "delseq": [{"low": 1}]}}));
    assert_eq!(
        pres(&mut lab, bob),
        [json!({"topic": "me", "src": group, "what": "del", "clear": 1, "act": usr(ANN)})]
    );
}

#[test]
fn a_changed_profile_is_told() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    lab.sub(ann, &usr(BOB));
    let group = lab.group(&[ann, cat]);
    let set = json!({"set": {"id": "1", "topic": "me", "desc": {"public": {"fn": "Ann"}}}});
    assert_eq!(lab.ask(ann, set).len(), 1);
    assert_eq!(pres(&mut lab, bob), [on(ANN, "upd")]);
    assert_eq!(pres(&mut lab, cat), [json!({"topic": group, "src": usr(ANN), "what": "upd"})]);
}
