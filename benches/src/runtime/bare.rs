//! tokio-tungstenite without anything of ours, but with the same buffers.

use std::hint::black_box;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use runtime_tokio::WsConfig;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::texts;
use super::turn::Client;
use super::work::{IN_FLIGHT, Order};
use crate::shapes;

const WORKS: &str = "loopback sockets work";

type Derived = shapes::Down<String, serde_json::Value>;

/// A socket, and a text to send again and again.
pub(super) struct Bare {
    socket: WebSocketStream<TcpStream>,
    text: Utf8Bytes,
    /// Each text that comes is read into a type that derives serde.
    decode: bool,
}

impl Bare {
    pub(super) async fn open(server: SocketAddr, order: Order, decode: bool) -> Self {
        let stream = TcpStream::connect(server).await.expect(WORKS);
        stream.set_nodelay(true).expect(WORKS);
        let config = WsConfig::client().to_tungstenite();
        let url = format!("ws://{server}/{order}/im");
        let opened = client_async_with_config(url, stream, Some(config)).await;
        let (mut socket, _) = opened.expect(WORKS);
        for text in texts::OPENING {
            socket.send(Message::text(text)).await.expect(WORKS);
            let answer = socket.next().await.expect(WORKS).expect(WORKS);
            assert!(answer.is_text(), "{answer}");
        }
        Self { socket, text: texts::publish().into(), decode }
    }
}

impl Client for Bare {
    async fn send(&mut self) {
        self.socket.send(Message::Text(self.text.clone())).await.expect(WORKS);
    }

    async fn send_window(&mut self) {
        for _ in 0..IN_FLIGHT {
            self.socket.feed(Message::Text(self.text.clone())).await.expect(WORKS);
        }
        self.socket.flush().await.expect(WORKS);
    }

    async fn answers(&mut self, count: u32) {
        self.messages(count).await;
    }

    async fn messages(&mut self, count: u32) {
        for _ in 0..count {
            let message = self.socket.next().await.expect(WORKS).expect(WORKS);
            let Message::Text(text) = message else { panic!("not a text: {message}") };
            if self.decode {
                let frame: Derived = serde_json::from_str(&text).expect("the server sends frames");
                black_box(&frame);
            } else {
                black_box(&text);
            }
        }
    }
}
