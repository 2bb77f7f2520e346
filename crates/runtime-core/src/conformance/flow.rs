//! Peers and applications that are slow, or dead.

use std::io;
use std::time::Duration;

use chat_proto::Message;
use futures_channel::oneshot;
use tungstenite::Message as Wire;

use super::peer::{self, Peer, Ws};
use super::probe::Event;
use super::{Subject, client, client_with, opened, quiet, run, runtime};
use crate::{Options, Runtime};

/// A peer that is gone without a word does not stop the machine's timer; letting go closes the
/// socket.
pub fn half_open_peer<S: Subject>() {
    run::<S>(async {
        // Never reads or writes: bytes of ours are swallowed, none come.
        let peer = Peer::websocket(|ws: Ws| peer::until_gone(ws.get_ref()));
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        let (machine, now) = conn.machine();
        machine.text("are you there?");
        machine.timer = Some(now.mono + Duration::from_millis(20));
        assert_eq!(conn.next().await, Some(Event::Timeout));
        conn.machine().0.drop_conn(1);
        quiet(&mut conn, peer.outcome()).await;
    });
}

/// A peer that does not read leaves messages in the machine; reading and timers go on, and once it
/// reads everything comes.
pub fn slow_reader<S: Subject>() {
    const COUNT: usize = 300;
    const SIZE: usize = 100_000;
    run::<S>(async {
        let (go, may_go) = std::sync::mpsc::channel::<()>();
        let peer = Peer::websocket(move |mut ws: Ws| {
            ws.send(Wire::text("I do not read")).unwrap();
            may_go.recv().unwrap();
            for n in 0..COUNT {
                let message = ws.read().unwrap().into_data();
                assert!(message.len() == SIZE && message[0] == n as u8, "message {n}");
            }
        });
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        for n in 0..COUNT {
            conn.machine().0.send(Message::Binary(vec![n as u8; SIZE].into()));
        }
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("I do not read"))));
        // 30 MB fit into no socket's buffers.
        let (machine, now) = conn.machine();
        machine.timer = Some(now.mono + Duration::from_millis(50));
        assert_eq!(conn.next().await, Some(Event::Timeout));
        let left = conn.get().transmits.len();
        assert!(left > 0, "somebody holds 30 MB");
        go.send(()).unwrap();
        conn.machine().0.finish_when_lost = true;
        assert!(matches!(conn.next().await, Some(Event::Lost(1, _))));
        peer.outcome().await;
    });
}

/// An application that takes no events stops the peer; nothing is lost once it goes on.
pub fn slow_application<S: Subject>() {
    const SIZE: usize = 100_000;
    run::<S>(async {
        let (tell, stuck) = oneshot::channel();
        let peer = Peer::websocket(|mut ws: Ws| {
            // Until a write has to wait this long, the peer goes on.
            ws.get_ref().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
            let mut sent = 0_u32;
            loop {
                match ws.send(Wire::binary(vec![sent as u8; SIZE])) {
                    Ok(()) => sent += 1,
                    Err(tungstenite::Error::Io(error)) if is_timeout(&error) => break,
                    Err(error) => panic!("{error}"),
                }
                assert!(sent < 2000, "nothing stops the peer: 200 MB are somewhere");
            }
            // The one that did not fit was accepted, and goes on now.
            tell.send(sent + 1).unwrap();
            ws.get_ref().set_write_timeout(Some(Duration::from_secs(30))).unwrap();
            ws.flush().unwrap();
            ws.send(Wire::text("the end")).unwrap();
            peer::until_gone(ws.get_ref());
        });
        let options = Options { event_queue: 4, ..Options::default() };
        let conn = client_with(&peer.ws(), runtime::<S>(), options);
        let rt = conn.runtime().clone();
        let (handle, driver) = conn.into_handle();
        rt.spawn(driver);
        let sent = stuck.await.unwrap();
        // The driver is alive: calls are answered.
        let heard = handle.call(|machine, _| machine.heard).await.unwrap();
        assert!(heard <= 4, "{heard} were read for a queue of 4");
        assert_eq!(handle.next().await, Some(Event::Opened(1)));
        for n in 0..sent {
            let Some(Event::Message(Message::Binary(bytes))) = handle.next().await else {
                panic!("message {n} is missing")
            };
            assert!(bytes.len() == SIZE && bytes[0] == n as u8, "message {n}");
        }
        assert_eq!(handle.next().await, Some(Event::Message(Message::text("the end"))));
        drop(handle);
        peer.outcome().await;
    });
}

/// Timers fire in order, none before its time.
pub fn timers_fire<S: Subject>() {
    run::<S>(async {
        let peer = Peer::echo();
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        for millis in [0, 1, 15, 2] {
            let (machine, now) = conn.machine();
            let at = now.mono + Duration::from_millis(millis);
            machine.timer = Some(at);
            assert_eq!(conn.next().await, Some(Event::Timeout));
            assert!(conn.runtime().now().mono >= at);
        }
    });
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
