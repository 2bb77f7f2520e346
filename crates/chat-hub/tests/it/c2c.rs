//! Order chat: every call, every frame, every refusal.

use std::time::Duration;

use bytes::Bytes;
use chat_hub::{C2cPicture, HubAction, HubConfig, Script, ScriptError};
use chat_proto::c2c::answer::page;
use chat_proto::c2c::frame::{ImageRef, Kind, Up};
use chat_proto::c2c::rest::{HistoryQuery, Ticket, UploadSlot, download, server_time};
use chat_proto::c2c::{ImageInfo, OrderEvent, Role, SystemContent};
use chat_proto::codec::Wire;
use chat_proto::machine::{CloseFrame, Input, Message, Text};
use chat_proto::server::ServerConfig;
use chat_sign::{HmacSigner, Query, Sign};
use http::{Request, StatusCode};
use serde_json::json;

use crate::c2c_front::{Front, ORDER, OTHER, START, api};

fn text(uuid: &str, order: &str, content: &str) -> Text {
    Wire::encode(&Up::text(uuid, order, content, START))
}

fn order_page(front: &mut Front, name: &str, query: &HistoryQuery) -> Vec<(String, bool)> {
    let request = api(name).history(query, front.at()).unwrap().into_request();
    let response = front.http(request);
    let page = page(&response).unwrap();
    page.items
        .iter()
        .map(|item| {
            let content = item.content.as_ref().map_or("-".into(), |it| it.text().into_owned());
            (content, item.self_.unwrap())
        })
        .collect()
}

#[test]
fn a_credential_opens_one_connection() {
    let mut front = Front::new();
    let (status, body) = front.json(api("merchant").credential(front.at()).into_request());
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["code"], "000000");
    assert_eq!(body["data"]["chatWssUrl"], "wss://c2c.example.com/chat");
    let (key, token) = (&body["data"]["listenKey"], &body["data"]["listenToken"]);
    let shape = |text: &serde_json::Value, start: &str, end: &str| {
        let text = text.as_str().unwrap();
        let hex = text.strip_prefix(start).unwrap().strip_suffix(end).unwrap();
        assert!(hex.len() == 32 && hex.bytes().all(|it| it.is_ascii_hexdigit()), "{text}");
        text.to_owned()
    };
    let (key, token) = (shape(key, "c2c_", "_v2"), shape(token, "TOKEN", ""));

    let dial = |front: &mut Front, key: &str, token: &str| {
        front.try_dial(&Ticket::new("wss://c2c.example.com/chat", key, token))
    };
    assert_eq!(dial(&mut front, &key, "TOKEN0"), Err(StatusCode::FORBIDDEN));
    assert_eq!(dial(&mut front, "c2c_0_v2", &token), Err(StatusCode::FORBIDDEN));
    assert!(dial(&mut front, &key, &token).is_ok());
    assert_eq!(dial(&mut front, &key, &token), Err(StatusCode::FORBIDDEN), "single use");

    // The key stays, the token is new, and does not keep for ever.
    let ticket = front.ticket("merchant");
    front.pass(Duration::from_secs(601));
    assert_eq!(front.try_dial(&ticket), Err(StatusCode::FORBIDDEN));
}

#[test]
fn a_second_connection_throws_the_first_one_out() {
    let mut front = Front::new();
    let (first, buyer) = (front.dial("merchant"), front.dial("buyer"));
    let second = front.dial("merchant");
    assert_eq!(front.messages(first), [Message::Close(Some(CloseFrame::new(1000, "Bye")))]);
    assert!(front.messages(buyer).is_empty());
    front.send(buyer, text("u1", ORDER, "hi"));
    assert!(front.messages(first).is_empty());
    assert_eq!(front.pushes(second).len(), 2, "the message and the automatic reply");
}

