//! One WebSocket: its messages to the hub, the hub's messages to it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use chat_hub::Offer;
use chat_proto::machine::LinkFailure;
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Transmit};
use runtime_tokio::{Connection, TokioRuntime, TokioSocket};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::hub_task::Port;
use crate::server::Shared;

/// Messages taken from the hub's queue at once, so that small ones share a write.
const BATCH: usize = 16;

/// Serves a WebSocket until it is gone.
pub(crate) async fn run(shared: &Shared, socket: TokioSocket, offer: Offer) {
    let (sender, messages) = mpsc::channel(shared.limits.outbound.max(1));
    // The hub adds the first credit when it has accepted the connection.
    let credits = Arc::new(Semaphore::new(shared.limits.inbound.saturating_sub(1)));
    let (hold, held) = oneshot::channel();
    let port = Port { messages: sender, credits: credits.clone(), hold };
    let Ok(conn) = shared.hub.accepted(offer, port).await else { return };
    let (runtime, options) = (shared.runtime.clone(), shared.options.clone());
    let connection = Connection::accepted(Pump::new(conn), runtime, conn, socket, options);
    let mut link = Link { connection, messages, held };
    let mut may_read = false;
    loop {
        if !may_read && let Ok(credit) = credits.try_acquire() {
            credit.forget();
            may_read = true;
        }
        link.connection.set_reading(may_read);
        tokio::select! {
            biased;
            credit = credits.acquire(), if !may_read => {
                let Ok(credit) = credit else { return };
                credit.forget();
                may_read = true;
            }
            step = link.next() => match step {
                Step::Received(message) => {
                    may_read = false;
                    if shared.hub.received(conn, message).await.is_err() {
                        return;
                    }
                }
                Step::Lost(failure) => {
                    if shared.hub.lost(conn, failure).await.is_err() {
                        return;
                    }
                }
                Step::LetGo => break,
                Step::Over => return,
            },
        }
    }
    // The hub has forgotten it: only its last words matter now.
    let _ = tokio::time::timeout(shared.limits.linger * 2, async {
        while link.connection.next().await.is_some() {}
    })
    .await;
}

struct Link {
    connection: Connection<Pump, TokioRuntime>,
    messages: mpsc::Receiver<Message>,
    /// Ends when the hub has let go.
    held: oneshot::Receiver<()>,
}

enum Step {
    Received(Message),
    Lost(LinkFailure),
    LetGo,
    Over,
}

impl Link {
    /// Moves messages in both directions until there is something to do. Cancel safe.
    async fn next(&mut self) -> Step {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        // Apart from the queue: a socket that takes nothing keeps that from being read.
        if Pin::new(&mut self.held).poll(cx).is_ready() {
            self.take_rest();
            return Poll::Ready(Step::LetGo);
        }
        loop {
            let listening = self.fill(cx);
            let event = pin!(self.connection.next()).poll(cx);
            match event {
                Poll::Ready(Some(Event::Received(message))) => {
                    return Poll::Ready(Step::Received(message));
                }
                Poll::Ready(Some(Event::Lost(failure))) => {
                    return Poll::Ready(Step::Lost(failure));
                }
                Poll::Ready(None) => return Poll::Ready(Step::Over),
                Poll::Pending => {}
            }
            // Each way to wait has left its waker: the queue's, or that of the socket's room.
            if listening || !self.connection.get().outgoing.is_empty() {
                return Poll::Pending;
            }
        }
    }

    /// Takes messages of the hub once the socket has taken the ones before. Whether it waits for
    /// more.
    fn fill(&mut self, cx: &mut Context<'_>) -> bool {
        let (pump, _) = self.connection.machine();
        if !pump.outgoing.is_empty() {
            return false;
        }
        while pump.outgoing.len() < BATCH {
            match self.messages.poll_recv(cx) {
                Poll::Ready(Some(message)) => pump.outgoing.push_back(message),
                // The end of the queue is told by `held` as well.
                Poll::Ready(None) | Poll::Pending => return true,
            }
        }
        false
    }

    fn take_rest(&mut self) {
        self.messages.close();
        let (pump, _) = self.connection.machine();
        while let Ok(message) = self.messages.try_recv() {
            pump.outgoing.push_back(message);
        }
        pump.over = true;
    }
}

/// The machine of a WebSocket whose protocol lives elsewhere: it hands on what it gets.
struct Pump {
    conn: ConnId,
    outgoing: VecDeque<Message>,
    events: VecDeque<Event>,
    /// Nothing more will come from either side.
    over: bool,
}

enum Event {
    Received(Message),
    Lost(LinkFailure),
}

impl Pump {
    fn new(conn: ConnId) -> Self {
        Self { conn, outgoing: VecDeque::new(), events: VecDeque::new(), over: false }
    }
}

impl Machine for Pump {
    type Event = Event;

    fn handle_input(&mut self, input: Input, _now: Now) {
        match input {
            Input::Received { message, .. } => self.events.push_back(Event::Received(message)),
            Input::Lost { failure, .. } => {
                self.events.push_back(Event::Lost(failure));
                self.outgoing.clear();
                self.over = true;
            }
            Input::Timeout | Input::Opened { .. } | Input::Response { .. } => {}
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        let message = self.outgoing.pop_front()?;
        Some(Transmit { conn: self.conn, message })
    }

    fn poll_action(&mut self) -> Option<Action> {
        None
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn is_finished(&self) -> bool {
        self.over && self.outgoing.is_empty() && self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use runtime_tokio::{Options, TlsPolicy, WsConfig};
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};

    use super::*;

    /// A pipe that counts how often it is written to.
    struct Counted {
        pipe: DuplexStream,
        writes: Arc<AtomicUsize>,
    }

    impl AsyncRead for Counted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.pipe).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut self.pipe).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.pipe).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.pipe).poll_shutdown(cx)
        }
    }

    #[tokio::test]
    async fn what_waits_in_the_queue_shares_writes() {
        const COUNT: usize = 2 * BATCH + 3;
        let writes = Arc::new(AtomicUsize::new(0));
        let (pipe, mut peer) = tokio::io::duplex(1 << 20);
        let io = Counted { pipe, writes: writes.clone() };
        let socket = runtime_tokio::server_socket(io, &WsConfig::server()).await;
        let (queue, messages) = mpsc::channel(COUNT);
        let (_hold, held) = oneshot::channel();
        let mut expected = Vec::new();
        for number in 0..COUNT {
            let text = format!("message number {number:02}");
            // A text frame, not masked.
            expected.extend([0x81, u8::try_from(text.len()).unwrap()]);
            expected.extend(text.as_bytes());
            queue.try_send(Message::text(text)).unwrap();
        }
        let (conn, runtime) = (ConnId::new(1), TokioRuntime::new(TlsPolicy::platform()));
        let pump = Pump::new(conn);
        let connection = Connection::accepted(pump, runtime, conn, socket, Options::default());
        let mut link = Link { connection, messages, held };
        poll_fn(|cx| {
            assert!(link.poll_next(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let mut received = vec![0; expected.len()];
        peer.read_exact(&mut received).await.unwrap();
        assert_eq!(received, expected);
        assert_eq!(writes.load(Ordering::Relaxed), COUNT.div_ceil(BATCH));
    }
}
