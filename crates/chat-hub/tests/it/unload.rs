//! Rules 107, 108, 125, 251, 252: topics at work, at rest and in a crowd.

use chat_hub::{HubConfig, Record};
use chat_proto::machine::ConnId;
use serde_json::{Value, json};

use crate::lab::{BOB, Lab, Store, ctrl, of, only, usr};

fn get(topic: &str, opts: Value) -> Value {
    json!({"get": {"id": "g", "topic": topic, "what": "data", "data": opts}})
}

fn seqs(frames: &[Value]) -> Vec<u64> {
    of(frames, "data").iter().map(|it| it["seq"].as_u64().unwrap()).collect()
}

#[test]
fn rule_107_without_room_a_publication_is_503() {
    let mut lab = Lab::with(HubConfig { max_held: 3, ..HubConfig::default() });
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.mode = Store::Waits;
    let publish = |id: u64| json!({"pub": {"id": id.to_string(), "topic": group, "content": id}});
    for id in 1..=3 {
        lab.send(ann, publish(id).to_string());
    }
    assert!(lab.frames(ann).is_empty());
    // The fourth finds the mailbox full. It hears of it after those before it.
    lab.send(ann, publish(4).to_string());
    while lab.commit.is_some() {
        lab.finish_commit();
    }
    lab.mode = Store::Works;
    let codes: Vec<_> = of(&lab.frames(ann), "ctrl")
        .iter()
        .map(|it| (it["id"].as_str().unwrap().to_owned(), it["code"].as_u64().unwrap()))
        .collect();
    let said = |id: &str, code| (id.to_owned(), code);
    assert_eq!(codes, [said("1", 202), said("2", 202), said("3", 202), said("4", 503)]);
    assert_eq!(seqs(&lab.frames(bob)), [1, 2, 3], "what is refused is not stored");
    // With room again the same publication is taken.
    let frames = lab.ask(ann, publish(4));
    assert_eq!(ctrl(&frames)["params"]["seq"], 4);
}

#[test]
fn rule_108_nothing_is_published_to_what_is_gone() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    // The deletion is not stored yet when Bob publishes.
    lab.mode = Store::Waits;
    lab.send(ann, json!({"del": {"id": "1", "topic": group, "what": "topic"}}).to_string());
    lab.send(bob, json!({"pub": {"id": "2", "topic": group, "content": "late"}}).to_string());
    while lab.commit.is_some() {
        lab.finish_commit();
    }
    lab.mode = Store::Works;
    let frames = lab.frames(bob);
    let said: Vec<_> =
        of(&frames, "ctrl").into_iter().filter(|it| it.get("id").is_some()).collect();
    assert_eq!(said[0]["code"], 409);
    assert!(!lab.hub.snapshot().iter().any(|row| matches!(row, Record::Message { .. })));
    assert_eq!(lab.code(bob, json!({"pub": {"id": "3", "topic": group}})), 409);
}

#[test]
fn rule_125_what_comes_while_one_pages_has_a_number_of_its_own() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for n in 1..=10 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.clear();
    let first = lab.ask(bob, get(&group, json!({"limit": 5})));
    lab.publish(ann, &group, "11");
    let second = lab.ask(bob, get(&group, json!({"before": 6, "limit": 5})));
    assert_eq!(seqs(&first), [10, 9, 8, 7, 6]);
    // The live message, then the page.
    assert_eq!(seqs(&second), [11, 5, 4, 3, 2, 1]);
}

/// What a user can see of a topic.
fn view(lab: &mut Lab, conn: ConnId, topic: &str) -> Vec<Value> {
    let mut frames = lab.ask(
        conn,
        json!({"get": {"id": "1", "topic": topic, "what": "desc sub data del tags aux"}}),
    );
    for frame in &mut frames {
        for (_, said) in frame.as_object_mut().unwrap() {
            said.as_object_mut().unwrap().remove("ts").filter(|_| said_is_answer(said));
        }
    }
    frames
}

/// The time of an answer differs; that of a message must not.
fn said_is_answer(said: &Value) -> bool {
    said.get("seq").is_none()
}

#[test]
fn rule_251_at_rest_and_back_nothing_has_changed() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for n in 1..=5 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.ask(ann, json!({"set": {"id": "1", "topic": group, "desc": {"public": {"fn": "G"}, "private": 7}, "tags": ["tag"], "aux": {"pin": 1}}}));
    lab.ask(ann, json!({"del": {"id": "2", "topic": group, "hard": true, "delseq": [{"low": 2}]}}));
    lab.ask(bob, json!({"note": {"topic": group, "what": "read", "seq": 3}}));
    lab.ask(bob, json!({"leave": {"id": "3", "topic": group}}));
    lab.clear();
    let before = view(&mut lab, ann, &group);
    assert!(before.len() > 8, "{before:?}");
    lab.ask(ann, json!({"leave": {"id": "4", "topic": group}}));
    lab.clear();
    lab.wait(3_999);
    assert!(lab.frames(bob).is_empty());
    lab.wait(1);
    let off = json!({"pres": {"topic": "me", "src": group, "what": "off"}});
    assert_eq!(lab.frames(bob), [off]);
    // A note about a topic at rest is dropped.
    lab.ask(bob, json!({"note": {"topic": group, "what": "recv", "seq": 5}}));
    lab.sub(ann, &group);
    lab.clear();
    assert_eq!(view(&mut lab, ann, &group), before);
    // The same from the records.
    lab.restart();
    let ann = lab.session("101");
    lab.sub(ann, "me");
    lab.sub(ann, &group);
    lab.clear();
    assert_eq!(view(&mut lab, ann, &group), before);
}

#[test]
fn rule_252_a_crowd_on_one_me() {
    const CROWD: usize = 10_000;
    let mut lab = Lab::new();
    let bob = lab.session("102");
    lab.sub(bob, "me");
    lab.sub(bob, &usr(crate::lab::ANN));
    lab.clear();
    let crowd: Vec<_> = (0..CROWD).map(|_| lab.connect_as("101")).collect();
    for conn in &crowd {
        lab.send(*conn, r#"{"sub":{"id":"S","topic":"me"}}"#);
    }
    let on = json!({"topic": "me", "src": usr(BOB), "what": "on"});
    for conn in &crowd {
        let frames = lab.frames(*conn);
        assert_eq!(only(&frames, "ctrl")["code"], 200);
        assert_eq!(only(&frames, "pres"), on);
    }
    // The peer hears of one coming, and of one going.
    assert_eq!(of(&lab.frames(bob), "pres").len(), 1);
    lab.publish(bob, &usr(crate::lab::ANN), "all of you");
    for conn in &crowd {
        assert_eq!(only(&lab.frames(*conn), "pres")["what"], "msg");
    }
    for conn in crowd {
        lab.lose(conn);
    }
    lab.clear();
    lab.wait(4_000);
    assert_eq!(of(&lab.frames(bob), "pres").len(), 1);
}
