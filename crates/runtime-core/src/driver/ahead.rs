//! How far the driver reads ahead.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Pending, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Transmit};
use futures_util::{Sink, Stream};
use no_stream::NoStream;
use rustls_pki_types::ServerName;
use tungstenite::Error;

use super::AHEAD;
use crate::inlet::Arrival;
use crate::{Below, Connection, Network, Options, Runtime, WsConfig};

/// A stream that does not exist.
mod no_stream {
    use super::{Context, Infallible, Pin, Poll, io};

    pub(super) struct NoStream(pub(super) Infallible);

    impl hyper::rt::Read for NoStream {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: hyper::rt::ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            match self.0 {}
        }
    }

    impl hyper::rt::Write for NoStream {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            match self.0 {}
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            match self.0 {}
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            match self.0 {}
        }
    }
}

/// Has a text at any time; counts those that were read.
struct Flood(u32);

impl Stream for Flood {
    type Item = Result<tungstenite::Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

impl Sink<tungstenite::Message> for Flood {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _: tungstenite::Message) -> Result<(), Error> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

/// Tells when each message came; writes an answer to each when it is not quiet by nature.
struct Counter {
    events: VecDeque<(u32, Instant)>,
    count: u32,
    answers: bool,
    unwritten: u32,
}

impl Machine for Counter {
    type Event = (u32, Instant);

    fn handle_input(&mut self, input: Input, now: Now) {
        if let Input::Received { .. } = input {
            self.count += 1;
            self.events.push_back((self.count, now.mono));
            self.unwritten += u32::from(self.answers);
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.unwritten = self.unwritten.checked_sub(1)?;
        Some(Transmit { conn: ConnId::new(1), message: Message::text("answer") })
    }

    fn poll_action(&mut self) -> Option<Action> {
        None
    }

    fn poll_event(&mut self) -> Option<(u32, Instant)> {
        self.events.pop_front()
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn is_finished(&self) -> bool {
        false
    }

    fn is_quiet(&self) -> bool {
        self.unwritten == 0
    }
}

/// A runtime whose clock stands still.
#[derive(Clone)]
struct Still(Network, Arc<Mutex<Instant>>);

impl Below for Flood {
    fn poll_text(&mut self, _: &mut Context<'_>) -> Poll<Arrival> {
        self.0 += 1;
        Poll::Ready(Arrival::Text(Bytes::from_static(b"text")))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_discard(&mut self, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }
}

impl Runtime for Still {
    type Stream = NoStream;
    type Socket = Flood;
    type Below = Flood;
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
    ) -> Result<Flood, Error> {
        match stream.0 {}
    }

    fn below(socket: &mut Flood) -> &mut Flood {
        socket
    }

    fn sleep_until(&self, _: Instant) -> Pending<()> {
        pending()
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}

    fn now(&self) -> Now {
        Now { mono: *self.1.lock().unwrap(), unix: crate::runtime::unix_now() }
    }
}

/// An application with a connection, and how long it takes for each event.
fn ahead(answers: bool, pause: Duration) -> Vec<u32> {
    let clock = Arc::new(Mutex::new(Instant::now()));
    let runtime = Still(Network::default(), Arc::clone(&clock));
    let machine = Counter { events: VecDeque::new(), count: 0, answers, unwritten: 0 };
    let (conn, options) = (ConnId::new(1), Options::default());
    let mut connection = Connection::accepted(machine, runtime, conn, Flood(0), options);
    let mut cx = Context::from_waker(Waker::noop());
    let mut read = Vec::new();
    for number in 1..=200 {
        let next = pin!(connection.next()).poll(&mut cx);
        let Poll::Ready(Some((count, at))) = next else { panic!("{number}: {next:?}") };
        assert_eq!(count, number, "in order, each once");
        assert!(*clock.lock().unwrap() - at <= pause * AHEAD);
        read.push(connection.get().count - number);
        *clock.lock().unwrap() += pause;
    }
    read
}

#[test]
fn who_takes_messages_quickly_gets_them_several_at_once() {
    let ahead = ahead(false, Duration::ZERO);
    assert_eq!(ahead.iter().max(), Some(&(AHEAD - 1)), "{ahead:?}");
}

#[test]
fn who_takes_a_moment_gets_one_at_each_reading_of_the_clock() {
    assert!(ahead(false, Duration::from_millis(1)).into_iter().skip(1).all(|ahead| ahead == 0));
    let some = ahead(false, Duration::from_micros(300));
    assert!(some.iter().all(|ahead| *ahead < 8), "{some:?}");
}

#[test]
fn what_must_be_written_stops_the_reading() {
    assert!(ahead(true, Duration::ZERO).into_iter().all(|ahead| ahead == 0));
}
