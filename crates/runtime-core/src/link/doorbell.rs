//! Whether a socket may have something to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Between a task and one source of what it waits for. A task that was woken by something else does
/// not ask the source, which costs a call of the system or the clearing of a buffer.
///
/// The source must wake, once it has answered [`Poll::Pending`], before it has more to say: the
/// contract of futures.
#[derive(Debug)]
pub(super) struct Doorbell {
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// The source had something when last asked, so that nobody needs to ring.
    is_open: bool,
}

#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever registers after this sees it, whoever registered before is woken.
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Bell {
    #[inline]
    fn answer(&self) -> bool {
        // Seldom rung while somebody asks again and again, and a look costs nothing.
        self.rung.load(Ordering::Acquire) && self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Doorbell {
    /// Before the first answer.
    pub(super) fn new() -> Self {
        let bell = Arc::<Bell>::default();
        Self { waker: Waker::from(Arc::clone(&bell)), bell, is_open: true }
    }

    /// Asks the source, unless it has said [`Poll::Pending`] and was quiet since. The task of `cx` is
    /// woken when it rings.
    #[inline]
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        ask: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.is_open {
            self.bell.task.register(cx.waker());
        }
        // What had rung before is answered by asking.
        if !self.bell.answer() && !self.is_open {
            return Poll::Pending;
        }
        let answer = ask(&mut Context::from_waker(&self.waker));
        self.is_open = answer.is_ready();
        if !self.is_open {
            self.bell.task.register(cx.waker());
            // A source that gives way to others rings at once, before anybody could hear it.
            if self.bell.rung.load(Ordering::Acquire) {
                cx.waker().wake_by_ref();
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A source whose waker is kept, with its answers.
    #[derive(Default)]
    struct Source {
        waker: Option<Waker>,
        answers: Vec<u32>,
        asked: usize,
    }

    impl Source {
        fn ask(&mut self, cx: &Context<'_>) -> Poll<u32> {
            self.asked += 1;
            self.waker = Some(cx.waker().clone());
            self.answers.pop().map_or(Poll::Pending, Poll::Ready)
        }

        fn ring(&mut self, answer: u32) {
            self.answers.push(answer);
            self.waker.take().unwrap().wake();
        }
    }

    #[test]
    fn a_quiet_source_is_asked_once() {
        let (count, mut source, mut bell) =
            (Arc::<Count>::default(), Source::default(), Doorbell::new());
        let waker = Waker::from(Arc::clone(&count));
        let cx = &mut Context::from_waker(&waker);
        for _ in 0..3 {
            assert_eq!(bell.poll(cx, |cx| source.ask(cx)), Poll::Pending);
        }
        assert_eq!((source.asked, count.0.load(Ordering::Relaxed)), (1, 0));
        source.ring(7);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(bell.poll(cx, |cx| source.ask(cx)), Poll::Ready(7));
        assert_eq!(bell.poll(cx, |cx| source.ask(cx)), Poll::Pending);
        assert_eq!(source.asked, 3);
    }

    #[test]
    fn the_task_that_asked_last_is_woken() {
        let mut source = Source::default();
        let mut bell = Doorbell::new();
        let counts = [Arc::<Count>::default(), Arc::default()];
        for count in &counts {
            let waker = Waker::from(Arc::clone(count));
            let cx = &mut Context::from_waker(&waker);
            assert_eq!(bell.poll(cx, |cx| source.ask(cx)), Poll::Pending);
        }
        assert_eq!(source.asked, 1);
        source.ring(1);
        assert_eq!(counts.map(|count| count.0.load(Ordering::Relaxed)), [0, 1]);
    }

    #[test]
    fn a_source_that_rings_while_it_is_asked_is_asked_again() {
        let (count, mut bell) = (Arc::<Count>::default(), Doorbell::new());
        let waker = Waker::from(Arc::clone(&count));
        let cx = &mut Context::from_waker(&waker);
        let mut answers = vec![Poll::Ready(5), Poll::Pending];
        let mut ask = |cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            answers.pop().unwrap()
        };
        assert_eq!(bell.poll(cx, &mut ask), Poll::Pending);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(bell.poll(cx, &mut ask), Poll::Ready(5));
    }
}
