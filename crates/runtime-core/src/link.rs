//! One live WebSocket, and one on its way out.

mod doorbell;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::{CloseFrame, LinkFailure};
use chat_proto::{ConnId, Message, Text};
use futures_util::{Sink, Stream};
use tungstenite::Error;

use crate::failure::of_websocket;
use crate::inlet::Arrival;
use crate::runtime::{Below as _, Runtime};
use crate::wire;
use doorbell::Doorbell;

/// Messages that may be read before waiting writes go out regardless.
const READS_PER_FLUSH: u32 = 64;

/// Reads of a lingering socket before others get their turn.
const DISCARDS_PER_POLL: u32 = 32;

/// The live socket with what is known about both its directions.
pub(crate) struct Link<R: Runtime> {
    pub(crate) conn: ConnId,
    /// When to stop waiting for a peer that has said goodbye, or that takes no more bytes.
    pub(crate) give_up: Option<Instant>,
    socket: R::Socket,
    /// Between a task that is woken for many reasons and the socket that is read.
    doorbell: Doorbell,
    /// Taken from the machine, refused by a full buffer.
    unsent: Option<tungstenite::Message>,
    /// Something waits in a buffer of ours.
    dirty: bool,
    /// Something of that waits in the WebSocket.
    queued: bool,
    /// It must not wait for more.
    urgent: bool,
    /// No message could be taken when last asked.
    stuck: bool,
    reads_since_flush: u32,
    close_sent: bool,
    close_received: bool,
    /// Writing has failed: reading may still tell why.
    write_failure: Option<LinkFailure>,
}

/// What one attempt to read gave.
pub(crate) enum Read {
    Skipped,
    Message(Message),
    Over(LinkFailure),
}

/// What came, and which way.
enum Came {
    /// Past the WebSocket.
    Text(Bytes),
    /// From the WebSocket.
    Other(Option<Result<tungstenite::Message, Error>>),
}

#[inline]
fn poll_anything<R: Runtime>(socket: &mut R::Socket, cx: &mut Context<'_>) -> Poll<Came> {
    let mut arrival = R::below(socket).poll_text(cx);
    loop {
        match arrival {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Arrival::Text(bytes)) => return Poll::Ready(Came::Text(bytes)),
            Poll::Ready(Arrival::Other { .. }) => {}
        }
        if let Poll::Ready(read) = Pin::new(&mut *socket).poll_next(cx) {
            return Poll::Ready(Came::Other(read));
        }
        // It has taken what there was for it, or it waits for more of the same.
        arrival = R::below(socket).poll_text(cx);
        if let Poll::Ready(Arrival::Other { fresh: false }) = arrival {
            return Poll::Pending;
        }
    }
}

impl<R: Runtime> Link<R> {
    pub(crate) fn new(conn: ConnId, socket: R::Socket) -> Self {
        Self {
            conn,
            give_up: None,
            socket,
            doorbell: Doorbell::new(),
            unsent: None,
            dirty: false,
            queued: false,
            urgent: false,
            stuck: false,
            reads_since_flush: 0,
            close_sent: false,
            close_received: false,
            write_failure: None,
        }
    }

    /// Whether the peer has said goodbye.
    pub(crate) fn close_received(&self) -> bool {
        self.close_received
    }

    /// Whether more was read than was taken, as far as that is known, and nothing has to be said before
    /// it is: the answer to a ping, a goodbye.
    pub(crate) fn has_more(&mut self) -> bool {
        !self.urgent && R::below(&mut self.socket).has_more()
    }

    /// Whether writing has failed.
    pub(crate) fn write_failed(&self) -> bool {
        self.write_failure.is_some()
    }

    /// Why writing has failed, once.
    pub(crate) fn take_write_failure(&mut self) -> Option<LinkFailure> {
        self.write_failure.take()
    }

