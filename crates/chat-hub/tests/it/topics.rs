//! Rules 43 to 88: names, subscribing, leaving.

use chat_hub::HubConfig;
use serde_json::json;

use crate::lab::{ANN, BOB, CAT, EVE, Lab, Store, ctrl, of, only, usr};

#[test]
fn rule_043_044_045_046_names() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    for (topic, code, text) in [
        ("", 400, "malformed"),
        (usr(ANN).as_str(), 403, "permission denied"),
        ("usrx", 400, "malformed"),
        ("usr00", 400, "malformed"),
        ("xyz123", 404, "topic not found"),
        ("grpAAAAAAAAAAA", 404, "topic not found"),
        ("grp?", 404, "topic not found"),
        ("usr99", 404, "user not found"),
        (usr(EVE).as_str(), 404, "user not found"),
        ("emcx", 400, "malformed"),
    ] {
        let frames = lab.sub(ann, topic);
        let ctrl = only(&frames, "ctrl");
        assert_eq!((&ctrl["code"], &ctrl["text"]), (&json!(code), &json!(text)), "{topic}");
        assert_eq!(ctrl.get("topic").is_some(), !topic.is_empty());
    }
}

#[test]
fn rule_048_056_057_creating_a_group() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let frames = lab.ask(
        ann,
        json!({"sub": {"id": "1", "topic": "newAbc",
            "set": {"desc": {"public": {"fn": "Ours"}, "private": "mine"}},
            "get": {"what": "desc"}}}),
    );
    let ctrl = only(&frames, "ctrl");
    let name = ctrl["topic"].as_str().unwrap();
    assert_eq!(ctrl["code"], 200);
    assert!(name.starts_with("grp") && name.len() == 14, "{name}");
    let all = json!({"want": "JRWPASDO", "given": "JRWPASDO", "mode": "JRWPASDO"});
    assert_eq!(ctrl["params"], json!({"acs": all, "tmpname": "newAbc"}));
    let meta = only(&frames, "meta");
    assert_eq!(meta["topic"], name);
    assert_eq!(meta["desc"]["public"], json!({"fn": "Ours"}));
    assert_eq!(meta["desc"]["private"], "mine");
}

#[test]
fn rule_058_059_060_defaults_of_a_group() {
    let mut lab = Lab::new();
    let (ann, bob) = (lab.session("101"), lab.session("102"));
    let frames = lab.ask(
        ann,
        json!({"sub": {"id": "1", "topic": "new",
            "set": {"desc": {"defacs": {"auth": "JRO"}}, "sub": {"mode": "R"}}}}),
    );
    assert_eq!(ctrl(&frames)["params"]["acs"]["want"], "JRO");
    let name = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
    let frames = lab.sub(bob, &name);
    assert_eq!(ctrl(&frames)["params"]["acs"]["given"], "JR");
}

#[test]
fn rule_050_070_071_bad_wishes_create_nothing() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    for set in [
        json!({"sub": {"mode": "JXZ"}}),
        json!({"sub": {"user": usr(BOB)}}),
        json!({"desc": {"defacs": {"auth": "+J"}}}),
    ] {
        let frames = lab.ask(ann, json!({"sub": {"id": "1", "topic": "new7", "set": set}}));
        assert_eq!(ctrl(&frames)["code"], 400);
        assert_eq!(ctrl(&frames)["topic"], "new7");
    }
    assert!(lab.hub.snapshot().iter().all(|row| matches!(row, chat_hub::Record::Token { .. })));
}

#[test]
fn rule_061_062_063_joining_and_attaching_again() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann]);
    lab.publish(ann, &group, "one");
    let frames = lab.sub(bob, &group);
    let ctrl = only(&frames, "ctrl");
    assert_eq!((&ctrl["code"], &ctrl["text"]), (&json!(202), &json!("accepted")));
    assert_eq!(ctrl["params"]["seq"], 1);
    assert_eq!(ctrl["params"]["acs"]["mode"], "JRWPS");
    assert_eq!(only(&lab.sub(bob, &group), "ctrl")["text"], "already subscribed");
    let second = lab.session("102");
    let ctrl = only(&lab.sub(second, &group), "ctrl");
    assert_eq!(ctrl["code"], 200);
    assert!(ctrl.get("params").is_none());
}

