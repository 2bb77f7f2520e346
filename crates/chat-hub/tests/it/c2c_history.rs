//! Order chat's history and read marks.

use std::time::Duration;

use chat_hub::{HubConfig, Script};
use chat_proto::c2c::frame::{ImageRef, Kind, Up};
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::codec::Wire;
use http::StatusCode;
use serde_json::{Value, json};

use crate::c2c_front::{Front, ORDER, OTHER, START, api, order_page, signed, text};

fn body(front: &mut Front, name: &str, query: &HistoryQuery) -> Value {
    let request = api(name).history(query, front.at()).unwrap().into_request();
    front.json(request).1
}

/// Texts of a page.
fn texts(front: &mut Front, name: &str, query: &HistoryQuery) -> Vec<String> {
    order_page(front, name, query).into_iter().map(|(text, _)| text).collect()
}

fn seven(front: &mut Front) {
    let conn = front.dial("merchant");
    for n in 0..7 {
        front.send(conn, text(&format!("u{n}"), ORDER, &format!("no {n}")));
        front.pass(Duration::from_millis(5));
    }
}

fn newest(rows: u32) -> HistoryQuery {
    HistoryQuery { rows: Some(rows), ..HistoryQuery::newest(ORDER) }
}

#[test]
fn c2c_rule_058_059_060_063_064_pages_go_backwards() {
    let mut front = Front::new();
    seven(&mut front);
    let first = order_page(&mut front, "buyer", &newest(3));
    let expected = [("no 6", false), ("no 5", false), ("no 4", false)];
    assert_eq!(first, expected.map(|(text, own)| (text.to_owned(), own)));
    assert!(order_page(&mut front, "merchant", &newest(3)).iter().all(|(_, own)| *own));

    let page = body(&mut front, "merchant", &newest(3));
    assert_eq!((&page["total"], &page["success"]), (&json!(7), &json!(true)));
    let id: i64 = page["data"][2]["id"].as_str().unwrap().parse().unwrap();
    let before = HistoryQuery { before_id: Some(id), ..newest(3) };
    assert_eq!(texts(&mut front, "buyer", &before), ["no 3", "no 2", "no 1"]);
    assert_eq!(body(&mut front, "buyer", &before)["total"], 4);
    let third = HistoryQuery { page: Some(3), ..newest(3) };
    assert_eq!(texts(&mut front, "buyer", &third), ["no 0"]);
    let beyond = HistoryQuery { page: Some(4), ..newest(3) };
    assert!(texts(&mut front, "buyer", &beyond).is_empty());
    let up = HistoryQuery { sort: Some("asc".into()), ..newest(3) };
    assert_eq!(texts(&mut front, "buyer", &up), ["no 0", "no 1", "no 2"]);
    let down = HistoryQuery { sort: Some("desc".into()), ..newest(1) };
    assert_eq!(texts(&mut front, "buyer", &down), ["no 6"]);
    // Another order has none.
    assert!(order_page(&mut front, "merchant", &HistoryQuery::newest(OTHER)).is_empty());
}

#[test]
fn c2c_rule_061_a_page_holds_a_hundred_at_most() {
    let mut front = Front::new();
    for n in 0..120 {
        let script = Script::Text { from: "buyer-key".into(), content: format!("no {n}") };
        front.hub.c2c_script(ORDER, script, front.now).unwrap();
    }
    front.pump();
    let headers = [("x-mbx-apikey", "merchant-key"), ("clientType", "web")];
    for (rows, count) in [("", 20), ("&rows=100", 100), ("&rows=300", 100), ("&rows=0", 1)] {
        let query = format!("orderNo={ORDER}{rows}&timestamp={START}");
        let name = "retrieveChatMessagesWithPagination";
        let (_, body) = front.json(signed(name, "merchant-secret", &query, &headers));
        assert_eq!(body["data"].as_array().unwrap().len(), count, "{rows}");
    }
}

