//! Rules 8 to 14, 253: whatever comes, the session answers and lives.

use proptest::prelude::*;
use serde_json::json;

use crate::lab::{ANN, Lab, ctrl, usr};

#[test]
fn rule_008_009_010_012_no_frame_is_400() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    lab.clear();
    for (text, id) in [
        ("", None),
        ("not json", None),
        ("{}", None),
        ("{\"sub\":null}", None),
        ("{\"wave\":{\"id\":\"1\"}}", None),
        ("[]", None),
        ("5", None),
        ("\"x\"", None),
        ("{\"sub\":{\"id\":\"1\",\"topic\":\"me\"}} trailing", None),
        ("{\"sub\":{\"id\":\"7\",\"topic\":5}}", Some("7")),
        (
            "{\"get\":{\"id\":\"8\",\"topic\":\"me\",\"what\":\"sub\",\"sub\":{\"limit\":\"5\"}}}",
            Some("8"),
        ),
        ("{\"note\":{\"topic\":\"me\",\"seq\":-1}}", None),
        ("{\"pub\":[]}", None),
    ] {
        lab.send(ann, text);
        let frames = lab.frames(ann);
        assert_eq!(frames.len(), 1, "{text}");
        assert_eq!(frames[0]["ctrl"]["code"], 400, "{text}");
        assert_eq!(frames[0]["ctrl"]["text"], "malformed");
        assert_eq!(frames[0]["ctrl"].get("id").and_then(|it| it.as_str()), id, "{text}");
        assert!(frames[0]["ctrl"].get("topic").is_none());
    }
    assert_eq!(ctrl(&lab.sub(ann, "me"))["code"], 200);
}

#[test]
fn rule_011_013_014_tolerated() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    lab.clear();
    let id = "ключ \"\\\u{1f600}";
    let frames =
        lab.ask(ann, json!({"sub": {"id": id, "topic": "me", "extra": [1], "x": {}}, "y": 1}));
    assert_eq!(ctrl(&frames)["id"], id);
    lab.clear();
    let frames = lab.ask(ann, json!({"note": {"topic": "me"}, "pub": {"id": "1", "topic": "me"}}));
    assert_eq!(ctrl(&frames)["code"], 403);
}

#[test]
fn rule_253_bombs() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for open in ["[", "{\"a\":", "[[{\"b\":["] {
        let bomb = open.repeat((100 << 10) / open.len());
        lab.send(ann, bomb.clone());
        assert_eq!(ctrl(&lab.frames(ann))["code"], 400);
        lab.send(ann, format!("{{\"pub\":{{\"id\":\"1\",\"topic\":\"{group}\",\"content\":{bomb}"));
        assert_eq!(ctrl(&lab.frames(ann))["code"], 400);
    }
    let wide: Vec<_> = (0..9000).map(|n| format!("\"{n}\":1")).collect();
    let wide = wide.join(",");
    for _ in 0..2 {
        let set = format!(
            "{{\"set\":{{\"id\":\"1\",\"topic\":\"{group}\",\"desc\":{{\"public\":{{{wide}}}}}}}}}"
        );
        lab.send(ann, set);
        assert!(ctrl(&lab.frames(ann))["code"].as_u64().unwrap() < 400);
    }
    let ranges: Vec<_> = (1..2000).map(|low| json!({"low": low, "hi": u64::MAX})).collect();
    let get =
        json!({"get": {"id": "1", "topic": group, "what": "data", "data": {"ranges": ranges}}});
    assert_eq!(lab.code(ann, get), 400);
    let del =
        json!({"del": {"id": "1", "topic": group, "delseq": [{"low": u64::MAX, "hi": u64::MAX}]}});
    assert_eq!(lab.code(ann, del), 400);
    lab.publish(ann, &group, "alive");
}

#[test]
fn what_a_profile_grows_to_is_bounded() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let mut last = 200;
    for n in 0..40 {
        let large = "x".repeat(100_000);
        let set =
            json!({"set": {"id": "1", "topic": group, "desc": {"public": {n.to_string(): large}}}});
        last = lab.code(ann, set);
    }
    assert_eq!(last, 422);
}

/// Frames put together from parts that mean something.
fn any_frame() -> impl Strategy<Value = String> {
    let verb = prop::sample::select(vec![
        "sub", "pub", "leave", "get", "set", "del", "note", "hi", "login", "acc",
    ]);
    let topic = prop::sample::select(vec![
        json!("me"),
        json!("new"),
        json!("grpAAAAAAAAAAA"),
        json!(usr(ANN)),
        json!(usr(crate::lab::BOB)),
        json!(""),
        json!(7),
        json!(null),
        json!("usr18446744073709551616"),
        json!("grp\u{e9}\u{e9}"),
    ]);
    let member = prop::sample::select(vec![
        json!({"what": "desc sub data del tags cred aux"}),
        json!({"what": "msg", "delseq": [{"low": 0, "hi": u64::MAX}]}),
        json!({"what": "read", "seq": u64::MAX}),
        json!({"what": "topic"}),
        json!({"what": "sub", "user": usr(ANN)}),
        json!({"unsub": true}),
        json!({"sub": {"mode": "N"}, "desc": {"public": {"\u{2421}": "\u{2421}"}}}),
        json!({"sub": {"user": usr(crate::lab::BOB), "mode": "JRWPASDO"}}),
        json!({"set": {"desc": {"defacs": {"auth": "N"}}}, "get": {"what": "data"}}),
        json!({"data": {"since": u64::MAX, "before": 1, "limit": u64::MAX}}),
        json!({"head": {"sender": 1}, "content": [[[]]]}),
        json!({"scheme": "token", "secret": "AAAA"}),
    ]);
    (verb, topic, prop::collection::vec(member, 0..3), any::<bool>()).prop_map(
        |(verb, topic, members, id)| {
            let mut body = json!({"topic": topic});
            for member in members {
                for (name, value) in member.as_object().unwrap() {
                    body[name] = value.clone();
                }
            }
            if id {
                body["id"] = json!("i");
            }
            json!({verb: body}).to_string()
        },
    )
}

proptest! {
    #![proptest_config(crate::lab::cases(64))]

    #[test]
    fn any_frames_leave_the_hub_alive(frames in prop::collection::vec((0..2usize, any_frame()), 1..40)) {
        let mut lab = Lab::new();
        let conns = [lab.session("101"), lab.session("102")];
        for (who, frame) in frames {
            lab.send(conns[who], frame);
            lab.wait(10);
        }
        lab.clear();
        let fresh = lab.session("103");
        let frames = lab.sub(fresh, "me");
        prop_assert_eq!(&ctrl(&frames)["code"], &json!(200));
    }

    #[test]
    fn any_text_is_answered(text in ".{0,60}") {
        prop_assume!(text != "1");
        let mut lab = Lab::new();
        let conn = lab.session("101");
        lab.clear();
        lab.send(conn, text.as_str());
        let frames = lab.frames(conn);
        prop_assert_eq!(&ctrl(&frames)["code"], &json!(400));
    }
}
