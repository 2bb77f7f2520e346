use std::time::Duration;

use chat_proto::Message;
use chat_proto::machine::LinkFailure;
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::{Connection, Network, Options, TokioRuntime};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tungstenite::Message as Wire;

use crate::support::probe::{Event, Probe};
use crate::support::{client, client_with, peer, runtime};

async fn failure(uri: &str) -> LinkFailure {
    match client(uri).next().await {
        Some(Event::Lost(1, failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn refused() {
    let uri = format!("ws://{}/chat?token=hush", peer::nobody().await);
    let failure = failure(&uri).await;
    assert!(matches!(&failure, LinkFailure::Dial(text) if !text.contains("hush")), "{failure}");
}

#[tokio::test]
async fn an_upgrade_refused_shows_status_and_pause() {
    for (answer, status, retry_after) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403, None),
        ("HTTP/1.1 429 Too Many\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", 429, Some(17)),
        ("HTTP/1.1 429 Never\r\nRetry-After: 18446744073709551615\r\n\r\n", 429, Some(86_400)),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", 200, None),
        ("HTTP/1.1 503 Later\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", 503, None),
    ] {
        let uri = format!("ws://{}/im", peer::canned(answer).await);
        let retry_after = retry_after.map(Duration::from_secs);
        assert_eq!(failure(&uri).await, LinkFailure::Refused { status, retry_after });
    }
}

#[tokio::test]
async fn what_is_no_http_is_the_peers_fault() {
    let uri = format!("ws://{}/im", peer::canned("SSH-2.0-OpenSSH\r\n\r\n").await);
    assert!(matches!(failure(&uri).await, LinkFailure::Protocol(_)));
    let uri = format!("ws://{}/im", peer::canned("").await);
    assert_eq!(failure(&uri).await, LinkFailure::Ended);
}

#[tokio::test]
async fn an_unusable_uri_is_a_failed_dial() {
    for uri in ["ftp://127.0.0.1/im?token=hush", "/im?token=hush"] {
        let failure = failure(uri).await;
        assert!(matches!(&failure, LinkFailure::Dial(text) if !text.contains("hush")), "{failure}");
    }
}

#[tokio::test]
async fn the_request_is_complete_and_keeps_its_headers() {
    let (tell, told) = oneshot::channel();
    let address = peer::tcp(async |mut stream| {
        tell.send(peer::head(&mut stream).await.unwrap()).unwrap();
    })
    .await;
    assert_eq!(failure(&format!("ws://{address}/im?a=b%20c")).await, LinkFailure::Ended);
    let head = told.await.unwrap();
    assert_eq!(head[0], "get /im?a=b%20c http/1.1");
    for line in [
        &format!("host: {address}"),
        "x-probe: 1",
        "upgrade: websocket",
        "sec-websocket-version: 13",
    ] {
        assert!(head.iter().any(|have| have == line), "{line} is missing in {head:?}");
    }
}

#[tokio::test]
async fn a_name_with_several_addresses_is_tried_in_turn() {
    // `localhost` is ::1 and 127.0.0.1 on most systems, and only the latter listens.
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        ws.send(Wire::text("here")).await.unwrap();
        while ws.next().await.is_some() {}
    })
    .await;
    let mut conn = client(&uri.replace("127.0.0.1", "localhost"));
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("here"))));
}

#[tokio::test]
async fn dropping_a_dial_closes_its_socket_and_gives_no_answer() {
    let (accepted, is_accepted) = oneshot::channel();
    let (closed, is_closed) = oneshot::channel();
    // Takes the request, never answers.
    let silent = peer::tcp(async |mut stream| {
        peer::head(&mut stream).await.unwrap();
        accepted.send(()).unwrap();
        closed.send(stream.read_to_end(&mut Vec::new()).await.unwrap()).unwrap();
    })
    .await;
    let other = peer::nobody().await;
    let mut conn = client(&format!("ws://{silent}/"));
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        reached = is_accepted => reached.unwrap(),
    }
    conn.machine().0.drop_conn(1);
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        rest = is_closed => assert_eq!(rest.unwrap(), 0),
    }
    // The first is given up, only the second answers.
    conn.machine().0.dial(2, &format!("ws://{other}/"));
    assert!(matches!(conn.next().await, Some(Event::Lost(2, LinkFailure::Dial(_)))));
}

#[tokio::test]
async fn dropping_the_connection_drops_the_dial() {
    let (accepted, is_accepted) = oneshot::channel();
    let (closed, is_closed) = oneshot::channel();
    let silent = peer::tcp(async |mut stream| {
        peer::head(&mut stream).await.unwrap();
        accepted.send(()).unwrap();
        closed.send(stream.read_to_end(&mut Vec::new()).await.unwrap()).unwrap();
    })
    .await;
    let mut conn = client(&format!("ws://{silent}/"));
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        reached = is_accepted => reached.unwrap(),
    }
    drop(conn);
    assert_eq!(is_closed.await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_takes_its_time_at_most() {
    // TCP connects, TLS never answers.
    let silent = peer::tcp(async |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let network = Network::default().with_connect_timeout(Duration::from_millis(20));
    let runtime = TokioRuntime::from(network);
    let mut conn = client_with(&format!("wss://{silent}/"), runtime, Options::default());
    let Some(Event::Lost(1, LinkFailure::Dial(text))) = conn.next().await else { panic!() };
    assert_eq!(text, "no connection in time");
}

#[tokio::test]
async fn a_finished_machine_ends_the_loop() {
    let machine = Probe { finished: true, ..Probe::default() };
    let mut conn = Connection::new(machine, runtime(), Options::default());
    assert_eq!(conn.next().await, None);
    assert_eq!(conn.next().await, None);
}