    /// Whether one more message can be taken from the machine.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ready = self.poll_room(cx);
        self.stuck = ready.is_pending();
        ready
    }

    /// Whether something that was taken from the machine is not in the buffer yet, or was not when last
    /// asked.
    pub(crate) const fn waits_for_room(&self) -> bool {
        self.stuck || self.unsent.is_some()
    }

    /// Asks once more where there was no room before. True when there is some now; otherwise the
    /// waker is left behind.
    ///
    /// A stream may forget a waiting writer as soon as any write goes through, and a flush or the
    /// answer to a ping may have written since. So what waits must be the last to try.
    pub(crate) fn poll_unstuck(&mut self, cx: &mut Context<'_>) -> bool {
        self.stuck && self.poll_ready(cx).is_ready()
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.write_closed() {
            return Poll::Ready(());
        }
        if let Some(message) = self.unsent.take() {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.start_send(message, true),
                Poll::Ready(Err(error)) => self.fail_writing(error),
                Poll::Pending => {
                    self.unsent = Some(message);
                    return Poll::Pending;
                }
            }
        }
        let room = match R::below(&mut self.socket).poll_room(cx) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.socket).poll_ready(cx),
            Poll::Ready(Err(error)) => Poll::Ready(Err(Error::Io(error))),
            Poll::Pending => Poll::Pending,
        };
        match room {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                self.fail_writing(error);
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes into the buffer. Call it only when ready. After a close frame in either direction,
    /// or a failure, the message is dropped.
    pub(crate) fn send(&mut self, message: Message) {
        if self.write_closed() {
            return;
        }
        match &message {
            // Not past what waits there.
            Message::Text(text)
                if !self.queued && R::below(&mut self.socket).send_text(text.as_str()) =>
            {
                self.dirty = true;
                return;
            }
            Message::Close(_) => {
                self.close_sent = true;
                self.urgent = true;
            }
            Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
        }
        self.start_send(wire::outgoing(message), false);
    }

    /// Flushes what must not wait; everything when `all`.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, all: bool) -> Poll<()> {
        let due = self.urgent || (self.dirty && (all || self.reads_since_flush >= READS_PER_FLUSH));
        if !due || self.write_failure.is_some() {
            return Poll::Ready(());
        }
        let flushed = if self.urgent || self.queued {
            Pin::new(&mut self.socket).poll_flush(cx)
        } else {
            R::below(&mut self.socket).poll_drain(cx).map_err(Error::Io)
        };
        match flushed {
            Poll::Ready(result) => {
                self.dirty = false;
                self.queued = false;
                self.urgent = false;
                self.reads_since_flush = 0;
                if let Err(error) = result {
                    self.fail_writing(error);
                }
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The next message. Asks the socket only where it may have something.
    #[inline]
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Read> {
        let Self { doorbell, socket, .. } = self;
        let came = if R::ASKING_IS_CHEAP {
            poll_anything::<R>(socket, cx)
        } else {
            doorbell.poll(cx, |cx| poll_anything::<R>(socket, cx))
        };
        match came {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Came::Text(bytes)) => Poll::Ready(self.text(bytes)),
            Poll::Ready(Came::Other(read)) => self.message(read),
        }
    }

    /// A text that came past the WebSocket.
    #[inline]
    fn text(&mut self, bytes: Bytes) -> Read {
        self.reads_since_flush = self.reads_since_flush.saturating_add(1);
        match Text::from_utf8(bytes) {
            Ok(text) => Read::Message(Message::Text(text)),
            Err(error) => Read::Over(self.over(Error::Utf8(error.to_string()))),
        }
    }

    /// What the WebSocket gave.
    fn message(&mut self, read: Option<Result<tungstenite::Message, Error>>) -> Poll<Read> {
        match read {
            Some(Ok(message)) => {
                self.reads_since_flush = self.reads_since_flush.saturating_add(1);
                let Some(message) = wire::incoming(message) else {
                    return Poll::Ready(Read::Skipped);
                };
                match &message {
                    // The answer is only queued until somebody flushes.
                    Message::Ping(_) => self.urgent = true,
                    Message::Close(_) => {
                        self.urgent = true;
                        self.close_received = true;
                    }
                    Message::Text(_) | Message::Binary(_) | Message::Pong(_) => {}
                }
                Poll::Ready(Read::Message(message))
            }
            Some(Err(error)) => Poll::Ready(Read::Over(self.over(error))),
            None => {
                let why = self.write_failure.take().unwrap_or(LinkFailure::Ended);
                Poll::Ready(Read::Over(why))
            }
        }
    }

    /// Lets go of the socket, but delivers what is written and says goodbye below the WebSocket.
    pub(crate) fn into_linger(self, until: Instant) -> Linger<R> {
        let stage = if self.write_failure.is_some() { Stage::Shutdown } else { Stage::Flush };
        Linger { until, socket: self.socket, stage }
    }

    /// Whether bytes of ours may still be worth delivering when the machine lets go.
    pub(crate) fn said_goodbye(&self) -> bool {
        self.close_sent || self.close_received
    }

    fn write_closed(&self) -> bool {
        self.close_sent || self.close_received || self.write_failure.is_some()
    }

    fn start_send(&mut self, message: tungstenite::Message, buffer_is_empty: bool) {
        self.dirty = true;
        self.queued = true;
        match Pin::new(&mut self.socket).start_send(message) {
            Ok(()) => {}
            Err(Error::WriteBufferFull(message)) if !buffer_is_empty => {
                self.unsent = Some(*message);
            }
            Err(Error::WriteBufferFull(_)) => {
                let text = "an outgoing message is larger than the write buffer may be";
                self.write_failure = Some(LinkFailure::Io(text.into()));
            }
            Err(error) => self.fail_writing(error),
        }
    }

    fn fail_writing(&mut self, error: Error) {
        self.unsent = None;
        self.write_failure.get_or_insert(of_websocket(error));
    }

    /// The stream has failed: tells the peer why, where it is the peer's doing.
    fn over(&mut self, error: Error) -> LinkFailure {
        let is_text = !matches!(error, Error::Utf8(_));
        let failure = of_websocket(error);
        if self.close_received {
            // The goodbyes are said; how the transport ends is of no interest.
            return LinkFailure::Ended;
        }
        if let LinkFailure::TooBig { .. } = failure {
            self.blame(1009, "message too big");
        } else if !is_text {
            self.blame(1007, "not UTF-8");
        } else if let LinkFailure::Protocol(_) = failure {
            self.blame(1002, "protocol error");
        }
        failure
    }

    fn blame(&mut self, code: u16, reason: &'static str) {
        self.send(Message::Close(Some(CloseFrame::new(code, reason))));
    }
}

/// A socket that nobody listens to any more: its last bytes go out, then it is closed so that the
/// peer can read them.
pub(crate) struct Linger<R: Runtime> {
    pub(crate) until: Instant,
    socket: R::Socket,
    stage: Stage,
}

enum Stage {
    Flush,
    Shutdown,
    Discard,
}

impl<R: Runtime> Linger<R> {
    /// Ready when the socket can be dropped.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..DISCARDS_PER_POLL {
            // A WebSocket that is over flushes nothing any more.
            if let Stage::Flush = self.stage
                && R::below(&mut self.socket).poll_drain(cx).is_ready()
                && Pin::new(&mut self.socket).poll_flush(cx).is_ready()
            {
                self.stage = Stage::Shutdown;
            }
            if let Stage::Shutdown = self.stage {
                match R::below(&mut self.socket).poll_shutdown(cx) {
                    Poll::Ready(_) => self.stage = Stage::Discard,
                    Poll::Pending => return Poll::Pending,
                }
            }
            // While flushing as well: a peer may read only after it has written.
            match R::below(&mut self.socket).poll_discard(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
