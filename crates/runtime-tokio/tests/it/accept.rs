//! The server's side: hyper answers the upgrade, the driver takes over.

use std::convert::Infallible;

use bytes::Bytes;
use chat_proto::machine::{CloseFrame, LinkFailure};
use chat_proto::{ConnId, Message};
use http::header;
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime_tokio::{Connection, Options, WsConfig, server_socket};
use tokio::sync::oneshot;

use crate::support::{client, peer, runtime};
use runtime_core::conformance::probe::{Event, Probe};

/// Serves one WebSocket with an echoing machine; tells all its events.
async fn server(tell: oneshot::Sender<Vec<Event>>) -> String {
    let (upgraded, is_upgraded) = oneshot::channel();
    let upgraded = std::sync::Mutex::new(Some(upgraded));
    let address = peer::tcp(async move |stream| {
        let service = service_fn(async |request: http::Request<hyper::body::Incoming>| {
            let key = request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes();
            let accept = tungstenite::handshake::derive_accept_key(key);
            let coming = hyper::upgrade::on(request);
            upgraded.lock().unwrap().take().unwrap().send(coming).unwrap();
            let answer = http::Response::builder()
                .status(101)
                .header(header::CONNECTION, "upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_ACCEPT, accept);
            Ok::<_, Infallible>(answer.body(Empty::<Bytes>::new()).unwrap())
        });
        let serving = hyper::server::conn::http1::Builder::new();
        serving.serve_connection(TokioIo::new(stream), service).with_upgrades().await.unwrap();
    });
    tokio::spawn(async move {
        let io = TokioIo::new(is_upgraded.await.unwrap().await.unwrap());
        let socket = server_socket(io, &WsConfig::server()).await;
        let machine = Probe { echo: true, finish_when_lost: true, ..Probe::default() };
        let conn = ConnId::new(1);
        let mut conn = Connection::accepted(machine, runtime(), conn, socket, Options::default());
        let mut events = Vec::new();
        while let Some(event) = conn.next().await {
            events.push(event);
        }
        tell.send(events).unwrap();
    });
    format!("ws://{}/im", address.await)
}

#[tokio::test]
async fn one_driver_serves_both_ends() {
    let (tell, told) = oneshot::channel();
    let mut conn = client(&server(tell).await);
    conn.machine().0.finish_when_lost = true;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    conn.machine().0.text("hello");
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("hello"))));
    let bye = Message::Close(Some(CloseFrame::new(1000, "bye")));
    conn.machine().0.send(bye.clone());
    assert_eq!(conn.next().await, Some(Event::Message(bye.clone())));
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    assert_eq!(conn.next().await, None);
    let there = [
        Event::Opened(1),
        Event::Message(Message::text("hello")),
        Event::Message(bye),
        Event::Lost(1, LinkFailure::Ended),
    ];
    assert_eq!(told.await.unwrap(), there);
}

#[tokio::test]
async fn a_client_that_is_dropped_is_an_end_there() {
    let (tell, told) = oneshot::channel();
    let mut conn = client(&server(tell).await);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    drop(conn);
    assert_eq!(told.await.unwrap(), [Event::Opened(1), Event::Lost(1, LinkFailure::Ended)]);
}
