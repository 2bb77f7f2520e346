//! A runtime without a network, polled by hand: every step of a test is one poll.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use chat_proto::Now;
use futures_util::{Sink, Stream};
use rustls_pki_types::ServerName;
use tungstenite::{Error, Message};

use crate::{Below, Network, Runtime, WsConfig};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One end of a WebSocket is two queues.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// From the client.
    pub(super) up: VecDeque<Message>,
    /// To the client.
    pub(super) down: VecDeque<Message>,
    /// The client has let go.
    pub(super) dropped: bool,
}

#[derive(Clone)]
pub(super) struct Fake {
    network: Network,
    pub(super) clock: Arc<Mutex<Instant>>,
    pub(super) tasks: Arc<Mutex<Vec<Task>>>,
    pub(super) pipe: Arc<Mutex<Pipe>>,
}

impl From<Network> for Fake {
    fn from(network: Network) -> Self {
        Self {
            network,
            clock: Arc::new(Mutex::new(Instant::now())),
            tasks: Arc::default(),
            pipe: Arc::default(),
        }
    }
}

impl Fake {
    /// Polls every task once, and forgets those that have ended.
    pub(super) fn turn(&self) {
        let cx = &mut Context::from_waker(Waker::noop());
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        self.tasks.lock().unwrap().append(&mut tasks);
    }

    pub(super) fn sleep(&self, time: Duration) {
        *self.clock.lock().unwrap() += time;
    }
}

/// Nothing is ever said on it: the WebSocket above is a [`Pipe`].
#[derive(Debug)]
pub(super) struct NoStream;

impl hyper::rt::Read for NoStream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl hyper::rt::Write for NoStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug)]
pub(super) struct FakeSocket(Arc<Mutex<Pipe>>);

impl Drop for FakeSocket {
    fn drop(&mut self) {
        self.0.lock().unwrap().dropped = true;
    }
}

impl Stream for FakeSocket {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(message) = self.0.lock().unwrap().down.pop_front() else {
            // Nobody tells it of new ones: it wants to be asked again.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        Poll::Ready(Some(Ok(message)))
    }
}

impl Sink<Message> for FakeSocket {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.0.lock().unwrap().up.push_back(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

impl Below for FakeSocket {
    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_discard(&mut self, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }
}

impl Runtime for Fake {
    type Stream = NoStream;
    type Socket = FakeSocket;
    type Below = FakeSocket;
    type Sleep = Task;

    fn network(&self) -> &Network {
        &self.network
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<NoStream> {
        Ok(NoStream)
    }

    async fn encrypt(
        &self,
        stream: NoStream,
        _: ServerName<'static>,
        _: Arc<rustls::ClientConfig>,
    ) -> io::Result<NoStream> {
        Ok(stream)
    }

    async fn upgrade(
        &self,
        _: NoStream,
        _: http::Request<()>,
        _: &WsConfig,
    ) -> Result<FakeSocket, Error> {
        Ok(FakeSocket(Arc::clone(&self.pipe)))
    }

    fn below(socket: &mut FakeSocket) -> &mut FakeSocket {
        socket
    }

    fn sleep_until(&self, at: Instant) -> Task {
        let clock = Arc::clone(&self.clock);
        Box::pin(poll_fn(move |_| {
            if *clock.lock().unwrap() >= at { Poll::Ready(()) } else { Poll::Pending }
        }))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap().push(Box::pin(task));
    }

    fn now(&self) -> Now {
        Now { mono: *self.clock.lock().unwrap(), unix: crate::runtime::unix_now() }
    }

    fn seed(&self) -> u64 {
        7
    }
}
