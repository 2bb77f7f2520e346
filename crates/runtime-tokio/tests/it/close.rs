use std::time::Duration;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{CloseFrame, LinkFailure};
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tungstenite::Message as Wire;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::support::probe::Event;
use crate::support::{accepted, client, dialled, peer};

fn frame(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame::new(code, reason)))
}

#[tokio::test]
async fn the_peers_close_comes_once_then_the_end() {
    let (tell, told) = oneshot::channel();
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        let frame = tungstenite::protocol::CloseFrame {
            code: CloseCode::Again,
            reason: "come back later".into(),
        };
        ws.close(Some(frame)).await.unwrap();
        let mut answers = Vec::new();
        while let Some(Ok(answer)) = ws.next().await {
            answers.push(answer);
        }
        tell.send(answers).unwrap();
    })
    .await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert_eq!(conn.next().await, Some(Event::Message(frame(1013, "come back later"))));
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    let [Wire::Close(Some(answer))] = &told.await.unwrap()[..] else { panic!() };
    assert_eq!(answer.code, CloseCode::Again);
}

#[tokio::test]
async fn our_close_is_written_last_and_answered() {
    let (tell, told) = oneshot::channel();
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        let mut heard = Vec::new();
        while let Some(Ok(message)) = ws.next().await {
            heard.push(message.to_string());
        }
        tell.send(heard).unwrap();
    })
    .await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let (machine, _) = conn.machine();
    machine.finish_when_lost = true;
    machine.text("last words");
    machine.send(frame(1000, "bye"));
    machine.text("never written");
    assert_eq!(conn.next().await, Some(Event::Message(frame(1000, "bye"))));
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    assert_eq!(conn.next().await, None);
    let heard = told.await.unwrap();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert_eq!(heard[0], "last words");
}

#[tokio::test]
async fn a_close_goes_out_although_the_machine_lets_go_at_once() {
    let (mut conn, mut peer) = accepted(1024, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let (machine, _) = conn.machine();
    machine.send(frame(1013, "too slow"));
    machine.finished = true;
    let (end, heard) = tokio::join!(conn.next(), async move {
        let first = peer.next().await;
        // The server's end closes the transport.
        (first, peer.next().await.is_none())
    });
    assert_eq!(end, None);
    let (Some(Ok(Wire::Close(Some(frame)))), true) = heard else { panic!("{heard:?}") };
    assert_eq!(frame.code, CloseCode::Again);
}

#[tokio::test]
async fn a_peer_that_vanishes_is_an_end() {
    let uri = peer::websocket(async |ws: peer::Ws| drop(ws)).await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
}

#[tokio::test]
async fn a_peer_that_vanishes_while_we_write_is_an_end() {
    let uri = peer::websocket(async |ws: peer::Ws| drop(ws)).await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    for _ in 0..100 {
        conn.machine().0.send(Message::Binary(vec![0; 60_000].into()));
    }
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_but_stays_is_let_go() {
    let (mut conn, mut peer) = dialled(1024, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    peer.close(None).await.unwrap();
    let start = tokio::time::Instant::now();
    assert_eq!(conn.next().await, Some(Event::Message(Message::Close(None))));
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    assert_eq!(start.elapsed().as_secs(), Options::default().close_timeout.as_secs());
    drop(peer);
}

#[tokio::test]
async fn an_oversized_message_is_answered_with_1009() {
    let (tell, told) = oneshot::channel();
    let uri = peer::websocket(async |ws: peer::Ws| {
        let (mut write, mut read) = ws.split();
        let writing = async {
            // Fails when the client lets go before all is written.
            let _ = write.send(Wire::Binary(vec![0; 8 << 20].into())).await;
        };
        let (_, heard) = tokio::join!(writing, read.next());
        tell.send(heard).unwrap();
    })
    .await;
    let mut conn = client(&uri);
    conn.machine().0.finish_when_lost = true;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::TooBig { limit: 1 << 20 })));
    assert_eq!(conn.next().await, None);
    let heard = told.await.unwrap();
    let Some(Ok(Wire::Close(Some(frame)))) = heard else { panic!("{heard:?}") };
    assert_eq!(frame.code, CloseCode::Size);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_writes_before_it_reads_still_hears_why() {
    let (mut conn, mut peer) = accepted(1024, Options::default()).await;
    conn.machine().0.finish_when_lost = true;
    let talking = async move {
        // All of it is taken, although nobody wants it any more.
        peer.send(Wire::Binary(vec![0; 2 << 20].into())).await.unwrap();
        peer.next().await.unwrap().unwrap()
    };
    let listening = async {
        assert_eq!(conn.next().await, Some(Event::Opened(1)));
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::TooBig { limit: 1 << 20 })));
        assert_eq!(conn.next().await, None);
    };
    let (heard, ()) = tokio::join!(talking, listening);
    let Wire::Close(Some(frame)) = heard else { panic!("{heard}") };
    assert_eq!(frame.code, CloseCode::Size);
}

#[tokio::test]
async fn a_broken_frame_is_the_peers_fault() {
    let (tell, told) = oneshot::channel();
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        // A reserved opcode.
        ws.get_mut().write_all(&[0x83, 0]).await.unwrap();
        tell.send(ws.next().await).unwrap();
    })
    .await;
    let mut conn = client(&uri);
    conn.machine().0.finish_when_lost = true;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert!(matches!(conn.next().await, Some(Event::Lost(1, LinkFailure::Protocol(_)))));
    assert_eq!(conn.next().await, None);
    let Some(Ok(Wire::Close(Some(frame)))) = told.await.unwrap() else { panic!() };
    assert_eq!(frame.code, CloseCode::Protocol);
}

#[tokio::test]
async fn a_text_that_is_not_utf8_is_the_peers_fault() {
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        ws.get_mut().write_all(&[0x81, 2, 0xff, 0xfe]).await.unwrap();
        while ws.next().await.is_some() {}
    })
    .await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert!(matches!(conn.next().await, Some(Event::Lost(1, LinkFailure::Protocol(_)))));
}

#[tokio::test]
async fn letting_go_closes_the_socket() {
    let (tell, told) = oneshot::channel();
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        let rest = ws.get_mut().read_to_end(&mut Vec::new()).await;
        tell.send(rest.unwrap()).unwrap();
    })
    .await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    conn.machine().0.drop_conn(1);
    tokio::select! {
        event = conn.next() => panic!("{event:?}"),
        rest = told => assert_eq!(rest.unwrap(), 0),
    }
}

#[tokio::test(start_paused = true)]
async fn an_outgoing_message_that_never_fits_ends_the_connection() {
    let (mut conn, peer) = accepted(1024, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    conn.machine().0.send(Message::Binary(Bytes::from(vec![0; 5 << 20])));
    let event = tokio::time::timeout(Duration::from_secs(10), conn.next()).await.unwrap();
    assert!(matches!(event, Some(Event::Lost(1, LinkFailure::Io(_)))), "{event:?}");
    drop(peer);
}
