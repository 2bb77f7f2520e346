//! Both ends of a handle, without a driver.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use chat_proto::{Action, Input, Machine, Now, Transmit};

use super::*;
use crate::driver::Port;
use crate::options::Options;
use mailbox::Mailbox;

/// Counts its calls.
#[derive(Default)]
struct Counter(u32);

impl Machine for Counter {
    type Event = u32;

    fn handle_input(&mut self, _: Input, _: Now) {}

    fn poll_transmit(&mut self) -> Option<Transmit> {
        None
    }

    fn poll_action(&mut self) -> Option<Action> {
        None
    }

    fn poll_event(&mut self) -> Option<u32> {
        None
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn is_finished(&self) -> bool {
        false
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Woken {
    fn new() -> (Arc<Self>, Waker) {
        let woken = Arc::<Self>::default();
        (Arc::clone(&woken), Waker::from(woken))
    }

    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn ends(options: &Options) -> (Handle<Counter>, Mailbox<Counter>) {
    channel(options, Habits::Keep)
}

fn run(mailbox: &mut Mailbox<Counter>, counter: &mut Counter) -> u32 {
    let now = Now { mono: Instant::now(), unix: crate::runtime::unix_now() };
    let mut ran = 0;
    while let Some(call) = mailbox.next_call() {
        call(counter, now);
        ran += 1;
    }
    ran
}

#[test]
fn each_call_wakes_a_driver_that_waits_and_none_is_missed() {
    let ((handle, mut mailbox), mut counter) = (ends(&Options::default()), Counter::default());
    let (driver, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    assert!(!mailbox.sync(cx));
    for round in 1..=3 {
        // Many calls wake once.
        for _ in 0..5 {
            handle.post(|counter, _| counter.0 += 1).unwrap();
        }
        assert_eq!(driver.times(), round);
        assert!(mailbox.sync(cx));
        assert_eq!(run(&mut mailbox, &mut counter), 5);
        assert!(!mailbox.sync(cx), "nothing is new");
    }
    assert_eq!(counter.0, 15);
}

#[test]
fn a_driver_that_moves_to_another_task_is_woken_there() {
    let (handle, mut mailbox) = ends(&Options::default());
    let ((former, first), (latter, second)) = (Woken::new(), Woken::new());
    assert!(!mailbox.sync(&mut Context::from_waker(&first)));
    assert!(!mailbox.sync(&mut Context::from_waker(&second)));
    handle.post(|_, _| ()).unwrap();
    assert_eq!((former.times(), latter.times()), (0, 1));
}

#[test]
fn a_driver_gives_way_to_somebody_it_has_woken() {
    let (handle, mut mailbox) = ends(&Options::default());
    let cx = &mut Context::from_waker(Waker::noop());
    // Nobody waits.
    mailbox.put(1);
    mailbox.sync(cx);
    assert!(!mailbox.gives_way());
    let (consumer, waker) = Woken::new();
    let mut waiting = Context::from_waker(&waker);
    assert_eq!(pin!(handle.next()).poll(&mut waiting), Poll::Ready(Some(1)));
    assert_eq!(pin!(handle.next()).poll(&mut waiting), Poll::Pending);
    // Nothing is there for who waits.
    mailbox.sync(cx);
    assert!(!mailbox.gives_way());
    mailbox.put(2);
    mailbox.put(3);
    mailbox.sync(cx);
    assert_eq!(consumer.times(), 1);
    assert!(mailbox.gives_way());
    assert!(!mailbox.gives_way(), "once");
    assert_eq!(pin!(handle.next_batch()).poll(&mut waiting), Poll::Ready([2, 3].into()));
}

#[test]
fn a_driver_without_room_hears_of_it_when_all_is_taken() {
    let options = Options { event_queue: 3, ..Options::default() };
    let (handle, mut mailbox) = ends(&options);
    let (driver, waker) = Woken::new();
    let cx = &mut Context::from_waker(&waker);
    for event in 0..3 {
        mailbox.put(event);
    }
    assert!(!mailbox.has_room());
    assert!(!mailbox.sync(cx));
    assert!(!mailbox.sync(cx), "and nothing has changed");
    let mut waiting = Context::from_waker(Waker::noop());
    for event in 0..3 {
        assert_eq!(driver.times(), 0);
        assert_eq!(pin!(handle.next()).poll(&mut waiting), Poll::Ready(Some(event)));
    }
    assert_eq!(driver.times(), 1);
    assert!(mailbox.sync(cx), "there is room");
    assert!(mailbox.has_room());
}

#[test]
fn everybody_who_waits_is_woken() {
    let options = Options { call_queue: 1, ..Options::default() };
    let (handle, mut mailbox) = ends(&options);
    let cx = &mut Context::from_waker(Waker::noop());
    let wokens: Vec<_> = (0..3).map(|_| Woken::new()).collect();
    // For events.
    for (_, waker) in &wokens {
        // Twice by the same task is once.
        for _ in 0..2 {
            let mut waiting = Context::from_waker(waker);
            assert_eq!(pin!(handle.next()).poll(&mut waiting), Poll::Pending);
        }
    }
    mailbox.put(1);
    mailbox.sync(cx);
    assert!(wokens.iter().all(|(woken, _)| woken.times() == 1));
    // For room for calls.
    handle.post(|_, _| ()).unwrap();
    let mut calls: Vec<_> = wokens.iter().map(|_| Box::pin(handle.call(|_, _| ()))).collect();
    for (call, (_, waker)) in calls.iter_mut().zip(&wokens) {
        assert_eq!(call.as_mut().poll(&mut Context::from_waker(waker)), Poll::Pending);
    }
    assert!(mailbox.sync(cx));
    assert!(wokens.iter().all(|(woken, _)| woken.times() == 2));
    // For anything, when the driver goes.
    drop(mailbox);
    for (call, (_, waker)) in calls.iter_mut().zip(&wokens) {
        assert_eq!(call.as_mut().poll(&mut Context::from_waker(waker)), Poll::Ready(Err(Gone)));
    }
}
