//! Order chat's tickets and connections.

use std::time::Duration;

use chat_hub::{HubConfig, Script};
use chat_proto::c2c::frame::Kind;
use chat_proto::c2c::rest::{HistoryQuery, Ticket};
use chat_proto::machine::{CloseFrame, Input, Message};
use chat_proto::server::ServerConfig;
use http::StatusCode;

use crate::c2c_front::{Front, ORDER, OTHER, api, order_page, text};

#[test]
fn c2c_rule_031_032_a_credential_opens_one_connection() {
    let mut front = Front::new();
    let credential = |front: &mut Front| {
        let (_, body) = front.json(api("merchant").credential(front.at()).into_request());
        let of = |name: &str| body["data"][name].as_str().unwrap().to_owned();
        (of("listenKey"), of("listenToken"))
    };
    let ((key, token), (again, other)) = (credential(&mut front), credential(&mut front));
    assert_eq!(key, again);
    assert_ne!(token, other);
    let ticket = Ticket::new("wss://c2c.example.com/chat", key.as_str(), token.as_str());
    assert!(front.try_dial(&ticket).is_ok());
    assert_eq!(front.try_dial(&ticket), Err(StatusCode::FORBIDDEN));
    let mut front = Front::with_faults(r#"{"reusable_token":true}"#);
    let ticket = front.ticket("merchant");
    assert!(front.try_dial(&ticket).is_ok());
    assert!(front.try_dial(&ticket).is_ok());
}

#[test]
fn c2c_rule_033_tickets_that_open_nothing() {
    let mut front = Front::new();
    let (_, body) = front.json(api("merchant").credential(front.at()).into_request());
    let key = body["data"]["listenKey"].as_str().unwrap();
    let token = body["data"]["listenToken"].as_str().unwrap();
    for (key, token) in [(key, "TOKEN0"), ("c2c_0_v2", token), (key, "")] {
        let ticket = Ticket::new("wss://c2c.example.com/chat", key, token);
        assert_eq!(front.try_dial(&ticket), Err(StatusCode::FORBIDDEN), "{key}");
    }
    // What was tried with a wrong key is not used up.
    let good = Ticket::new("wss://c2c.example.com/chat", key, token);
    assert!(front.try_dial(&good).is_ok());
    let ticket = front.ticket("merchant");
    front.pass(Duration::from_secs(600));
    assert_eq!(front.try_dial(&ticket), Err(StatusCode::FORBIDDEN));
}

#[test]
fn c2c_rule_034_035_messages_of_all_orders_flow_at_once() {
    let mut front = Front::new();
    let merchant = front.dial("merchant");
    for (order, from) in [(ORDER, "buyer-key"), (OTHER, "third-key")] {
        let script = Script::Text { from: from.into(), content: "hi".into() };
        front.hub.c2c_script(order, script, front.now).unwrap();
    }
    front.pump();
    let orders: Vec<_> =
        front.pushes(merchant).iter().map(|it| it.order().unwrap().text().into_owned()).collect();
    assert_eq!(orders, [ORDER, OTHER]);
}

#[test]
fn c2c_rule_036_a_second_connection_throws_the_first_one_out() {
    let mut front = Front::new();
    let (first, buyer) = (front.dial("merchant"), front.dial("buyer"));
    let second = front.dial("merchant");
    assert_eq!(front.messages(first), [Message::Close(Some(CloseFrame::new(1000, "Bye")))]);
    assert!(front.messages(buyer).is_empty());
    front.send(buyer, text("u1", ORDER, "hi"));
    assert!(front.messages(first).is_empty());
    assert_eq!(front.pushes(second).len(), 2, "the message and the automatic reply");

    let mut front = Front::with_faults(r#"{"bye_code":4001}"#);
    let first = front.dial("merchant");
    front.dial("merchant");
    assert_eq!(front.messages(first), [Message::Close(Some(CloseFrame::new(4001, "Bye")))]);

    let mut front = Front::with_faults(r#"{"keep_older":true}"#);
    let (first, second) = (front.dial("merchant"), front.dial("merchant"));
    front.send(first, text("u1", ORDER, "hi"));
    assert_eq!((front.pushes(first).len(), front.pushes(second).len()), (1, 1));
}

#[test]
fn c2c_rule_037_silence_ends_a_connection() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    front.pass(Duration::from_millis(49_500));
    assert!(matches!(front.messages(conn)[..], [Message::Ping(_)]));
    let pong = Message::Pong(bytes::Bytes::new());
    front.hub.handle_input(Input::Received { conn, message: pong }, front.now);
    front.pass(Duration::from_millis(54_999));
    let messages = front.messages(conn);
    assert!(matches!(messages[..], [Message::Ping(_)]), "{messages:?}");
    front.pass(Duration::from_millis(2));
    let messages = front.messages(conn);
    assert!(
        matches!(&messages[..], [Message::Close(Some(close))] if close.code == 1001),
        "{messages:?}"
    );
}

#[test]
fn c2c_rule_038_pings_in_json() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    front.send(conn, r#"{"type":"ping"}"#);
    front.send(conn, r#"{"type":"PONG"}"#);
    let kinds: Vec<_> = front.pushes(conn).iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::Pong]);
    front.pass(Duration::from_secs(45));
    assert!(front.pushes(conn).is_empty());

    let mut front = Front::with_faults(r#"{"json_ping_secs":20}"#);
    let conn = front.dial("merchant");
    front.pass(Duration::from_secs(45));
    let kinds: Vec<_> = front.pushes(conn).iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::Ping, Kind::Ping]);
}

#[test]
fn c2c_rule_039_nothing_is_said_again() {
    let mut front = Front::new();
    let merchant = front.dial("merchant");
    let lost = Input::Lost { conn: merchant, failure: chat_proto::machine::LinkFailure::Ended };
    front.hub.handle_input(lost, front.now);
    let buyer = front.dial("buyer");
    front.send(buyer, text("u1", ORDER, "are you there?"));
    let merchant = front.dial("merchant");
    front.pass(Duration::from_secs(10));
    assert!(front.pushes(merchant).is_empty());
    assert_eq!(order_page(&mut front, "merchant", &HistoryQuery::newest(ORDER)).len(), 2);
}

#[test]
fn c2c_rule_040_a_message_above_the_limit_is_1009() {
    let limits = chat_proto::codec::Limits { max_bytes: 100, ..Default::default() };
    let session = ServerConfig { limits, ..ServerConfig::default() };
    let mut front = Front::with("{}", HubConfig { session, ..HubConfig::default() });
    let conn = front.dial("merchant");
    front.send(conn, "x".repeat(101));
    let messages = front.messages(conn);
    assert!(
        matches!(&messages[..], [Message::Close(Some(close))] if close.code == 1009),
        "{messages:?}"
    );
}
