//! Rules of transport and files that only sockets show.

use bytes::Bytes;
use chat_proto::rest::{FilePart, Multipart};
use futures_util::SinkExt;
use http::{Method, Request, header};
use serde_json::json;
use tungstenite::Message;

use crate::support::{ANN, BOB, Raw, get, http, json_of, plain, server, upgrade};

#[tokio::test]
async fn rule_001_an_upgrade_over_tls_and_nothing_is_said_first() {
    let server = server().await;
    assert!(server.urls().im.starts_with("wss://"));
    let mut raw =
        Raw { socket: upgrade(&server, &server.urls().im).await.unwrap(), login: json!(null) };
    // It is nobody's: what comes first is the answer to what is asked first.
    raw.send(r#"{"sub":{"id":"7","topic":"me"}}"#).await;
    let first = raw.frame().await;
    assert_eq!((&first["ctrl"]["id"], &first["ctrl"]["code"]), (&json!("7"), &json!(401)));
}

#[tokio::test]
async fn rule_002_frames_that_come_together_are_requests_of_their_own() {
    let server = plain(|_| {}).await;
    let mut raw = Raw::extension(&server, "101").await;
    for id in ["a", "b", "c"] {
        let frame = json!({"get": {"id": id, "topic": "me", "what": "desc"}});
        raw.socket.feed(Message::text(frame.to_string())).await.unwrap();
    }
    raw.socket.flush().await.unwrap();
    for id in ["a", "b", "c"] {
        assert_eq!(raw.until("meta").await["id"], id);
    }
}

#[tokio::test]
async fn rule_250_who_was_cut_off_finds_every_message() {
    let server = plain(|_| {}).await;
    let mut ann = Raw::extension(&server, "101").await;
    let mut bob = Raw::extension(&server, "102").await;
    ann.subscribe(BOB).await;
    bob.subscribe(ANN).await;
    for number in 1..=20 {
        let id = format!("p{number}");
        let publish = json!({"pub": {"id": id, "topic": BOB, "noecho": true, "content": number}});
        ann.send(&publish.to_string()).await;
        assert_eq!(ann.answer(&id).await["code"], 202);
        if number == 5 {
            assert_eq!(bob.until("data").await["seq"], 1);
            // The line breaks without a word.
            drop(bob);
            bob = Raw::extension(&server, "102").await;
        }
    }
    bob.subscribe(ANN).await;
    let query = json!({"since": 2, "limit": 1000});
    let frame = json!({"get": {"id": "h", "topic": ANN, "what": "data", "data": query}});
    bob.send(&frame.to_string()).await;
    for seq in (2..=20).rev() {
        let data = bob.until("data").await;
        assert_eq!((&data["seq"], &data["content"]), (&json!(seq), &json!(seq)));
    }
    assert_eq!(bob.answer("h").await["params"]["count"], 19);
}

/// An upload of three bytes as `name`, with these headers.
fn form(name: &str, file: &[u8]) -> http::request::Builder {
    let part = FilePart::new(name, file.len() as u64);
    let upload = Multipart::new(7).text("id", "u").file("file", &part, Request::post("/im/file"));
    let request = upload.unwrap().with_body(file).unwrap().into_request();
    let mut builder = Request::builder().method(Method::POST).uri("/im/file");
    for (name, value) in request.headers() {
        builder = builder.header(name, value);
    }
    builder
}

fn body(name: &str, file: &[u8]) -> Bytes {
    let part = FilePart::new(name, file.len() as u64);
    let upload = Multipart::new(7).text("id", "u").file("file", &part, Request::post("/im/file"));
    upload.unwrap().with_body(file).unwrap().into_request().into_body()
}

#[tokio::test]
async fn rule_233_234_235_238_240_credentials_and_methods() {
    let server = plain(|_| {}).await;
    let token = Raw::extension(&server, "101").await.file_token();
    // Of the right form, and by nobody.
    let forged = format!("{}AA==", "A".repeat(token.len() - 4));
    for (auth, code, text) in [
        (None, 401, "authentication required"),
        (Some(format!("token {forged}")), 401, "authentication failed"),
        (Some("token ***".to_owned()), 400, "malformed"),
        (Some(format!("magic {token}")), 400, "malformed"),
        (Some(format!("token {token}")), 200, "ok"),
        (Some(format!("Token {token}")), 200, "ok"),
    ] {
        let mut request = form("a", b"abc");
        if let Some(auth) = &auth {
            request = request.header(header::AUTHORIZATION, auth);
        }
        let answer = http(&server, request.body(body("a", b"abc")).unwrap()).await;
        assert_eq!(answer.status(), code, "{auth:?}");
        let said = json_of(&answer)["ctrl"].clone();
        assert_eq!((&said["code"], &said["text"]), (&json!(code), &json!(text)), "{auth:?}");
    }
    let url_safe = token.replace('+', "-").replace('/', "_").replace('=', "");
    let request = form("a", b"abc").uri(format!("/im/file?auth=token&secret={url_safe}"));
    let answer = http(&server, request.body(body("a", b"abc")).unwrap()).await;
    assert_eq!(answer.status(), 200);
    let id = json_of(&answer)["ctrl"]["params"]["url"].as_str().unwrap().to_owned();
    let path = format!("/im/file/{id}?auth=token&secret={url_safe}");
    assert_eq!(http(&server, get(&path)).await.body(), &b"abc"[..]);
    for (method, path) in
        [(Method::GET, "/im/file"), (Method::POST, &*path), (Method::DELETE, &path)]
    {
        let mut request = get(path);
        *request.method_mut() = method.clone();
        assert_eq!(http(&server, request).await.status(), 405, "{method}");
    }
}

#[tokio::test]
async fn rule_243_what_a_browser_might_run_is_an_attachment() {
    let server = plain(|_| {}).await;
    let token = Raw::extension(&server, "101").await.file_token();
    let auth = format!("token {token}");
    let png = b"\x89PNG\r\n\x1a\n-----------";
    for (name, file, attachment) in [
        ("a.html", &b"<!DOCTYPE html><script>alert(1)</script>"[..], true),
        ("a.svg", b"<?xml version=\"1.0\"?><svg onload=\"x\"/>", true),
        ("a.txt", b"plain words, nothing else", true),
        ("a.pdf", b"%PDF-1.7\n", true),
        ("a.bin", b"\x00\x01\x02\x03", true),
        ("a.png", png, false),
    ] {
        let request = form(name, file).header(header::AUTHORIZATION, &auth);
        let answer = http(&server, request.body(body(name, file)).unwrap()).await;
        let id = json_of(&answer)["ctrl"]["params"]["url"].as_str().unwrap().to_owned();
        for (path, attachment) in
            [(format!("/im/file/{id}"), attachment), (format!("/im/file/{id}?asatt=1"), true)]
        {
            let request = Request::get(&path).header(header::AUTHORIZATION, &auth);
            let answer = http(&server, request.body(Bytes::new()).unwrap()).await;
            assert_eq!(answer.body(), file);
            let how = answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
            assert_eq!(how.starts_with("attachment"), attachment, "{path} {name}: {how}");
        }
    }
}