#[test]
fn c2c_rule_062_064_history_filters_by_kind() {
    let mut front = Front::new();
    let conn = front.dial("buyer");
    front.send(conn, text("u1", ORDER, "hi"));
    let image =
        ImageRef { url: "https://h/a.png".into(), image_type: "png".into(), width: 8, height: 6 };
    front.send(conn, Wire::encode(&Up::image("u2", ORDER, image, START)));
    let only = |kind: &str| HistoryQuery {
        message_type: Some(kind.into()),
        ..HistoryQuery::newest(ORDER)
    };
    assert_eq!(order_page(&mut front, "merchant", &only("image")), [("-".to_owned(), false)]);
    assert_eq!(order_page(&mut front, "merchant", &only("auto_reply")).len(), 1);
    assert_eq!(order_page(&mut front, "merchant", &HistoryQuery::newest(ORDER)).len(), 3);
    let page = body(&mut front, "merchant", &only("image"));
    let item = &page["data"][0];
    assert_eq!(page["total"], 1);
    assert_eq!((&item["width"], &item["height"]), (&json!(8), &json!(6)));
    assert_eq!((&item["imageUrl"], &item["imageType"]), (&json!("https://h/a.png"), &json!("png")));
    assert!(item.get("content").is_none());
}

#[test]
fn c2c_rule_065_066_items_are_spelt_in_their_own_way() {
    for (faults, is_string) in [("{}", true), (r#"{"numeric_ids":true}"#, false)] {
        let mut front = Front::with_faults(faults);
        seven(&mut front);
        let page = body(&mut front, "buyer", &newest(1));
        let item = &page["data"][0];
        assert_eq!((&item["fromNickName"], &item["uuid"]), (&json!("my-shop"), &json!("u6")));
        assert_eq!(item["orderNo"], ORDER);
        for other in ["fromNickname", "topicId"] {
            assert!(item.get(other).is_none(), "{item}");
        }
        assert_eq!((item["id"].is_string(), item["id"].is_i64()), (is_string, !is_string));
        assert_eq!(texts(&mut front, "buyer", &newest(1)), ["no 6"], "clients read both");
    }
}

#[test]
fn c2c_rule_067_each_side_reads_its_own_system_messages() {
    let mut front = Front::new();
    let script = Script::OrderEvent { event: "payed".into() };
    front.hub.c2c_script(ORDER, script, front.now).unwrap();
    front.pump();
    for (name, event) in [("merchant", "seller_payed"), ("buyer", "buyer_payed")] {
        let page = body(&mut front, name, &HistoryQuery::newest(ORDER));
        let items = page["data"].as_array().unwrap();
        assert_eq!((items.len(), &items[0]["type"]), (1, &json!("system")));
        let content: Value = serde_json::from_str(items[0]["content"].as_str().unwrap()).unwrap();
        assert_eq!(content["type"], event);
    }
}

#[test]
fn c2c_rule_068_077_nobody_reads_orders_of_others() {
    let mut front = Front::new();
    let page = body(&mut front, "third", &HistoryQuery::newest(ORDER));
    assert_eq!(page["code"], -31002);
    let mark = api("third").mark_order_read(ORDER, None, front.at());
    assert_eq!(front.json(mark.into_request()).1["code"], -31002);
}

#[test]
fn c2c_rule_069_numbers_must_be_numbers() {
    let mut front = Front::new();
    let headers = [("x-mbx-apikey", "merchant-key"), ("clientType", "web")];
    for (query, code) in [
        (String::new(), -1102),
        ("orderNo=&".to_owned(), -1102),
        (format!("orderNo={ORDER}&rows=x&"), -1102),
        (format!("orderNo={ORDER}&page=0&"), -1102),
        (format!("orderNo={ORDER}&page=-1&"), -1102),
        (format!("orderNo={ORDER}&id=1.5&"), -1102),
        (format!("orderNo={ORDER}&id=99999999999999999999&"), -1102),
        ("orderNo=7&".to_owned(), -31002),
    ] {
        let query = format!("{query}timestamp={START}");
        let name = "retrieveChatMessagesWithPagination";
        let (status, body) = front.json(signed(name, "merchant-secret", &query, &headers));
        assert_eq!((status.as_u16(), &body["code"]), (400, &json!(code)), "{query}");
    }
}

#[test]
fn c2c_rule_071_a_full_order_lets_its_oldest_messages_go() {
    let config = HubConfig { max_order_messages: 2, ..HubConfig::default() };
    let mut front = Front::with("{}", config);
    let merchant = front.dial("merchant");
    for n in 0..4 {
        front.send(merchant, text(&format!("u{n}"), ORDER, &format!("no {n}")));
    }
    let found = texts(&mut front, "buyer", &HistoryQuery::newest(ORDER));
    assert_eq!(found, ["no 3", "no 2"]);
}

#[test]
fn c2c_rule_072_what_was_stored_is_there_after_a_restart() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    front.send(conn, text("u1", ORDER, "one"));
    let mark = api("buyer").mark_order_read(ORDER, None, front.at()).into_request();
    front.http(mark);
    let id = front.pushes(conn)[0].id.as_i64();

    let mut again = Front::new();
    again.hub.restore(front.records.clone());
    assert_eq!(again.hub.snapshot(), front.hub.snapshot());
    let page = body(&mut again, "merchant", &HistoryQuery::newest(ORDER));
    assert_eq!(
        (&page["data"][0]["content"], &page["data"][0]["status"]),
        (&json!("one"), &json!("read"))
    );
    let conn = again.dial("merchant");
    again.send(conn, text("u2", ORDER, "two"));
    assert!(again.pushes(conn)[0].id.as_i64() > id, "ids grow over restarts");
    // Records are plain data.
    let text = serde_json::to_string(&front.records).unwrap();
    let read: Vec<chat_hub::Record> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, front.records);
}

