//! What a client may do to a WebSocket, and what comes of it.

use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::{Raw, plain, server};

#[tokio::test]
async fn rule_008_009_010_garbage_is_answered_and_survived() {
    let server = server().await;
    let mut raw = Raw::extension(&server, "101").await;
    for garbage in ["not json", "{}", "[]", "{\"pub\":", "{\"nonsense\":{}}"] {
        raw.send(garbage).await;
        assert_eq!(raw.frame().await["ctrl"]["code"], 400, "{garbage}");
    }
    raw.send(r#"{"get":{"id":"9","topic":"me","what":"desc"}}"#).await;
    let frame = raw.frame().await;
    assert!(frame["meta"]["id"] == "9" || frame["ctrl"]["id"] == "9", "{frame}");
}

#[tokio::test]
async fn rule_004_a_probe_is_answered() {
    let server = plain(|_| {}).await;
    let mut raw = Raw::connect(&server).await;
    raw.send("1").await;
    assert_eq!(raw.next().await.unwrap().unwrap(), Message::text("0"));
}

#[tokio::test]
async fn rule_003_a_binary_frame_counts_as_text() {
    let server = plain(|_| {}).await;
    let mut raw = Raw::connect(&server).await;
    let hi = Bytes::from_static(br#"{"hi":{"id":"b","ver":"0.22"}}"#);
    raw.socket.send(Message::Binary(hi)).await.unwrap();
    assert_eq!(raw.answer("b").await["code"], 201);
    raw.socket.send(Message::Binary(Bytes::from_static(b"\xff\xfe"))).await.unwrap();
    assert_eq!(raw.frame().await["ctrl"]["code"], 400);
}

#[tokio::test]
async fn rule_007_an_oversized_frame_closes_with_1009() {
    let server = server().await;
    let mut raw = Raw::extension(&server, "101").await;
    let content = "x".repeat(200 << 10);
    let publish = json!({"pub": {"id": "2", "topic": "me", "content": content}});
    // The server may cut the line before all of it is written.
    let _ = raw.socket.send(Message::text(publish.to_string())).await;
    assert_eq!(raw.closed().await.0, 1009);
}

#[tokio::test]
async fn a_text_that_is_not_utf8_closes_with_1007() {
    let server = plain(|_| {}).await;
    let mut raw = Raw::connect(&server).await;
    let text = Frame::message(&b"\xff\xfe"[..], OpCode::Data(Data::Text), true);
    raw.socket.send(Message::Frame(text)).await.unwrap();
    assert_eq!(raw.closed().await, (1007, "not UTF-8".to_owned()));
}

#[tokio::test]
async fn pings_are_answered() {
    use futures_util::StreamExt;
    let server = plain(|_| {}).await;
    let mut raw = Raw::connect(&server).await;
    raw.socket.send(Message::Ping(Bytes::from_static(b"are you there"))).await.unwrap();
    let pong = raw.socket.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"are you there")));
}

#[tokio::test]
async fn a_close_is_answered() {
    let server = server().await;
    let mut raw = Raw::extension(&server, "101").await;
    raw.socket.close(None).await.unwrap();
    assert!(matches!(raw.next().await, Some(Ok(Message::Close(_)))));
    assert!(raw.next().await.is_none());
    let open = server.hub(|hub, _| hub.connections()).await.unwrap();
    assert_eq!(open, 0);
}

#[tokio::test]
async fn many_requests_at_once_are_answered_in_order() {
    let server = plain(|config| config.limits.inbound = 1).await;
    let mut raw = Raw::extension(&server, "101").await;
    for id in 0..200 {
        let get = json!({"get": {"id": format!("g{id}"), "topic": "usr5", "what": "desc"}});
        raw.socket.feed(Message::text(get.to_string())).await.unwrap();
    }
    raw.socket.flush().await.unwrap();
    for id in 0..200 {
        assert_eq!(raw.frame().await["ctrl"]["id"], format!("g{id}"));
    }
}
