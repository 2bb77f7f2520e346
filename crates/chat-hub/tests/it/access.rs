//! Rules 144 to 178: `set`, access, ownership.

use chat_proto::machine::ConnId;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, ctrl, of, only, usr};

fn desc(topic: &str, desc: Value) -> Value {
    json!({"set": {"id": "d", "topic": topic, "desc": desc}})
}

fn acs(topic: &str, user: u64, mode: &str) -> Value {
    json!({"set": {"id": "a", "topic": topic, "sub": {"user": usr(user), "mode": mode}}})
}

fn own(topic: &str, mode: &str) -> Value {
    json!({"set": {"id": "o", "topic": topic, "sub": {"mode": mode}}})
}

fn public(lab: &mut Lab, conn: ConnId, topic: &str) -> Value {
    let frames = lab.ask(conn, json!({"get": {"id": "p", "topic": topic, "what": "desc"}}));
    only(&of(&frames, "meta").iter().map(|it| json!({"m": it})).collect::<Vec<_>>(), "m")["desc"]["public"].clone()
}

#[test]
fn rule_144_to_148_151_226_public() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let frames = lab.ask(ann, desc(&group, json!({"public": {"fn": "My group"}})));
    assert_eq!(frames.len(), 1, "the acting session gets no notice: {frames:?}");
    assert_eq!(only(&frames, "ctrl")["code"], 200);
    let told = of(&lab.frames(bob), "pres");
    assert_eq!(told, [json!({"topic": "me", "src": group, "what": "upd"})]);
    assert_eq!(public(&mut lab, bob, &group), json!({"fn": "My group"}));
    assert_eq!(lab.code(bob, desc(&group, json!({"public": 1}))), 403);
    assert_eq!(lab.code(ann, desc(&group, json!({"public": {"fn": "My group"}}))), 304);
    assert_eq!(lab.code(ann, desc(&group, json!({"public": null}))), 304);
    assert_eq!(lab.code(ann, desc(&group, json!({"public": {"fn": "\u{2421}", "c": 3}}))), 200);
    assert_eq!(public(&mut lab, ann, &group), json!({"c": 3}));
    assert_eq!(lab.code(ann, desc(&group, json!({"public": "\u{2421}"}))), 200);
    assert_eq!(public(&mut lab, ann, &group), Value::Null);
}

#[test]
fn rule_149_150_152_153_169_170_other_parts() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.sub(ann, &usr(BOB));
    lab.clear();
    assert_eq!(lab.code(ann, desc(&usr(BOB), json!({"public": 1}))), 403);
    assert_eq!(lab.code(bob, desc(&group, json!({"private": "note"}))), 200);
    let frames = lab.ask(bob, json!({"get": {"id": "1", "topic": group, "what": "desc"}}));
    assert_eq!(only(&frames, "meta")["desc"]["private"], "note");
    assert!(lab.frames(ann).is_empty());
    let both = json!({"set": {"id": "2", "topic": group,
        "desc": {"public": 5}, "sub": {"user": usr(BOB), "mode": "JRW"}}});
    let codes: Vec<_> =
        of(&lab.ask(ann, both), "ctrl").iter().map(|it| it["code"].clone()).collect();
    assert_eq!(codes, [200, 200]);
    assert_eq!(lab.code(ann, json!({"set": {"id": "3", "topic": group}})), 400);
    lab.ask(bob, json!({"leave": {"id": "4", "topic": group}}));
    assert_eq!(lab.code(bob, desc(&group, json!({"private": "other"}))), 200);
    assert_eq!(lab.code(bob, json!({"set": {"id": "5", "topic": group, "tags": ["a"]}})), 403);
    assert_eq!(lab.code(bob, desc(&group, json!({"trusted": 1}))), 403);
}

