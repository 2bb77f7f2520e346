//! Rules 54 and 55, and topics that are there for everybody: `emc`, `slf`, `fnd`, `sys`, channels.

use serde_json::{Value, json};

use crate::lab::{ANN, BOB, EVE, Lab, QUEUE, Store, ctrl, of, only, usr};

fn emc(channel: u64) -> String {
    format!("emc{channel}")
}

#[test]
fn rule_054_a_users_own_channel_is_a_topic_of_one() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let second = lab.session("101");
    let (own, elsewhere) = (emc(ANN), lab.session("101"));
    lab.sub(elsewhere, "me");
    let said = only(&lab.sub(ann, &own), "ctrl");
    assert_eq!((&said["code"], &said["topic"]), (&json!(202), &json!(own)));
    assert_eq!(said["params"]["acs"]["mode"], "JRWP");
    assert_eq!(ctrl(&lab.sub(second, &own))["code"], 200);
    assert_eq!(ctrl(&lab.sub(second, &own))["code"], 304);
    lab.clear();
    // What is in it is the application's.
    let content = json!({"sender": "+15550100", "channel_name": "sms", "content": "hello"});
    let frames = lab.ask(ann, json!({"pub": {"id": "p", "topic": own, "content": content}}));
    assert_eq!(ctrl(&frames)["code"], 202);
    let mirrored = only(&lab.frames(second), "data");
    assert_eq!((&mirrored["topic"], &mirrored["content"]), (&json!(own), &content));
    assert_eq!(mirrored["from"], usr(ANN));
    let told = json!({"topic": "me", "src": own, "what": "msg", "seq": 1});
    assert_eq!(of(&lab.frames(elsewhere), "pres"), [told]);
    // The PBX gets it, once.
    let handed = lab.forwarded.remove(0);
    assert_eq!((handed.channel, handed.user, handed.seq), (ANN, ANN, 1));
    assert_eq!(handed.content.as_str(), content.to_string());
    assert!(lab.forwarded.is_empty());
    lab.ask(ann, json!({"pub": {"id": "p", "topic": own, "content": content}}));
    assert!(lab.forwarded.is_empty(), "the same publication again");
    // It is listed, has a history, and can be left and come back to.
    let frames = lab.ask(elsewhere, json!({"get": {"id": "1", "topic": "me", "what": "sub"}}));
    assert_eq!(only(&frames, "meta")["sub"][0]["topic"], own);
    let frames = lab.ask(second, json!({"get": {"id": "2", "topic": own, "what": "data"}}));
    assert_eq!(only(&frames, "data")["content"], content);
    lab.clear();
    assert_eq!(lab.code(second, json!({"leave": {"id": "3", "topic": own}})), 200);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "4", "topic": own, "unsub": true}})), 200);
    assert_eq!(ctrl(&lab.sub(ann, &own))["code"], 202);
}

#[test]
fn rule_054_a_publication_is_handed_over_when_it_is_stored() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    lab.sub(ann, &emc(QUEUE));
    lab.mode = Store::Waits;
    let frame = json!({"pub": {"id": "p", "topic": emc(QUEUE), "content": 1}}).to_string();
    lab.send(ann, frame.clone());
    assert!(lab.forwarded.is_empty());
    lab.fail_commit();
    assert!(lab.forwarded.is_empty(), "what is not stored is not handed over");
    lab.send(ann, frame);
    lab.finish_commit();
    assert_eq!(lab.forwarded.len(), 1);
}

#[test]
fn rule_055_who_is_no_agent_is_refused() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let queue = emc(QUEUE);
    for conn in [ann, bob] {
        assert_eq!(ctrl(&lab.sub(conn, &queue))["code"], 202);
    }
    lab.clear();
    let (eve, _) = lab.session_at("101", "[2001:db8::1]");
    for (conn, topic) in [
        (cat, queue.clone()),
        (cat, emc(ANN)),
        (cat, emc(EVE)),
        (cat, emc(5)),
        (eve, queue.clone()),
        (eve, emc(ANN)),
    ] {
        assert_eq!(ctrl(&lab.sub(conn, &topic))["code"], 403, "{topic}");
        assert_eq!(lab.code(conn, json!({"pub": {"id": "1", "topic": topic}})), 409);
        assert_ne!(
            lab.code(conn, json!({"get": {"id": "2", "topic": topic, "what": "data"}})),
            200
        );
    }
    // An agent cannot bring somebody in: the PBX says who belongs to it.
    let invite = |user| json!({"set": {"id": "3", "topic": queue, "sub": {"user": usr(user)}}});
    assert_eq!(lab.code(ann, invite(crate::lab::CAT)), 403);
    let mode = json!({"set": {"id": "4", "topic": queue, "sub": {"mode": "JRWPASDO"}}});
    assert_eq!(lab.code(ann, mode), 403);
    lab.clear();
    lab.publish(ann, &queue, "to the customer");
    assert_eq!(of(&lab.frames(bob), "data").len(), 1);
    assert!(lab.frames(cat).is_empty() && lab.frames(eve).is_empty());
}

