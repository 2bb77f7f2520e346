//! Rules 199 to 213: receipts and typing.

use serde_json::{Value, json};

use crate::lab::{ANN, BOB, Lab, only, usr};

fn note(topic: &str, what: &str, seq: u64) -> Value {
    json!({"note": {"topic": topic, "what": what, "seq": seq}})
}

#[test]
fn rule_199_to_203_212_receipts() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    lab.sub(ann, &usr(BOB));
    lab.sub(bob, &usr(ANN));
    let second = lab.session("102");
    lab.sub(second, &usr(ANN));
    for n in 0..3 {
        lab.publish(ann, &usr(BOB), &n.to_string());
    }
    lab.clear();
    assert!(lab.ask(bob, note(&usr(ANN), "recv", 2)).is_empty());
    let info = json!({"info": {"topic": usr(BOB), "from": usr(BOB), "what": "recv", "seq": 2}});
    assert_eq!(lab.frames(ann), [info]);
    // The user's other session on the topic hears it too, under its own name for the topic.
    let info = json!({"info": {"topic": usr(ANN), "from": usr(BOB), "what": "recv", "seq": 2}});
    assert_eq!(lab.frames(second), [info]);
    for (what, seq) in
        [("recv", 2), ("recv", 1), ("recv", 4), ("read", 0), ("read", 9), ("wave", 1)]
    {
        lab.clear();
        assert!(lab.ask(bob, note(&usr(ANN), what, seq)).is_empty());
        assert!(lab.frames(ann).is_empty(), "{what} {seq}");
    }
    assert!(lab.ask(bob, note(&usr(ANN), "read", 3)).is_empty());
    assert_eq!(only(&lab.frames(ann), "info")["what"], "read");
    lab.clear();
    let frames = lab.ask(ann, json!({"get": {"id": "1", "topic": usr(BOB), "what": "sub"}}));
    let rows = only(&frames, "meta")["sub"].clone();
    assert_eq!((&rows[0]["read"], &rows[0]["recv"]), (&json!(3), &json!(3)));
}

#[test]
fn rule_204_205_207_typing() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    let second = lab.session("102");
    lab.sub(second, &group);
    lab.clear();
    assert!(lab.ask(bob, json!({"note": {"topic": group, "what": "kp"}})).is_empty());
    let info = json!({"info": {"topic": group, "from": usr(BOB), "what": "kp"}});
    assert_eq!(lab.frames(ann), [info]);
    assert!(lab.frames(second).is_empty());
    lab.clear();
    lab.ask(bob, note(&group, "kp", 1));
    assert!(lab.frames(ann).is_empty());
    lab.ask(bob, json!({"note": {"topic": group, "what": "kpa"}}));
    assert_eq!(lab.frames(second).len(), 1);
    lab.clear();
    for what in ["kpa", "kpv"] {
        lab.ask(bob, json!({"note": {"topic": group, "what": what}}));
        assert_eq!(only(&lab.frames(ann), "info")["what"], what);
    }
    lab.ask(
        ann,
        json!({"set": {"id": "1", "topic": group, "sub": {"user": usr(BOB), "mode": "JRP"}}}),
    );
    lab.clear();
    lab.ask(bob, json!({"note": {"topic": group, "what": "kp"}}));
    assert!(lab.frames(ann).is_empty());
    let data = json!({"note": {"topic": group, "what": "data", "payload": {"a": 1}}});
    lab.ask(ann, data);
    assert_eq!(only(&lab.frames(bob), "info")["payload"], json!({"a": 1}));
    lab.ask(ann, json!({"note": {"topic": group, "what": "data"}}));
    assert!(lab.frames(bob).is_empty());
}

#[test]
fn rule_208_to_211_from_afar() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("102");
    lab.sub(second, "me");
    lab.sub(ann, &usr(BOB));
    lab.publish(ann, &usr(BOB), "one");
    lab.publish(ann, &usr(BOB), "two");
    lab.sub(bob, &usr(ANN));
    lab.ask(ann, json!({"leave": {"id": "1", "topic": usr(BOB)}}));
    lab.clear();
    lab.ask(bob, note(&usr(ANN), "read", 1));
    let info = json!({"info": {"topic": "me", "src": usr(BOB), "from": usr(BOB), "what": "read", "seq": 1}});
    assert_eq!(lab.frames(ann), [info]);
    let pres = json!({"pres": {"topic": "me", "src": usr(ANN), "what": "read", "seq": 1}});
    assert_eq!(lab.frames(second), [pres]);
    // Not attached: a receipt counts while somebody is, the rest is refused without an id.
    lab.ask(second, note(&usr(ANN), "recv", 2));
    assert_eq!(only(&lab.frames(bob), "info")["seq"], 2);
    let refused = only(&lab.ask(second, note(&usr(ANN), "read", 2)), "ctrl");
    assert_eq!((&refused["code"], &refused["topic"]), (&json!(409), &json!(usr(ANN))));
    assert!(refused.get("id").is_none());
}
