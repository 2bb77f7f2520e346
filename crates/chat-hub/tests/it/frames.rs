//! Rules 2, 14 to 17, 228, 229: the form of frames in both directions.

use chat_proto::codec::{Client, Codec, Limits};
use chat_proto::im::{Down, Im, Stamp};
use serde_json::{Value, json};

use crate::lab::{BOB, CAT, Lab, ctrl, of, only, usr};

/// Every word of presence there is; what else the server tells itself must not travel.
const PRES: [&str; 13] =
    ["on", "off", "ua", "upd", "tags", "aux", "acs", "gone", "term", "msg", "read", "recv", "del"];

#[test]
fn rule_002_a_frame_is_one_request() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let publish = json!({"pub": {"id": "1", "topic": group, "noecho": true, "content": 1}});
    assert_eq!(lab.ask(ann, publish.clone()).len(), 1);
    // Two of them in one frame are none.
    lab.send(ann, format!("{publish}{publish}"));
    assert_eq!(only(&lab.frames(ann), "ctrl")["code"], 400);
    lab.send(ann, format!("[{publish},{publish}]"));
    assert_eq!(only(&lab.frames(ann), "ctrl")["code"], 400);
    let desc = json!({"get": {"id": "2", "topic": group, "what": "desc"}});
    assert_eq!(only(&lab.ask(ann, desc), "meta")["desc"]["seq"], 1);
}

#[test]
fn rule_014_the_first_verb_in_the_order_counts() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let verbs = ["pub", "sub", "leave", "hi", "login", "get", "set", "del", "acc", "note"];
    let body = |verb: &str| match verb {
        "get" => json!({"id": verb, "topic": "me", "what": "desc"}),
        "note" => json!({"topic": "me", "what": "kp"}),
        "hi" => json!({"id": verb, "ver": "0.25"}),
        "login" => json!({"id": verb, "scheme": "token", "secret": "AAAA"}),
        _ => json!({"id": verb, "topic": "me"}),
    };
    for (index, first) in verbs.iter().enumerate() {
        // The order of the members does not matter.
        let members: Vec<_> =
            verbs[index..].iter().rev().map(|verb| format!("\"{verb}\":{}", body(verb))).collect();
        lab.send(ann, format!("{{{}}}", members.join(",")));
        let frames = lab.frames(ann);
        if *first == "note" {
            assert!(frames.is_empty(), "{frames:?}");
            continue;
        }
        assert_eq!(frames.len(), 1, "{first}: {frames:?}");
        let said = frames[0].as_object().unwrap().values().next().unwrap();
        assert_eq!(said["id"], *first);
        // A verb that is null is not there.
        if let Some(next) = verbs.get(index + 1).filter(|verb| **verb != "note") {
            lab.send(ann, format!("{{\"{first}\":null,\"{next}\":{}}}", body(next)));
            let frames = lab.frames(ann);
            let said = frames[0].as_object().unwrap().values().next().unwrap();
            assert_eq!(said["id"], *next);
        }
    }
}

/// Everything three users get to see while they use what there is.
fn conversation(lab: &mut Lab) -> Vec<String> {
    let [ann, bob, cat] = lab.three();
    let second = lab.session("102");
    lab.sub(second, "me");
    let mut texts = Vec::new();
    let group = lab.group(&[ann, bob]);
    let acs = |user, mode: &str| json!({"set": {"id": "a", "topic": group, "sub": {"user": usr(user), "mode": mode}}});
    let all = "desc sub data del tags cred aux";
    for (conn, frame) in [
        (ann, json!({"sub": {"id": "1", "topic": usr(BOB)}})),
        (ann, json!({"pub": {"id": "2", "topic": usr(BOB), "content": {"a": 1}}})),
        (cat, json!({"sub": {"id": "3", "topic": group, "get": {"what": all}}})),
        (ann, json!({"pub": {"id": "4", "topic": group, "head": {"mime": "x/y"}}})),
        (bob, json!({"note": {"topic": group, "what": "read", "seq": 1}})),
        (bob, json!({"note": {"topic": group, "what": "kp"}})),
        (ann, json!({"set": {"id": "5", "topic": "me", "desc": {"public": {"fn": "A"}}}})),
        (ann, json!({"set": {"id": "6", "topic": group, "desc": {"public": 1}, "tags": ["tag"]}})),
        (ann, json!({"set": {"id": "7", "topic": group, "aux": {"pin": 1}}})),
        (ann, acs(BOB, "JRW")),
        (bob, json!({"get": {"id": "b", "topic": group, "what": "sub"}})),
        (ann, acs(BOB, "JRWPS")),
        (ann, json!({"del": {"id": "8", "topic": group, "hard": true, "delseq": [{"low": 1}]}})),
        (ann, acs(CAT, "N")),
        (ann, json!({"del": {"id": "9", "topic": group, "what": "sub", "user": usr(BOB)}})),
        (ann, json!({"get": {"id": "10", "topic": "me", "what": all}})),
        (ann, json!({"get": {"id": "11", "topic": group, "what": all}})),
        (bob, json!({"leave": {"id": "12", "topic": "me"}})),
        (ann, acs(BOB, "JRWPASDO")),
        (ann, json!({"del": {"id": "13", "topic": group, "what": "topic"}})),
    ] {
        lab.wait(1_076);
        lab.send(conn, frame.to_string());
        for conn in [ann, bob, cat, second] {
            texts.extend(lab.texts(conn));
        }
    }
    lab.wait(4_000);
    texts.extend(lab.texts(ann));
    texts
}

