//! A call that waits for its answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use chat_proto::client::{Event, RequestId};
use chat_proto::error::CallError;
use chat_proto::{Now, Session};
use futures_channel::oneshot;

use super::Spoken;
use super::desk::{Desk, Settled};
use super::error::SendError;
use crate::handle::{Handle, Waiting};

/// A request that was queued. Dropping it does not take the request back: how it ended is an event
/// then, also where the answer had come and nobody had looked yet.
pub(super) struct Answering<'h, S: Spoken> {
    handle: &'h Handle<Desk<S>>,
    told: oneshot::Receiver<Settled<S>>,
    _waiting: Waiting<Desk<S>>,
}

impl<'h, S: Spoken> Answering<'h, S> {
    /// Queues the request.
    pub(super) fn start(
        handle: &'h Handle<Desk<S>>,
        verb: impl FnOnce(&mut Session<S>, Now) -> Result<RequestId, CallError> + Send + 'static,
    ) -> Result<Self, SendError> {
        let (tell, told) = oneshot::channel();
        let waiting = handle.wait_for_answer();
        handle.post(move |desk, now| desk.ask(now, verb, tell))?;
        Ok(Self { handle, told, _waiting: waiting })
    }
}

impl<S: Spoken> Future for Answering<'_, S> {
    type Output = Result<(RequestId, S::Answer), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.told).poll(cx).map(|settled| match settled {
            Ok(Ok((id, Ok(answer)))) => Ok((id, answer)),
            Ok(Ok((_, Err(error)))) => Err(error.into()),
            Ok(Err(error)) => Err(error),
            // The call was dropped before it ran.
            Err(oneshot::Canceled) => Err(SendError::Ended),
        })
    }
}

impl<S: Spoken> Drop for Answering<'_, S> {
    fn drop(&mut self) {
        self.told.close();
        if let Ok(Some(Ok((id, result)))) = self.told.try_recv() {
            self.handle.put_back(std::iter::once(Event::Completed { id, result }));
        }
    }
}
