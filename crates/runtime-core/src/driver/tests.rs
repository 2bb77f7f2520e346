//! A socket that forgets who waits to write.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Pending;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use bytes::Bytes;
use chat_proto::{ConnId, Input, Machine, Message, Now, Transmit};
use futures_util::{Sink, Stream};
use hyper::rt::{Read, ReadBufCursor, Write};
use rustls_pki_types::ServerName;
use tungstenite::Error;

use crate::{Below, Connection, Network, Options, Runtime, WsConfig};

/// What makes the socket forget a waiting writer: smol's TCP does so whenever a write or a flush of
/// another goes through, and reading writes where a ping was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgets {
    WhenFlushed,
    WhenRead,
}

#[derive(Debug)]
struct Inner {
    forgets: Forgets,
    room: usize,
    taken: Vec<tungstenite::Message>,
    /// Texts that went past it, with how many messages it had by then; `None` where they may not.
    past: Option<Vec<(usize, String)>>,
    /// The one place for a writer's waker.
    writer: Option<Waker>,
}

/// A socket with room for so many messages.
#[derive(Clone, Debug)]
struct Forgetful(Arc<Mutex<Inner>>);

impl Forgetful {
    fn new(forgets: Forgets, room: usize) -> Self {
        let inner = Inner { forgets, room, taken: Vec::new(), past: None, writer: None };
        Self(Arc::new(Mutex::new(inner)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The transport has taken something: whoever waits and is not forgotten is woken.
    fn make_room(&self) {
        let mut inner = self.lock();
        inner.room += 1;
        let writer = inner.writer.take();
        drop(inner);
        writer.into_iter().for_each(Waker::wake);
    }
}

impl Stream for Forgetful {
    type Item = Result<tungstenite::Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut inner = self.lock();
        if inner.forgets == Forgets::WhenRead {
            inner.writer = None;
        }
        Poll::Pending
    }
}

impl Sink<tungstenite::Message> for Forgetful {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut inner = self.lock();
        if inner.room > 0 {
            return Poll::Ready(Ok(()));
        }
        inner.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: tungstenite::Message) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.room -= 1;
        inner.taken.push(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut inner = self.lock();
        if inner.forgets == Forgets::WhenFlushed {
            inner.writer = None;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

/// Has two messages to send.
struct Talker(VecDeque<Message>);

impl Machine for Talker {
    type Event = ();

    fn handle_input(&mut self, _: Input, _: Now) {}

    fn poll_transmit(&mut self) -> Option<Transmit> {
        let message = self.0.pop_front()?;
        Some(Transmit { conn: ConnId::new(1), message })
    }

    fn poll_action(&mut self) -> Option<chat_proto::Action> {
        None
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn is_finished(&self) -> bool {
        false
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_waits_for_room_is_not_forgotten() {
    for forgets in [Forgets::WhenFlushed, Forgets::WhenRead] {
        let socket = Forgetful::new(forgets, 1);
        let machine = Talker([Message::text("one"), Message::text("two")].into());
        let (runtime, options) = (Bare::default(), Options::default());
        let mut connection =
            Connection::accepted(machine, runtime, ConnId::new(1), socket.clone(), options);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let mut next = pin!(connection.next());

        assert!(next.as_mut().poll(&mut cx).is_pending());
        assert_eq!(socket.lock().taken.len(), 1, "there was room for one");
        assert!(!woken.0.load(Ordering::Relaxed), "waiting costs nothing");

        socket.make_room();
        assert!(woken.0.load(Ordering::Relaxed), "{forgets:?}: nobody waits for room any more");
        assert!(next.as_mut().poll(&mut cx).is_pending());
        assert_eq!(socket.lock().taken.len(), 2);
    }
}

#[test]
fn a_text_goes_past_the_websocket_but_not_past_what_waits_there() {
    let socket = Forgetful::new(Forgets::WhenFlushed, 100);
    socket.lock().past = Some(Vec::new());
    let (text, binary) = (Message::text, || Message::Binary(Bytes::from_static(b"binary")));
    let machine = Talker([text("one"), binary(), text("two")].into());
    let (runtime, options) = (Bare::default(), Options::default());
    let mut connection =
        Connection::accepted(machine, runtime, ConnId::new(1), socket.clone(), options);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(connection.next()).poll(&mut cx).is_pending());
    let past = |texts: &[(usize, &str)]| {
        let texts = texts.iter().map(|(after, text)| (*after, (*text).to_owned()));
        assert_eq!(socket.lock().past, Some(texts.collect()));
    };
    past(&[(0, "one")]);
    let two = tungstenite::Message::text("two");
    assert_eq!(socket.lock().taken, [tungstenite::Message::binary(&b"binary"[..]), two]);

    // Everything was flushed.
    connection.machine().0.0.push_back(text("three"));
    assert!(pin!(connection.next()).poll(&mut cx).is_pending());
    past(&[(0, "one"), (2, "three")]);
}

/// A runtime with that socket and nothing else.
#[derive(Clone, Default)]
struct Bare(Network);

/// There is none.
struct NoStream(Infallible);

impl Read for NoStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl Write for NoStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl Below for Forgetful {
    fn send_text(&mut self, text: &str) -> bool {
        let mut inner = self.lock();
        let taken = inner.taken.len();
        inner.past.as_mut().map(|past| past.push((taken, text.to_owned()))).is_some()
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_discard(&mut self, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }
}

impl Runtime for Bare {
    type Stream = NoStream;
    type Socket = Forgetful;
    type Below = Forgetful;
    type Sleep = Pending<()>;

    fn network(&self) -> &Network {
        &self.0
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<NoStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn encrypt(
        &self,
        stream: NoStream,
        _: ServerName<'static>,
        _: Arc<rustls::ClientConfig>,
    ) -> io::Result<NoStream> {
        match stream.0 {}
    }

    async fn upgrade(
        &self,
        stream: NoStream,
        _: ::http::Request<()>,
        _: &WsConfig,
    ) -> Result<Forgetful, Error> {
        match stream.0 {}
    }

    fn below(socket: &mut Forgetful) -> &mut Forgetful {
        socket
    }

    fn sleep_until(&self, _: Instant) -> Pending<()> {
        std::future::pending()
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}
}
