use bytes::Bytes;
use chat_proto::Message;
use futures_util::{SinkExt, StreamExt};
use runtime_tokio::{Options, WsConfig};
use tungstenite::Message as Wire;

use crate::support::probe::Event;
use crate::support::{client, client_with, peer, runtime};

async fn echo(mut ws: peer::Ws) {
    while let Some(Ok(message)) = ws.next().await {
        if message.is_text() || message.is_binary() {
            ws.send(message).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_text_goes_round() {
    let mut conn = client(&peer::websocket(echo).await);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    conn.machine().0.text("grüß dich");
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("grüß dich"))));
}

#[tokio::test]
async fn many_texts_keep_their_order() {
    let mut conn = client(&peer::websocket(echo).await);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    for n in 0..5000 {
        conn.machine().0.text(&n.to_string());
    }
    for n in 0..5000 {
        assert_eq!(conn.next().await, Some(Event::Message(Message::text(n.to_string()))));
    }
}

#[tokio::test]
async fn ten_mebibytes_go_both_ways() {
    let uri = peer::tcp(async |stream| {
        let config = WsConfig::server().with_max_message_bytes(16 << 20).to_tungstenite();
        let ws = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await;
        echo(ws.unwrap()).await;
    })
    .await;
    let ws = WsConfig::client().with_max_message_bytes(16 << 20);
    let options = Options { ws, ..Options::default() };
    let mut conn = client_with(&format!("ws://{uri}/"), runtime(), options);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let big: Bytes = (0..10 << 20).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    conn.machine().0.send(Message::Binary(big.clone()));
    conn.machine().0.text("after");
    let Some(Event::Message(Message::Binary(back))) = conn.next().await else { panic!() };
    assert!(back == big, "the bytes differ");
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("after"))));
}

#[tokio::test]
async fn fragments_become_one_message() {
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        use tungstenite::protocol::frame::Frame;
        use tungstenite::protocol::frame::coding::{Data, OpCode};
        let parts = [("one ", Data::Text, false), ("two", Data::Continue, true)];
        for (text, kind, last) in parts {
            let frame = Frame::message(text, OpCode::Data(kind), last);
            ws.send(Wire::Frame(frame)).await.unwrap();
        }
        while ws.next().await.is_some() {}
    })
    .await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("one two"))));
}

#[tokio::test]
async fn transmits_of_another_connection_are_dropped() {
    let mut conn = client(&peer::websocket(echo).await);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
    let (machine, _) = conn.machine();
    machine.text("stale");
    machine.transmits[0].conn = chat_proto::ConnId::new(7);
    machine.text("live");
    assert_eq!(conn.next().await, Some(Event::Message(Message::text("live"))));
}

#[tokio::test]
async fn pings_are_answered_while_flooded() {
    let uri = peer::websocket(async |mut ws: peer::Ws| {
        for n in 0..2000_u32 {
            ws.feed(Wire::text("x".repeat(200))).await.unwrap();
            if n % 100 == 0 {
                ws.feed(Wire::Ping(n.to_be_bytes().to_vec().into())).await.unwrap();
            }
        }
        ws.send(Wire::Ping(Bytes::from_static(b"last"))).await.unwrap();
        loop {
            match ws.next().await.unwrap().unwrap() {
                Wire::Pong(payload) if payload == "last" => break,
                Wire::Pong(_) => {}
                other => panic!("{other}"),
            }
        }
        ws.close(None).await.unwrap();
        while ws.next().await.is_some() {}
    })
    .await;
    let mut conn = client(&uri);
    assert_eq!(conn.next().await, Some(Event::Opened(1)));
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
}
