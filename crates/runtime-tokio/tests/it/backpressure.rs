//! With a stopped clock: who stops reading stops the peer.

use bytes::Bytes;
use chat_proto::Message;
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::{Options, TryCallError};
use tungstenite::Message as Wire;

use crate::support::{accepted, rests, soon};
use runtime_core::conformance::probe::Event;

const PIPE: usize = 1024;

fn options() -> Options {
    Options { event_queue: 4, call_queue: 2, ..Options::default() }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_takes_no_events_stops_the_peer() {
    let (conn, mut peer) = accepted(PIPE, options()).await;
    let (handle, driver) = conn.into_handle();
    tokio::spawn(driver);
    let mut sent = 0_u32;
    while !rests(peer.send(Wire::text(format!("{sent:0>1000}")))).await {
        sent += 1;
        assert!(sent < 100, "nothing stops the peer");
    }
    // A few in the queue, one or two on their way through buffers.
    assert!((4..16).contains(&sent), "{sent}");

    // Writes and calls go on meanwhile.
    assert_eq!(handle.call(|machine, _| machine.heard).await.unwrap(), 3);
    handle.call(|machine, _| machine.text("still here")).await.unwrap();
    assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Wire::text("still here"));

    // Taking events lets the peer go on, and nothing was lost.
    assert_eq!(handle.next().await, Some(Event::Opened(1)));
    let sending = async {
        // The send that rested was dropped after its message was accepted.
        for n in sent + 1..200 {
            peer.send(Wire::text(format!("{n:0>1000}"))).await.unwrap();
        }
    };
    let taking = async {
        for n in 0..200 {
            let expected = Message::text(format!("{n:0>1000}"));
            assert_eq!(handle.next().await, Some(Event::Message(expected)));
        }
    };
    tokio::join!(sending, taking);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_reading_leaves_messages_in_the_machine() {
    let (conn, mut peer) = accepted(PIPE, options()).await;
    let (handle, driver) = conn.into_handle();
    tokio::spawn(driver);
    assert_eq!(handle.next().await, Some(Event::Opened(1)));
    let queue = |machine: &mut runtime_core::conformance::probe::Probe, _| {
        for _ in 0..100 {
            machine.send(Message::Binary(Bytes::from(vec![7; 10_000])));
        }
    };
    handle.call(queue).await.unwrap();
    // The pipe, tungstenite's cork and one message: everything else stays where it is bounded.
    let left = handle.call(|machine, _| machine.transmits.len()).await.unwrap();
    assert!(left >= 96, "{left}");
    // Reading goes on meanwhile.
    peer.send(Wire::text("hello")).await.unwrap();
    assert_eq!(handle.next().await, Some(Event::Message(Message::text("hello"))));
    for _ in 0..100 {
        assert_eq!(soon(peer.next()).await.unwrap().unwrap().len(), 10_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_call_queue_says_how_full() {
    let (conn, _peer) = accepted(PIPE, options()).await;
    let (handle, driver) = conn.into_handle();
    let first = handle.try_call(|machine, _| machine.heard).unwrap();
    let second = handle.try_call(|machine, _| machine.heard).unwrap();
    let full = handle.try_call(|_, _| ()).unwrap_err();
    assert_eq!(full, TryCallError::Full { len: 2 });
    assert_eq!(full.to_string(), "2 calls are waiting already");
    // Waiting for room gets it once the driver runs.
    let third = handle.call(|_, _| 3);
    tokio::spawn(driver);
    assert_eq!((first.await, second.await, third.await), (Ok(0), Ok(0), Ok(3)));
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_answered_although_nothing_more_is_read() {
    let (conn, mut peer) = accepted(PIPE, Options { event_queue: 2, ..options() }).await;
    let (handle, driver) = conn.into_handle();
    tokio::spawn(driver);
    // Opened and this ping fill the queue: there is no further read that would flush.
    peer.send(Wire::Ping(Bytes::from_static(b"p"))).await.unwrap();
    assert_eq!(soon(peer.next()).await.unwrap().unwrap(), Wire::Pong(Bytes::from_static(b"p")));
    drop(handle);
}