#[test]
fn a_text_is_echoed_and_delivered_each_with_its_own_self() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("1682102167020", ORDER, "hello \u{1F642}\n<br>"));
    let echo = front.pushes(merchant).remove(0);
    let copy = front.pushes(buyer).remove(0);
    assert_eq!((echo.self_, copy.self_), (Some(true), Some(false)));
    assert!(!echo.is_from_counterparty() && copy.is_from_counterparty());
    for frame in [&echo, &copy] {
        assert_eq!(frame.uuid, "1682102167020");
        assert_eq!(*frame.order().unwrap(), ORDER);
        assert_eq!(frame.content_text().unwrap(), "hello \u{1F642}\n<br>");
        assert_eq!(frame.status, "unread");
        assert_eq!(frame.from_nickname.clone().unwrap(), "my-shop");
        assert_eq!(frame.create_millis(), Some(START));
        assert!(!frame.id.as_loose().is_bare(), "ids travel as strings");
    }
    assert_eq!(echo.id, copy.id);
    assert!(echo.id.as_i64().unwrap() > 1 << 53);
    assert_eq!(front.stored(), 1);
}

#[test]
fn the_first_text_of_the_taker_gets_the_automatic_reply_once() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("m1", ORDER, "hello"));
    front.send(buyer, text("b1", ORDER, "hi"));
    front.send(buyer, text("b2", ORDER, "there"));
    let kinds: Vec<_> = front.pushes(buyer).iter().map(|it| (it.kind(), it.self_)).collect();
    assert_eq!(
        kinds,
        [
            (Kind::Text, Some(false)),
            (Kind::Text, Some(true)),
            (Kind::AutoReply, Some(false)),
            (Kind::Text, Some(true))
        ]
    );
    let reply = front.pushes(merchant).into_iter().find(|it| it.kind() == Kind::AutoReply);
    let reply = reply.unwrap();
    assert_eq!((reply.self_, reply.content_text().unwrap().as_ref()), (Some(true), "Welcome!"));
}

