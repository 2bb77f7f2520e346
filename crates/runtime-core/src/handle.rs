//! The driver in a task of its own, and what the application holds of it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use chat_proto::{Machine, Now};
use futures_channel::oneshot;

use crate::driver::{Call, Port};
use crate::options::Options;

/// Events that the driver gathers before it hands them over while there is more to do.
const BATCH: usize = 64;

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
        let driver = inner.driver.take();
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
        let consumers = mem::take(&mut inner.consumers);
        drop(inner);
        wake(consumers);
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
        let driver = inner.driver.take();
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
        let driver = if inner.listeners == 0 && inner.starved { inner.driver.take() } else { None };
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
            let driver = self.shared.lock().driver.take();
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

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// What both sides see. Held for a few instructions at a time: never while a call runs, never
/// while somebody is woken.
struct Shared<M: Machine> {
    inner: Mutex<Inner<M>>,
    handles: AtomicUsize,
    /// How many wait for answers.
    answers: AtomicUsize,
    /// The driver must end at once.
    killed: AtomicBool,
}

type Last<E> = Box<dyn FnOnce() -> Option<E> + Send>;

struct Inner<M: Machine> {
    calls: VecDeque<Call<M>>,
    call_limit: usize,
    events: VecDeque<M::Event>,
    driver: Option<Waker>,
    consumers: Vec<Waker>,
    callers: Vec<Waker>,
    /// How many take events.
    listeners: usize,
    /// Events that were given up.
    discarded: u64,
    /// What a driver that is killed says last.
    last: Option<Last<M::Event>>,
    /// The driver found no room for events.
    starved: bool,
    gone: bool,
}

impl<M: Machine> Shared<M> {
    fn lock(&self) -> MutexGuard<'_, Inner<M>> {
        // Nothing of the application runs under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_push(
        &self,
        cx: &mut Context<'_>,
        call: &mut Option<Call<M>>,
    ) -> Poll<Result<(), Gone>> {
        let mut inner = self.lock();
        if inner.gone {
            return Poll::Ready(Err(Gone));
        }
        if inner.calls.len() >= inner.call_limit {
            leave(&mut inner.callers, cx);
            return Poll::Pending;
        }
        inner.calls.extend(call.take());
        let driver = inner.driver.take();
        drop(inner);
        wake(driver);
        Poll::Ready(Ok(()))
    }

    fn poll_take<T>(
        &self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut VecDeque<M::Event>) -> Option<T>,
    ) -> Poll<Option<T>> {
        let mut inner = self.lock();
        let Some(taken) = take(&mut inner.events) else {
            if inner.gone {
                return Poll::Ready(None);
            }
            leave(&mut inner.consumers, cx);
            return Poll::Pending;
        };
        // Woken when the queue is empty, not at each event: the driver fills it in one go.
        let driver = if inner.starved && inner.events.is_empty() {
            inner.starved = false;
            inner.driver.take()
        } else {
            None
        };
        drop(inner);
        wake(driver);
        Poll::Ready(Some(taken))
    }
}

fn leave(wakers: &mut Vec<Waker>, cx: &Context<'_>) {
    if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
        wakers.push(cx.waker().clone());
    }
}

/// The driver's end.
pub(crate) struct Mailbox<M: Machine> {
    shared: Arc<Shared<M>>,
    event_limit: usize,
    habits: Habits<M>,
    /// Those who wait for answers were told that nothing is read, and nothing has changed since.
    told_stuck: bool,
    /// Calls that were fetched.
    calls: VecDeque<Call<M>>,
    /// Events that were not yet handed over.
    events: VecDeque<M::Event>,
    /// How many more may be gathered.
    room: usize,
}

/// How a mailbox treats events that nobody takes.
pub(crate) enum Habits<M> {
    /// They are kept, and nothing is read meanwhile.
    Keep,
    /// The same while somebody listens; otherwise the oldest are given up. While somebody waits for
    /// an answer, which may stand behind them, so many more are kept; then those who wait are told.
    Client { slack: usize, on_stuck: fn(&mut M, usize) },
}

