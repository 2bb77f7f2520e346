//! Rules 28, 103: nothing is said before it is stored, and a failed commit leaves no trace.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chat_hub::HubConfig;
use chat_proto::machine::{Input, Message};
use chat_proto::server::ServerConfig;
use http::Request;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, DOMAIN, Lab, Store, ctrl, of, only, usr};

fn publish(topic: &str, id: &str) -> String {
    json!({"pub": {"id": id, "topic": topic, "content": id}}).to_string()
}

fn rows(lab: &Lab) -> Vec<String> {
    lab.hub.snapshot().iter().map(|row| serde_json::to_string(row).unwrap()).collect()
}

#[test]
fn nothing_is_said_before_it_is_stored() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.mode = Store::Waits;
    lab.send(ann, publish(&group, "one"));
    lab.send(bob, publish(&group, "two"));
    lab.send(cat, json!({"leave": {"id": "1", "topic": "me"}}).to_string());
    assert!(lab.texts(ann).is_empty() && lab.texts(bob).is_empty() && lab.texts(cat).is_empty());
    assert!(!lab.hub.is_settled());
    // The probe is no answer to anything and is not held.
    lab.send(cat, "1");
    assert_eq!(lab.texts(cat), ["0"]);
    // The first publish alone was under way; the rest went into the next commit.
    let (_, records) = lab.commit.as_ref().unwrap();
    assert_eq!(records.len(), 3);
    lab.finish_commit();
    assert_eq!(of(&lab.frames(ann), "data").len(), 1);
    let (_, records) = lab.commit.as_ref().unwrap();
    assert_eq!(records.len(), 3);
    assert!(lab.texts(cat).is_empty());
    lab.finish_commit();
    assert_eq!(of(&lab.frames(bob), "data").len(), 2);
    assert_eq!(ctrl(&lab.frames(cat))["code"], 200);
    assert!(lab.hub.is_settled());
}

#[test]
fn rule_103_a_failed_commit_takes_no_number() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.publish(ann, &group, "one");
    lab.clear();
    let before = rows(&lab);
    lab.mode = Store::Waits;
    lab.send(ann, publish(&group, "two"));
    lab.send(bob, publish(&group, "three"));
    lab.send(bob, json!({"note": {"topic": group, "what": "read", "seq": 2}}).to_string());
    lab.send(bob, json!({"get": {"id": "g", "topic": group, "what": "desc sub"}}).to_string());
    lab.send(ann, json!({"set": {"id": "s", "topic": group, "desc": {"public": 1}}}).to_string());
    lab.fail_commit();
    assert_eq!(rows(&lab), before);
    let failed = only(&lab.frames(ann).into_iter().take(1).collect::<Vec<_>>(), "ctrl");
    assert_eq!((&failed["code"], &failed["text"]), (&json!(500), &json!("internal error")));
    assert_eq!((&failed["id"], &failed["topic"]), (&json!("two"), &json!(group)));
    // One error a request, none for the note.
    let ids: Vec<_> = of(&lab.frames(bob), "ctrl").iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["three", "g"]);
    lab.mode = Store::Works;
    assert_eq!(lab.publish(ann, &group, "two"), 2);
}

#[test]
fn a_failed_commit_undoes_sessions_too() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    let before = rows(&lab);
    lab.mode = Store::Waits;
    lab.send(cat, json!({"sub": {"id": "1", "topic": group}}).to_string());
    lab.send(ann, json!({"sub": {"id": "2", "topic": "new"}}).to_string());
    lab.send(ann, json!({"del": {"id": "3", "topic": group, "what": "topic"}}).to_string());
    lab.fail_commit();
    assert_eq!(rows(&lab), before);
    assert_eq!(ctrl(&lab.frames(cat))["code"], 500);
    assert_eq!(of(&lab.frames(ann), "ctrl").len(), 2);
    assert!(lab.frames(bob).is_empty());
    lab.mode = Store::Works;
    lab.publish(ann, &group, "alive");
    assert_eq!(of(&lab.frames(bob), "data").len(), 1);
    assert!(of(&lab.frames(cat), "data").is_empty());
    assert_eq!(lab.code(cat, json!({"pub": {"id": "4", "topic": group}})), 409);
}

