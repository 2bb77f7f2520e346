//! The events of a client, as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;

use super::desk::Desk;
use super::{EventOf, Spoken};
use crate::handle::{Handle, Listening};

/// What a session tells, in order; ends after
/// [`Event::Closed`](chat_proto::client::Event::Closed), or when the session's task is dropped.
///
/// A [`Stream`] of futures-core, and [`Events::next`] for who has no crate for streams. Events are for
/// one consumer: two of these get some each. While one exists no event is given up, and one that
/// nobody polls stops the socket: see [the module's head](super#back-pressure). Dropping it gives what
/// it had taken and not told to the next one.
pub struct Events<S: Spoken> {
    listening: Listening<Desk<S>>,
    /// Taken together, told one by one.
    batch: VecDeque<EventOf<S>>,
}

impl<S: Spoken> Events<S> {
    pub(super) fn new(handle: &Handle<Desk<S>>) -> Self {
        Self { listening: handle.listen(), batch: VecDeque::new() }
    }

    /// The next event; `None` once all is told.
    ///
    /// Cancel safe: an event is either returned or still there.
    pub async fn next(&mut self) -> Option<EventOf<S>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The next event, if one is there. It says nothing about whether more will come.
    pub fn try_next(&mut self) -> Option<EventOf<S>> {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        match self.poll(cx) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<EventOf<S>>> {
        if self.batch.is_empty() && self.listening.0.poll_batch(cx, &mut self.batch).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(self.batch.pop_front())
    }
}

impl<S: Spoken> Stream for Events<S> {
    type Item = EventOf<S>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl<S: Spoken> Unpin for Events<S> {}

impl<S: Spoken> Drop for Events<S> {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            self.listening.0.put_back(self.batch.drain(..));
        }
    }
}

impl<S: Spoken> fmt::Debug for Events<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("service", &S::NAME)
            .field("taken", &self.batch.len())
            .finish()
    }
}
