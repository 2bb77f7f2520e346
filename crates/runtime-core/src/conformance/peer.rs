//! Peers: threads on blocking sockets. Each serves one connection, and its outcome is awaited.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use tungstenite::WebSocket;

/// No read or write of a peer waits longer: a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A peer's end of a WebSocket.
pub type Ws<T = TcpStream> = WebSocket<T>;

/// A thread that serves one connection.
#[derive(Debug)]
pub struct Peer<T = ()> {
    /// Where it listens.
    pub address: SocketAddr,
    outcome: oneshot::Receiver<T>,
}

impl<T: Send + 'static> Peer<T> {
    /// Listens on loopback and hands the first connection to `serve`.
    pub fn tcp(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        Self::on(listener((Ipv4Addr::LOCALHOST, 0).into()), serve)
    }

    /// Hands the first connection of a listener to `serve`; the listener is closed.
    pub fn on(listener: TcpListener, serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let (tell, outcome) = oneshot::channel();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            drop(listener);
            // Nobody may be interested.
            let _ = tell.send(serve(patient(stream)));
        });
        Self { address, outcome }
    }

    /// Serves as many connections as there are steps, each by its step and in this order; the outcome
    /// is what the steps gave.
    pub fn in_turn<S>(steps: Vec<S>) -> Peer<Vec<T>>
    where
        S: FnOnce(TcpStream) -> T + Send + 'static,
    {
        let listener = listener((Ipv4Addr::LOCALHOST, 0).into());
        let address = listener.local_addr().unwrap();
        let (tell, outcome) = oneshot::channel();
        thread::spawn(move || {
            let served = steps.into_iter().map(|step| step(patient(listener.accept().unwrap().0)));
            let _ = tell.send(served.collect());
        });
        Peer { address, outcome }
    }

    /// Accepts a WebSocket and hands it to `serve`.
    pub fn websocket(serve: impl FnOnce(Ws) -> T + Send + 'static) -> Self {
        Self::tcp(|stream| serve(tungstenite::accept(stream).unwrap()))
    }

    /// `ws://…`, with a query that nobody should print.
    #[must_use]
    pub fn ws(&self) -> String {
        format!("ws://{}/chat?token=hush", self.address)
    }

    /// `http://…`
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connects and goes, for a peer whom nobody may have reached. It is no error if somebody has.
    pub fn knock(&self) {
        drop(TcpStream::connect(self.address));
    }

    /// What came of it.
    ///
    /// # Panics
    ///
    /// The peer's thread has panicked.
    pub async fn outcome(self) -> T {
        self.outcome.await.expect("the peer failed; its panic is above")
    }
}

impl Peer {
    /// Reads one request's head and writes `answer`, then closes.
    pub fn canned(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::tcp(move |mut stream| {
            head(&mut stream).unwrap();
            finish(&mut stream, &answer);
        })
    }

    /// A WebSocket that sends back texts and binary messages.
    #[must_use]
    pub fn echo() -> Self {
        Self::websocket(echo)
    }
}

/// A listener at an address.
pub fn listener(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).unwrap()
}

/// An address where nobody listens.
#[must_use]
pub fn nobody() -> SocketAddr {
    listener((Ipv4Addr::LOCALHOST, 0).into()).local_addr().unwrap()
}

/// Sends back texts and binary messages until the end.
pub fn echo<T: Read + Write>(mut ws: Ws<T>) {
    while let Ok(message) = ws.read() {
        if message.is_text() || message.is_binary() {
            ws.send(message).unwrap();
        }
    }
}

/// Reads until the end, which must come without an error.
pub fn read_to_end(mut stream: impl Read) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    rest
}

/// Reads until the client has gone, in good order or not.
pub fn until_gone(mut stream: &TcpStream) {
    match io::copy(&mut stream, &mut io::sink()) {
        Ok(_) => {}
        Err(error) => assert!(
            matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
            "the client is still there: {error}"
        ),
    }
}

/// Writes the last bytes, closes, and waits for the client to do so: closing with bytes unread would
/// reset the connection.
pub fn finish(stream: &mut TcpStream, last: &[u8]) {
    stream.write_all(last).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    until_gone(stream);
}

/// The head of a request: its lines, in lower case. Nothing after it is taken.
///
/// # Errors
///
/// The stream ends or fails before.
pub fn head(stream: &mut impl Read) -> io::Result<Vec<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    Ok(head.trim_end().lines().map(str::to_owned).collect())
}

/// A stream whose calls end.
fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