#[test]
fn rule_154_155_160_inviting() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    // Bob has S, which is enough to invite with the default.
    let invite = json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(CAT)}}});
    let frames = lab.ask(bob, invite.clone());
    let ctrl = only(&frames, "ctrl");
    assert_eq!(ctrl["code"], 200);
    assert_eq!(ctrl["params"]["user"], usr(CAT));
    assert_eq!(ctrl["params"]["acs"]["mode"], "JRWPS");
    let told = of(&lab.frames(cat), "pres");
    assert_eq!(told[0]["what"], "acs");
    assert_eq!((&told[0]["src"], &told[0]["act"]), (&json!(group), &json!(usr(BOB))));
    assert!(told[0].get("tgt").is_none() && told[0]["dacs"]["given"] == "JRWPS");
    assert_eq!(lab.code(bob, invite), 304);
    assert_eq!(lab.code(bob, acs(&group, CAT, "JR")), 403);
    assert_eq!(lab.code(ann, acs(&group, 5, "JR")), 404);
    assert_eq!(lab.code(cat, acs(&group, BOB, "JR")), 403);
}

#[test]
fn rule_156_157_158_224_changing_a_member() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let frames = lab.ask(ann, acs(&group, CAT, "JRWPAS"));
    assert_eq!(only(&frames, "ctrl")["params"]["acs"]["given"], "JRWPAS");
    assert_eq!(lab.code(cat, own(&group, "JRWPAS")), 200);
    lab.clear();
    assert_eq!(lab.code(cat, acs(&group, BOB, "jrw")), 200);
    let told = of(&lab.frames(bob), "pres");
    assert_eq!(
        told,
        [
            json!({"topic": group, "what": "acs", "act": usr(CAT), "dacs": {"given": "-PS"}}),
            // Without P the group is not there for Bob any more.
            json!({"topic": "me", "src": group, "what": "off"}),
        ]
    );
    let told = of(&lab.frames(ann), "pres");
    assert_eq!(
        told,
        [
            json!({"topic": group, "src": usr(BOB), "what": "acs", "act": usr(CAT), "dacs": {"given": "-PS"}})
        ]
    );
    assert_eq!(lab.code(cat, acs(&group, BOB, "JRWO")), 403);
    assert_eq!(lab.code(cat, acs(&group, ANN, "JRW")), 403);
}

#[test]
fn rule_072_076_159_a_ban_holds() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    assert_eq!(lab.code(ann, acs(&group, BOB, "N")), 200);
    let evicted = only(&lab.frames(bob), "ctrl");
    assert_eq!((&evicted["code"], &evicted["params"]), (&json!(205), &json!({"unsub": false})));
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 403);
    lab.publish(ann, &group, "one");
    assert!(of(&lab.frames(bob), "data").is_empty());
}

#[test]
fn rule_162_to_167_own_mode() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for (mode, code) in
        [("+W", 400), ("JN", 400), ("jrw", 200), ("JRW", 304), ("JRWO", 403), ("", 200)]
    {
        lab.clear();
        assert_eq!(lab.code(bob, own(&group, mode)), code, "{mode}");
    }
    lab.ask(bob, own(&group, "JRW"));
    lab.clear();
    // Muted, but messages flow.
    lab.publish(ann, &group, "one");
    assert_eq!(lab.frames(bob).len(), 1);
    // Rule 165.
    assert_eq!(lab.code(bob, own(&group, "NJ")), 200);
}

#[test]
fn rule_168_defaults_of_a_user() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    assert_eq!(lab.code(ann, desc("me", json!({"defacs": {"auth": "JRW"}}))), 200);
    assert_eq!(lab.code(ann, desc("me", json!({"defacs": {"auth": "JRWO"}}))), 400);
    let frames = lab.sub(bob, &usr(ANN));
    assert_eq!(ctrl(&frames)["params"]["acs"]["given"], "JRWA");
}