#[test]
fn frames_that_are_not_as_they_should_be_get_an_error_and_the_socket_stays() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    let image = |change: &str| {
        format!(
            r#"{{"type":"image","uuid":"u1","orderNo":"{ORDER}","imageUrl":"https://h/a.jpg","thumbnailUrl":"https://h/a.jpg","imageType":"jpg","width":8,"height":6{change}}}"#
        )
    };
    let whole = image("");
    for bad in [
        "not json".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        text("u1", "22000000000000000099", "no such order").as_str().to_owned(),
        text("u1", OTHER, "mine, but not the buyer's").as_str().replace(OTHER, "777"),
        text("u1", ORDER, "").as_str().to_owned(),
        text("", ORDER, "no uuid").as_str().to_owned(),
        image(r#","content":"https://h/a.jpg""#),
        whole.replace("\"width\":8", "\"width\":0"),
        whole.replace("imageUrl", "imageUri"),
        whole.replace("thumbnailUrl", "thumb"),
        whole.replace("imageType", "kind"),
        whole.replace("\"height\":6", "\"height\":\"tall\""),
        format!(r#"{{"type":"video","uuid":"u1","orderNo":"{ORDER}"}}"#),
    ] {
        front.send(conn, bad.as_str());
        let frames = front.pushes(conn);
        let [frame] = &frames[..] else { panic!("{bad}: {frames:?}") };
        assert_eq!(
            (frame.kind(), frame.content_text().unwrap().as_ref()),
            (Kind::Error, "ILLEGAL_PARAM")
        );
        assert_eq!(frame.uuid == "u1", bad.contains("\"u1\""), "{bad}");
    }
    assert_eq!(front.stored(), 0);
    // Numbers as strings and the other form of a text are taken.
    front.send(conn, whole.replace("\"width\":8", "\"width\":\"8\"").as_str());
    front.send(
        conn,
        format!(r#"{{"type":"TEXT","content":"hi","topicId":"{ORDER}","topicType":"ORDER","orderNo":"{ORDER}","sourceType":"contact","uuid":"u2","clientType":"web"}}"#).as_str(),
    );
    let kinds: Vec<_> = front.pushes(conn).iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::Image, Kind::Text]);
    front.send(conn, r#"{"type":"ping"}"#);
    front.send(conn, r#"{"type":"pong"}"#);
    let kinds: Vec<_> = front.pushes(conn).iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [Kind::Pong]);
}

#[test]
fn nobody_reads_or_writes_orders_of_others() {
    let mut front = Front::new();
    let third = front.dial("third");
    front.send(third, text("u1", ORDER, "let me in"));
    assert_eq!(front.pushes(third)[0].kind(), Kind::Error);
    let history = api("third").history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
    assert_eq!(front.json(history.into_request()).1["code"], -31002);
    let mark = api("third").mark_order_read(ORDER, None, front.at());
    assert_eq!(front.json(mark.into_request()).1["code"], -31002);
}

#[test]
fn history_pages_backwards_by_id_and_by_page() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    for n in 0..7 {
        front.send(conn, text(&format!("u{n}"), ORDER, &format!("no {n}")));
        front.pass(Duration::from_millis(5));
    }
    let newest = HistoryQuery { rows: Some(3), ..HistoryQuery::newest(ORDER) };
    let texts = |found: Vec<(String, bool)>| -> Vec<String> {
        found.into_iter().map(|(text, _)| text).collect()
    };
    let first = order_page(&mut front, "buyer", &newest);
    assert_eq!(
        first,
        [("no 6", false), ("no 5", false), ("no 4", false)].map(|(t, o)| (t.to_owned(), o))
    );
    assert!(order_page(&mut front, "merchant", &newest).iter().all(|(_, own)| *own));

    let request = api("merchant").history(&newest, front.at()).unwrap().into_request();
    let (_, body) = front.json(request);
    assert_eq!(body["total"], 7);
    let item = &body["data"][0];
    assert_eq!(item["fromNickName"], "my-shop");
    assert!(item["id"].is_string() && item.get("topicId").is_none());
    let id: i64 = body["data"][2]["id"].as_str().unwrap().parse().unwrap();

    let before = HistoryQuery { before_id: Some(id), ..newest.clone() };
    assert_eq!(texts(order_page(&mut front, "buyer", &before)), ["no 3", "no 2", "no 1"]);
    let third = HistoryQuery { page: Some(3), ..newest.clone() };
    assert_eq!(texts(order_page(&mut front, "buyer", &third)), ["no 0"]);
    let beyond = HistoryQuery { page: Some(4), ..newest.clone() };
    assert!(order_page(&mut front, "buyer", &beyond).is_empty());
    let up = HistoryQuery { sort: Some("asc".into()), ..newest };
    assert_eq!(texts(order_page(&mut front, "buyer", &up)), ["no 0", "no 1", "no 2"]);
    // Another order has none.
    assert!(order_page(&mut front, "merchant", &HistoryQuery::newest(OTHER)).is_empty());
}

#[test]
fn a_full_order_lets_its_oldest_messages_go() {
    let config = HubConfig { max_order_messages: 2, ..HubConfig::default() };
    let mut front = Front::with("{}", config);
    let merchant = front.dial("merchant");
    for n in 0..4 {
        front.send(merchant, text(&format!("u{n}"), ORDER, &format!("no {n}")));
    }
    let found = order_page(&mut front, "buyer", &HistoryQuery::newest(ORDER));
    assert_eq!(found, [("no 3".to_owned(), false), ("no 2".to_owned(), false)]);
}

