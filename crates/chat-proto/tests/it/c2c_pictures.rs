//! Pictures: sniffed, uploaded, tried again with a new URL, named by a message.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::client::{Answer, C2cConfig, Progress, SendOptions};
use chat_proto::client::RequestId;
use chat_proto::error::{CallError, RequestError};
use chat_proto::machine::{HttpFailure, LinkFailure};
use chat_proto::{Action, Input, Machine};

use crate::c2c_desk::{Asked, Desk, ORDER, echo, end_of, gateway, item, page, steps};

const SECOND: Duration = Duration::from_secs(1);
const IMAGE: &str = "https://cdn.example/client_upload/c2c/chat/20260101/a.png";

/// The header of a picture of 640 × 480, and something behind it.
fn png() -> Bytes {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend_from_slice(&640u32.to_be_bytes());
    bytes.extend_from_slice(&480u32.to_be_bytes());
    bytes.extend_from_slice(&[8, 2, 0, 0, 0, 1, 2, 3]);
    bytes.into()
}

fn send(desk: &mut Desk) -> RequestId {
    let options = SendOptions::default();
    desk.session.send_picture(ORDER, "receipt.png", png(), options, desk.now).unwrap()
}

fn place(url: &str) -> String {
    format!(
        r#"{{"code":"000000","data":{{"uploadUrl":"{url}","imageUrl":"{IMAGE}"}},"success":true}}"#
    )
}