#[test]
fn rule_054_what_comes_from_outside_reaches_the_agents() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let content = r#"{"sender":"+15550100","content":"is anybody there?"}"#;
    let now = lab.now;
    assert!(!lab.hub.emc_received(QUEUE, content, now), "nobody has subscribed");
    lab.sub(ann, &emc(QUEUE));
    lab.sub(bob, &emc(QUEUE));
    lab.ask(bob, json!({"leave": {"id": "1", "topic": emc(QUEUE)}}));
    lab.clear();
    assert!(lab.hub.emc_received(QUEUE, content, now));
    lab.pump();
    let data = only(&lab.frames(ann), "data");
    assert_eq!(data["content"], serde_json::from_str::<Value>(content).unwrap());
    assert!(data.get("from").is_none() && data["seq"] == 1);
    let told = json!({"topic": "me", "src": emc(QUEUE), "what": "msg", "seq": 1});
    assert_eq!(of(&lab.frames(bob), "pres"), [told]);
    assert!(lab.forwarded.is_empty(), "it is not sent back");
    assert!(!lab.hub.emc_received(QUEUE, "no json", now));
    assert!(!lab.hub.emc_received(QUEUE, &format!("\"{}\"", "x".repeat(128 << 10)), now));
    assert_eq!(lab.publish(ann, &emc(QUEUE), "yes"), 2);
}

#[test]
fn notes_to_oneself() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let second = lab.session("101");
    let said = only(&lab.sub(ann, "slf"), "ctrl");
    assert_eq!(said["params"]["acs"]["mode"], "JRWDO");
    lab.sub(second, "slf");
    lab.clear();
    assert_eq!(lab.publish(ann, "slf", "milk"), 1);
    assert_eq!(only(&lab.frames(second), "data")["topic"], "slf");
    let hard = json!({"del": {"id": "1", "topic": "slf", "hard": true, "delseq": [{"low": 1}]}});
    assert_eq!(lab.code(ann, hard), 200);
    lab.clear();
    let frames = lab.ask(second, json!({"get": {"id": "2", "topic": "slf", "what": "data"}}));
    assert_eq!(ctrl(&frames)["code"], 204);
    // It is nobody else's.
    let bob = lab.session("102");
    assert_eq!(ctrl(&lab.sub(bob, "slf"))["code"], 202);
    assert_eq!(lab.publish(bob, "slf", "bread"), 1);
    let invite = json!({"set": {"id": "3", "topic": "slf", "sub": {"user": usr(BOB)}}});
    assert_eq!(lab.code(ann, invite), 403);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "4", "topic": "slf", "unsub": true}})), 403);
}

#[test]
fn what_is_not_served_says_so() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    for (topic, code, text) in [
        ("sys", 403, "permission denied"),
        ("chnAAAAAAAAAAA", 404, "not found"),
        ("nch1", 501, "not implemented"),
        ("emc", 400, "malformed"),
        ("emc01", 400, "malformed"),
    ] {
        for verb in ["sub", "pub", "get", "set", "del", "leave"] {
            let said = only(&lab.ask(ann, json!({verb: {"id": "1", "topic": topic}})), "ctrl");
            assert_eq!(
                (&said["code"], &said["text"]),
                (&json!(code), &json!(text)),
                "{verb} {topic}"
            );
            assert_eq!(said["topic"], topic);
        }
        assert!(lab.ask(ann, json!({"note": {"topic": topic, "what": "kp"}})).is_empty());
    }
}

#[test]
fn credentials_are_none_and_cannot_be_changed() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    let cred = json!({"meth": "email", "val": "a@example.com"});
    let set = |topic: &str| json!({"set": {"id": "1", "topic": topic, "cred": cred}});
    let del =
        |topic: &str| json!({"del": {"id": "2", "topic": topic, "what": "cred", "cred": cred}});
    let get = |topic: &str| json!({"get": {"id": "3", "topic": topic, "what": "cred"}});
    assert_eq!(lab.code(ann, set("me")), 501);
    assert_eq!(lab.code(ann, del("me")), 501);
    assert_eq!(only(&lab.ask(ann, get("me")), "ctrl")["params"], json!({"what": "creds"}));
    for frame in [set(&group), del(&group), get(&group)] {
        assert_eq!(lab.code(ann, frame), 405);
    }
    lab.ask(ann, json!({"leave": {"id": "4", "topic": group}}));
    assert_eq!(lab.code(ann, set(&group)), 403);
}
