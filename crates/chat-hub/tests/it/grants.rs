//! What modes come to, and what a change of them leaves behind: rules 131 and 178, and near them.

use chat_proto::machine::ConnId;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, ctrl, of, only, usr};

fn acs(topic: &str, user: u64, mode: &str) -> Value {
    json!({"set": {"id": "a", "topic": topic, "sub": {"user": usr(user), "mode": mode}}})
}

fn own(topic: &str, mode: &str) -> Value {
    json!({"set": {"id": "o", "topic": topic, "sub": {"mode": mode}}})
}

/// The time of now, as the hub writes it.
fn time(lab: &mut Lab, conn: ConnId) -> Value {
    let frames = lab.ask(conn, json!({"get": {"id": "t", "topic": "me", "what": "desc"}}));
    only(&frames, "meta")["ts"].clone()
}

/// The users whose rows changed after a time.
fn changed(lab: &mut Lab, conn: ConnId, topic: &str, since: &Value) -> Vec<Value> {
    lab.clear();
    let query = json!({"get": {"id": "c", "topic": topic, "what": "sub", "sub": {"ims": since}}});
    let frames = lab.ask(conn, query);
    let rows = of(&frames, "meta").into_iter().next().map(|it| it["sub"].clone());
    rows.unwrap_or_default().as_array().into_iter().flatten().map(|it| it["user"].clone()).collect()
}

#[test]
fn everybody_has_the_same_on_me_and_fnd() {
    let mut lab = Lab::new();
    let (ann, _) = crate::tinode::session(&mut lab, "101");
    let all = json!({"want": "JPS", "given": "JPS", "mode": "JPS"});
    for topic in ["me", "fnd"] {
        let query = json!({"sub": {"id": "s", "topic": topic, "get": {"what": "desc"}}});
        assert_eq!(only(&lab.ask(ann, query), "meta")["desc"]["acs"], all, "{topic}");
    }
}

/// The group's owner, who has it on offer and who has nothing to do with it, on Tinode's path.
fn tinode_group(lab: &mut Lab) -> ([ConnId; 3], String) {
    let all = ["101", "102", "103"].map(|number| crate::tinode::session(lab, number).0);
    let frames = lab.sub(all[0], "new");
    let group = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
    for conn in &all[1..] {
        lab.sub(*conn, &group);
    }
    lab.clear();
    (all, group)
}

#[test]
fn rule_178_an_owner_is_given_what_they_ask_for_and_keeps_the_rest() {
    for (offered, asked, given, mode) in
        [("JRWO", "JRWPASDO", "JRWPASDO", "JRWPASDO"), ("JRWPASO", "JRO", "JRWPASO", "JRO")]
    {
        let mut lab = Lab::new();
        let ([ann, bob, _], group) = tinode_group(&mut lab);
        assert_eq!(lab.code(ann, acs(&group, BOB, offered)), 200);
        lab.clear();
        let frames = lab.ask(bob, own(&group, asked));
        let expected = json!({"want": asked, "given": given, "mode": mode});
        assert_eq!(ctrl(&frames)["params"]["acs"], expected, "{offered} {asked}");
    }
}

#[test]
fn rule_131_178_a_new_owner_changes_two_rows_and_no_other() {
    let mut lab = Lab::new();
    let ([ann, bob, cat], group) = tinode_group(&mut lab);
    assert_eq!(lab.code(ann, acs(&group, BOB, "JRWPASDO")), 200);
    lab.wait(10);
    let before = time(&mut lab, ann);
    lab.wait(10);
    lab.clear();
    assert_eq!(lab.code(bob, own(&group, "JRWPASDO")), 200);
    let told = of(&lab.frames(cat), "pres");
    let about: Vec<_> = told.iter().map(|it| it["src"].clone()).collect();
    assert_eq!(about, [json!(usr(ANN)), json!(usr(BOB))], "{told:?}");
    let mut rows = changed(&mut lab, bob, &group, &before);
    rows.sort_by_key(ToString::to_string);
    let mut both = [json!(usr(ANN)), json!(usr(BOB))];
    both.sort_by_key(ToString::to_string);
    assert_eq!(rows, both);
}

#[test]
fn nobody_is_given_more_by_asking_for_it() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let given = |lab: &mut Lab, conn: ConnId, mode: &str| {
        lab.clear();
        ctrl(&lab.ask(conn, own(&group, mode)))["params"]["acs"]["given"].clone()
    };
    for mode in ["JRWPAS", "JRWPASD", "JRA"] {
        assert_eq!(given(&mut lab, bob, mode), "JRWPS", "{mode}");
    }
    // Who administers may have more, but not what is the owner's alone. (tinode-code)
    lab.ask(ann, acs(&group, CAT, "JRA"));
    assert_eq!(given(&mut lab, cat, "JRWPD"), "JRA");
    assert_eq!(given(&mut lab, cat, "JRWPASD"), "JRWPAS");
}

