//! Each fault switch does what it says.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::answer::{Reason, classify};
use chat_proto::c2c::frame::{Kind, Up};
use chat_proto::c2c::rest::{HistoryQuery, UploadSlot, server_time};
use chat_proto::codec::Wire;
use chat_proto::machine::{Message, Text};
use http::{Request, StatusCode};

use crate::c2c_front::{Front, ORDER, OTHER, START, api};

fn text(uuid: &str, content: &str) -> Text {
    Wire::encode(&Up::text(uuid, ORDER, content, START))
}

#[test]
fn no_echo() {
    let mut front = Front::with_faults(r#"{"no_echo":true}"#);
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", "hi"));
    assert!(front.pushes(merchant).is_empty());
    assert_eq!(front.pushes(buyer).len(), 1);
}

#[test]
fn duplicate() {
    let mut front = Front::with_faults(r#"{"duplicate":true}"#);
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", "hi"));
    assert_eq!((front.pushes(merchant).len(), front.pushes(buyer).len()), (2, 2));
    assert_eq!(front.stored(), 1);
}

#[test]
fn keep_older() {
    let mut front = Front::with_faults(r#"{"keep_older":true}"#);
    let (first, second) = (front.dial("merchant"), front.dial("merchant"));
    front.send(first, text("u1", "hi"));
    assert_eq!((front.pushes(first).len(), front.pushes(second).len()), (1, 1));
}

#[test]
fn reusable_token() {
    let mut front = Front::with_faults(r#"{"reusable_token":true}"#);
    let ticket = front.ticket("merchant");
    assert!(front.try_dial(&ticket).is_ok());
    assert!(front.try_dial(&ticket).is_ok());
}

#[test]
fn mixed_history() {
    let mut front = Front::with_faults(r#"{"mixed_history":true}"#);
    let merchant = front.dial("merchant");
    front.send(merchant, text("u1", "hi"));
    front.send(merchant, Wire::encode(&Up::text("u2", OTHER, "elsewhere", START)));
    let request = api("merchant").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    let (_, body) = front.json(request.into_request());
    let orders: Vec<_> = body["data"].as_array().unwrap().iter().map(|it| &it["orderNo"]).collect();
    assert_eq!(orders, [ORDER, OTHER]);
    // The buyer is no side of the other order and never sees it.
    let request = api("buyer").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    assert_eq!(front.json(request.into_request()).1["data"].as_array().unwrap().len(), 1);
}

#[test]
fn clock_skew() {
    let mut front = Front::with_faults(r#"{"clock_skew_ms":10000}"#);
    let request = api("merchant").credential(front.at()).into_request();
    assert_eq!(front.json(request).1["code"], -1021);
    let time = server_time(&front.http(api("merchant").time().into_request())).unwrap();
    assert_eq!(time.as_millis(), START + 10_000);
    let request = api("merchant").credential(time).into_request();
    assert_eq!(front.json(request).1["code"], "000000");
}

#[test]
fn answers_of_what_stands_before_the_service() {
    let credential = |faults: &str| {
        let mut front = Front::with_faults(faults);
        let request = api("merchant").credential(front.at()).into_request();
        let response = front.http(request);
        classify(&response).unwrap_err()
    };
    let limited = credential(r#"{"retry_after_secs":17}"#);
    assert!(limited.is_limit());
    assert_eq!((limited.status, limited.retry_after), (429, Some(Duration::from_secs(17))));
    let page = credential(r#"{"html_403":true}"#);
    assert_eq!((page.status, page.reason), (403, Reason::Html));
    let empty = credential(r#"{"empty_200":true}"#);
    assert_eq!((empty.status, empty.reason), (200, Reason::NoSuchEndpoint));
}

#[test]
fn unknown_path_200() {
    let mut front = Front::with_faults(r#"{"unknown_path_200":true}"#);
    let request = Request::post("https://h/sapi/v1/c2c/chat/sendMessage");
    let response = front.http(request.body(Bytes::new()).unwrap());
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
}

#[test]
fn close_after() {
    let mut front = Front::with_faults(r#"{"close_after":2}"#);
    let conn = front.dial("merchant");
    front.send(conn, text("u1", "one"));
    assert_eq!(front.pushes(conn).len(), 1);
    front.send(conn, text("u2", "two"));
    let messages = front.messages(conn);
    assert!(matches!(messages.last(), Some(Message::Close(Some(_)))), "{messages:?}");
    assert_eq!(front.stored(), 2);
}

#[test]
fn refuse_text() {
    let mut front = Front::with_faults(r#"{"refuse_text":"whatsapp"}"#);
    let conn = front.dial("merchant");
    front.send(conn, text("u1", "find me on whatsapp"));
    front.send(conn, text("u2", "pay here"));
    let frames = front.pushes(conn);
    assert_eq!((frames[0].kind(), frames[1].kind()), (Kind::Error, Kind::Text));
    assert_eq!(frames[0].uuid, "u1");
}

#[test]
fn drop_bursts_over() {
    let mut front = Front::with_faults(r#"{"drop_bursts_over":2}"#);
    let conn = front.dial("merchant");
    for n in 0..5 {
        front.send(conn, text(&format!("u{n}"), "fast"));
    }
    assert_eq!(front.pushes(conn).len(), 2);
    for n in 5..9 {
        front.pass(Duration::from_millis(800));
        front.send(conn, text(&format!("u{n}"), "paced"));
    }
    assert_eq!(front.pushes(conn).len(), 4);
    assert_eq!(front.stored(), 6);
}

#[test]
fn pre_signed_name() {
    for (faults, name) in [("{}", "uploadUrl"), (r#"{"pre_signed_name":true}"#, "preSignedUrl")] {
        let mut front = Front::with_faults(faults);
        let request = api("merchant").pre_signed_url("a.jpg", front.at()).into_request();
        let response = front.http(request);
        assert!(UploadSlot::read(&response).is_ok());
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(body.contains(&format!("\"{name}\":")), "{body}");
    }
}