impl<M> Habits<M> {
    /// How many more events may wait than usually; `None` when they are given up.
    fn slack(&self, listeners: usize, answers: usize) -> Option<usize> {
        match self {
            Self::Client { .. } if listeners == 0 => None,
            Self::Client { slack, .. } if answers > 0 => Some(*slack),
            Self::Client { .. } | Self::Keep => Some(0),
        }
    }
}

pub(crate) fn channel<M: Machine>(options: &Options, habits: Habits<M>) -> (Handle<M>, Mailbox<M>) {
    let shared = Arc::new(Shared {
        inner: Mutex::new(Inner {
            calls: VecDeque::new(),
            call_limit: options.call_queue.max(1),
            events: VecDeque::new(),
            driver: None,
            consumers: Vec::new(),
            callers: Vec::new(),
            listeners: 0,
            discarded: 0,
            last: None,
            starved: false,
            gone: false,
        }),
        handles: AtomicUsize::new(1),
        answers: AtomicUsize::new(0),
        killed: AtomicBool::new(false),
    });
    let event_limit = options.event_queue.max(1);
    let mailbox = Mailbox {
        shared: Arc::clone(&shared),
        event_limit,
        habits,
        told_stuck: false,
        calls: VecDeque::new(),
        events: VecDeque::new(),
        room: event_limit.min(BATCH),
    };
    (Handle { shared }, mailbox)
}

impl<M: Machine + 'static> Port<M> for Mailbox<M> {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn put(&mut self, event: M::Event) {
        self.events.push_back(event);
        self.room -= 1;
    }

    fn next_call(&mut self) -> Option<Call<M>> {
        self.calls.pop_front()
    }

    fn sync(&mut self, cx: &mut Context<'_>) -> bool {
        let had_room = self.has_room();
        let mut inner = self.shared.lock();
        let consumers = if self.events.is_empty() {
            Vec::new()
        } else {
            if inner.events.is_empty() {
                // Nothing is moved but two pointers, and the room goes back and forth.
                mem::swap(&mut inner.events, &mut self.events);
            } else {
                inner.events.append(&mut self.events);
            }
            mem::take(&mut inner.consumers)
        };
        let answers = self.shared.answers.load(Ordering::Relaxed);
        let mut surplus = VecDeque::new();
        self.room = if let Some(slack) = self.habits.slack(inner.listeners, answers) {
            self.event_limit.saturating_add(slack).saturating_sub(inner.events.len()).min(BATCH)
        } else {
            let too_many = inner.events.len().saturating_sub(self.event_limit);
            surplus.extend(inner.events.drain(..too_many));
            inner.discarded += too_many as u64;
            self.event_limit.min(BATCH)
        };
        inner.starved = self.room == 0;
        let waiting = inner.events.len();
        let fetched = !inner.calls.is_empty();
        self.calls.append(&mut inner.calls);
        let callers =
            if self.calls.is_empty() { Vec::new() } else { mem::take(&mut inner.callers) };
        if !inner.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.driver = Some(cx.waker().clone());
        }
        drop(inner);
        drop(surplus);
        wake(consumers);
        wake(callers);
        self.told_stuck &= self.room == 0 && !fetched;
        if self.room == 0
            && answers > 0
            && !self.told_stuck
            && let Habits::Client { on_stuck, .. } = self.habits
        {
            // After the calls that were made meanwhile.
            self.told_stuck = true;
            self.calls.push_back(Box::new(move |machine, _| on_stuck(machine, waiting)));
        }
        !self.calls.is_empty() || (!had_room && self.has_room())
    }

    fn is_done(&self) -> bool {
        self.shared.handles.load(Ordering::Acquire) == 0
            || self.shared.killed.load(Ordering::Acquire)
    }
}

impl<M: Machine> Drop for Mailbox<M> {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.gone = true;
        inner.events.append(&mut self.events);
        if let Some(last) = inner.last.take() {
            inner.events.extend(last());
        }
        inner.driver = None;
        let calls = mem::take(&mut inner.calls);
        let wakers = mem::take(&mut inner.consumers).into_iter();
        let wakers = wakers.chain(mem::take(&mut inner.callers));
        drop(inner);
        // Tells those who wait for the results.
        drop(calls);
        wake(wakers);
    }
}
