//! The driver in a task of its own, and what the application holds of it.

mod mailbox;
mod shared;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use chat_proto::{Machine, Now};
use futures_channel::oneshot;

use crate::driver::Call;
pub(crate) use mailbox::{Habits, channel};
use shared::{Shared, wake};

/// A machine that is driven in a task of its own. Cheap to clone; dropping the last one ends the
/// task.
///
/// Calls run inside that task, between two turns of the driver, in the order they were made.
/// Events cross over in batches and are for one consumer: two tasks that wait for events each get
/// some of them.
pub struct Handle<M: Machine> {
    shared: Arc<Shared<M>>,
}

/// The driver is gone: the machine is finished, or its task was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection's task has ended")]
pub struct Gone;

/// Why a call was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryCallError {
    /// The driver has not come to run the calls that wait.
    #[error("{len} calls are waiting already")]
    Full {
        /// How many wait, which is as many as may.
        len: usize,
    },
    /// The driver is gone.
    #[error("the connection's task has ended")]
    Gone,
}

/// What a queued call will return. Dropping it does not take the call back.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Receiver<T>);

impl<T> Future for Reply<T> {
    type Output = Result<T, Gone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Gone)
    }
}

impl<M: Machine> Handle<M> {
    /// Runs `f` on the machine and returns what it returned. Waits for room in the queue first;
    /// the driver makes room at every turn, whatever the socket and the events do.
    ///
    /// Cancel safety: dropped before it is queued, `f` never runs; dropped later, `f` runs and its
    /// result is lost.
    ///
    /// # Errors
    ///
    /// [`Gone`]: `f` has not run.
    pub async fn call<T, F>(&self, f: F) -> Result<T, Gone>
    where
        F: FnOnce(&mut M, Now) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (call, reply) = prepare(f);
        let mut call = Some(call);
        poll_fn(|cx| self.shared.poll_push(cx, &mut call)).await?;
        reply.await
    }

    /// Queues `f` without waiting. The reply may be awaited or dropped.
    ///
    /// # Errors
    ///
    /// The queue is full, or the driver is gone; `f` does not run.
    pub fn try_call<T, F>(&self, f: F) -> Result<Reply<T>, TryCallError>
    where
        F: FnOnce(&mut M, Now) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (call, reply) = prepare(f);
        self.push(call)?;
        Ok(reply)
    }

    /// Queues `f` without waiting and without a reply, which saves the channel for one.
    ///
    /// # Errors
    ///
    /// The queue is full, or the driver is gone; `f` does not run.
    pub fn post<F>(&self, f: F) -> Result<(), TryCallError>
    where
        F: FnOnce(&mut M, Now) + Send + 'static,
    {
        self.push(Box::new(f))
    }

    fn push(&self, call: Call<M>) -> Result<(), TryCallError> {
        let mut inner = self.shared.lock();
        if inner.gone {
            return Err(TryCallError::Gone);
        }
        if inner.calls.len() >= inner.call_limit {
            return Err(TryCallError::Full { len: inner.calls.len() });
        }
        inner.calls.push_back(call);
        let driver = self.shared.rouse(&mut inner);
        drop(inner);
        wake(driver);
        Ok(())
    }

    /// The next event; `None` once the driver is gone and every event was taken.
    ///
    /// Cancel safe: an event is either returned or still there.
    pub async fn next(&self) -> Option<M::Event> {
        poll_fn(|cx| self.shared.poll_take(cx, VecDeque::pop_front)).await
    }

    /// All the events that wait, at least one; empty once the driver is gone. One lock for many
    /// events.
    ///
    /// Cancel safe: the events are either returned or still there.
    pub async fn next_batch(&self) -> VecDeque<M::Event> {
        let take = |events: &mut VecDeque<_>| {
            if events.is_empty() { None } else { Some(mem::take(events)) }
        };
        poll_fn(|cx| self.shared.poll_take(cx, take)).await.unwrap_or_default()
    }

    /// Whether the driver is gone. Events may still wait.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.shared.lock().gone
    }

    /// Exchanges `batch`, which is empty, for all the events that wait, at least one; it stays empty
    /// once the driver is gone.
    pub(crate) fn poll_batch(
        &self,
        cx: &mut Context<'_>,
        batch: &mut VecDeque<M::Event>,
    ) -> Poll<()> {
        let take =
            |events: &mut VecDeque<_>| (!events.is_empty()).then(|| mem::swap(events, batch));
        self.shared.poll_take(cx, take).map(drop)
    }

    /// Events that somebody had and did not look at come first again.
    pub(crate) fn put_back(&self, events: impl DoubleEndedIterator<Item = M::Event>) {
        let mut inner = self.shared.lock();
        for event in events.rev() {
            inner.events.push_front(event);
        }
        let consumers = inner.consumers.take();
        drop(inner);
        consumers.wake();
    }

    /// Somebody listens, so that events are kept for them; for as long as the answer lives.
    pub(crate) fn listen(&self) -> Listening<M> {
        self.shared.lock().listeners += 1;
        Listening(self.clone())
    }

    /// Somebody waits for an answer, which may stand behind events; for as long as the answer lives.
    pub(crate) fn wait_for_answer(&self) -> Waiting<M> {
        self.shared.answers.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(&self.shared))
    }

    /// How many events nobody listened to were given up.
    pub(crate) fn discarded(&self) -> u64 {
        self.shared.lock().discarded
    }

    /// Ends the driver where it stands: its sockets are dropped. `last` says what the last event is,
    /// if there is one to add.
    pub(crate) fn kill(&self, last: impl FnOnce() -> Option<M::Event> + Send + 'static) {
        let mut inner = self.shared.lock();
        if inner.gone {
            return;
        }
        inner.last = Some(Box::new(last));
        self.shared.killed.store(true, Ordering::Release);
        let driver = self.shared.rouse(&mut inner);
        drop(inner);
        wake(driver);
    }
}

/// Somebody takes events.
pub(crate) struct Listening<M: Machine>(pub(crate) Handle<M>);

impl<M: Machine> Drop for Listening<M> {
    fn drop(&mut self) {
        let mut inner = self.0.shared.lock();
        inner.listeners -= 1;
        // With nobody left, the socket is read again.
        let is_needed = inner.listeners == 0 && inner.starved;
        let driver = if is_needed { self.0.shared.rouse(&mut inner) } else { None };
        drop(inner);
        wake(driver);
    }
}

/// Somebody waits for an answer.
pub(crate) struct Waiting<M: Machine>(Arc<Shared<M>>);

impl<M: Machine> Drop for Waiting<M> {
    fn drop(&mut self) {
        self.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Self {
        self.shared.handles.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<M: Machine> Drop for Handle<M> {
    fn drop(&mut self) {
        if self.shared.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut inner = self.shared.lock();
            let driver = self.shared.rouse(&mut inner);
            drop(inner);
            wake(driver);
        }
    }
}

impl<M: Machine> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.shared.lock();
        f.debug_struct("Handle")
            .field("calls", &inner.calls.len())
            .field("events", &inner.events.len())
            .field("gone", &inner.gone)
            .finish()
    }
}

fn prepare<M: Machine, T, F>(f: F) -> (Call<M>, Reply<T>)
where
    F: FnOnce(&mut M, Now) -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let call = move |machine: &mut M, now| {
        // The caller may have lost interest.
        let _ = sender.send(f(machine, now));
    };
    (Box::new(call), Reply(receiver))
}

#[cfg(test)]
mod tests;
