//! The other end: as cheap as it can be, so that the clients are what is measured.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use runtime_tokio::WsConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::texts;
use super::work::Order;

/// Frames that are written at once by a flood: 64 KiB.
const FRAMES: u32 = 320;

/// Serves until standard input ends. `ready` is told the address.
///
/// # Errors
///
/// No address can be bound.
pub fn serve(ready: impl FnOnce(SocketAddr)) -> std::io::Result<()> {
    std::thread::spawn(|| {
        // Whoever started this holds the other end, however it ends itself.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        ready(listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // How a client goes away does not matter.
            tokio::spawn(async { drop(session(stream).await) });
        }
    })
}

async fn session(stream: TcpStream) -> Result<(), Error> {
    let mut order = None;
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let read = |request: &Request, response: Response| {
        order = request.uri().path_and_query().and_then(|it| Order::of(it.as_str()));
        Ok(response)
    };
    let config = WsConfig::client().to_tungstenite();
    let mut socket = accept_hdr_async_with_config(stream, read, Some(config)).await?;
    let order = order.unwrap_or(Order::Echo { held: 1 });
    let (mut seq, mut held) = (texts::HEAD, Vec::new());
    loop {
        // What is written goes out when there is nothing left to read.
        let message = match socket.next().now_or_never() {
            Some(message) => message,
            None => {
                socket.flush().await?;
                socket.next().await
            }
        };
        let Some(message) = message.transpose()? else { return Ok(()) };
        let Message::Text(text) = message else { continue };
        if let Some(rest) = text.strip_prefix(texts::PUB) {
            seq += 1;
            held.push(texts::accepted(&rest[..texts::ID_BYTES], seq));
            if let Order::Echo { held: wanted } = order
                && held.len() >= wanted as usize
            {
                for answer in held.drain(..) {
                    socket.feed(Message::text(answer)).await?;
                }
            }
        } else if let Some((kind, id)) = opening(&text) {
            socket.feed(Message::text(texts::answer(&kind, &id))).await?;
            if kind == "get"
                && let Order::Flood { count } = order
            {
                socket.flush().await?;
                flood(&mut socket, count).await?;
            }
        }
    }
}

/// Kind and id of a request.
fn opening(text: &Utf8Bytes) -> Option<(String, String)> {
    let frame: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let (kind, body) = frame.into_iter().next()?;
    let id = body.get("id")?.as_str()?.to_owned();
    Some((kind, id))
}

/// Frames are made once; only their numbers change.
async fn flood(socket: &mut WebSocketStream<TcpStream>, count: u32) -> Result<(), Error> {
    let (mut block, stride) = (Vec::new(), texts::BYTES + 4);
    let text = texts::data(texts::HEAD + 1);
    let first = (texts::HEAD + 1).to_string();
    let digits = 4 + text.find(&first).unwrap_or_default();
    for _ in 0..FRAMES {
        block.extend([0x81, 126]);
        block.extend(u16::try_from(text.len()).unwrap_or_default().to_be_bytes());
        block.extend(text.as_bytes());
    }
    let (mut number, mut left) = (first.into_bytes(), count);
    while left > 0 {
        let frames = left.min(FRAMES);
        for frame in block.chunks_exact_mut(stride).take(frames as usize) {
            frame[digits..digits + number.len()].copy_from_slice(&number);
            increment(&mut number);
        }
        socket.get_mut().write_all(&block[..stride * frames as usize]).await?;
        left -= frames;
    }
    Ok(())
}

fn increment(number: &mut [u8]) {
    for digit in number.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up() {
        let mut number = b"1000000998".to_vec();
        for expected in ["1000000999", "1000001000", "1000001001"] {
            increment(&mut number);
            assert_eq!(number, expected.as_bytes());
        }
    }

    #[test]
    fn requests_of_the_opening_are_known() {
        let kinds = texts::OPENING.map(|text| opening(&text.into()).unwrap());
        let expected = [("login", "1"), ("sub", "2"), ("get", "3")];
        assert_eq!(kinds, expected.map(|(kind, id)| (kind.to_owned(), id.to_owned())));
    }
}
