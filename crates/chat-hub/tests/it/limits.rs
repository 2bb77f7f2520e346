//! Each limit: what is just within it, and one more.

use std::time::Duration;

use chat_hub::world::{Extension, Tenant, World};
use chat_hub::{HubConfig, Record, Transfer, UploadError, Uploaded};
use chat_proto::machine::{CloseFrame, ConnId, Message};
use chat_proto::server::{Rate, ServerConfig};
use chat_sign::Secret;
use http::Request;
use serde_json::{Value, json};

use crate::lab::{BOB, DOMAIN, Lab, ctrl, of, only, usr};

fn publish(id: &str, topic: &str, content: &str) -> Value {
    json!({"pub": {"id": id, "topic": topic, "noecho": true, "content": content}})
}

fn page(topic: &str, limit: u64) -> Value {
    json!({"get": {"id": "g", "topic": topic, "what": "data", "data": {"limit": limit}}})
}

fn count(frames: &[Value]) -> usize {
    of(frames, "data").len()
}

fn closed(lab: &mut Lab, conn: ConnId) -> Option<u16> {
    match lab.messages(conn).last() {
        Some(Message::Close(Some(CloseFrame { code, .. }))) => Some(*code),
        _ => None,
    }
}

#[test]
fn the_defaults_are_those_of_the_services() {
    let config = HubConfig::default();
    assert_eq!(config.session.limits.max_bytes, 128 << 10);
    assert_eq!(config.max_file_bytes, 100 << 20);
    assert_eq!(config.max_members, 1000);
    assert_eq!((config.default_page, config.max_page), (100, 1000));
    assert_eq!(config.session.max_queued, 128);
    assert_eq!(config.file_quota, 1 << 30);
    assert_eq!((config.session.rate, config.tenant_file_quota), (None, None));
    assert_eq!((config.max_tags, config.max_rows), (16, 1024));
}

#[test]
fn rule_007_a_frame_of_128_kib_and_one_byte_more() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let empty = publish("1", &group, "").to_string().len();
    let frame = publish("1", &group, &"x".repeat((128 << 10) - empty));
    assert_eq!(frame.to_string().len(), 128 << 10);
    assert_eq!(lab.code(ann, frame), 202);
    lab.clear();
    lab.send(ann, publish("2", &group, &"x".repeat((128 << 10) - empty + 1)).to_string());
    assert_eq!(closed(&mut lab, ann), Some(1009));
}

#[test]
fn rule_236_a_file_of_100_mib_and_one_byte_more() {
    const MOST: u64 = 100 << 20;
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    let begin = |lab: &mut Lab, length: Option<u64>| {
        let mut head = Request::post("/im/file")
            .header("authorization", format!("token {token}"))
            .header("content-type", "multipart/form-data; boundary=b");
        if let Some(length) = length {
            head = head.header("content-length", length);
        }
        lab.hub.begin_transfer(&head.body(()).unwrap(), lab.now)
    };
    // A form may be a little longer than its file.
    for (length, fits) in
        [(None, true), (Some(MOST + (64 << 10)), true), (Some(MOST + (64 << 10) + 1), false)]
    {
        match begin(&mut lab, length) {
            Transfer::Receive { max_bytes, .. } => assert!(fits && max_bytes == MOST),
            Transfer::Answer(response) => assert!(!fits && response.status() == 413),
            other => panic!("{other:?}"),
        }
    }
    for (result, status) in [
        (Ok(Uploaded { size: MOST, ..Uploaded::default() }), 200),
        (Err(UploadError::TooLarge), 413),
    ] {
        let Transfer::Receive { key, .. } = begin(&mut lab, None) else { panic!() };
        let id = lab.next_id();
        lab.hub.finish_upload(id, &key, result, lab.now);
        lab.pump();
        assert_eq!(lab.answers.remove(&id.get()).unwrap().status(), status);
    }
}