#[test]
fn who_waits_for_a_commit_that_fails_is_read_from_again() {
    let session = ServerConfig { max_answers: 16, ..ServerConfig::default() };
    let mut front = Front::with("{}", HubConfig { session, ..HubConfig::default() });
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    let ping = Text::from(r#"{"type":"ping"}"#);
    let messages = [(merchant, text("u", ORDER, "x")), (buyer, ping.clone()), (buyer, ping)];
    for (conn, text) in messages {
        front.hub.handle_input(Input::Received { conn, message: Message::Text(text) }, front.now);
    }
    assert!(!front.hub.wants_input(buyer));
    let Some(HubAction::Commit { upto, .. }) = front.hub.poll_action() else { panic!() };
    front.hub.commit_failed(upto, front.now);
    // A ping gets no error, so nothing else would wake it.
    assert!(std::iter::from_fn(|| front.hub.poll_wake()).any(|conn| conn == buyer));
    assert!(front.hub.wants_input(buyer));
}

#[test]
fn history_filters_by_kind() {
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
    let request = api("merchant").history(&only("image"), front.at()).unwrap().into_request();
    let (_, body) = front.json(request);
    let item = &body["data"][0];
    assert_eq!((&item["width"], &item["height"]), (&json!(8), &json!(6)));
    assert_eq!((&item["imageUrl"], &item["imageType"]), (&json!("https://h/a.png"), &json!("png")));
    assert!(item.get("content").is_none());
}

#[test]
fn reading_is_marked_and_told() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.send(merchant, text("u1", ORDER, "one"));
    front.send(merchant, text("u2", ORDER, "two"));
    let ids: Vec<_> = front.pushes(merchant).iter().map(|it| it.id.to_string()).collect();
    let status = |front: &mut Front, name: &str| {
        let request = api(name).history(&HistoryQuery::newest(ORDER), front.at()).unwrap();
        let (_, body) = front.json(request.into_request());
        body["data"][0]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&mut front, "buyer"), "unread");
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
    assert_eq!(marks[0].kind(), Kind::Mark);
    assert_eq!(marks[0].mark_ids.as_ref().unwrap().parse::<Vec<String>>().unwrap(), ids);
    assert!(front.pushes(buyer).is_empty());
    // Again: nothing new to tell. And by user.
    let mark = api("buyer").mark_user_read(Some(11), front.at()).into_request();
    assert_eq!(front.json(mark).1["data"], true);
    assert!(front.pushes(merchant).is_empty());
}

#[test]
fn a_picture_goes_up_once_and_comes_down_for_anybody() {
    let mut front = Front::new();
    let request = api("merchant").pre_signed_url("receipt.jpg", front.at()).into_request();
    let response = front.http(request);
    let slot = UploadSlot::read(&response).unwrap();
    let start = "https://images.example.com/client_upload/c2c/chat/20240426/";
    assert!(slot.image_url.starts_with(start) && slot.image_url.ends_with("_20240426120643.jpg"));

    let bytes = Bytes::from_static(b"\xFF\xD8\xFF\xC0\0\x08\x08\0\x06\0\x08\x03");
    let info = ImageInfo::sniff(&bytes).unwrap();
    assert_eq!((info.width, info.height), (8, 6));
    assert_eq!(front.http(download(&slot.image_url).unwrap().into_request()).status(), 404);
    let put = || slot.put(bytes.clone(), info.format.media_type()).unwrap().into_request();
    let put_elsewhere = |from: &str, to: &str| {
        let uri = put().uri().to_string().replace(from, to);
        Request::put(uri).body(bytes.clone()).unwrap()
    };
    assert_eq!(front.http(put_elsewhere("Signature=", "Signature=0")).status(), 403);
    assert_eq!(front.http(put_elsewhere("c2c-upload/", "c2c-upload/0")).status(), 403);
    let response = front.http(put());
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
    assert_eq!(front.http(put()).status(), 403, "once");

    let get = download(&slot.image_url).unwrap().into_request();
    assert!(get.headers().is_empty());
    let response = front.http(get);
    assert_eq!(response.body(), &bytes);
    assert_eq!(response.headers()["content-type"], "image/jpeg");
}

