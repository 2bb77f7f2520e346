//! Rules 1 to 7, 18, 248: links, limits and clocks.

use std::time::Duration;

use bytes::Bytes;
use chat_hub::HubConfig;
use chat_proto::machine::{CloseFrame, Input, Message};
use chat_proto::server::{Rate, ServerConfig};
use serde_json::json;

use crate::lab::{Lab, ctrl};

fn close(message: Option<&Message>) -> (u16, &str) {
    match message {
        Some(Message::Close(Some(CloseFrame { code, reason }))) => (*code, reason.as_str()),
        other => panic!("no close: {other:?}"),
    }
}

#[test]
fn rule_001_nothing_is_sent_first() {
    let mut lab = Lab::new();
    let conn = lab.connect();
    assert!(lab.messages(conn).is_empty());
}

#[test]
fn rule_003_binary_counts_as_text() {
    let mut lab = Lab::new();
    let conn = lab.session("101");
    let frame = Bytes::from_static(br#"{"sub":{"id":"1","topic":"me"}}"#);
    lab.hub.handle_input(Input::Received { conn, message: Message::Binary(frame) }, lab.now);
    lab.pump();
    assert_eq!(ctrl(&lab.frames(conn))["code"], 200);
    let frame = Bytes::from_static(b"\xff\xfe");
    lab.hub.handle_input(Input::Received { conn, message: Message::Binary(frame) }, lab.now);
    lab.pump();
    assert_eq!(ctrl(&lab.frames(conn))["code"], 400);
}

#[test]
fn rule_004_the_probe_needs_no_login() {
    let mut lab = Lab::new();
    let conn = lab.connect();
    lab.send(conn, "1");
    assert_eq!(lab.texts(conn), ["0"]);
}

#[test]
fn rule_005_006_pings_and_silence() {
    let mut lab = Lab::new();
    let conn = lab.session("101");
    lab.clear();
    lab.wait(49_499);
    assert!(lab.messages(conn).is_empty());
    lab.wait(1);
    assert_eq!(lab.messages(conn), [Message::Ping(Bytes::new())]);
    lab.hub.handle_input(Input::Received { conn, message: Message::Pong(Bytes::new()) }, lab.now);
    lab.wait(54_999);
    lab.clear();
    lab.wait(1);
    assert_eq!(close(lab.messages(conn).last()), (1001, "no sign of life"));
    lab.wait(5_000);
    assert_eq!(lab.dropped, [conn]);
    assert_eq!(lab.hub.connections(), 0);
}

#[test]
fn a_guest_is_shown_out() {
    let mut lab = Lab::new();
    let conn = lab.connect();
    lab.wait(30_000);
    lab.send(conn, "1");
    lab.wait(30_000);
    assert_eq!(close(lab.messages(conn).last()).0, 1008);
}

#[test]
fn rule_007_oversized_is_1009() {
    let mut lab = Lab::new();
    let conn = lab.session("101");
    lab.clear();
    lab.send(conn, "x".repeat((128 << 10) + 1));
    assert_eq!(close(lab.messages(conn).last()).0, 1009);
    lab.send(conn, "1");
    assert!(lab.messages(conn).is_empty());
    lab.hub.handle_input(Input::Received { conn, message: Message::Close(None) }, lab.now);
    lab.pump();
    assert_eq!(lab.dropped, [conn]);
}

#[test]
fn rule_018_shutdown() {
    let mut lab = Lab::new();
    let conn = lab.session("101");
    lab.clear();
    lab.hub.shutdown(lab.now);
    lab.pump();
    let messages = lab.messages(conn);
    let Message::Text(text) = &messages[0] else { panic!("{messages:?}") };
    let frame: serde_json::Value = serde_json::from_str(text.as_str()).unwrap();
    assert_eq!(frame["ctrl"]["code"], 205);
    assert_eq!(frame["ctrl"]["text"], "server shutdown");
    assert!(frame["ctrl"].get("id").is_none());
    assert_eq!(close(messages.last()), (1001, "server shutdown"));
    let head = http::Request::get("/im").body(()).unwrap();
    assert_eq!(lab.hub.offer(&head, lab.now).unwrap_err().status(), 503);
}

#[test]
fn rule_248_249_250_a_reader_that_stops_is_cut_off_and_loses_nothing() {
    let mut lab = Lab::new();
    let [ann, bob, cat] = lab.three();
    let group = lab.group(&[ann, bob, cat]);
    lab.stuck.push(cat);
    for n in 0..200 {
        lab.publish(ann, &group, &n.to_string());
    }
    assert_eq!(lab.frames(bob).len(), 200, "others are not slowed down");
    lab.stuck.clear();
    let message = lab.hub.poll_transmit(cat);
    assert_eq!(close(message.as_ref()).0, 1013);
    assert_eq!(lab.hub.poll_transmit(cat), None);
    lab.lose(cat);
    let cat = lab.session("103");
    lab.sub(cat, &group);
    let frames = lab.ask(
        cat,
        json!({"get": {"id": "1", "topic": group, "what": "data", "data": {"since": 1, "limit": 1000}}}),
    );
    assert_eq!(frames.len(), 201);
}

#[test]
fn a_page_of_history_fits_and_stops_the_reader_meanwhile() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let group = lab.group(&[ann]);
    for n in 0..1000 {
        lab.publish(ann, &group, &n.to_string());
    }
    lab.stuck.push(ann);
    let get = json!({"get": {"id": "1", "topic": group, "what": "data", "data": {"limit": 1000}}});
    lab.send(ann, get.to_string());
    assert!(!lab.hub.wants_input(ann));
    lab.stuck.clear();
    let mut count = 0;
    while lab.hub.poll_transmit(ann).is_some() {
        count += 1;
    }
    assert_eq!(count, 1001);
    assert!(lab.hub.wants_input(ann));
}

#[test]
fn who_sends_too_fast_is_told() {
    let rate = Some(Rate { burst: 2, per: Duration::from_secs(1) });
    let session = ServerConfig { rate, ..ServerConfig::default() };
    let mut lab = Lab::with(HubConfig { session, ..HubConfig::default() });
    let conn = lab.session("101");
    assert_eq!(lab.code(conn, json!({"sub": {"id": "1", "topic": "me"}})), 200);
    assert_eq!(lab.code(conn, json!({"leave": {"id": "2", "topic": "me"}})), 503);
    lab.wait(1_000);
    assert_eq!(lab.code(conn, json!({"leave": {"id": "3", "topic": "me"}})), 200);
}
