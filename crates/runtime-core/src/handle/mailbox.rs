//! The driver's end of a handle.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};

use chat_proto::Machine;

use super::Handle;
use super::shared::Shared;
use crate::driver::{Call, Port};
use crate::options::Options;

/// Events that the driver gathers before it hands them over while there is more to do.
const BATCH: usize = 64;

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
    /// Whom the last look left to be woken.
    left: Option<Waker>,
    /// Somebody was woken to take events, and should come to it.
    is_generous: bool,
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
    let shared = Arc::new(Shared::new(options));
    let event_limit = options.event_queue.max(1);
    let mailbox = Mailbox {
        shared: Arc::clone(&shared),
        event_limit,
        habits,
        told_stuck: false,
        calls: VecDeque::new(),
        events: VecDeque::new(),
        room: event_limit.min(BATCH),
        left: None,
        is_generous: false,
    };
    (Handle { shared }, mailbox)
}

impl<M: Machine + 'static> Port<M> for Mailbox<M> {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn ahead(&self) -> usize {
        self.room
    }

    fn put(&mut self, event: M::Event) {
        self.events.push_back(event);
        self.room -= 1;
    }

    fn next_call(&mut self) -> Option<Call<M>> {
        self.calls.pop_front()
    }

    fn sync(&mut self, cx: &mut Context<'_>) -> bool {
        let is_left = self.left.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_left && self.events.is_empty() && !self.shared.has_news() {
            return !self.calls.is_empty();
        }
        self.exchange(cx)
    }

    fn gives_way(&mut self) -> bool {
        mem::take(&mut self.is_generous)
    }

    fn is_done(&self) -> bool {
        self.shared.handles.load(Ordering::Acquire) == 0
            || self.shared.killed.load(Ordering::Acquire)
    }
}

impl<M: Machine + 'static> Mailbox<M> {
    /// Everything that goes from one side to the other.
    fn exchange(&mut self, cx: &mut Context<'_>) -> bool {
        let had_room = self.room > 0;
        let mut inner = self.shared.lock();
        self.shared.news_are_heard(&mut inner);
        let consumers = (!self.events.is_empty()).then(|| {
            if inner.events.is_empty() {
                // Nothing is moved but two pointers, and the room goes back and forth.
                mem::swap(&mut inner.events, &mut self.events);
            } else {
                inner.events.append(&mut self.events);
            }
            inner.consumers.take()
        });
        let answers = self.shared.answers.load(Ordering::Relaxed);
        let mut surplus = Vec::new();
        self.room = if let Some(slack) = self.habits.slack(inner.listeners, answers) {
            self.event_limit.saturating_add(slack).saturating_sub(inner.events.len()).min(BATCH)
        } else {
            let too_many = inner.events.len().saturating_sub(self.event_limit);
            if too_many > 0 {
                surplus.extend(inner.events.drain(..too_many));
                inner.discarded += too_many as u64;
            }
            self.event_limit.min(BATCH)
        };
        inner.starved = self.room == 0;
        let waiting = inner.events.len();
        let fetched = !inner.calls.is_empty();
        let callers = fetched.then(|| {
            if self.calls.is_empty() {
                mem::swap(&mut inner.calls, &mut self.calls);
            } else {
                self.calls.append(&mut inner.calls);
            }
            inner.callers.take()
        });
        if !inner.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.driver = Some(cx.waker().clone());
        }
        drop(inner);
        drop(surplus);
        if !self.left.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.left = Some(cx.waker().clone());
        }
        if let Some(consumers) = consumers {
            self.is_generous |= consumers.wake();
        }
        if let Some(callers) = callers {
            callers.wake();
        }
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
        !self.calls.is_empty() || (!had_room && self.room > 0)
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
        let (consumers, callers) = (inner.consumers.take(), inner.callers.take());
        drop(inner);
        // Tells those who wait for the results.
        drop(calls);
        consumers.wake();
        callers.wake();
    }
}
