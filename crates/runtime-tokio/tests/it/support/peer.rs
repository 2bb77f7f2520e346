//! Peers on loopback, port 0.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;

pub(crate) type Ws = WebSocketStream<TcpStream>;

/// Accepts one TCP connection and hands it to `serve`. Gives `127.0.0.1:PORT`.
pub(crate) async fn tcp<F, T>(serve: F) -> String
where
    F: FnOnce(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
    });
    address.to_string()
}

/// Accepts one WebSocket. Gives its URI.
pub(crate) async fn websocket<F, T>(serve: F) -> String
where
    F: FnOnce(Ws) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let address =
        tcp(async |stream| serve(tokio_tungstenite::accept_async(stream).await.unwrap()).await);
    format!("ws://{}/chat?token=hush", address.await)
}

/// Reads one request's head and writes `answer`, then closes. Gives the address.
pub(crate) async fn canned(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    tcp(async move |mut stream| {
        head(&mut stream).await.unwrap();
        stream.write_all(&answer).await.unwrap();
        stream.shutdown().await.unwrap();
        // Closing with bytes unread would reset the connection.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The head of a request: its lines, in lower case.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<String>> {
    // One byte at a time: nothing after the head is taken.
    let mut reader = BufReader::with_capacity(1, stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => return Ok(lines),
            line => lines.push(line.to_lowercase()),
        }
    }
}