#[test]
fn rule_064_065_222_a_new_p2p_topic_as_in_the_sample() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let ctrl = only(&lab.sub(bob, &usr(ANN)), "ctrl");
    assert_eq!((&ctrl["code"], &ctrl["topic"]), (&json!(200), &json!(usr(ANN))));
    assert_eq!(
        ctrl["params"],
        json!({"acs": {"want": "JRWPA", "given": "JRWPAS", "mode": "JRWPA"}})
    );
    let told = of(&lab.frames(ann), "pres");
    assert_eq!(
        told[0],
        json!({"topic": "me", "src": usr(BOB), "what": "acs", "act": usr(BOB),
            "dacs": {"want": "JRWPA", "given": "JRWPA"}})
    );
    assert_eq!(told[1], json!({"topic": "me", "src": usr(BOB), "what": "on"}));
    let frames = lab.ask(bob, json!({"get": {"id": "1", "topic": usr(ANN), "what": "sub"}}));
    let rows = only(&frames, "meta")["sub"].clone();
    assert_eq!(rows[0]["user"], usr(BOB));
    assert_eq!(rows[0]["acs"]["given"], "JRWPAS");
    assert_eq!(rows[1]["user"], usr(ANN));
    assert_eq!(rows[1]["acs"]["given"], "JRWPA");
    assert!(rows[0].get("read").is_none());
}

#[test]
fn rule_068_both_open_the_conversation() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    assert_eq!(only(&lab.sub(ann, &usr(BOB)), "ctrl")["code"], 200);
    lab.clear();
    assert_eq!(only(&lab.sub(bob, &usr(ANN)), "ctrl")["code"], 200);
}

#[test]
fn rule_069_a_full_group() {
    let mut lab = Lab::with(HubConfig { max_members: 2, ..HubConfig::default() });
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    assert_eq!(ctrl(&lab.sub(cat, &group))["code"], 422);
    let invite = json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(CAT)}}});
    assert_eq!(lab.code(ann, invite), 422);
    lab.publish(bob, &group, "still here");
}

#[test]
fn rule_073_who_left_the_door_comes_back() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let set = json!({"set": {"id": "1", "topic": group, "sub": {"mode": "N"}}});
    assert_eq!(lab.code(bob, set), 200);
    assert_eq!(lab.code(bob, json!({"pub": {"id": "2", "topic": group}})), 409);
    lab.clear();
    let frames = lab.sub(bob, &group);
    assert_eq!(ctrl(&frames)["code"], 200);
    assert_eq!(ctrl(&frames)["params"]["acs"]["want"], "JRWPS");
}

#[test]
fn rule_074_075_what_is_fetched_follows_in_order() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann]);
    lab.publish(ann, &group, "one");
    lab.publish(ann, &group, "two");
    let nested = json!({"sub": {"id": "9", "topic": group, "get": {"what": "desc sub data"}}});
    let direct = json!({"sub": {"id": "9", "topic": group, "what": "desc sub data"}});
    for (conn, frame) in [(bob, nested), (cat, direct)] {
        let frames = lab.ask(conn, frame);
        let kinds: Vec<_> = frames
            .iter()
            .map(|it| it.as_object().unwrap().keys().next().unwrap().as_str())
            .collect();
        assert_eq!(kinds[..6], ["ctrl", "meta", "meta", "data", "data", "ctrl"], "{frames:?}");
        assert!(frames[1]["meta"]["desc"].is_object() && frames[2]["meta"]["sub"].is_array());
        assert_eq!(frames[3]["data"]["seq"], 2);
        assert_eq!(frames[5]["ctrl"]["code"], 208);
        assert_eq!(frames[5]["ctrl"]["params"], json!({"what": "data", "count": 2}));
        for frame in &frames[..6] {
            let body = frame.as_object().unwrap().values().next().unwrap();
            let expected = frame.get("data").is_none().then_some(json!("9"));
            assert_eq!(body.get("id").cloned(), expected);
        }
    }
}

#[test]
fn rule_078_plain_leave_is_of_the_session() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("102");
    let group = lab.group(&[ann, bob]);
    lab.sub(second, &group);
    lab.clear();
    let frames = lab.ask(bob, json!({"leave": {"id": "1", "topic": group}}));
    assert_eq!(only(&frames, "ctrl")["code"], 200);
    assert_eq!(
        ctrl(&lab.ask(bob, json!({"leave": {"id": "2", "topic": group}})))["text"],
        "not joined"
    );
    let unsub = json!({"leave": {"id": "3", "topic": group, "unsub": true}});
    assert_eq!(ctrl(&lab.ask(bob, unsub))["text"], "must attach first");
    lab.clear();
    lab.publish(ann, &group, "one");
    assert!(of(&lab.frames(bob), "data").is_empty());
    assert_eq!(of(&lab.frames(second), "data").len(), 1);
}

