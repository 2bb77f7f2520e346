//! Rules 47, 49, 51, 66 to 68, 72, 76, 77, 81, 82: topics come to be, and who is in them.

use chat_hub::Record;
use chat_proto::codec::{Client, Codec, Limits};
use chat_proto::im::{Down, Im, TopicName, UserId};
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, CAT, Lab, Store, ctrl, of, only, usr};

fn acs(topic: &str, user: u64, mode: &str) -> Value {
    json!({"set": {"id": "a", "topic": topic, "sub": {"user": usr(user), "mode": mode}}})
}

fn topics(lab: &Lab) -> usize {
    lab.hub.snapshot().iter().filter(|row| matches!(row, Record::Topic { .. })).count()
}

#[test]
fn rule_047_each_end_calls_the_other_by_name() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let all = "desc sub data del tags cred aux";
    let mut texts = Vec::new();
    for (conn, peer) in [(ann, BOB), (bob, ANN)] {
        let topic = usr(peer);
        for frame in [
            json!({"sub": {"id": "1", "topic": topic}}),
            json!({"pub": {"id": format!("{peer}"), "topic": topic, "content": "x"}}),
            json!({"note": {"topic": topic, "what": "kp"}}),
            json!({"get": {"id": "2", "topic": topic, "what": all}}),
            json!({"get": {"id": "3", "topic": "me", "what": all}}),
            json!({"del": {"id": "4", "topic": topic, "delseq": [{"low": 1}]}}),
        ] {
            lab.send(conn, frame.to_string());
        }
    }
    let [to_ann, to_bob] = [ann, bob].map(|conn| lab.frames(conn));
    for (frames, own, peer) in [(&to_ann, ANN, BOB), (&to_bob, BOB, ANN)] {
        let data = of(frames, "data");
        assert!(!data.is_empty() && data.iter().all(|it| it["topic"] == usr(peer)));
        for frame in frames {
            let said = frame.as_object().unwrap().values().next().unwrap();
            assert_ne!(said["topic"], usr(own), "{frame}");
            assert_ne!(said["src"], usr(own), "{frame}");
            texts.push(frame.to_string());
        }
    }
    let seen = |frames: &[Value]| -> std::collections::BTreeSet<_> {
        of(frames, "data")
            .iter()
            .map(|it| (it["seq"].to_string(), it["from"].to_string()))
            .collect()
    };
    assert_eq!(seen(&to_ann), seen(&to_bob));
    assert_eq!(seen(&to_ann).len(), 2);
    assert!(texts.iter().all(|text| !text.contains("p2p")));
    assert!(lab.frames(cat).is_empty());
}

#[test]
fn rule_049_groups_have_names_of_their_own() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let mut names = std::collections::BTreeSet::new();
    for n in 0..200 {
        let frames = lab.sub(ann, &format!("new{n}"));
        let name = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
        let rest = name.strip_prefix("grp").unwrap();
        assert_eq!(rest.len(), 11, "{name}");
        assert!(rest.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)));
        assert!(names.insert(name));
    }
}

#[test]
fn rule_051_ids_are_opaque_text_of_up_to_64_bits() {
    let codec = Codec::<Im, Client>::new(Limits::default());
    for id in
        ["usr18446744073709551615", "usr804252613548777777", "usrAbC-_09xYz1", "usr12345678901"]
    {
        let text = format!(r#"{{"pres":{{"topic":"{id}","src":"{id}","what":"on"}}}}"#);
        let Ok(Down::Pres(pres)) = codec.decode(text.as_str()) else { panic!("{id}") };
        assert!(pres.topic == id && pres.src == id);
        assert_eq!((UserId::new(id).as_str(), TopicName::new(id).as_str()), (id, id));
    }
    assert_eq!(UserId::from_number(u64::MAX).as_str(), "usr18446744073709551615");
    let mut lab = Lab::new();
    let ann = lab.session("101");
    assert_eq!(ctrl(&lab.sub(ann, "usr18446744073709551615"))["code"], 404);
    assert_eq!(ctrl(&lab.sub(ann, "usr18446744073709551616"))["code"], 400);
    // One way to write a number, or one user would have many names.
    assert_eq!(ctrl(&lab.sub(ann, &format!("usr0{BOB}")))["code"], 400);
    assert_eq!(ctrl(&lab.sub(ann, &format!("usr+{BOB}")))["code"], 400);
}

#[test]
fn rule_067_an_unknown_user_makes_no_topic() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    for topic in ["usr99", &usr(crate::lab::EVE)] {
        let said = only(&lab.sub(ann, topic), "ctrl");
        assert_eq!((&said["code"], &said["text"]), (&json!(404), &json!("user not found")));
        assert_eq!(lab.code(ann, json!({"pub": {"id": "1", "topic": topic}})), 409);
    }
    assert_eq!(topics(&lab), 0);
}

#[test]
fn rule_066_a_peer_who_never_subscribed_hears_of_the_message() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.clear();
    lab.publish(ann, &usr(BOB), "secret words");
    let told = lab.frames(bob);
    let notice = json!({"pres": {"topic": "me", "src": usr(ANN), "what": "msg", "seq": 1}});
    assert!(told.len() == 1 && told[0]["pres"]["seq"] == 1, "{told:?}");
    assert_eq!(
        (&told[0]["pres"]["what"], &told[0]["pres"]["src"]),
        (&notice["pres"]["what"], &json!(usr(ANN)))
    );
    let frames =
        lab.ask(bob, json!({"sub": {"id": "1", "topic": usr(ANN), "get": {"what": "data"}}}));
    assert_eq!(only(&frames, "data")["content"], "secret words");
}

