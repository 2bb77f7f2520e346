//! Order chat through the real client, over TLS.

use bytes::Bytes;
use chat_hub::Script;
use chat_proto::c2c::answer::Reason;
use chat_proto::c2c::client::{Answer, C2cEvent};
use chat_proto::c2c::frame::ImageRef;
use chat_proto::c2c::rest::{HistoryQuery, Ticket, UploadSlot, download};
use chat_proto::c2c::{Kind, Push, answer};
use chat_proto::client::Event;
use chat_proto::machine::HttpRequest;
use chat_server::TestServer;
use chat_sign::Secret;
use http::{Request, Response, header};
use runtime_tokio::Runtime;

use crate::support::{C2cClient, api, exchange, plain, runtime, server, upgrade};

const ORDER: &str = "20476365073825144832";

async fn call(server: &TestServer, request: HttpRequest) -> Response<Bytes> {
    exchange(&runtime(server), request.into_request()).await.unwrap()
}

/// The next message that `like` likes.
async fn message(client: &mut C2cClient, like: impl Fn(&Push<'_>) -> bool) -> Push<'static> {
    client
        .until(|event| match event {
            Event::Service(C2cEvent::Push(it)) if like(&it.push) => Some(*it.push),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn c2c_rule_041_042_055_073_two_traders_talk() {
    let server = server().await;
    let mut merchant = C2cClient::ready(&server, "merchant").await;
    let mut buyer = C2cClient::ready(&server, "buyer").await;

    let answer = buyer.ask(|c2c, now| c2c.send_text(ORDER, "I have paid", now)).await;
    assert!(matches!(answer, Ok(Answer::Accepted(_))), "{answer:?}");
    let push = message(&mut merchant, |push| push.is_from_counterparty()).await;
    assert_eq!(push.content_text().as_deref(), Some("I have paid"));
    let reply = message(&mut buyer, |push| push.kind() == Kind::AutoReply).await;
    assert_eq!(reply.content_text().as_deref(), server.world().c2c.orders[0].auto_reply.as_deref());

    let script = Script::OrderEvent { event: "payed".to_owned() };
    server.hub(|hub, now| hub.c2c_script(ORDER, script, now)).await.unwrap().unwrap();
    message(&mut merchant, |push| push.kind() == Kind::System).await;
    message(&mut buyer, |push| push.kind() == Kind::System).await;

    let answer = merchant.ask(|c2c, now| c2c.history(HistoryQuery::newest(ORDER), now)).await;
    let Ok(Answer::History(page)) = answer else { panic!("{answer:?}") };
    assert!(page.items.len() >= 2);
    let answer = merchant.ask(|c2c, now| c2c.mark_read(ORDER, None, now)).await;
    assert_eq!(answer, Ok(Answer::Marked));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn c2c_rule_079_080_088_a_picture_comes_back_as_it_was() {
    let server = server().await;
    let mut merchant = C2cClient::ready(&server, "merchant").await;
    let mut buyer = C2cClient::ready(&server, "buyer").await;
    let picture = Bytes::from([b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 300_000]].concat());

    let now = runtime(&server).now().unix;
    let answer = call(&server, api(&server, "buyer").pre_signed_url("receipt.png", now)).await;
    let slot = UploadSlot::read(&answer).unwrap();
    let put = slot.put(picture.clone(), "image/png").unwrap();
    let stored = call(&server, put.clone()).await;
    assert_eq!((stored.status().as_u16(), stored.body().len()), (200, 0));
    // The place is taken.
    assert_eq!(call(&server, put).await.status(), 403);

    let image = ImageRef {
        url: slot.image_url.as_str().into(),
        image_type: "png".into(),
        width: 1,
        height: 1,
    };
    let answer = buyer.ask(|c2c, now| c2c.send_image(ORDER, image, now)).await;
    assert!(matches!(answer, Ok(Answer::Accepted(_))), "{answer:?}");
    let push = message(&mut merchant, |push| push.kind() == Kind::Image).await;
    let url = push.image_url.decode().into_owned();
    assert_eq!(url, slot.image_url);

    let whole = call(&server, download(&url).unwrap()).await;
    assert_eq!(whole.headers()[header::CONTENT_TYPE], "image/png");
    assert!(*whole.body() == picture, "other bytes came back");
    let part = Request::get(&url).header(header::RANGE, "bytes=1-3").body(Bytes::new());
    let part = exchange(&runtime(&server), part.unwrap()).await.unwrap();
    assert_eq!((part.status().as_u16(), &part.body()[..]), (206, b"PNG".as_slice()));
    let gone = call(&server, download(&url.replace(".png", "0.png")).unwrap()).await;
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn c2c_rule_081_082_an_upload_that_failed_may_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = plain(|config| {
        config.hub.max_file_bytes = 1000;
        config.files = Some(folder.path().to_owned());
    })
    .await;
    let now = runtime(&server).now().unix;
    let answer = call(&server, api(&server, "buyer").pre_signed_url("a.png", now)).await;
    let slot = UploadSlot::read(&answer).unwrap();

    let unsigned = slot.upload_url.expose().split('?').next().unwrap().to_owned();
    let request = Request::put(unsigned).body(Bytes::from_static(b"x")).unwrap();
    assert_eq!(exchange(&runtime(&server), request).await.unwrap().status(), 403);
    let large = slot.put(Bytes::from(vec![1; 1001]), "image/png").unwrap();
    assert_eq!(call(&server, large).await.status(), 400);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let fits = slot.put(Bytes::from(vec![1; 1000]), "image/png").unwrap();
    assert_eq!(call(&server, fits).await.status(), 200);
    let image = call(&server, download(&slot.image_url).unwrap()).await;
    assert_eq!(image.body().len(), 1000);
}

#[tokio::test]
async fn c2c_rule_032_a_ticket_opens_one_connection() {
    let server = server().await;
    let now = runtime(&server).now().unix;
    let answer = call(&server, api(&server, "merchant").credential(now)).await;
    let ticket = Ticket::read(&answer).unwrap().upgrade().unwrap().into_request();
    let url = ticket.uri().to_string();
    let _first = upgrade(&server, &url).await.unwrap();
    let error = upgrade(&server, &url).await.unwrap_err();
    let tungstenite::Error::Http(answer) = error else { panic!("{error}") };
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn c2c_rule_001_017_024_027_signatures_and_clocks_are_checked() {
    let server = server().await;
    let now = runtime(&server).now().unix;
    let time = call(&server, api(&server, "merchant").time()).await;
    assert!(chat_proto::c2c::rest::server_time(&time).is_ok());

    let late = chat_proto::UnixMillis::new(now.as_millis() - 10_000);
    let answer = call(&server, api(&server, "merchant").credential(late)).await;
    let refusal = answer::classify(&answer).unwrap_err();
    assert!(refusal.is_clock(), "{refusal}");

    let refused = |answer: &Response<Bytes>| match answer::classify(answer).unwrap_err().reason {
        Reason::Gateway { code, .. } => code,
        other => panic!("{other}"),
    };
    let mut request = api(&server, "merchant").credential(now).into_request();
    request.headers_mut().remove("clientType");
    assert_eq!(refused(&call(&server, HttpRequest::new(request)).await), -31002);

    let (key, wrong) = (Secret::new("demo-merchant-key"), Secret::new("not-the-secret"));
    let api = chat_proto::c2c::rest::Api::new(&key, &wrong).unwrap();
    let api = api.base_url(&server.urls().c2c).unwrap();
    let answer = call(&server, api.credential(now)).await;
    assert_eq!(refused(&answer), -1022);
}