/// Answers the question for a place; gives the upload.
fn give_place(desk: &mut Desk, url: &str) -> Asked {
    let asked = desk.http();
    assert_eq!(asked.path(), "pre-signed-url");
    assert_eq!(&asked.request.body()[..], br#"{"imageName":"receipt.png"}"#);
    desk.answer(&asked, &place(url));
    let put = desk.http();
    assert_eq!(put.request.method(), http::Method::PUT);
    assert_eq!(put.request.uri().to_string(), url);
    put
}

#[test]
fn a_picture_goes_the_whole_way() {
    let mut desk = Desk::ready();
    let id = send(&mut desk);
    let put = give_place(
        &mut desk,
        "https://bucket.example/1?X-Amz-SignedHeaders=host&X-Amz-Signature=s",
    );
    let headers = put.request.headers();
    assert_eq!(headers.len(), 1, "no key, no type: {headers:?}");
    assert_eq!(headers["content-length"], png().len().to_string());
    assert_eq!(put.request.body(), &png());
    desk.answer(&put, "");
    let written = desk.written();
    let frame: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    assert!(frame.get("content").is_none());
    for (name, value) in
        [("type", "image"), ("imageUrl", IMAGE), ("thumbnailUrl", IMAGE), ("imageType", "png")]
    {
        assert_eq!(frame[name], value);
    }
    assert_eq!((&frame["width"], &frame["height"]), (&640.into(), &480.into()));
    let events = desk.events();
    let bytes = png().len();
    assert_eq!(
        steps(&events),
        [
            Progress::Preparing(1),
            Progress::Uploading { bytes },
            Progress::Uploaded,
            Progress::Written
        ]
    );
    desk.receive(&echo(frame["uuid"].as_str().unwrap()));
    assert!(matches!(end_of(&desk.events(), id), Some(Ok(Answer::Accepted(_)))));
}

#[test]
fn a_type_goes_along_only_when_it_was_signed() {
    let mut desk = Desk::ready();
    send(&mut desk);
    let put =
        give_place(&mut desk, "https://bucket.example/1?X-Amz-SignedHeaders=content-type%3Bhost");
    assert_eq!(put.request.headers()["content-type"], "image/png");
}

#[test]
fn an_upload_that_fails_gets_a_new_url_each_time() {
    let mut desk = Desk::ready();
    let id = send(&mut desk);
    let put = give_place(&mut desk, "https://bucket.example/1");
    desk.answer_with(
        &put,
        403,
        "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
    );
    let put = give_place(&mut desk, "https://bucket.example/2");
    let result = Err(HttpFailure::TimedOut);
    desk.session.handle_input(Input::Response { id: put.id, result }, desk.now);
    let put = give_place(&mut desk, "https://bucket.example/3");
    desk.answer_with(&put, 503, "");
    let Some(Err(RequestError::Rejected(why))) = end_of(&desk.events(), id) else { panic!() };
    assert_eq!(why.code, "503");
    assert!(desk.quiet() && desk.written().is_empty(), "nothing shows in the chat");
}

#[test]
fn a_refused_question_for_a_place_ends_the_picture() {
    let mut desk = Desk::ready();
    for (status, body) in [
        (400, gateway(-1022)),
        (200, String::new()),
        (200, place("nowhere")),
        (200, place("https://b/1").replace(IMAGE, "javascript:alert(1)")),
    ] {
        let id = send(&mut desk);
        let asked = desk.http();
        desk.answer_with(&asked, status, &body);
        let end = end_of(&desk.events(), id);
        assert!(matches!(end, Some(Err(RequestError::Rejected(_)))), "{body}: {end:?}");
    }
    assert!(desk.quiet());
}

#[test]
fn what_is_no_picture_is_refused_before_anything_is_asked() {
    let config = C2cConfig { max_picture: 100, max_pictures: 2, ..C2cConfig::default() };
    let mut desk = Desk::ready_with(config);
    let now = desk.now;
    let mut send = |name: &str, bytes: Bytes| {
        desk.session.send_picture(ORDER, name, bytes, SendOptions::default(), now)
    };
    assert!(matches!(send("a.gif", Bytes::from_static(b"GIF89a")), Err(CallError::Invalid(_))));
    assert!(matches!(send("", png()), Err(CallError::Invalid(_))));
    assert!(matches!(send(&"a".repeat(256), png()), Err(CallError::Invalid(_))));
    let large: Bytes = [&png()[..], &[0; 100]].concat().into();
    assert!(matches!(send("a.png", large), Err(CallError::TooLong { limit: 100, .. })));
    assert!(send("a.png", png()).is_ok() && send("b.png", png()).is_ok());
    assert_eq!(send("c.png", png()), Err(CallError::Full { limit: 2 }));
}

#[test]
fn an_upload_outlives_the_socket_and_its_message_waits_for_the_next() {
    let mut desk = Desk::ready();
    let id = send(&mut desk);
    let put = give_place(&mut desk, "https://bucket.example/1");
    let failure = LinkFailure::Ended;
    desk.session.handle_input(Input::Lost { conn: desk.conn, failure }, desk.now);
    assert!(matches!(desk.session.poll_action(), Some(Action::Drop { .. })));
    assert!(desk.session.poll_action().is_none(), "the upload goes on");
    desk.answer(&put, "");
    desk.reconnect("TOKEN2");
    assert_eq!(desk.written().len(), 1);
    assert_eq!(end_of(&desk.events(), id), None);
}

#[test]
fn a_picture_without_an_echo_is_looked_up_like_a_text() {
    let mut desk = Desk::ready();
    let id = send(&mut desk);
    let put = give_place(&mut desk, "https://bucket.example/1");
    desk.answer(&put, "");
    let written: serde_json::Value = serde_json::from_str(&desk.written()[0]).unwrap();
    desk.run(5 * SECOND);
    let lookup = desk.http();
    let uuid = written["uuid"].as_str().unwrap();
    desk.answer(&lookup, &page(&[item(7, ORDER, true).replace("u7", uuid)]));
    let end = end_of(&desk.events(), id);
    assert!(matches!(end, Some(Ok(Answer::Accepted(it))) if it.from_history));
}

#[test]
fn a_picture_given_up_before_its_message_had_no_effect() {
    let mut desk = Desk::ready();
    let id = send(&mut desk);
    let put = give_place(&mut desk, "https://bucket.example/1");
    desk.session.cancel(id, desk.now);
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::Cancelled)));
    desk.answer(&put, "");
    assert!(desk.quiet() && desk.written().is_empty());
    // Nobody answers: it ends, and nothing was written.
    let id = send(&mut desk);
    for _ in 0..3 {
        desk.run(30 * SECOND);
        desk.receive("{}");
    }
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::TimedOut)));
}