/// The texts of all time stamps in a frame.
fn stamps(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let names = ["ts", "created", "updated", "touched", "deleted", "when"];
                match value {
                    Value::String(text) if names.contains(&name.as_str()) => {
                        found.push(text.clone());
                    }
                    other => stamps(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| stamps(value, found)),
        _ => {}
    }
}

#[test]
fn rule_015_016_time_stamps() {
    let texts = conversation(&mut Lab::new());
    let mut found = Vec::new();
    for text in &texts {
        stamps(&serde_json::from_str(text).unwrap(), &mut found);
    }
    assert!(found.len() > 50);
    let mut lengths = std::collections::BTreeSet::new();
    for text in &found {
        let (date, time) = text.split_once('T').unwrap();
        let time = time.strip_suffix('Z').unwrap_or_else(|| panic!("not UTC: {text}"));
        let (seconds, digits) = time.split_once('.').unwrap_or((time, ""));
        assert_eq!((date.len(), seconds.len()), (10, 8), "{text}");
        assert!(digits.len() <= 6 && !digits.ends_with('0'), "{text}");
        assert!(Stamp::from(text.as_str()).unix_micros().is_some(), "{text}");
        lengths.insert(digits.len());
    }
    assert!(lengths.len() > 1, "zeros at the end are left out: {lengths:?}");
    let fraction = "123456789";
    for digits in 0..=9 {
        let dot = if digits == 0 { "" } else { "." };
        let text = format!("2024-10-24T01:06:38{dot}{}Z", &fraction[..digits]);
        let micros = format!("{:0<6}", &fraction[..digits.min(6)]).parse::<i64>().unwrap();
        let read = Stamp::from(text.as_str()).unix_micros();
        assert_eq!(read, Some(1_729_731_998_000_000 + micros), "{text}");
    }
}

/// Nothing that equals its default is written, but for what is always there and what is not ours.
fn no_defaults(value: &Value, text: &str) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "params" | "content" | "head" | "public" | "private" | "aux") {
            continue;
        }
        let empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Bool(true) => false,
            Value::Number(number) => number.as_u64() == Some(0),
            Value::String(text) => text.is_empty(),
            Value::Array(values) => {
                values.iter().for_each(|value| no_defaults(value, text));
                values.is_empty()
            }
            Value::Object(members) => {
                no_defaults(value, text);
                members.is_empty() && name != "acs"
            }
        };
        assert!(!empty, "{name} in {text}");
    }
}

#[test]
fn rule_017_what_is_empty_is_left_out_and_read_as_such() {
    let texts = conversation(&mut Lab::new());
    let codec = Codec::<Im, Client>::new(Limits::default());
    let mut empty_acs = 0;
    for text in &texts {
        let Ok(frame) = codec.decode(text.as_str()) else { panic!("{text}") };
        if let Down::Meta(meta) = &frame {
            let rows = meta.sub.iter().flatten();
            empty_acs +=
                rows.filter(|row| row.acs.as_ref().is_some_and(|acs| acs.mode.is_empty())).count();
        }
        no_defaults(&serde_json::from_str(text).unwrap(), text);
    }
    assert!(texts.iter().any(|text| text.contains("\"content\":null")));
    assert!(empty_acs > 0, "nobody saw a row without access");
}

#[test]
fn rule_228_229_presence_has_no_id_no_time_and_known_words() {
    let texts = conversation(&mut Lab::new());
    let mut words = std::collections::BTreeSet::new();
    for text in &texts {
        let frame: Value = serde_json::from_str(text).unwrap();
        let Some(pres) = frame.get("pres") else { continue };
        assert!(pres.get("id").is_none() && pres.get("ts").is_none(), "{text}");
        let what = pres["what"].as_str().unwrap();
        assert!(PRES.contains(&what), "{text}");
        words.insert(what.to_owned());
        // A change of access is letters with signs, and never a command.
        for side in ["want", "given"] {
            let letters = pres["dacs"][side].as_str().unwrap_or_default();
            assert!(letters.chars().all(|it| "+-NJRWPASDO".contains(it)), "{text}");
        }
    }
    for word in ["on", "off", "upd", "acs", "gone", "msg", "read", "del", "aux"] {
        assert!(words.contains(word), "{word} did not occur");
    }
    // A client takes a word it does not know for one it does not know.
    let newer = r#"{"pres":{"topic":"me","src":"usr7","what":"blink"}}"#;
    let frame = Codec::<Im, Client>::new(Limits::default()).decode(newer).unwrap();
    assert!(matches!(frame, Down::Pres(pres) if pres.what == "blink"));
}

#[test]
fn rule_012_numbers_of_the_wrong_type() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for (frame, id) in [
        (json!({"note": {"topic": group, "what": "read", "seq": "1"}}), None),
        (
            json!({"get": {"id": "7", "topic": group, "what": "data", "data": {"limit": "5"}}}),
            Some("7"),
        ),
        (
            json!({"get": {"id": "8", "topic": group, "what": "data", "data": {"since": 1.5}}}),
            Some("8"),
        ),
        (json!({"leave": {"id": "9", "topic": group, "unsub": "yes"}}), Some("9")),
        (json!({"login": {"id": "10", "scheme": "token", "secret": 5}}), Some("10")),
    ] {
        let said = only(&lab.ask(ann, frame.clone()), "ctrl");
        assert_eq!(said["code"], 400, "{frame}");
        assert_eq!(said.get("id").and_then(Value::as_str), id, "{frame}");
    }
    assert_eq!(ctrl(&lab.ask(ann, json!({"leave": {"id": "1", "topic": group}})))["code"], 200);
    assert!(of(&lab.frames(ann), "data").is_empty());
}
