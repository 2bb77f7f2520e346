use std::time::Duration;

use bytes::Bytes;
use chat_proto::Message;
use chat_proto::machine::{CloseFrame, LinkFailure};
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::Options;
use tungstenite::Message as Wire;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{accepted, dialled};
use runtime_core::conformance::probe::Event;

fn frame(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame::new(code, reason)))
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

#[tokio::test(start_paused = true)]
async fn an_outgoing_message_that_never_fits_ends_the_connection() {
    let (mut conn, peer) = accepted(1024, Options::default()).await;
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    conn.machine().0.send(Message::Binary(Bytes::from(vec![0; 5 << 20])));
    let event = tokio::time::timeout(Duration::from_secs(10), conn.next()).await.unwrap();
    assert!(matches!(event, Some(Event::Lost(1, LinkFailure::Io(_)))), "{event:?}");
    drop(peer);
}