#[test]
fn upload_urls_expire_and_are_limited() {
    let mut front = Front::new();
    let ask = |front: &mut Front, name: &str, file: &str| {
        let request = api(name).pre_signed_url(file, front.at()).into_request();
        front.http(request)
    };
    let slot = UploadSlot::read(&ask(&mut front, "merchant", "a.png")).unwrap();
    front.pass(Duration::from_secs(300));
    let put = slot.put(Bytes::from_static(b"x"), "image/png").unwrap().into_request();
    assert_eq!(front.http(put).status(), StatusCode::FORBIDDEN);
    for name in ["", "a", ".jpg", "a.html", "a.svg", "../a.exe"] {
        let answer = ask(&mut front, "merchant", name);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{name}");
    }
    for _ in 0..35 {
        front.pass(Duration::from_secs(1));
        assert_eq!(ask(&mut front, "merchant", "a.png").status(), 200);
    }
    assert_eq!(ask(&mut front, "merchant", "a.png").status(), 200);
    let refused = ask(&mut front, "merchant", "a.png");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "26");
    assert_eq!(ask(&mut front, "buyer", "a.png").status(), 200, "for each user");
    front.pass(Duration::from_secs(26));
    assert_eq!(ask(&mut front, "merchant", "a.png").status(), 200);
}

/// A signed call with a query of our own making.
fn signed(name: &str, secret: &str, query: &str, headers: &[(&str, &str)]) -> Request<Bytes> {
    let key = HmacSigner::new(&secret.into());
    let signature = key.sign_hex(query.as_bytes());
    let uri = format!(
        "https://c2c.example.com/sapi/v1/c2c/chat/{name}?{query}{}signature={signature}",
        if query.is_empty() { "" } else { "&" }
    );
    let request = headers.iter().fold(Request::get(uri), |it, (k, v)| it.header(*k, *v));
    request.body(Bytes::new()).unwrap()
}

#[test]
fn signed_calls_are_judged_as_documented() {
    let mut front = Front::new();
    let fresh = format!("timestamp={START}");
    let good = [("x-mbx-apikey", "merchant-key"), ("clientType", "WEB")];
    let credential = "retrieveChatCredential";
    let history = "retrieveChatMessagesWithPagination";
    let secret = "merchant-secret";
    let at = |millis: i64| format!("timestamp={}", START.checked_add_signed(millis).unwrap());
    let cases: Vec<(Request<Bytes>, u16, i64)> = vec![
        (signed(credential, secret, &fresh, &[("clientType", "web")]), 401, -2014),
        (signed(credential, secret, &fresh, &[("x-mbx-apikey", "nobody"), good[1]]), 401, -2015),
        (signed(credential, "wrong", &fresh, &good), 400, -1022),
        (signed(credential, secret, &fresh, &good[..1]), 400, -31002),
        (signed(credential, secret, "", &good), 400, -1102),
        (signed(credential, secret, &at(-5001), &good), 400, -1021),
        (signed(credential, secret, &at(-10_000), &good), 400, -1021),
        (signed(credential, secret, &at(1000), &good), 400, -1021),
        (signed(credential, secret, &format!("{fresh}&{fresh}"), &good), 400, -1101),
        (signed(credential, secret, &format!("{fresh}&recvWindow=60001"), &good), 400, -1131),
        (signed(credential, secret, "timestamp=soon", &good), 400, -1102),
        (signed(history, secret, &fresh, &good), 400, -1102),
        (signed(history, secret, &format!("orderNo={ORDER}&rows=x&{fresh}"), &good), 400, -1102),
        (signed(history, secret, &format!("orderNo={ORDER}&page=0&{fresh}"), &good), 400, -1102),
        (signed(history, secret, &format!("orderNo={ORDER}&id=1.5&{fresh}"), &good), 400, -1102),
        (signed(history, secret, &format!("orderNo=7&{fresh}"), &good), 400, -31002),
    ];
    for (request, status, code) in cases {
        let shown = request.uri().to_string();
        let (found, body) = front.json(request);
        assert_eq!((found.as_u16(), &body["code"]), (status, &json!(code)), "{shown}: {body}");
        assert!(body["msg"].is_string() && body.get("success").is_none(), "{body}");
    }
    for request in [
        signed(credential, secret, &at(-5000), &good),
        signed(credential, secret, &at(999), &good),
        signed(credential, secret, &format!("{}&recvWindow=60000", at(-60_000)), &good),
        signed(credential, secret, &format!("clientType=web&{fresh}"), &good[..1]),
        // History does not ask for the header.
        signed(history, secret, &format!("orderNo={ORDER}&{fresh}"), &good[..1]),
        // The signature is over the received bytes, whatever their order.
        signed(history, secret, &format!("{fresh}&page=1&orderNo={ORDER}"), &good),
    ] {
        let shown = request.uri().to_string();
        assert_eq!(front.json(request).1["code"], "000000", "{shown}");
    }
}