#[test]
fn rule_247_a_quota_is_used_up_to_the_last_byte() {
    let config =
        HubConfig { file_quota: 100, tenant_file_quota: Some(150), ..HubConfig::default() };
    let mut lab = Lab::with(config);
    let tokens = ["101", "102", "103"].map(|number| lab.session_at(number, DOMAIN).1);
    let (_, elsewhere) = lab.session_at("101", "[2001:db8::1]");
    let upload = |lab: &mut Lab, token: &str, size: u64| {
        let head = Request::post("/im/file")
            .header("authorization", format!("token {token}"))
            .header("content-type", "multipart/form-data; boundary=b")
            .body(())
            .unwrap();
        match lab.hub.begin_transfer(&head, lab.now) {
            Transfer::Receive { key, max_bytes, .. } => {
                // The front stops at what it was told.
                let file = Uploaded { size, ..Uploaded::default() };
                let result = if size > max_bytes { Err(UploadError::TooLarge) } else { Ok(file) };
                let id = lab.next_id();
                lab.hub.finish_upload(id, &key, result, lab.now);
                lab.pump();
                lab.answers.remove(&id.get()).unwrap().status().as_u16()
            }
            Transfer::Answer(response) => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    };
    let [ann, bob, cat] = &tokens;
    for (token, size, status) in [
        (ann, 60, 200),
        (ann, 41, 422),
        (ann, 40, 200),
        (ann, 1, 422),
        // Bob has 100 of his own, and the tenant 50 left.
        (bob, 51, 422),
        (bob, 50, 200),
        (cat, 1, 422),
        (&elsewhere, 100, 200),
        (&elsewhere, 1, 422),
    ] {
        assert_eq!(upload(&mut lab, token, size), status, "{size}");
    }
    // What is there counts after a restart as well, and nothing was lost.
    let files = |lab: &Lab| {
        lab.hub.snapshot().iter().filter(|row| matches!(row, Record::File { .. })).count()
    };
    assert_eq!(files(&lab), 4);
    lab.restart();
    assert_eq!(files(&lab), 4);
}

/// One tenant with so many extensions, numbered from 1.
fn crowd(size: u64) -> World {
    let extensions = (1..=size).map(|user_id| Extension {
        number: user_id.to_string(),
        password: Secret::new(format!("demo-{user_id}")),
        user_id,
        name: String::new(),
        suspended: false,
    });
    let domain = DOMAIN.to_owned();
    let tenant = Tenant { domain, extensions: extensions.collect(), channels: Vec::new() };
    World { tenants: vec![tenant], ..World::default() }
}

#[test]
fn rule_069_a_thousand_members_and_one_more() {
    let mut lab = Lab::of_world(HubConfig::default(), &crowd(1001));
    let owner = lab.session("1");
    let group = lab.group(&[owner]);
    for number in 2..=1000 {
        let conn = lab.session(&number.to_string());
        assert_eq!(ctrl(&lab.sub(conn, &group))["code"], 202, "{number}");
        lab.lose(conn);
        lab.clear();
    }
    let last = lab.session("1001");
    assert_eq!(ctrl(&lab.sub(last, &group))["code"], 422);
    let invite = json!({"set": {"id": "1", "topic": group, "sub": {"user": "usr1001"}}});
    assert_eq!(lab.code(owner, invite), 422);
    let frames = lab.ask(owner, json!({"get": {"id": "2", "topic": group, "what": "desc"}}));
    assert_eq!(only(&frames, "meta")["desc"]["subcnt"], 1000);
}

#[test]
fn rule_112_117_118_pages_of_1000_and_of_100() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 0..1001 {
        lab.ask(ann, publish(&n.to_string(), &group, ""));
    }
    for (limit, expected) in [(999, 999), (1000, 1000), (1001, 1000), (u64::MAX, 1000), (0, 100)] {
        let frames = lab.ask(ann, page(&group, limit));
        assert_eq!(count(&frames), expected, "{limit}");
        assert_eq!(ctrl(&frames)["params"]["count"], expected);
    }
}

