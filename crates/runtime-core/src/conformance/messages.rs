//! Messages over a live connection.

use bytes::Bytes;
use chat_proto::{ConnId, Message};
use tungstenite::Message as Wire;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::peer::{self, Peer, Ws};
use super::probe::Event;
use super::{Subject, client, client_with, opened, quiet, run, runtime};
use crate::{Options, WsConfig};

/// A text goes there and back.
pub fn publish_and_echo<S: Subject>() {
    run::<S>(async {
        let mut conn = client::<S>(&Peer::echo().ws());
        opened(&mut conn).await;
        conn.machine().0.text("grüß dich");
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("grüß dich"))));
    });
}

/// Thousands of texts in flight keep their order.
pub fn order_is_kept<S: Subject>() {
    run::<S>(async {
        let mut conn = client::<S>(&Peer::echo().ws());
        opened(&mut conn).await;
        for n in 0..5000 {
            conn.machine().0.text(&n.to_string());
        }
        for n in 0..5000 {
            assert_eq!(conn.next().await, Some(Event::Message(Message::text(n.to_string()))));
        }
    });
}

/// One message of 10 MiB each way, and what follows it.
pub fn ten_mebibytes_both_ways<S: Subject>() {
    run::<S>(async {
        let peer = Peer::tcp(|stream| {
            let config = WsConfig::server().with_max_message_bytes(16 << 20).to_tungstenite();
            peer::echo(tungstenite::accept_with_config(stream, Some(config)).unwrap());
        });
        let ws = WsConfig::client().with_max_message_bytes(16 << 20);
        let options = Options { ws, ..Options::default() };
        let mut conn = client_with(&peer.ws(), runtime::<S>(), options);
        opened(&mut conn).await;
        let big: Bytes = (0..10 << 20).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
        conn.machine().0.send(Message::Binary(big.clone()));
        conn.machine().0.text("after");
        let Some(Event::Message(Message::Binary(back))) = conn.next().await else { panic!() };
        assert!(back == big, "the bytes differ");
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("after"))));
    });
}

/// Fragments are one message, also with a ping between them.
pub fn fragmented_frames<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            let part = |text: &str, kind, last| {
                Wire::Frame(Frame::message(text.to_owned(), OpCode::Data(kind), last))
            };
            ws.send(part("one ", Data::Text, false)).unwrap();
            ws.send(part("two ", Data::Continue, false)).unwrap();
            ws.send(Wire::Ping(Bytes::from_static(b"between"))).unwrap();
            ws.send(part("three", Data::Continue, true)).unwrap();
            assert_eq!(ws.read().unwrap(), Wire::Pong(Bytes::from_static(b"between")));
        });
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        let ping = Message::Ping(Bytes::from_static(b"between"));
        assert_eq!(conn.next().await, Some(Event::Message(ping)));
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("one two three"))));
        drop(conn);
        peer.outcome().await;
    });
}

/// A ping is answered although nothing else happens.
pub fn pings_while_idle<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            for n in 0..3_u8 {
                ws.send(Wire::Ping(Bytes::from(vec![n]))).unwrap();
                assert_eq!(ws.read().unwrap(), Wire::Pong(Bytes::from(vec![n])));
            }
        });
        let mut conn = client::<S>(&peer.ws());
        conn.machine().0.mute = true;
        opened(&mut conn).await;
        // The peer leaves only after its last pong: until then there is nothing to tell.
        assert!(matches!(conn.next().await, Some(Event::Lost(1, _))));
        assert_eq!(conn.get().heard, 3);
        peer.outcome().await;
    });
}

/// Pings among a flood of messages are answered too.
pub fn pings_while_flooded<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            for n in 0..2000_u32 {
                ws.write(Wire::text("x".repeat(200))).unwrap();
                if n % 100 == 0 {
                    ws.write(Wire::Ping(n.to_be_bytes().to_vec().into())).unwrap();
                }
            }
            ws.send(Wire::Ping(Bytes::from_static(b"last"))).unwrap();
            loop {
                match ws.read().unwrap() {
                    Wire::Pong(payload) if payload == "last" => break,
                    Wire::Pong(_) => {}
                    other => panic!("{other}"),
                }
            }
            ws.close(None).unwrap();
            while ws.read().is_ok() {}
        });
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        let (mut texts, mut pings) = (0, 0);
        loop {
            match conn.next().await.unwrap() {
                Event::Message(Message::Text(_)) => texts += 1,
                Event::Message(Message::Ping(_)) => pings += 1,
                Event::Message(Message::Close(_)) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((texts, pings), (2000, 21));
        drop(conn);
        peer.outcome().await;
    });
}

/// What a machine wants to send on a connection that is gone is not sent on the next one.
pub fn stale_transmits_are_dropped<S: Subject>() {
    run::<S>(async {
        let peer = Peer::websocket(|mut ws: Ws| {
            let first = ws.read().unwrap();
            ws.send(Wire::text("heard")).unwrap();
            first
        });
        let mut conn = client::<S>(&peer.ws());
        opened(&mut conn).await;
        let (machine, _) = conn.machine();
        machine.text("stale");
        machine.transmits[0].conn = ConnId::new(7);
        machine.text("live");
        assert_eq!(conn.next().await, Some(Event::Message(Message::text("heard"))));
        let mut rest = conn;
        assert!(matches!(rest.next().await, Some(Event::Lost(1, _))));
        assert_eq!(quiet(&mut rest, peer.outcome()).await, Wire::text("live"));
    });
}