#[test]
fn rule_079_080_085_086_087_unsubscribing_is_of_the_user() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("102");
    let group = lab.group(&[ann, bob]);
    lab.sub(second, &group);
    lab.clear();
    let frames = lab.ask(bob, json!({"leave": {"id": "1", "topic": group, "unsub": true}}));
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(frames[0]["ctrl"]["code"], 200);
    let evicted = only(&lab.frames(second), "ctrl");
    assert_eq!((&evicted["code"], &evicted["text"]), (&json!(205), &json!("evicted")));
    assert_eq!((&evicted["topic"], &evicted["params"]), (&json!(group), &json!({"unsub": true})));
    assert!(evicted.get("id").is_none());
    let told = of(&lab.frames(ann), "pres");
    // Rule 225.
    assert!(told.iter().any(|it| it["what"] == "acs"
        && it["src"] == usr(BOB)
        && it["dacs"] == json!({"want": "N", "given": "N"})));
    lab.publish(ann, &group, "one");
    assert!(of(&lab.frames(bob), "data").is_empty() && of(&lab.frames(second), "data").is_empty());
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 202);
}

#[test]
fn rule_083_084_who_cannot_leave() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "1", "topic": "me", "unsub": true}})), 403);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "2", "topic": group, "unsub": true}})), 403);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "3", "topic": "me"}})), 200);
}

#[test]
fn rule_088_a_conversation_both_left_is_gone() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.publish(ann, &usr(BOB), "one");
    lab.clear();
    assert_eq!(lab.code(ann, json!({"leave": {"id": "1", "topic": usr(BOB), "unsub": true}})), 200);
    lab.clear();
    assert_eq!(lab.code(bob, json!({"leave": {"id": "1", "topic": usr(ANN), "unsub": true}})), 200);
    lab.clear();
    lab.sub(ann, &usr(BOB));
    assert_eq!(lab.publish(ann, &usr(BOB), "two"), 1);
}

#[test]
fn rule_088_131_a_conversation_both_left_is_listed_as_ended() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let whole = |topic: &str| json!({"get": {"id": "g", "topic": topic, "what": "sub"}});
    let since =
        |ims: &str| json!({"get": {"id": "g", "topic": "me", "what": "sub", "sub": {"ims": ims}}});
    let ims = ctrl(&lab.sub(ann, &usr(BOB)))["ts"].as_str().unwrap().to_owned();
    lab.sub(bob, &usr(ANN));
    lab.wait(10);
    let leave = |user| json!({"leave": {"id": "1", "topic": usr(user), "unsub": true}});
    assert_eq!(lab.code(bob, leave(ANN)), 200);
    lab.wait(10);
    lab.clear();
    // A commit that fails takes the end back.
    lab.mode = Store::Waits;
    lab.send(ann, leave(BOB).to_string());
    lab.fail_commit();
    lab.mode = Store::Works;
    lab.clear();
    assert_eq!(only(&lab.ask(ann, whole("me")), "meta")["sub"][0]["topic"], usr(BOB));
    let left = ctrl(&lab.ask(ann, leave(BOB)))["ts"].as_str().unwrap().to_owned();
    for restarted in [false, true] {
        let (ann, bob) = if restarted {
            lab.restart();
            (lab.session("101"), lab.session("102"))
        } else {
            (ann, bob)
        };
        lab.sub(ann, "me");
        lab.sub(bob, "me");
        lab.clear();
        for (conn, peer) in [(ann, BOB), (bob, ANN)] {
            let frames = lab.ask(conn, since(&ims));
            let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
            assert_eq!(rows.len(), 1, "{rows:?}");
            assert!(rows[0]["deleted"].is_string() && rows[0]["topic"] == usr(peer), "{rows:?}");
            // What has ended is news once, and no part of the whole list.
            assert_eq!(only(&lab.ask(conn, since(&left)), "ctrl")["code"], 204);
            assert_eq!(only(&lab.ask(conn, whole("me")), "ctrl")["code"], 204);
        }
    }
    // Begun anew, it is there.
    let bob = lab.session("102");
    lab.sub(bob, "me");
    lab.sub(bob, &usr(ANN));
    lab.clear();
    let frames = lab.ask(bob, since(&ims));
    let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
    assert!(rows.len() == 1 && rows[0].get("deleted").is_none(), "{rows:?}");
}

#[test]
fn another_tenants_group_does_not_exist() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let (eve, _) = lab.session_at("101", "[2001:db8::1]");
    assert_eq!(ctrl(&lab.sub(eve, &group))["code"], 404);
    assert_eq!(lab.code(eve, json!({"get": {"id": "1", "topic": group, "what": "desc"}})), 404);
    let invite = json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(EVE)}}});
    assert_eq!(lab.code(ann, invite), 404);
}