#[test]
fn rule_248_128_frames_wait_and_one_more_closes() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann, bob]);
    lab.stuck.push(bob);
    for n in 0..128 {
        lab.ask(ann, publish(&n.to_string(), &group, ""));
    }
    assert!(lab.dropped.is_empty());
    lab.stuck.clear();
    let mut read = 0;
    while let Some(message) = lab.hub.poll_transmit(bob) {
        assert!(matches!(message, Message::Text(_)));
        read += 1;
    }
    assert_eq!(read, 128);
    lab.stuck.push(bob);
    for n in 0..129 {
        lab.ask(ann, publish(&format!("again {n}"), &group, ""));
    }
    let Some(Message::Close(Some(frame))) = lab.hub.poll_transmit(bob) else {
        panic!("it was not closed")
    };
    assert_eq!(frame.code, 1013);
}

#[test]
fn a_rate_is_kept_to_the_frame() {
    let rate = Some(Rate { burst: 20, per: Duration::from_millis(100) });
    let session = ServerConfig { rate, ..ServerConfig::default() };
    let mut lab = Lab::with(HubConfig { session, ..HubConfig::default() });
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    lab.wait(10_000);
    for n in 0..20 {
        assert_eq!(lab.code(ann, publish(&n.to_string(), &group, "")), 202, "{n}");
    }
    assert_eq!(lab.code(ann, publish("more", &group, "")), 503);
    lab.wait(99);
    assert_eq!(lab.code(ann, publish("more", &group, "")), 503);
    lab.wait(1);
    assert_eq!(lab.code(ann, publish("more", &group, "")), 202);
    assert_eq!(lab.code(ann, publish("again", &group, "")), 503);
}

#[test]
fn a_topic_keeps_so_many_bytes_and_the_newest_message_always() {
    // Each message counts with 128 bytes beside its text, id and content in quotes.
    let size = |content: &str, id: &str| 128 + content.len() + 2 + id.len();
    let room = 3 * size("xxxxxxxxxx", "1");
    let mut lab = Lab::with(HubConfig { max_topic_bytes: room, ..HubConfig::default() });
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    let kept = |lab: &mut Lab| -> Vec<u64> {
        let frames = lab.ask(ann, page(&group, 100));
        of(&frames, "data").iter().map(|it| it["seq"].as_u64().unwrap()).collect()
    };
    for id in ["1", "2", "3"] {
        lab.ask(ann, publish(id, &group, "xxxxxxxxxx"));
    }
    assert_eq!(kept(&mut lab), [3, 2, 1]);
    lab.ask(ann, publish("4", &group, "xxxxxxxxxx"));
    assert_eq!(kept(&mut lab), [4, 3, 2]);
    // One byte more than fits beside two of the others.
    lab.ask(ann, publish("5", &group, "xxxxxxxxxxx"));
    assert_eq!(kept(&mut lab), [5, 4]);
    lab.ask(ann, publish("6", &group, &"x".repeat(1000)));
    assert_eq!(kept(&mut lab), [6]);
    // What is deleted for all makes room.
    let hard = json!({"del": {"id": "d", "topic": group, "hard": true, "delseq": [{"low": 6}]}});
    assert_eq!(lab.code(ann, hard), 200);
    for id in ["7", "8", "9"] {
        lab.ask(ann, publish(id, &group, "xxxxxxxxxx"));
    }
    assert_eq!(kept(&mut lab), [9, 8, 7]);
}

