//! How connections end.

use std::io::Write;
use std::time::Duration;

use chat_proto::Message;
use chat_proto::machine::{CloseFrame, LinkFailure};
use tungstenite::Message as Wire;
use tungstenite::protocol::frame::coding::CloseCode;

use super::peer::{self, Peer, Ws};
use super::probe::Event;
use super::{PATIENCE, Subject, client, client_with, opened, quiet, run, runtime};
use crate::{Options, Runtime};

fn frame(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame::new(code, reason)))
}

/// The peer's close frame comes once, is answered, and then the transport ends.
pub fn peer_closes<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            let (code, reason) = (CloseCode::Again, "come back later".into());
            ws.close(Some(tungstenite::protocol::CloseFrame { code, reason })).unwrap();
            ws.read().unwrap()
        });
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        assert_eq!(conn.next().await, Some(Event::Message(frame(1013, "come back later"))));
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
        let answer = quiet(&mut conn, peer.outcome()).await;
        let Wire::Close(Some(answer)) = answer else { panic!("{answer}") };
        assert_eq!(answer.code, CloseCode::Again);
    });
}

/// Our close frame is written after what was said before it, and nothing after it.
pub fn we_close<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            let mut heard = Vec::new();
            while let Ok(message) = ws.read() {
                heard.push(message);
            }
            heard
        });
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        let (machine, _) = conn.machine();
        machine.finish_when_lost = true;
        machine.text("last words");
        machine.send(frame(1000, "bye"));
        machine.text("never written");
        assert_eq!(conn.next().await, Some(Event::Message(frame(1000, "bye"))));
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
        assert_eq!(conn.next().await, None);
        let heard = peer.outcome().await;
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert_eq!(heard[0], Wire::text("last words"));
    });
}

/// A peer that never answers our close frame costs the machine's deadline, and the socket is closed.
pub fn close_unanswered<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|ws: Ws| peer::until_gone(ws.get_ref()));
        let options = Options { linger: Duration::from_millis(20), ..Options::default() };
        let mut conn = client_with(&peer.ws(), runtime::<S>(), options);
        opened(&mut conn).await;
        let (machine, now) = conn.machine();
        machine.send(frame(1000, "bye"));
        machine.timer = Some(now.mono + Duration::from_millis(20));
        assert_eq!(conn.next().await, Some(Event::Timeout));
        let (machine, _) = conn.machine();
        machine.drop_conn(1);
        machine.finished = true;
        assert_eq!(conn.next().await, None);
        // The frame went out before the end, and nothing waits for the connection to be dropped.
        peer.outcome().await;
        drop(conn);
    });
}

/// A peer that says goodbye and keeps the transport open is let go after the close timeout.
pub fn peer_closes_but_stays<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            ws.close(None).unwrap();
            ws.flush().unwrap();
            peer::until_gone(ws.get_ref());
        });
        let close_timeout = Duration::from_millis(20);
        let linger = Duration::from_millis(20);
        let options = Options { close_timeout, linger, ..Options::default() };
        let mut conn = client_with(&peer.ws(), runtime::<S>(), options);
        opened(&mut conn).await;
        assert_eq!(conn.next().await, Some(Event::Message(Message::Close(None))));
        let start = conn.runtime().now().mono;
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
        assert!(conn.runtime().now().mono - start >= close_timeout / 2);
        quiet(&mut conn, peer.outcome()).await;
    });
}

/// A transport that ends without a close frame is an end.
pub fn peer_vanishes<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|ws: Ws| drop(ws));
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    });
}

/// The same in the middle of our writing.
pub fn peer_vanishes_while_we_write<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|ws: Ws| drop(ws));
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        for _ in 0..100 {
            conn.machine().0.send(Message::Binary(vec![0; 60_000].into()));
        }
        assert_eq!(conn.next().await, Some(Event::Lost(1, LinkFailure::Ended)));
    });
}

/// A message over the limit is refused with 1009, which the peer can read.
pub fn oversized_message<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            // All of it is taken, although nobody wants it any more.
            ws.send(Wire::Binary(vec![0; 8 << 20].into())).unwrap();
            ws.read().unwrap()
        });
        let options = Options { linger: PATIENCE, ..Options::default() };
        let mut conn = client_with(&peer.ws(), runtime::<S>(), options);
        conn.machine().0.finish_when_lost = true;
        opened(&mut conn).await;
        let too_big = LinkFailure::TooBig { limit: 1 << 20 };
        assert_eq!(conn.next().await, Some(Event::Lost(1, too_big)));
        assert_eq!(conn.next().await, None);
        let heard = peer.outcome().await;
        let Wire::Close(Some(frame)) = heard else { panic!("{heard}") };
        assert_eq!(frame.code, CloseCode::Size);
    });
}

/// A frame against the protocol is the peer's fault, and is answered with 1002.
pub fn broken_frame<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            // A reserved opcode.
            ws.get_mut().write_all(&[0x83, 0]).unwrap();
            ws.read().unwrap()
        });
        let mut conn = client::<S>(&peer.ws());
        conn.machine().0.finish_when_lost = true;
        opened(&mut conn).await;
        assert!(matches!(conn.next().await, Some(Event::Lost(1, LinkFailure::Protocol(_)))));
        assert_eq!(conn.next().await, None);
        let heard = peer.outcome().await;
        let Wire::Close(Some(frame)) = heard else { panic!("{heard}") };
        assert_eq!(frame.code, CloseCode::Protocol);
    });
}

/// A text that is not UTF-8 is the peer's fault, and is answered with 1007.
pub fn text_not_utf8<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            ws.get_mut().write_all(&[0x81, 2, 0xff, 0xfe]).unwrap();
            ws.read().unwrap()
        });
        let mut conn = client::<S>(&peer.ws());
        conn.machine().0.finish_when_lost = true;
        opened(&mut conn).await;
        assert!(matches!(conn.next().await, Some(Event::Lost(1, LinkFailure::Protocol(_)))));
        assert_eq!(conn.next().await, None);
        let heard = peer.outcome().await;
        let Wire::Close(Some(frame)) = heard else { panic!("{heard}") };
        assert_eq!(frame.code, CloseCode::Invalid);
    });
}

/// A machine that lets go closes the socket at once.
pub fn let_go<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|ws: Ws| peer::read_to_end(ws.get_ref()).len());
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        conn.machine().0.drop_conn(1);
        assert_eq!(quiet(&mut conn, peer.outcome()).await, 0);
    });
}