#[test]
fn c2c_rule_070_073_074_075_reading_is_marked_and_told_once() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", ORDER, "one"));
    front.send(merchant, text("u2", ORDER, "two"));
    let ids: Vec<_> = front.pushes(merchant).iter().map(|it| it.id.to_string()).collect();
    let status = |front: &mut Front, name: &str| {
        body(front, name, &HistoryQuery::newest(ORDER))["data"][0]["status"].clone()
    };
    assert_eq!(status(&mut front, "buyer"), "unread");
    assert_eq!(status(&mut front, "merchant"), "unread");
    front.pushes(buyer);
    let mark = api("buyer").mark_order_read(ORDER, Some(12), front.at()).into_request();
    let (code, body) = front.json(mark);
    assert_eq!(
        (code, &body["data"], &body["success"]),
        (StatusCode::OK, &json!(true), &json!(true))
    );
    assert_eq!(
        (status(&mut front, "buyer"), status(&mut front, "merchant")),
        ("read".into(), "read".into())
    );
    let marks = front.pushes(merchant);
    assert_eq!((marks.len(), marks[0].kind()), (1, Kind::Mark));
    assert_eq!(marks[0].mark_ids.as_ref().unwrap().parse::<Vec<String>>().unwrap(), ids);
    assert!(front.pushes(buyer).is_empty());
    // Again, without the user: nothing new to tell.
    let mark = api("buyer").mark_order_read(ORDER, None, front.at()).into_request();
    assert_eq!(front.json(mark).1["data"], true);
    assert!(front.pushes(merchant).is_empty());
}

#[test]
fn c2c_rule_076_all_orders_with_somebody_or_with_anybody() {
    for (of, told) in [(Some(12), [1, 0]), (Some(13), [0, 1]), (Some(99), [0, 0]), (None, [1, 1])] {
        let mut front = Front::new();
        let others = [front.dial("buyer"), front.dial("third")];
        front.send(others[0], text("u1", ORDER, "one"));
        front.send(others[1], text("u2", OTHER, "two"));
        for conn in others {
            front.pushes(conn);
        }
        let mark = api("merchant").mark_user_read(of, front.at()).into_request();
        assert_eq!(front.json(mark).1["data"], true);
        assert_eq!(others.map(|conn| front.pushes(conn).len()), told, "{of:?}");
    }
}
