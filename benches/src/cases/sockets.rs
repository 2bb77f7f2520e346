//! One message for many sockets, through the kernel.
//!
//! A burst of messages goes to every socket; it is done when the kernel has all bytes. A thread at
//! the other ends throws away what comes.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::hint::black_box;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use chat_proto::im::{Prepared, down};
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Text, Transmit};
use futures_util::SinkExt;
use runtime_tokio::{Connection, Options, TlsPolicy, TokioRuntime, WsConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::fan_out::{message, with_serde};
use super::{Built, Case};
use crate::contender::Contender;

const SOCKETS: usize = 100;
/// Messages that a busy connection finds in its queue at once.
const BURST: usize = 8;
const WORKS: &str = "loopback sockets work";

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("fan-out", "100 sockets", sockets).times_only()]
}

fn sockets() -> Built {
    let (text, frame, owned) = message();
    let due = BURST * framed(text).len();
    let runtime = Rc::new(executor());
    // Those who do without us share sockets: their turns do not overlap.
    let (connections, bare) = runtime.block_on(async {
        let mut streams = streams(2 * SOCKETS);
        (connections(streams.split_off(SOCKETS)).await, bare_sockets(streams).await)
    });
    let (connections, bare) = (Rc::new(Cell::new(connections)), Rc::new(Cell::new(bare)));
    let framed = framed(text).repeat(BURST);
    let (frame_2, frame_3) = (frame.clone(), frame.clone());
    let contenders = vec![
        on(&runtime, "ours", &connections, async move |connections| {
            ours(connections, &frame, due).await;
        }),
        on(&runtime, "encode each, send each", &bare, async move |sockets| {
            for _ in 0..BURST {
                for socket in &mut *sockets {
                    let text = Utf8Bytes::try_from(with_serde(&owned)).expect("JSON is UTF-8");
                    socket.send(tungstenite::Message::Text(text)).await.expect(WORKS);
                }
            }
        }),
        on(&runtime, "shared, send each", &bare, async move |sockets| {
            for _ in 0..BURST {
                let text = encoded(&frame_2);
                for socket in &mut *sockets {
                    socket.send(text.clone()).await.expect(WORKS);
                }
            }
        }),
        on(&runtime, "shared, one flush a burst", &bare, async move |sockets| {
            let texts: Vec<_> = (0..BURST).map(|_| encoded(&frame_3)).collect();
            for socket in sockets {
                for text in &texts {
                    socket.feed(text.clone()).await.expect(WORKS);
                }
                socket.flush().await.expect(WORKS);
            }
        }),
        on(&runtime, "framed before", &bare, async move |sockets| {
            for socket in sockets {
                socket.get_mut().write_all(black_box(&framed)).await.expect(WORKS);
            }
        }),
    ];
    Built { bytes: text.len() * BURST * SOCKETS, contenders }
}

/// A contender that works on an executor, with sockets that others may use between its turns.
fn on<T: 'static>(
    runtime: &Rc<tokio::runtime::Runtime>,
    name: &'static str,
    sockets: &Rc<Cell<Vec<T>>>,
    mut work: impl AsyncFnMut(&mut [T]) + 'static,
) -> Contender {
    let (runtime, sockets) = (runtime.clone(), sockets.clone());
    Contender::new(name, move || {
        let mut taken = sockets.take();
        runtime.block_on(work(&mut taken));
        sockets.set(taken);
    })
}

fn executor() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect(WORKS)
}

/// As the server does it: each message is prepared once and queued for everybody, and a connection
/// writes what it finds in its queue.
async fn ours(connections: &mut [Ours], frame: &down::Data<'static>, due: usize) {
    for _ in 0..BURST {
        let prepared = Prepared::data(black_box(frame).clone());
        for it in &mut *connections {
            it.connection.machine().0.0.push_back(prepared.text());
        }
    }
    for it in connections {
        it.due += due;
        poll_fn(|cx| {
            assert!(pin!(it.connection.next()).poll(cx).is_pending(), "{WORKS}");
            let done = it.written.load(Ordering::Relaxed) >= it.due;
            if done { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

struct Ours {
    connection: Connection<Outbox, TokioRuntime>,
    written: Arc<AtomicUsize>,
    due: usize,
}

async fn connections(streams: Vec<TcpStream>) -> Vec<Ours> {
    let mut all = Vec::new();
    for stream in streams {
        let stream = asynchronous(stream);
        let written = Arc::new(AtomicUsize::new(0));
        let socket = Counted { stream, written: written.clone() };
        let socket = runtime_tokio::server_socket(socket, &WsConfig::server()).await;
        let (outbox, conn) = (Outbox(VecDeque::new()), ConnId::new(1));
        let runtime = TokioRuntime::new(TlsPolicy::platform());
        let connection = Connection::accepted(outbox, runtime, conn, socket, Options::default());
        all.push(Ours { connection, written, due: 0 });
    }
    all
}

async fn bare_sockets(streams: Vec<TcpStream>) -> Vec<WebSocketStream<tokio::net::TcpStream>> {
    let config = WsConfig::server().to_tungstenite();
    let mut all = Vec::new();
    for stream in streams {
        let stream = asynchronous(stream);
        all.push(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await);
    }
    all
}

/// Connected sockets whose other ends one thread reads until they are closed.
fn streams(count: usize) -> Vec<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").expect(WORKS);
    let address = listener.local_addr().expect(WORKS);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..count {
        far.push(TcpStream::connect(address).expect(WORKS));
        near.push(listener.accept().expect(WORKS).0);
    }
    thread::spawn(move || {
        executor().block_on(async {
            let readers: Vec<_> = far.into_iter().map(|far| tokio::spawn(discard(far))).collect();
            for reader in readers {
                let _ = reader.await;
            }
        });
    });
    near
}

fn asynchronous(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nodelay(true).expect(WORKS);
    stream.set_nonblocking(true).expect(WORKS);
    tokio::net::TcpStream::from_std(stream).expect(WORKS)
}

async fn discard(stream: TcpStream) {
    let mut stream = asynchronous(stream);
    let mut scratch = vec![0; 64 << 10];
    while let Ok(1..) = stream.read(&mut scratch).await {}
}

fn encoded(frame: &down::Data<'static>) -> tungstenite::Message {
    let text = Prepared::data(black_box(frame).clone()).text().into_bytes();
    tungstenite::Message::Text(Utf8Bytes::try_from(text).expect("a text is UTF-8"))
}

/// The frame of a server around a text (RFC 6455, section 5.2).
fn framed(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).ok().filter(|len| *len > 125);
    let len = len.expect("the sample is neither short nor long");
    let mut out = vec![0x81, 126];
    out.extend(len.to_be_bytes());
    out.extend(text.as_bytes());
    out
}

/// Texts to write, and nothing else.
struct Outbox(VecDeque<Text>);

impl Machine for Outbox {
    type Event = ();

    fn handle_input(&mut self, _: Input, _: Now) {}

    fn poll_transmit(&mut self) -> Option<Transmit> {
        let message = Message::Text(self.0.pop_front()?);
        Some(Transmit { conn: ConnId::new(1), message })
    }

    fn poll_action(&mut self) -> Option<Action> {
        None
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        None
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn is_finished(&self) -> bool {
        false
    }
}

/// Counts what the kernel has taken.
struct Counted {
    stream: tokio::net::TcpStream,
    written: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = result {
            self.written.fetch_add(count, Ordering::Relaxed);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
