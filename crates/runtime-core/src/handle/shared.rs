//! What a handle and its driver both see.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use chat_proto::Machine;

use super::Gone;
use crate::driver::Call;
use crate::options::Options;

/// Held for a few instructions at a time: never while a call runs, never while somebody is woken.
pub(super) struct Shared<M: Machine> {
    inner: Mutex<Inner<M>>,
    pub(super) handles: AtomicUsize,
    /// How many wait for answers.
    pub(super) answers: AtomicUsize,
    /// The driver must end at once.
    pub(super) killed: AtomicBool,
    /// There is something for the driver under the lock. Set under it.
    news: AtomicBool,
}

type Last<E> = Box<dyn FnOnce() -> Option<E> + Send>;

pub(super) struct Inner<M: Machine> {
    pub(super) calls: VecDeque<Call<M>>,
    pub(super) call_limit: usize,
    pub(super) events: VecDeque<M::Event>,
    /// Left by a driver that waits. Whoever takes it must say that there are news.
    pub(super) driver: Option<Waker>,
    pub(super) consumers: Sleepers,
    pub(super) callers: Sleepers,
    /// How many take events.
    pub(super) listeners: usize,
    /// Events that were given up.
    pub(super) discarded: u64,
    /// What a driver that is killed says last.
    pub(super) last: Option<Last<M::Event>>,
    /// The driver found no room for events.
    pub(super) starved: bool,
    pub(super) gone: bool,
}

impl<M: Machine> Shared<M> {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            inner: Mutex::new(Inner {
                calls: VecDeque::new(),
                call_limit: options.call_queue.max(1),
                events: VecDeque::new(),
                driver: None,
                consumers: Sleepers::default(),
                callers: Sleepers::default(),
                listeners: 0,
                discarded: 0,
                last: None,
                starved: false,
                gone: false,
            }),
            handles: AtomicUsize::new(1),
            answers: AtomicUsize::new(0),
            killed: AtomicBool::new(false),
            news: AtomicBool::new(true),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner<M>> {
        // Nothing of the application runs under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the driver has to look under the lock. A driver that does not see what was said just
    /// now is woken by who said it.
    pub(super) fn has_news(&self) -> bool {
        self.news.load(Ordering::Acquire)
    }

    /// The driver looks at everything now.
    pub(super) fn news_are_heard(&self, _: &mut Inner<M>) {
        self.news.store(false, Ordering::Relaxed);
    }

    /// There is something for the driver: it is to be woken, without the lock.
    #[must_use]
    pub(super) fn rouse(&self, inner: &mut Inner<M>) -> Option<Waker> {
        self.news.store(true, Ordering::Release);
        inner.driver.take()
    }

    pub(super) fn poll_push(
        &self,
        cx: &mut Context<'_>,
        call: &mut Option<Call<M>>,
    ) -> Poll<Result<(), Gone>> {
        let mut inner = self.lock();
        if inner.gone {
            return Poll::Ready(Err(Gone));
        }
        if inner.calls.len() >= inner.call_limit {
            inner.callers.add(cx);
            return Poll::Pending;
        }
        inner.calls.extend(call.take());
        let driver = self.rouse(&mut inner);
        drop(inner);
        wake(driver);
        Poll::Ready(Ok(()))
    }

    #[inline]
    pub(super) fn poll_take<T>(
        &self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut VecDeque<M::Event>) -> Option<T>,
    ) -> Poll<Option<T>> {
        let mut inner = self.lock();
        let Some(taken) = take(&mut inner.events) else {
            if inner.gone {
                return Poll::Ready(None);
            }
            inner.consumers.add(cx);
            return Poll::Pending;
        };
        // Woken when the queue is empty, not at each event: the driver fills it in one go.
        if inner.starved && inner.events.is_empty() {
            inner.starved = false;
            let driver = self.rouse(&mut inner);
            drop(inner);
            wake(driver);
        }
        Poll::Ready(Some(taken))
    }
}

/// Those who wait; one of them costs no allocation.
#[derive(Default)]
pub(super) struct Sleepers {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Sleepers {
    pub(super) fn add(&mut self, cx: &Context<'_>) {
        let Some(first) = &self.first else {
            self.first = Some(cx.waker().clone());
            return;
        };
        if !std::iter::once(first).chain(&self.more).any(|waker| waker.will_wake(cx.waker())) {
            self.more.push(cx.waker().clone());
        }
    }

    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }

    /// Whether there was anybody.
    pub(super) fn wake(self) -> bool {
        let is_any = self.first.is_some();
        wake(self.first);
        if !self.more.is_empty() {
            wake(self.more);
        }
        is_any
    }
}

pub(super) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