/// Both open the conversation before either is stored.
#[test]
fn rule_068_077_two_who_open_at_once_share_one_topic() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    for stored in [false, true] {
        lab.mode = Store::Waits;
        lab.clear();
        lab.send(ann, json!({"sub": {"id": "1", "topic": usr(BOB)}}).to_string());
        lab.send(bob, json!({"sub": {"id": "2", "topic": usr(ANN)}}).to_string());
        assert!(lab.frames(ann).is_empty() && lab.frames(bob).is_empty());
        if !stored {
            lab.fail_commit();
            for conn in [ann, bob] {
                assert_eq!(only(&lab.frames(conn), "ctrl")["code"], 500);
            }
            assert_eq!(topics(&lab), 0);
            continue;
        }
        lab.finish_commit();
        lab.finish_commit();
        for (conn, id) in [(ann, "1"), (bob, "2")] {
            let frames = lab.frames(conn);
            let said = only(&frames, "ctrl");
            assert_eq!((&said["code"], &said["id"]), (&json!(200), &json!(id)));
        }
    }
    lab.mode = Store::Works;
    assert_eq!(topics(&lab), 1);
    assert_eq!(lab.publish(ann, &usr(BOB), "one"), 1);
    assert_eq!(lab.publish(bob, &usr(ANN), "two"), 2);
    let seqs = |frames: Vec<Value>| -> Vec<_> {
        of(&frames, "data").iter().map(|it| it["seq"].clone()).collect()
    };
    assert_eq!(seqs(lab.frames(ann)), [json!(2)]);
    let frames = lab.ask(bob, json!({"get": {"id": "3", "topic": usr(ANN), "what": "sub"}}));
    assert_eq!(of(&frames, "meta")[0]["sub"].as_array().unwrap().len(), 2);
}

#[test]
fn rule_077_a_group_under_way_can_be_joined() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann]);
    lab.restart();
    let ann = lab.session("101");
    let bob_again = lab.session("102");
    lab.mode = Store::Waits;
    // A change that is not stored yet, and others who come meanwhile.
    lab.send(ann, json!({"sub": {"id": "1", "topic": group}}).to_string());
    lab.send(ann, json!({"set": {"id": "2", "topic": group, "desc": {"public": 1}}}).to_string());
    lab.send(bob_again, json!({"sub": {"id": "3", "topic": group}}).to_string());
    while lab.commit.is_some() {
        lab.finish_commit();
    }
    assert_eq!(only(&lab.frames(bob_again), "ctrl")["code"], 202);
    assert!(lab.frames(bob).is_empty());
}

#[test]
fn rule_072_who_is_not_given_j_stays_out() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let closed = json!({"sub": {"id": "1", "topic": "new",
        "set": {"desc": {"defacs": {"auth": "RWP"}}}}});
    let frames = lab.ask(ann, closed);
    let group = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 403);
    assert_eq!(lab.code(bob, json!({"pub": {"id": "1", "topic": group}})), 409);
    // Invited, Bob comes in.
    let invite = json!({"set": {"id": "2", "topic": group, "sub": {"user": usr(BOB)}}});
    assert_eq!(lab.code(ann, invite), 200);
    lab.clear();
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 200);
}

#[test]
fn rule_076_080_who_comes_back_has_the_access_of_before() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    assert_eq!(lab.code(ann, acs(&group, BOB, "JRP")), 200);
    let remove = json!({"del": {"id": "1", "topic": group, "what": "sub", "user": usr(BOB)}});
    assert_eq!(lab.code(ann, remove), 200);
    assert_eq!(lab.code(cat, json!({"leave": {"id": "2", "topic": group, "unsub": true}})), 200);
    lab.clear();
    let frames = lab.sub(bob, &group);
    assert_eq!(ctrl(&frames)["code"], 202);
    assert_eq!(ctrl(&frames)["params"]["acs"]["given"], "JRP");
    let frames = lab.sub(cat, &group);
    assert_eq!(ctrl(&frames)["params"]["acs"]["given"], "JRWPS");
}

#[test]
fn rule_081_082_leaving_what_one_is_not_on() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob]);
    let leave = |unsub: bool| json!({"leave": {"id": "1", "topic": group, "unsub": unsub}});
    for conn in [cat, bob] {
        if conn == bob {
            assert_eq!(lab.code(bob, leave(false)), 200);
        }
        let said = only(&lab.ask(conn, leave(false)), "ctrl");
        assert_eq!((&said["code"], &said["text"]), (&json!(304), &json!("not joined")));
        let said = only(&lab.ask(conn, leave(true)), "ctrl");
        assert_eq!((&said["code"], &said["text"]), (&json!(409), &json!("must attach first")));
    }
    // The subscription is still there.
    lab.clear();
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 200);
}

#[test]
fn rule_070_071_a_refused_wish_attaches_nobody() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann]);
    for set in [json!({"sub": {"mode": "JXZ"}}), json!({"sub": {"user": usr(CAT)}})] {
        let frame = json!({"sub": {"id": "1", "topic": group, "set": set}});
        assert_eq!(lab.code(bob, frame), 400);
        assert_eq!(lab.code(bob, json!({"leave": {"id": "2", "topic": group}})), 304);
    }
}