#[test]
fn a_failed_http_request_is_500_and_its_token_is_void() {
    let mut lab = Lab::new();
    lab.mode = Store::Waits;
    let body = format!("grant_type=password&username=101&password=demo-101&domain={DOMAIN}");
    let request = Request::post("/api/login/oauth/token").body(Bytes::from(body)).unwrap();
    let id = lab.next_id();
    lab.hub.handle_http(id, request, lab.now);
    lab.pump();
    assert!(lab.answers.is_empty());
    lab.fail_commit();
    assert_eq!(lab.answers[&id.get()].status(), 500);
    assert!(lab.hub.snapshot().is_empty());
}

#[test]
fn a_late_report_changes_nothing() {
    let mut lab = Lab::new();
    lab.mode = Store::Waits;
    let body = format!("grant_type=password&username=101&password=demo-101&domain={DOMAIN}");
    let request = Request::post("/api/login/oauth/token").body(Bytes::from(body)).unwrap();
    let id = lab.next_id();
    lab.hub.handle_http(id, request, lab.now);
    lab.pump();
    lab.hub.committed(999, lab.now);
    lab.hub.commit_failed(0, lab.now);
    lab.pump();
    assert!(lab.answers.is_empty() && !lab.hub.is_settled());
    lab.finish_commit();
    assert_eq!(lab.answers.len(), 1);
}

/// What a client can see of a topic.
fn view(lab: &mut Lab, number: &str, topics: &[String]) -> BTreeMap<String, Vec<Value>> {
    let conn = lab.session(number);
    let mut seen = BTreeMap::new();
    for topic in topics {
        lab.sub(conn, topic);
        let get = json!({"get": {"id": "1", "topic": topic, "what": "desc sub data del"}});
        let mut frames = lab.ask(conn, get);
        for frame in &mut frames {
            for body in frame.as_object_mut().unwrap().values_mut() {
                // Answers carry the time of the question.
                if body.get("seq").is_none() {
                    body.as_object_mut().unwrap().remove("ts");
                }
            }
        }
        seen.insert(topic.clone(), frames);
    }
    lab.lose(conn);
    lab.wait(5_000);
    seen
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    lab.sub(ann, &usr(BOB));
    for n in 0..5 {
        lab.publish(ann, &usr(BOB), &n.to_string());
        lab.publish(bob, &group, &n.to_string());
    }
    let doomed = lab.group(&[cat, bob]);
    lab.publish(cat, &doomed, "x");
    lab.ask(cat, json!({"del": {"id": "1", "topic": doomed, "what": "topic"}}));
    lab.ask(ann, json!({"del": {"id": "2", "topic": group, "hard": true, "delseq": [{"low": 2}]}}));
    lab.ask(bob, json!({"note": {"topic": group, "what": "read", "seq": 4}}));
    lab.ask(
        ann,
        json!({"del": {"id": "3", "topic": group, "what": "sub", "user": usr(crate::lab::CAT)}}),
    );
    lab.ask(ann, json!({"set": {"id": "4", "topic": group, "desc": {"public": {"fn": "G"}}}}));
    // Under way when the power goes.
    lab.mode = Store::Waits;
    lab.send(ann, publish(&group, "lost"));
    assert!(lab.texts(ann).iter().all(|text| !text.contains("lost")));
    let stored: Vec<_> = lab.store.clone();
    lab.mode = Store::Works;
    lab.restart();
    for conn in [ann, bob, cat] {
        assert_eq!(lab.hub.poll_transmit(conn), None);
    }
    // Folding again gives the same, and so does folding the snapshot.
    let folded = rows(&lab);
    lab.store = lab.hub.snapshot();
    lab.restart();
    assert_eq!(rows(&lab), folded);
    lab.store = stored;
    lab.restart();
    assert_eq!(rows(&lab), folded);
    let topics = [usr(BOB), group.clone()];
    let seen = view(&mut lab, "101", &topics);
    let numbers: Vec<_> = of(&seen[&group], "data").iter().map(|it| it["seq"].clone()).collect();
    assert_eq!(numbers, [5, 4, 3, 1]);
    lab.restart();
    let mut again = view(&mut lab, "101", &topics);
    // Only who is here differs: nobody came back yet.
    assert_eq!(again.len(), seen.len());
    assert_eq!(of(&again.remove(&group).unwrap(), "data"), of(&seen[&group], "data"));
    let ann = lab.session("101");
    lab.sub(ann, &group);
    assert_eq!(lab.publish(ann, &group, "next"), 6);
    // A repeated publish is recognised after the crash.
    let bob = lab.session("102");
    lab.sub(bob, &group);
    let frames = lab.ask(bob, json!({"pub": {"id": format!("{group}-4"), "topic": group}}));
    assert_eq!(ctrl(&frames)["params"]["seq"], 5);
    assert_eq!(lab.code(ann, json!({"get": {"id": "1", "topic": doomed, "what": "desc"}})), 404);
    assert_ne!(usr(ANN), usr(BOB));
}

