//! Rules 93, 126, 131, 150, 161, 162, 173 to 175, 182, 187, 206, 213, 219, 225, seen closer.

use chat_hub::{HubConfig, Record};
use chat_proto::im::AccessMode;
use chat_proto::machine::ConnId;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, Store, cases, ctrl, of, only, usr};

fn acs(topic: &str, user: u64, mode: &str) -> Value {
    json!({"set": {"id": "a", "topic": topic, "sub": {"user": usr(user), "mode": mode}}})
}

fn own(topic: &str, mode: &str) -> Value {
    json!({"set": {"id": "o", "topic": topic, "sub": {"mode": mode}}})
}

fn desc(topic: &str, desc: Value) -> Value {
    json!({"set": {"id": "d", "topic": topic, "desc": desc}})
}

fn get(topic: &str, what: &str) -> Value {
    json!({"get": {"id": "g", "topic": topic, "what": what}})
}

fn pres(lab: &mut Lab, conn: ConnId) -> Vec<Value> {
    of(&lab.frames(conn), "pres")
}

#[test]
fn rule_093_noecho_is_of_the_session() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("101");
    let group = lab.group(&[ann, bob]);
    lab.sub(second, &group);
    lab.clear();
    let frame = json!({"pub": {"id": "1", "topic": group, "noecho": true, "content": 1}});
    assert!(of(&lab.ask(ann, frame), "data").is_empty());
    for conn in [second, bob] {
        assert_eq!(only(&lab.frames(conn), "data")["reqid"], "1");
    }
}

#[test]
fn rule_126_both_are_in_a_conversation() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    for n in 0..3 {
        lab.publish(ann, &usr(BOB), &n.to_string());
    }
    lab.ask(bob, json!({"note": {"topic": usr(ANN), "what": "read", "seq": 2}}));
    lab.ask(bob, json!({"note": {"topic": usr(ANN), "what": "recv", "seq": 3}}));
    lab.clear();
    let frames = lab.ask(bob, get(&usr(ANN), "sub"));
    let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 2);
    let of = |user| rows.iter().find(|it| it["user"] == usr(user)).unwrap();
    assert_eq!((&of(BOB)["read"], &of(BOB)["recv"]), (&json!(2), &json!(3)));
    assert_eq!((&of(ANN)["read"], &of(ANN)["recv"]), (&json!(3), &json!(3)));
    assert_eq!(of(ANN)["public"], json!({"fn": "Ext 101"}));
}

#[test]
fn rule_131_only_what_changed_is_listed() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let other = lab.group(&[ann]);
    let frames = lab.ask(ann, get(&group, "desc"));
    let ims = only(&frames, "meta")["ts"].clone();
    let since = |topic: &str| json!({"get": {"id": "g", "topic": topic, "what": "sub", "sub": {"ims": ims}}});
    for topic in ["me", &group] {
        assert_eq!(only(&lab.ask(ann, since(topic)), "ctrl")["code"], 204, "{topic}");
    }
    lab.wait(10);
    lab.ask(ann, acs(&group, CAT, "JR"));
    lab.ask(ann, json!({"del": {"id": "1", "topic": group, "what": "sub", "user": usr(BOB)}}));
    lab.clear();
    let frames = lab.ask(ann, since(&group));
    let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 2, "{rows:?}");
    let of = |user| rows.iter().find(|it| it["user"] == usr(user)).unwrap();
    assert!(of(BOB)["deleted"].is_string() && of(CAT).get("deleted").is_none());
    // Without a time, what has ended is not there.
    let frames = lab.ask(ann, get(&group, "sub"));
    assert_eq!(only(&frames, "meta")["sub"].as_array().unwrap().len(), 2);
    lab.publish(ann, &other, "news");
    lab.clear();
    let frames = lab.ask(ann, since("me"));
    let rows = only(&frames, "meta")["sub"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["topic"], other);
}