#[test]
fn bodies_are_json_and_not_signed() {
    let mut front = Front::new();
    let query = HmacSigner::new(&"merchant-secret".into()).sign_query(Query::new(), START, 5000);
    let post = |path: &str, kind: &str, body: &'static str| {
        Request::post(format!("https://c2c.example.com/sapi/v1/c2c/chat/{path}?{}", query.as_str()))
            .header("x-mbx-apikey", "merchant-key")
            .header("clientType", "web")
            .header("content-type", kind)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    };
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let url = "image/pre-signed-url";
    assert_eq!(front.json(post(url, form, "imageName=a.jpg")).1["code"], -1000);
    assert_eq!(front.json(post(url, json, "imageName")).1["code"], -31002);
    assert_eq!(front.json(post(url, json, r#"{"imageName":7}"#)).1["code"], -31002);
    assert_eq!(front.json(post(url, json, r#"{"imageName":"a.jpg"}"#)).1["code"], "000000");
    let tips = r#"{"orderNo":"20476365073825144832","fiat":"EUR","scene":"PAY"}"#;
    assert_eq!(front.json(post("getRiskWarningTips", json, tips)).1["data"], json!([]));
    // Read marks are taken without a signature as well; a wrong one is refused.
    let mark = |query: &str| {
        let mut request = post("markUserMessagesAsRead", json, "{}");
        let path = request.uri().path().to_owned();
        *request.uri_mut() = format!("{path}?{query}").parse().unwrap();
        request
    };
    assert_eq!(front.json(mark("")).1["code"], "000000");
    assert_eq!(front.json(mark(&format!("timestamp={START}&signature=00"))).1["code"], -1022);
}

#[test]
fn the_clock_is_public_and_unknown_paths_are_not_found() {
    let mut front = Front::new();
    let response = front.http(api("merchant").time().into_request());
    assert_eq!(server_time(&response).unwrap().as_millis(), START);
    for path in ["sendMessage", "", "retrieveChatCredential/x"] {
        let request = signed(path, "merchant-secret", &format!("timestamp={START}"), &[]);
        assert_eq!(front.http(request).status(), StatusCode::NOT_FOUND, "{path}");
    }
    let post = Request::post("https://h/sapi/v1/c2c/chat/retrieveChatCredential");
    assert_eq!(front.http(post.body(Bytes::new()).unwrap()).status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_script_plays_the_other_side_and_the_service() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    let now = front.now;
    let play = |front: &mut Front, script| {
        let result = front.hub.c2c_script(ORDER, script, now);
        front.pump();
        result
    };
    let from = || "buyer-key".to_owned();
    let picture = C2cPicture {
        url: "https://h/1.jpg".into(),
        thumbnail: "https://h/1.jpg".into(),
        extension: "jpg".into(),
        width: 8,
        height: 6,
    };
    let id = play(&mut front, Script::Text { from: from(), content: "paid?".into() }).unwrap();
    play(&mut front, Script::Image { from: from(), picture }).unwrap();
    play(&mut front, Script::AutoReply { content: "soon".into() }).unwrap();
    play(&mut front, Script::OrderEvent { event: "payed_with_ref".into() }).unwrap();
    play(&mut front, Script::SystemEvent { event: "cancelled_by_system".into() }).unwrap();
    play(&mut front, Script::SystemText { content: "plain".into() }).unwrap();
    play(&mut front, Script::Recall { id: id.unwrap() }).unwrap();
    play(
        &mut front,
        Script::Raw { to: "merchant-key".into(), text: r#"{"type":"statistics"}"#.into() },
    )
    .unwrap();

    let frames = front.pushes(merchant);
    let kinds: Vec<_> = frames.iter().map(|it| it.kind()).collect();
    use Kind::{AutoReply, Image, Recall, Statistics, System};
    assert_eq!(kinds, [Kind::Text, Image, AutoReply, System, System, System, Recall, Statistics]);
    let counterparty: Vec<_> = frames.iter().map(|it| it.is_from_counterparty()).collect();
    assert_eq!(counterparty, [true, true, false, false, false, false, false, false]);
    let buyers = front.pushes(buyer);
    // Each side reads its own role, and both that the buyer paid.
    for (frame, reader) in [(&frames[3], Role::Seller), (&buyers[3], Role::Buyer)] {
        let content = SystemContent::parse(&frame.content_text().unwrap()).unwrap();
        let event = content.event();
        assert_eq!(event.event, OrderEvent::Paid { reader, name_mismatch: false });
        assert_eq!(event.event.actor(), Some(Role::Buyer));
        assert!(event.with_ref);
        assert_eq!(content.nick_name, if reader == Role::Seller { "Pat***" } else { "my-shop" });
    }
    // What was withdrawn is not in history; each side sees its own system messages only.
    let found = order_page(&mut front, "merchant", &HistoryQuery::newest(ORDER));
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|(text, _)| text != "paid?"));

    let none = |script| Err::<Option<i64>, _>(script);
    assert_eq!(play(&mut front, Script::Recall { id: 1 }), none(ScriptError::NoMessage));
    assert_eq!(
        play(&mut front, Script::Read { by: "third-key".into() }),
        none(ScriptError::NoAccount)
    );
    let lost = front.hub.c2c_script("7", Script::Read { by: from() }, now);
    assert_eq!(lost, none(ScriptError::NoOrder));
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let mut front = Front::new();
    let conn = front.dial("merchant");
    front.send(conn, text("u1", ORDER, "one"));
    let mark = api("buyer").mark_order_read(ORDER, None, front.at()).into_request();
    front.http(mark);
    let id = front.pushes(conn)[0].id.as_i64();

    let mut again = Front::new();
    again.hub.restore(front.records.clone());
    assert_eq!(again.hub.snapshot(), front.hub.snapshot());
    let request = api("merchant").history(&HistoryQuery::newest(ORDER), again.at()).unwrap();
    let (_, body) = again.json(request.into_request());
    assert_eq!(
        (&body["data"][0]["content"], &body["data"][0]["status"]),
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
fn a_commit_that_fails_leaves_nothing_behind() {
    let mut front = Front::new();
    let (merchant, buyer) = (front.dial("merchant"), front.dial("buyer"));
    front.broken = true;
    front.send(buyer, text("u1", ORDER, "lost"));
    let frames = front.pushes(buyer);
    assert_eq!((frames[0].kind(), frames.len()), (Kind::Error, 1));
    assert_eq!(frames[0].uuid, "u1");
    assert!(front.pushes(merchant).is_empty());
    front.broken = false;
    assert!(order_page(&mut front, "buyer", &HistoryQuery::newest(ORDER)).is_empty());
    // The first message that counts gets the automatic reply.
    front.send(buyer, text("u2", ORDER, "kept"));
    assert_eq!(front.pushes(buyer).len(), 2);
}
