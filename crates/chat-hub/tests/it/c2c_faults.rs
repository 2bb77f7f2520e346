//! Each fault switch of order chat does what it says.

use std::time::Duration;

use chat_hub::Script;
use chat_hub::world::{Faults, WorldError};
use chat_proto::c2c::answer::{Reason, classify};
use chat_proto::c2c::frame::{Kind, Up};
use chat_proto::c2c::rest::{HistoryQuery, server_time};
use chat_proto::codec::Wire;
use chat_proto::machine::{Message, Text};
use http::StatusCode;
use serde_json::json;

use crate::c2c_front::{Front, ORDER, OTHER, START, api, order_page};

fn text(uuid: &str, content: &str) -> Text {
    Wire::encode(&Up::text(uuid, ORDER, content, START))
}

#[test]
fn c2c_rule_099_the_author_gets_no_copy() {
    let mut front = Front::with_faults(r#"{"no_echo":true}"#);
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", "hi"));
    assert!(front.pushes(merchant).is_empty());
    assert_eq!(front.pushes(buyer).len(), 1);
}

#[test]
fn c2c_rule_100_the_authors_copy_comes_late() {
    let mut front = Front::with_faults(r#"{"echo_delay_ms":3000}"#);
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", "hi"));
    front.pass(Duration::from_millis(500));
    front.send(merchant, text("u2", "there"));
    assert_eq!(front.pushes(buyer).len(), 2, "the other side gets it at once");
    front.pass(Duration::from_millis(2499));
    assert!(front.pushes(merchant).is_empty());
    let uuids = |front: &mut Front| -> Vec<_> {
        front.pushes(merchant).iter().map(|it| it.uuid.decode().into_owned()).collect()
    };
    front.pass(Duration::from_millis(1));
    assert_eq!(uuids(&mut front), ["u1"]);
    front.pass(Duration::from_millis(500));
    assert_eq!(uuids(&mut front), ["u2"]);
    front.broken = true;
    front.send(merchant, text("u3", "never"));
    front.pass(Duration::from_secs(10));
    let frames = front.pushes(merchant);
    assert_eq!((frames.len(), frames[0].kind()), (1, Kind::Error), "no copy of what is not stored");
}

#[test]
fn c2c_rule_101_messages_arrive_twice() {
    let mut front = Front::with_faults(r#"{"duplicate":true}"#);
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", "hi"));
    assert_eq!((front.pushes(merchant).len(), front.pushes(buyer).len()), (2, 2));
    assert_eq!(front.stored(), 1);
}

#[test]
fn c2c_rule_102_of_bursts_the_end_vanishes() {
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
fn c2c_rule_103_104_texts_vanish_or_are_refused() {
    let mut front = Front::with_faults(r#"{"drop_text":"bank","refuse_text":"whatsapp"}"#);
    let conn = front.dial("merchant");
    front.send(conn, text("u1", "find me on whatsapp"));
    front.send(conn, text("u2", "my bank is"));
    front.send(conn, text("u3", "pay here"));
    let frames = front.pushes(conn);
    assert_eq!(frames.iter().map(|it| it.kind()).collect::<Vec<_>>(), [Kind::Error, Kind::Text]);
    assert_eq!((frames[0].uuid.decode(), frames[1].uuid.decode()), ("u1".into(), "u3".into()));
    assert_eq!(front.stored(), 1);
}

#[test]
fn c2c_rule_105_frames_beside_the_messages() {
    let switches = r#"{"statistics":true,"unknown_frames":true,"enquiries":true}"#;
    let mut front = Front::with_faults(switches);
    let conn = front.dial("merchant");
    front.send(conn, text("u1", "hi"));
    let frames = front.pushes(conn);
    let kinds: Vec<_> = frames.iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::Text, Kind::Statistics, Kind::Other, Kind::Text]);
    assert!(frames[1..].iter().all(|it| it.order().is_none()));
    assert_eq!(front.stored(), 1);
}

#[test]
fn c2c_rule_108_upgrades_are_refused() {
    let mut front = Front::with_faults(r#"{"refuse_upgrade":503}"#);
    let ticket = front.ticket("merchant");
    assert_eq!(front.try_dial(&ticket), Err(StatusCode::SERVICE_UNAVAILABLE));
    front.fault("{}");
    assert!(front.try_dial(&ticket).is_ok());
}

#[test]
fn c2c_rule_109_connections_end_at_any_point() {
    for (when, stored, echoed) in
        [("received", 1, false), ("stored", 2, false), ("echoed", 2, true)]
    {
        let switches = format!(r#"{{"close_after":2,"close_when":"{when}","close_code":1011}}"#);
        let mut front = Front::with_faults(&switches);
        let (conn, buyer) = (front.dial("merchant"), front.dial("buyer"));
        front.send(conn, text("u1", "one"));
        assert_eq!(front.pushes(conn).len(), 1);
        front.send(conn, text("u2", "two"));
        let messages = front.messages(conn);
        let Some(Message::Close(Some(close))) = messages.last() else { panic!("{messages:?}") };
        assert_eq!((close.code, messages.len() == 2), (1011, echoed), "{when}: {messages:?}");
        assert_eq!((front.stored(), front.pushes(buyer).len()), (stored, stored), "{when}");
        // Nothing goes on after the end.
        front.send(conn, text("u3", "three"));
        assert_eq!(front.stored(), stored);
        assert!(front.messages(conn).is_empty());
    }
    let mut front = Front::with_faults(r#"{"close_on_open":true}"#);
    let conn = front.dial("merchant");
    assert!(matches!(front.messages(conn)[..], [Message::Close(Some(_))]));
    let mut front = Front::with_faults(r#"{"close_after":1,"close_abruptly":true}"#);
    let conn = front.dial("merchant");
    front.send(conn, text("u1", "one"));
    assert!(front.messages(conn).is_empty());
    assert_eq!((front.dropped.last(), front.hub.connections()), (Some(&conn), 0));
    assert_eq!(front.stored(), 1);
}

#[test]
fn c2c_rule_110_pages_hold_messages_of_other_orders() {
    let mut front = Front::with_faults(r#"{"mixed_history":true}"#);
    let merchant = front.dial("merchant");
    front.send(merchant, text("u1", "hi"));
    front.send(merchant, Wire::encode(&Up::text("u2", OTHER, "elsewhere", START)));
    // For the other side's eyes only.
    let script = Script::OrderEvent { event: "force_cancelled".into() };
    front.hub.c2c_script(OTHER, script, front.now).unwrap();
    front.pump();
    let request = api("merchant").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    let (_, body) = front.json(request.into_request());
    let found: Vec<_> = body["data"].as_array().unwrap().iter().collect();
    assert_eq!(found.iter().map(|it| &it["orderNo"]).collect::<Vec<_>>(), [ORDER, OTHER]);
    assert_eq!(found[1]["content"], "elsewhere");
    // The buyer is no side of the other order and never sees it.
    let request = api("buyer").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    assert_eq!(front.json(request.into_request()).1["data"].as_array().unwrap().len(), 1);
}

#[test]
fn c2c_rule_111_history_lags() {
    let mut front = Front::with_faults(r#"{"history_lag_ms":2000}"#);
    let conn = front.dial("merchant");
    front.send(conn, text("u1", "hi"));
    assert_eq!(front.pushes(conn).len(), 1);
    let query = HistoryQuery::newest(ORDER);
    front.pass(Duration::from_millis(1999));
    assert!(order_page(&mut front, "merchant", &query).is_empty());
    front.pass(Duration::from_millis(1));
    assert_eq!(order_page(&mut front, "merchant", &query).len(), 1);
}

#[test]
fn c2c_rule_112_the_clock_is_off() {
    let mut front = Front::with_faults(r#"{"clock_skew_ms":10000}"#);
    let request = api("merchant").credential(front.at()).into_request();
    assert_eq!(front.json(request).1["code"], -1021);
    let time = server_time(&front.http(api("merchant").time().into_request())).unwrap();
    assert_eq!(time.as_millis(), START + 10_000);
    let request = api("merchant").credential(time).into_request();
    assert_eq!(front.json(request).1["code"], "000000");
}

#[test]
fn c2c_rule_113_114_115_117_answers_of_what_stands_before_the_service() {
    let credential = |faults: &str| {
        let mut front = Front::with_faults(faults);
        let request = api("merchant").credential(front.at()).into_request();
        let response = front.http(request);
        classify(&response).unwrap_err()
    };
    let limited = credential(r#"{"retry_after_secs":17}"#);
    assert!(limited.is_limit());
    assert_eq!((limited.status, limited.retry_after), (429, Some(Duration::from_secs(17))));
    let banned = credential(r#"{"ban_secs":120}"#);
    assert!(banned.is_limit());
    assert_eq!((banned.status, banned.retry_after), (418, Some(Duration::from_secs(120))));
    let page = credential(r#"{"html_403":true}"#);
    assert_eq!((page.status, page.reason), (403, Reason::Html));
    let empty = credential(r#"{"empty_200":true}"#);
    assert_eq!((empty.status, empty.reason), (200, Reason::NoSuchEndpoint));
    let broken = credential(r#"{"server_error":502}"#);
    assert_eq!((broken.status, broken.reason), (502, Reason::Bare));
    let unknown = credential(r#"{"gateway_code":-2008}"#);
    assert!(matches!(unknown.reason, Reason::Gateway { code: -2008, .. }), "{unknown:?}");
}

#[test]
fn c2c_rule_115_116_a_call_happens_or_not() {
    for (faults, status, told) in
        [(r#"{"server_error":500}"#, 500, 0), (r#"{"lost_answers":true}"#, 504, 1)]
    {
        let mut front = Front::with_faults(faults);
        let merchant = front.dial_through("merchant");
        front.send(merchant, text("u1", "read me"));
        front.pushes(merchant);
        let mark = api("buyer").mark_order_read(ORDER, None, front.at()).into_request();
        let response = front.http(mark);
        assert_eq!(response.status(), status);
        assert_eq!(classify(&response).unwrap_err().code().is_some(), told == 1);
        assert_eq!(front.pushes(merchant).len(), told, "{faults}");
    }
}

#[test]
fn c2c_rule_118_faults_hit_some_calls_and_so_many() {
    let name = "retrieveChatMessagesWithPagination";
    let switches = format!(r#"{{"server_error":503,"fault_calls":"{name}","fault_times":2}}"#);
    let mut front = Front::with_faults(&switches);
    let status = |front: &mut Front, history: bool| {
        let api = api("merchant");
        let request = if history {
            api.history(&HistoryQuery::newest(ORDER), front.at()).unwrap()
        } else {
            api.credential(front.at())
        };
        front.http(request.into_request()).status().as_u16()
    };
    assert_eq!(status(&mut front, false), 200);
    let found = [0; 4].map(|_| status(&mut front, true));
    assert_eq!(found, [503, 503, 200, 200]);
    // Setting the switches begins anew.
    front.fault(&switches);
    assert_eq!(status(&mut front, true), 503);
}

#[test]
fn c2c_rule_119_switches_are_set_while_it_runs() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    front.fault(r#"{"no_echo":true,"json_ping_secs":5}"#);
    assert!(front.hub.faults().no_echo);
    front.send(conn, text("u1", "hi"));
    front.pass(Duration::from_secs(6));
    let kinds: Vec<_> = front.pushes(conn).iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::Ping]);
    front.fault("{}");
    front.send(conn, text("u2", "there"));
    front.pass(Duration::from_secs(20));
    assert_eq!(front.pushes(conn).len(), 1);

    for (wrong, name) in [
        (r#"{"refuse_upgrade":200}"#, "refuse_upgrade"),
        (r#"{"server_error":499}"#, "server_error"),
        (r#"{"upload_status":600}"#, "upload_status"),
        (r#"{"bye_code":1006}"#, "bye_code"),
        (r#"{"close_code":1005}"#, "close_code"),
        (r#"{"fault_calls":"sendMessage"}"#, "fault_calls"),
        (r#"{"business_code":"a b"}"#, "business_code"),
    ] {
        let faults: Faults = serde_json::from_str(wrong).unwrap();
        let error = front.hub.set_faults(faults, front.now).unwrap_err();
        assert!(
            matches!(error, WorldError::Invalid { .. }) && error.to_string().contains(name),
            "{error}"
        );
        assert_eq!(*front.hub.faults(), Faults::default());
    }
}

#[test]
fn switches_travel_as_json() {
    let all = serde_json::to_value(Faults::default()).unwrap();
    assert_eq!(
        (&all["close_when"], &all["marks"], &all["upload_type"]),
        (&json!("stored"), &json!("either"), &json!("any"))
    );
    assert_eq!(serde_json::from_value::<Faults>(all).unwrap(), Faults::default());
}