#[test]
fn rule_150_what_is_private_is_ones_own() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("102");
    lab.sub(second, "me");
    let group = lab.group(&[ann, bob]);
    let frames = lab.ask(bob, desc(&group, json!({"private": {"note": "mine"}})));
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(pres(&mut lab, second), [json!({"topic": "me", "src": group, "what": "upd"})]);
    assert!(lab.frames(ann).is_empty());
    for what in ["desc", "sub"] {
        let frames = lab.ask(ann, get(&group, what));
        assert!(!format!("{frames:?}").contains("mine"), "{frames:?}");
        let frames = lab.ask(bob, get(&group, what));
        assert!(format!("{frames:?}").contains("mine"), "{frames:?}");
    }
}

#[test]
fn rule_069_161_a_full_group_takes_nobody() {
    let mut lab = Lab::with(HubConfig { max_members: 2, ..HubConfig::default() });
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    let invite = json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(CAT)}}});
    let said = only(&lab.ask(ann, invite.clone()), "ctrl");
    assert_eq!((&said["code"], &said["text"]), (&json!(422), &json!("policy violation")));
    assert!(lab.frames(cat).is_empty(), "who is not in is not told");
    assert_eq!(lab.code(bob, json!({"leave": {"id": "2", "topic": group, "unsub": true}})), 200);
    lab.clear();
    assert_eq!(lab.code(ann, invite), 200);
}

#[test]
fn rule_162_219_without_p_there_is_no_presence_but_what_concerns_oneself() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let away = lab.session("102");
    lab.sub(away, "me");
    lab.clear();
    let frames = lab.ask(bob, own(&group, "JRW"));
    assert_eq!(ctrl(&frames)["code"], 200);
    // The user's other sessions hear that the group is muted, once.
    let told = pres(&mut lab, away);
    assert_eq!(told[0]["dacs"], json!({"want": "-PS"}));
    assert_eq!(told[1], json!({"topic": "me", "src": group, "what": "off"}));
    lab.clear();
    // Comings and goings, messages elsewhere, deletions: no word.
    lab.ask(cat, json!({"leave": {"id": "1", "topic": group}}));
    lab.sub(cat, &group);
    lab.publish(ann, &group, "one");
    lab.ask(ann, json!({"del": {"id": "2", "topic": group, "hard": true, "delseq": [{"low": 1}]}}));
    lab.ask(ann, desc("me", json!({"public": {"fn": "Ann"}})));
    assert!(lab.frames(away).is_empty());
    let frames = lab.frames(bob);
    assert!(frames.len() == 1 && frames[0].get("data").is_some(), "{frames:?}");
    // But the description on `me` with J, access, and removal.
    lab.ask(ann, desc(&group, json!({"public": 1})));
    assert_eq!(pres(&mut lab, away), [json!({"topic": "me", "src": group, "what": "upd"})]);
    lab.ask(ann, acs(&group, BOB, "JRWP"));
    assert_eq!(pres(&mut lab, away)[0]["what"], "acs");
    lab.clear();
    lab.ask(ann, json!({"del": {"id": "3", "topic": group, "what": "sub", "user": usr(BOB)}}));
    assert_eq!(pres(&mut lab, away), [json!({"topic": "me", "src": group, "what": "gone"})]);
}

#[test]
fn who_mutes_and_unmutes_sees_the_topic_go_and_come() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.clear();
    let peer = |what: &str| json!({"topic": "me", "src": usr(BOB), "what": what});
    let frames = lab.ask(ann, own(&usr(BOB), "JRWA"));
    assert_eq!(of(&frames, "pres"), [peer("off")]);
    lab.lose(bob);
    lab.wait(5_000);
    assert!(lab.frames(ann).is_empty());
    assert!(of(&lab.ask(ann, own(&usr(BOB), "JRWPA")), "pres").is_empty(), "Bob is away");
    lab.ask(ann, own(&usr(BOB), "JRWA"));
    let bob = lab.session("102");
    lab.sub(bob, "me");
    assert!(lab.frames(ann).is_empty());
    let frames = lab.ask(ann, own(&usr(BOB), "JRWPA"));
    assert_eq!(of(&frames, "pres"), [peer("on")]);
}