#[test]
fn ones_own_mode_can_be_set_from_afar() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    for conn in [ann, bob] {
        lab.ask(conn, json!({"leave": {"id": "l", "topic": group}}));
    }
    assert_eq!(lab.code(bob, own(&group, "JR")), 200);
    assert_eq!(lab.code(bob, own(&group, "JRO")), 403);
    assert_eq!(lab.code(ann, own(&group, "JRWO")), 200);
    assert_eq!(lab.code(ann, own(&group, "JRW")), 403);
}

#[test]
fn a_description_has_changed_for_who_asks_since() {
    let mut lab = Lab::new();
    let ([ann, bob, _], group) = tinode_group(&mut lab);
    lab.wait(10);
    let before = time(&mut lab, ann);
    lab.wait(10);
    let set = |topic: &str, desc: Value| json!({"set": {"id": "d", "topic": topic, "desc": desc}});
    assert_eq!(lab.code(ann, set(&group, json!({"public": {"fn": "G"}}))), 200);
    lab.clear();
    let query =
        json!({"get": {"id": "g", "topic": group, "what": "desc", "desc": {"ims": before}}});
    let desc = only(&lab.ask(bob, query), "meta")["desc"].clone();
    assert_eq!(desc["public"], json!({"fn": "G"}));
    assert!(desc["updated"].as_str() > before.as_str(), "{desc}");
}

#[test]
fn what_one_sets_on_me_is_ones_own_and_told_to_ones_sessions() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("101");
    lab.sub(second, "me");
    lab.sub(ann, &usr(BOB));
    lab.clear();
    let set = |desc: Value| json!({"set": {"id": "d", "topic": "me", "desc": desc}});
    assert_eq!(lab.code(ann, set(json!({"private": {"note": "mine"}}))), 200);
    let own_notice = json!({"topic": "me", "src": "me", "what": "upd"});
    assert_eq!(of(&lab.frames(second), "pres"), [own_notice]);
    assert!(lab.frames(bob).is_empty());
    let frames = lab.ask(second, json!({"get": {"id": "g", "topic": "me", "what": "desc"}}));
    assert_eq!(only(&frames, "meta")["desc"]["private"], json!({"note": "mine"}));
}

#[test]
fn who_shut_a_peer_out_hears_nothing_of_their_profile() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    let named =
        |name: &str| json!({"set": {"id": "d", "topic": "me", "desc": {"public": {"fn": name}}}});
    lab.clear();
    assert_eq!(lab.code(ann, named("Anna")), 200);
    assert_eq!(
        of(&lab.frames(bob), "pres"),
        [json!({"topic": "me", "src": usr(ANN), "what": "upd"})]
    );
    assert_eq!(lab.code(bob, own(&usr(ANN), "N")), 200);
    lab.clear();
    assert_eq!(lab.code(ann, named("Anne")), 200);
    assert!(lab.frames(bob).is_empty());
}

#[test]
fn who_asks_for_more_than_they_have_is_heard_by_those_who_can_give_it() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.ask(ann, json!({"leave": {"id": "l", "topic": group}}));
    lab.clear();
    assert_eq!(lab.code(bob, own(&group, "JR")), 200);
    assert!(lab.frames(ann).is_empty(), "less than one has concerns nobody afar");
    assert_eq!(lab.code(bob, own(&group, "JRWA")), 200);
    let told = only(&lab.frames(ann), "pres");
    assert_eq!((&told["topic"], &told["src"]), (&json!("me"), &json!(group)));
    assert_eq!((&told["what"], &told["tgt"]), (&json!("acs"), &json!(usr(BOB))));
    assert_eq!(told["dacs"], json!({"want": "+WA"}));
}

#[test]
fn in_a_conversation_one_gives_to_the_other_end_only() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    lab.clear();
    assert_eq!(lab.code(ann, acs(&usr(BOB), CAT, "JRWPA")), 403);
    let frames = lab.ask(ann, acs(&usr(BOB), BOB, "JR"));
    assert_eq!(ctrl(&frames)["params"]["acs"]["given"], "JRA");
}

#[test]
fn who_is_invited_wants_no_more_than_is_given() {
    let mut lab = Lab::new();
    let [ann, ..] = lab.three();
    let group = lab.group(&[ann]);
    let frames = lab.ask(ann, acs(&group, BOB, "JRD"));
    let expected = json!({"want": "JR", "given": "JRD", "mode": "JR"});
    assert_eq!(ctrl(&frames)["params"]["acs"], expected);
}

#[test]
fn rule_131_a_transfer_changes_two_rows_and_no_other() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    lab.wait(10);
    let before = time(&mut lab, ann);
    lab.wait(10);
    assert_eq!(lab.code(ann, acs(&group, BOB, "O")), 200);
    let mut rows = changed(&mut lab, cat, &group, &before);
    rows.sort_by_key(ToString::to_string);
    assert_eq!(rows, [json!(usr(BOB)), json!(usr(ANN))]);
}