/// After a restart with a clock that was set back, time goes on from the last change: what ended then
/// is listed as a change since.
#[test]
fn time_goes_on_after_a_restart() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    lab.sub(ann, &usr(BOB));
    let before = lab.now;
    lab.now.unix = before.unix.after(Duration::from_secs(3600));
    // No message: the topic was touched an hour ago.
    let want = json!({"set": {"id": "1", "topic": usr(BOB), "sub": {"mode": "JR"}}});
    let ims = ctrl(&lab.ask(ann, want))["ts"].clone();
    lab.now.unix = before.unix;
    lab.restart();
    let ann = lab.session("101");
    lab.sub(ann, "me");
    lab.sub(ann, &usr(BOB));
    lab.clear();
    lab.ask(ann, json!({"leave": {"id": "2", "topic": usr(BOB), "unsub": true}}));
    lab.clear();
    let query = json!({"get": {"id": "3", "topic": "me", "what": "sub", "sub": {"ims": ims}}});
    let frames = lab.ask(ann, query);
    assert!(only(&frames, "meta")["sub"][0]["deleted"].is_string(), "{frames:?}");
}

#[test]
fn tokens_survive_a_restart() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    lab.restart();
    let conn = lab.connect();
    let login = json!({"login": {"id": "1", "scheme": "token", "secret": token}});
    assert_eq!(lab.code(conn, login), 200);
}

#[test]
fn records_read_back_as_they_were_written() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.publish(ann, &group, "one");
    lab.ask(ann, json!({"del": {"id": "1", "topic": group, "delseq": [{"low": 1}]}}));
    assert!(lab.store.len() > 10);
    for record in &lab.store {
        let text = serde_json::to_string(record).unwrap();
        assert_eq!(serde_json::from_str::<chat_hub::Record>(&text).unwrap(), *record, "{text}");
    }
}

#[test]
fn answers_that_wait_for_a_commit_stop_the_reader() {
    let session = ServerConfig { max_answers: 32, ..ServerConfig::default() };
    let mut lab = Lab::with(HubConfig { session, ..HubConfig::default() });
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.mode = Store::Waits;
    lab.send(bob, publish(&group, "one"));
    let mut asked = 0;
    while lab.hub.wants_input(ann) {
        lab.send(ann, json!({"get": {"id": "g", "topic": "me", "what": "desc"}}).to_string());
        asked += 1;
        assert!(asked <= 3, "a sixteenth of 32, and one more");
    }
    lab.finish_commit();
    assert_eq!(of(&lab.frames(ann), "meta").len(), asked);
    assert!(lab.hub.wants_input(ann));
}

#[test]
fn who_waits_with_a_refusal_hears_of_a_failed_commit() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.mode = Store::Waits;
    lab.send(bob, publish(&group, "one"));
    lab.send(ann, "no frame");
    let message = Message::Binary(Bytes::from_static(b"\xff"));
    lab.hub.handle_input(Input::Received { conn: ann, message }, lab.now);
    lab.pump();
    assert!(lab.texts(ann).is_empty());
    lab.fail_commit();
    let codes: Vec<_> = of(&lab.frames(ann), "ctrl").iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, [500, 500]);
}

#[test]
fn a_login_that_falls_with_a_commit_is_due_again() {
    let mut lab = Lab::new();
    let (old, token) = lab.session_at("103", DOMAIN);
    lab.lose(old);
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    let login = json!({"login": {"id": "L", "scheme": "token", "secret": token}}).to_string();
    for fails in [true, false] {
        let conn = lab.connect();
        lab.mode = Store::Waits;
        lab.send(ann, publish(&group, if fails { "one" } else { "two" }));
        lab.send(conn, login.clone());
        assert!(lab.texts(conn).is_empty());
        if fails {
            lab.fail_commit()
        } else {
            lab.finish_commit()
        }
        assert_eq!(ctrl(&lab.frames(conn))["code"], if fails { 500 } else { 200 });
        lab.mode = Store::Works;
        for _ in 0..4 {
            lab.wait(20_000);
            lab.send(conn, "1");
            lab.send(ann, "1");
        }
        let gone = lab.messages(conn).iter().any(|it| matches!(it, Message::Close(_)));
        assert_eq!(gone, fails);
    }
}