#[test]
fn rule_173_174_what_either_may_after_the_transfer() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    assert_eq!(lab.code(bob, json!({"leave": {"id": "1", "topic": group}})), 200);
    // The target need not be attached.
    assert_eq!(lab.code(ann, acs(&group, BOB, "O")), 200);
    lab.clear();
    let frames = lab.ask(ann, get(&group, "desc"));
    let former = json!({"want": "JRWPS", "given": "JRWPS", "mode": "JRWPS"});
    assert_eq!(only(&frames, "meta")["desc"]["acs"], former);
    assert_eq!(lab.code(ann, desc(&group, json!({"public": 1}))), 403);
    assert_eq!(lab.code(ann, acs(&group, CAT, "JR")), 403);
    lab.sub(bob, &group);
    lab.clear();
    assert_eq!(lab.code(bob, desc(&group, json!({"public": 1}))), 200);
    assert_eq!(lab.code(bob, json!({"leave": {"id": "2", "topic": group, "unsub": true}})), 403);
    assert_eq!(lab.code(ann, json!({"leave": {"id": "3", "topic": group, "unsub": true}})), 200);
    lab.clear();
    assert_eq!(lab.code(bob, json!({"del": {"id": "4", "topic": group, "what": "topic"}})), 200);
    lab.clear();
    assert_eq!(ctrl(&lab.sub(cat, &group))["code"], 404);
}

/// A commit that fails in the middle of a transfer leaves the owner of before.
#[test]
fn rule_175_a_transfer_that_is_not_stored_did_not_happen() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.mode = Store::Waits;
    lab.send(ann, acs(&group, BOB, "JRWPASDO").to_string());
    let records = &lab.commit.as_ref().unwrap().1;
    for of in [ANN, BOB] {
        let both = |row: &Record| matches!(row, Record::Sub { user, .. } if *user == of);
        assert!(records.iter().any(both), "one commit for both rows");
    }
    lab.fail_commit();
    lab.mode = Store::Works;
    assert_eq!(only(&lab.frames(ann), "ctrl")["code"], 500);
    assert!(lab.frames(bob).is_empty());
    assert_eq!(lab.code(bob, desc(&group, json!({"public": 1}))), 403);
    assert_eq!(lab.code(ann, desc(&group, json!({"public": 1}))), 200);
}

proptest! {
    #![proptest_config(cases(60))]

    /// Whatever three users of both flavours ask for, a group has one owner.
    #[test]
    fn rule_175_one_owner_at_any_time(
        ops in prop::collection::vec((0..5usize, 0..4usize, 0..4usize), 1..40),
    ) {
        const MODES: [&str; 4] = ["JRWPASDO", "JRWPS", "JO", "N"];
        let mut lab = Lab::new();
        let [ann, bob, cat] = lab.three();
        let group = lab.group(&[ann, bob, cat]);
        let (tinode_ann, _) = crate::tinode::session(&mut lab, "101");
        let (tinode_bob, _) = crate::tinode::session(&mut lab, "102");
        let sessions = [ann, bob, cat, tinode_ann, tinode_bob];
        for (who, whom, mode) in ops {
            let conn = sessions[who];
            let mode = MODES[mode];
            lab.sub(conn, &group);
            let frame = match whom {
                0 => acs(&group, ANN, mode),
                1 => acs(&group, BOB, mode),
                2 => acs(&group, CAT, mode),
                _ => own(&group, mode),
            };
            lab.ask(conn, frame);
            let owners = lab.hub.snapshot().into_iter().filter(|row| match row {
                Record::Sub { row: Some(row), .. } => {
                    row.deleted.is_none() && (row.want & row.given).has(AccessMode::OWNER)
                }
                _ => false,
            });
            prop_assert_eq!(owners.count(), 1);
        }
    }
}