#[test]
fn rule_171_to_177_ownership_passes_in_one_step() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    assert_eq!(lab.code(bob, acs(&group, BOB, "JRWPASDO")), 403);
    assert_eq!(lab.code(bob, acs(&group, CAT, "JRWPASDO")), 403);
    assert_eq!(lab.code(ann, own(&group, "JRWPASD")), 403);
    assert_eq!(lab.code(ann, own(&group, "RWPASDO")), 403);
    lab.clear();
    let frames = lab.ask(ann, acs(&group, BOB, "JRWPASDO"));
    let all = json!({"want": "JRWPASDO", "given": "JRWPASDO", "mode": "JRWPASDO"});
    assert_eq!(
        frames[0],
        json!({"pres": {"topic": group, "what": "acs", "dacs": {"want": "-ADO", "given": "-ADO"}}})
    );
    let ctrl = &frames[1]["ctrl"];
    assert_eq!(
        (&ctrl["code"], &ctrl["params"]),
        (&json!(200), &json!({"acs": all, "user": usr(BOB)}))
    );
    assert_eq!(frames.len(), 2, "{frames:?}");
    let told = of(&lab.frames(bob), "pres");
    assert!(
        told.iter().any(|it| it["dacs"] == json!({"want": "+ADO", "given": "+ADO"})),
        "{told:?}"
    );
    // Others who may share hear of both.
    let told = of(&lab.frames(cat), "pres");
    assert_eq!(told.iter().filter(|it| it["what"] == "acs").count(), 2, "{told:?}");
    assert_eq!(lab.code(ann, desc(&group, json!({"public": 1}))), 403);
    assert_eq!(lab.code(bob, desc(&group, json!({"public": 1}))), 200);
    assert_eq!(lab.code(bob, json!({"leave": {"id": "1", "topic": group, "unsub": true}})), 403);
    let frames = lab.ask(bob, json!({"get": {"id": "1", "topic": group, "what": "sub"}}));
    let meta =
        only(&of(&frames, "meta").into_iter().map(|it| json!({"m": it})).collect::<Vec<_>>(), "m");
    let owners = meta["sub"].as_array().unwrap().iter();
    let owners = owners.filter(|it| it["acs"]["mode"].as_str().is_some_and(|it| it.contains('O')));
    assert_eq!(owners.count(), 1);
    lab.clear();
    assert_eq!(lab.code(ann, json!({"leave": {"id": "1", "topic": group, "unsub": true}})), 200);
}

#[test]
fn tags_are_the_owners_and_aux_is_everybodys() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    let set = |what: &str, value: Value| json!({"set": {"id": "1", "topic": group, what: value}});
    let get = |what: &str| json!({"get": {"id": "1", "topic": group, "what": what}});
    assert_eq!(only(&lab.ask(ann, get("tags")), "ctrl")["params"], json!({"what": "tags"}));
    let frames = lab.ask(ann, set("tags", json!(["Rust", "chat", "rust"])));
    assert_eq!(only(&frames, "ctrl")["params"], json!({"added": 2}));
    let frames = lab.ask(ann, set("tags", json!(["rust"])));
    assert_eq!(only(&frames, "ctrl")["params"], json!({"removed": 1}));
    assert_eq!(lab.code(ann, set("tags", json!(["RUST "]))), 304);
    assert_eq!(lab.code(ann, set("tags", json!(["x"]))), 400);
    let many: Vec<_> = (10..40).map(|n| n.to_string()).collect();
    assert_eq!(lab.code(ann, set("tags", json!(many))), 422);
    assert_eq!(only(&lab.ask(ann, get("tags")), "meta")["tags"], json!(["rust"]));
    assert_eq!(lab.code(bob, get("tags")), 403);
    assert_eq!(lab.code(bob, set("aux", json!({"pin": 1}))), 403);
    assert_eq!(lab.code(ann, set("aux", json!({"pin": 1}))), 200);
    assert_eq!(of(&lab.frames(bob), "pres"), [json!({"topic": group, "what": "aux"})]);
    assert_eq!(lab.code(ann, set("aux", json!(5))), 400);
    assert_eq!(only(&lab.ask(bob, get("aux")), "meta")["aux"], json!({"pin": 1}));
    assert_eq!(lab.code(ann, set("aux", json!("\u{2421}"))), 200);
    assert_eq!(only(&lab.ask(ann, get("aux")), "ctrl")["code"], 204);
    assert_eq!(lab.code(ann, json!({"get": {"id": "1", "topic": "me", "what": "aux"}})), 405);
}