#[test]
fn all_topics_together_keep_so_many_bytes() {
    let mut lab = Lab::with(HubConfig { max_history_bytes: 1000, ..HubConfig::default() });
    let [ann, bob, _] = lab.three();
    let (one, two) = (lab.group(&[ann]), lab.group(&[bob]));
    let sized = |bytes: usize| "x".repeat(bytes - 128 - 2 - 1);
    assert_eq!(lab.code(ann, publish("1", &one, &sized(600))), 202);
    assert_eq!(lab.code(bob, publish("1", &two, &sized(401))), 503);
    assert_eq!(lab.code(bob, publish("1", &two, &sized(400))), 202);
    assert_eq!(lab.code(bob, publish("2", &two, "")), 503);
    lab.clear();
    let frames = lab.ask(bob, json!({"get": {"id": "g", "topic": two, "what": "desc"}}));
    assert_eq!(only(&frames, "meta")["desc"]["seq"], 1, "what is refused takes no number");
    // A group that goes takes its messages along.
    assert_eq!(lab.code(ann, json!({"del": {"id": "d", "topic": one, "what": "topic"}})), 200);
    assert_eq!(lab.code(bob, publish("3", &two, &sized(600))), 202);
    assert_eq!(lab.code(bob, publish("4", &two, "")), 503);
}

#[test]
fn rule_196_1024_messages_in_several_ranges_and_one_more() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 0..1100 {
        lab.ask(ann, publish(&n.to_string(), &group, ""));
    }
    let delete = |low: u64, end: u64| {
        json!({"del": {"id": "d", "topic": group,
        "delseq": [{"low": low, "hi": end}, {"low": 1100}]}})
    };
    assert_eq!(lab.code(ann, delete(1, 1025)), 400);
    assert_eq!(lab.code(ann, delete(1, 1024)), 200);
}

#[test]
fn a_user_has_so_many_topics() {
    let mut lab = Lab::with(HubConfig { max_topics: 3, ..HubConfig::default() });
    let [ann, bob, _] = lab.three();
    let group = lab.group(&[ann]);
    lab.group(&[bob]);
    lab.group(&[bob]);
    assert_eq!(ctrl(&lab.sub(bob, &group))["code"], 202);
    lab.clear();
    for topic in ["new", "slf", &usr(crate::lab::ANN), "emc804252613548703744"] {
        assert_eq!(ctrl(&lab.sub(bob, topic))["code"], 422, "{topic}");
    }
    // Nor can somebody else bring them in.
    let other = lab.group(&[ann]);
    let invite = json!({"set": {"id": "1", "topic": other, "sub": {"user": usr(BOB)}}});
    assert_eq!(lab.code(ann, invite), 422);
    let leave = json!({"leave": {"id": "2", "topic": group, "unsub": true}});
    assert_eq!(lab.code(bob, leave), 200);
    lab.clear();
    assert_eq!(ctrl(&lab.sub(bob, "new"))["code"], 200);
}

#[test]
fn connections_are_counted() {
    let mut lab = Lab::with(HubConfig { max_connections: 2, ..HubConfig::default() });
    let first = lab.connect();
    lab.connect();
    let head = Request::get("/im").body(()).unwrap();
    assert_eq!(lab.hub.offer(&head, lab.now).unwrap_err().status(), 503);
    lab.lose(first);
    assert!(lab.hub.offer(&head, lab.now).is_ok());
}

#[test]
fn sixteen_tags_of_2_to_96_letters() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let create = |tags: Vec<String>| json!({"sub": {"id": "1", "topic": "new", "set": {"tags": tags, "aux": {"a": 1}}}});
    let numbered = |count: usize| (10..10 + count).map(|n| n.to_string()).collect::<Vec<_>>();
    for (tags, code) in [
        (numbered(16), 200),
        (numbered(17), 422),
        (vec!["x".repeat(96)], 200),
        (vec!["x".repeat(97)], 400),
        (vec!["ab".to_owned()], 200),
        (vec!["a".to_owned()], 400),
    ] {
        let frames = lab.ask(ann, create(tags.clone()));
        assert_eq!(ctrl(&frames)["code"], code, "{tags:?}");
        if code == 200 {
            let topic = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
            let get = json!({"get": {"id": "2", "topic": topic, "what": "tags aux"}});
            let metas = of(&lab.ask(ann, get), "meta");
            assert_eq!((&metas[0]["tags"], &metas[1]["aux"]), (&json!(tags), &json!({"a": 1})));
        }
    }
}