#[test]
fn rule_182_nobody_removes_the_owner_themself_or_a_peer() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let remove = |topic: &str, user| json!({"del": {"id": "m", "topic": topic, "what": "sub", "user": usr(user)}});
    lab.ask(ann, acs(&group, BOB, "JRWPAS"));
    lab.ask(bob, own(&group, "JRWPAS"));
    lab.clear();
    for user in [ANN, BOB] {
        assert_eq!(lab.code(bob, remove(&group, user)), 403);
    }
    lab.sub(bob, &usr(CAT));
    lab.clear();
    assert_eq!(lab.code(bob, remove(&usr(CAT), CAT)), 403);
    // An administrator who is no owner may remove others.
    assert_eq!(lab.code(bob, remove(&group, CAT)), 200);
    let told = of(&lab.frames(ann), "pres");
    // Rule 225.
    assert_eq!(
        told[0],
        json!({"topic": group, "src": usr(CAT), "what": "acs", "act": usr(BOB),
            "dacs": {"want": "N", "given": "N"}})
    );
    assert_eq!(told[1], json!({"topic": group, "src": usr(CAT), "what": "off"}));
}

#[test]
fn rule_225_an_end_is_n_on_both_sides() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let away = lab.session("101");
    lab.sub(away, "me");
    let group = lab.group(&[ann, bob, cat]);
    let ended = |user, act: Option<u64>| {
        let mut notice = json!({"topic": group, "src": usr(user), "what": "acs",
            "dacs": {"want": "N", "given": "N"}});
        if let Some(act) = act {
            notice["act"] = json!(usr(act));
        }
        notice
    };
    lab.ask(bob, json!({"leave": {"id": "1", "topic": group, "unsub": true}}));
    assert!(pres(&mut lab, ann).contains(&ended(BOB, None)));
    let remove = json!({"del": {"id": "2", "topic": group, "what": "sub", "user": usr(CAT)}});
    lab.sub(bob, &group);
    lab.clear();
    lab.ask(ann, remove);
    assert!(pres(&mut lab, bob).contains(&ended(CAT, Some(ANN))));
    assert!(lab.frames(away).is_empty(), "only who is on the topic hears of it");
}

#[test]
fn rule_187_deleting_needs_a_session_that_is_attached() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.publish(ann, &group, "one");
    lab.ask(ann, json!({"leave": {"id": "1", "topic": group}}));
    lab.clear();
    for frame in [
        json!({"del": {"id": "2", "topic": group, "what": "msg", "delseq": [{"low": 1}]}}),
        json!({"del": {"id": "3", "topic": group, "delseq": [{"low": 1}], "hard": true}}),
        json!({"del": {"id": "4", "topic": group, "what": "sub", "user": usr(BOB)}}),
    ] {
        let said = only(&lab.ask(ann, frame), "ctrl");
        assert_eq!((&said["code"], &said["text"]), (&json!(409), &json!("must attach first")));
    }
    assert!(lab.frames(bob).is_empty());
}

#[test]
fn rule_206_213_notes_that_are_dropped() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.publish(ann, &group, "one");
    lab.ask(ann, acs(&group, BOB, "JWP"));
    lab.clear();
    for what in ["read", "recv"] {
        let note = json!({"note": {"topic": group, "what": what, "seq": 1}});
        assert!(lab.ask(bob, note).is_empty());
        assert!(lab.frames(ann).is_empty(), "{what} without R");
    }
    lab.ask(ann, acs(&group, BOB, "JRWP"));
    lab.clear();
    for what in ["wave", "", "READ", "call"] {
        let note = json!({"note": {"topic": group, "what": what, "seq": 1}});
        assert!(lab.ask(bob, note).is_empty(), "{what}");
        assert!(lab.frames(ann).is_empty(), "{what}");
    }
    let frames = lab.ask(ann, get(&group, "sub"));
    let rows = only(&frames, "meta")["sub"].clone();
    let bobs = rows.as_array().unwrap().iter().find(|it| it["user"] == usr(BOB)).unwrap();
    assert!(bobs.get("read").is_none() && bobs.get("recv").is_none());
    assert_eq!(lab.ask(bob, json!({"note": {"topic": group, "what": "read", "seq": 1}})).len(), 0);
    assert_eq!(only(&lab.frames(ann), "info")["seq"], 1);
}

#[test]
fn signals_of_a_call_are_passed_on() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let second = lab.session("102");
    lab.sub(second, "me");
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.publish(ann, &usr(BOB), "calling");
    lab.clear();
    let call = |topic: u64, event: &str, seq: u64| json!({"note": {"topic": usr(topic), "what": "call", "seq": seq, "event": event, "payload": {"sdp": 1}}});
    assert!(lab.ask(ann, call(BOB, "offer", 1)).is_empty());
    let info = only(&lab.frames(bob), "info");
    assert_eq!((&info["event"], &info["seq"]), (&json!("offer"), &json!(1)));
    assert_eq!(info["payload"], json!({"sdp": 1}));
    // A device that is not on the topic rings, and may answer from there.
    let info = only(&lab.frames(second), "info");
    assert_eq!((&info["topic"], &info["src"]), (&json!("me"), &json!(usr(ANN))));
    assert!(lab.ask(second, call(ANN, "ringing", 1)).is_empty());
    assert_eq!(only(&lab.frames(ann), "info")["event"], "ringing");
    lab.clear();
    // Anything else from there, about nothing, or to a stranger is dropped.
    for frame in
        [call(ANN, "offer", 1), call(ANN, "accept", 0), call(ANN, "accept", 2), call(ANN, "", 1)]
    {
        assert!(lab.ask(second, frame).is_empty());
    }
    assert!(lab.ask(cat, call(ANN, "accept", 1)).is_empty());
    assert!(lab.frames(ann).is_empty() && lab.frames(bob).is_empty());
}

#[test]
fn rule_083_who_leaves_me_is_offline() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.clear();
    assert_eq!(lab.code(bob, json!({"leave": {"id": "1", "topic": "me", "unsub": true}})), 403);
    lab.wait(5_000);
    assert!(lab.frames(ann).is_empty(), "a refused leave changes nothing");
    assert_eq!(lab.code(bob, json!({"leave": {"id": "2", "topic": "me"}})), 200);
    lab.wait(4_000);
    assert_eq!(pres(&mut lab, ann), [json!({"topic": "me", "src": usr(BOB), "what": "off"})]);
}

#[test]
fn rule_129_what_has_changed_since_is_described() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.ask(bob, desc(&group, json!({"private": "mine"})));
    lab.ask(ann, desc(&group, json!({"public": {"fn": "G"}})));
    lab.clear();
    let since = |ims: &str| json!({"get": {"id": "1", "topic": group, "what": "desc", "desc": {"ims": ims}}});
    let frames = lab.ask(bob, since("2024-01-01T00:00:00Z"));
    let meta = only(&frames, "meta");
    let found = &meta["desc"];
    assert_eq!((&found["public"], &found["private"]), (&json!({"fn": "G"}), &json!("mine")));
    assert!(found["created"].is_string());
    let now = meta["ts"].as_str().unwrap().to_owned();
    let frames = lab.ask(bob, since(&now));
    let found = only(&frames, "meta")["desc"].clone();
    assert!(found.get("public").is_none() && found.get("private").is_none());
    // What has changed since is there, and only that.
    lab.ask(bob, desc(&group, json!({"private": "other"})));
    lab.clear();
    let found = only(&lab.ask(bob, since(&now)), "meta")["desc"].clone();
    assert!(found.get("public").is_none() && found["private"] == "other");
}

#[test]
fn rule_164_165_167_what_odd_modes_come_to() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for (asked, want) in [("wrJ", "JRW"), ("jrp", "JRP"), ("", "JRWPS"), ("PSJ", "JPS")] {
        let frames = lab.ask(bob, own(&group, asked));
        assert_eq!(ctrl(&frames)["params"]["acs"]["want"], want, "{asked}");
    }
    let frames = lab.ask(bob, own(&group, "nJRW"));
    assert_eq!(ctrl(&frames)["params"]["acs"]["want"], "N");
    assert_eq!(lab.code(bob, json!({"pub": {"id": "1", "topic": group}})), 409);
}

/// The profile of a peer is theirs, not a copy the topic keeps.
#[test]
fn a_peers_new_profile_is_seen_at_once() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.ask(bob, desc("me", json!({"public": {"fn": "Robert"}})));
    lab.clear();
    let frames = lab.ask(ann, get(&usr(BOB), "desc sub"));
    assert_eq!(frames[0]["meta"]["desc"]["public"], json!({"fn": "Robert"}));
    let rows = frames[1]["meta"]["sub"].as_array().unwrap();
    let row = rows.iter().find(|it| it["user"] == usr(BOB)).unwrap();
    assert_eq!(row["public"], json!({"fn": "Robert"}));
    let frames = lab.ask(ann, get("me", "sub"));
    assert_eq!(only(&frames, "meta")["sub"][0]["public"], json!({"fn": "Robert"}));
}

#[test]
fn another_tenant_sees_and_does_nothing() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    lab.publish(ann, &group, "one");
    let (eve, _) = lab.session_at("101", "[2001:db8::1]");
    lab.sub(eve, "me");
    lab.clear();
    for topic in [group.clone(), usr(ANN)] {
        for (frame, codes) in [
            (json!({"sub": {"id": "1", "topic": topic}}), [404, 404]),
            (json!({"get": {"id": "2", "topic": topic, "what": "desc"}}), [404, 404]),
            (json!({"get": {"id": "3", "topic": topic, "what": "sub"}}), [404, 404]),
            (json!({"get": {"id": "4", "topic": topic, "what": "data"}}), [403, 403]),
            (json!({"pub": {"id": "5", "topic": topic, "content": 1}}), [409, 409]),
            (json!({"set": {"id": "6", "topic": topic, "desc": {"private": 1}}}), [404, 404]),
            (json!({"set": {"id": "7", "topic": topic, "sub": {"mode": "JRW"}}}), [404, 404]),
            (json!({"del": {"id": "8", "topic": topic, "delseq": [{"low": 1}]}}), [409, 409]),
            (json!({"del": {"id": "9", "topic": topic, "what": "topic"}}), [304, 304]),
            (json!({"leave": {"id": "10", "topic": topic}}), [304, 304]),
        ] {
            let code = lab.code(eve, frame.clone());
            assert!(codes.contains(&code), "{frame}: {code}");
        }
        for what in ["read", "recv", "kp"] {
            lab.ask(eve, json!({"note": {"topic": topic, "what": what, "seq": 1}}));
        }
    }
    assert!(lab.frames(ann).is_empty());
    let query = json!({"sub": {"id": "f", "topic": "fnd",
        "set": {"desc": {"public": "basic:102"}}, "get": {"what": "sub"}}});
    let frames = lab.ask(eve, query);
    assert!(of(&frames, "meta").is_empty(), "{frames:?}");
}

#[test]
fn a_client_that_calls_itself_something_else_is_told_after_a_while() {
    let mut lab = Lab::new();
    let (ann, _) = crate::tinode::session(&mut lab, "101");
    let bob = lab.session("102");
    lab.sub(ann, "me");
    lab.sub(bob, "me");
    lab.sub(bob, &usr(ANN));
    lab.clear();
    let hi = |ua: &str| json!({"hi": {"id": "h", "ver": "0.25", "ua": ua}});
    assert_eq!(lab.code(ann, hi("Lab/2.0")), 200);
    lab.wait(4_999);
    assert!(lab.frames(bob).is_empty());
    lab.wait(1);
    let told = json!({"topic": "me", "src": usr(ANN), "what": "ua", "ua": "Lab/2.0"});
    assert_eq!(pres(&mut lab, bob), [told]);
    assert_eq!(lab.code(ann, hi("Lab/2.0")), 200);
    lab.wait(10_000);
    assert!(lab.frames(bob).is_empty(), "the same name is no news");
}

#[test]
fn rule_099_without_r_there_are_no_messages() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    lab.ask(ann, acs(&group, BOB, "JWP"));
    lab.ask(cat, own(&group, "JWP"));
    lab.clear();
    lab.publish(ann, &group, "one");
    assert!(lab.frames(bob).is_empty() && lab.frames(cat).is_empty());
    // Not even one's own.
    let frames = lab.ask(bob, json!({"pub": {"id": "1", "topic": group, "content": "two"}}));
    assert_eq!(only(&frames, "ctrl")["params"]["seq"], 2);
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(of(&lab.frames(ann), "data").len(), 1);
}
