//! A thread that does what may block.
//!
//! The runtimes have thread pools for this, each its own; a thread for the time of one transfer is the
//! same on all of them and costs little beside a connection.

use std::io;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use futures_channel::oneshot;

/// No job here needs more.
const STACK_BYTES: usize = 256 << 10;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread that owns an `S` and changes it job by job. It ends, and drops the `S`, when this is
/// dropped and the job under way is done.
pub(super) struct Worker<S> {
    jobs: mpsc::Sender<Job<S>>,
}

impl<S: Send + 'static> Worker<S> {
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn start(mut state: S) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job<S>>();
        let named = thread::Builder::new().name("file transfer".into()).stack_size(STACK_BYTES);
        named.spawn(move || {
            while let Ok(job) = queue.recv() {
                job(&mut state);
            }
        })?;
        Ok(Self { jobs })
    }

    /// Begins `work` at once, after what was begun before. Dropping the reply does not stop it.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> io::Result<T> + Send + 'static,
    ) -> Reply<T> {
        let (tell, reply) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            // Nobody may wait any more.
            drop(tell.send(work(state)));
        });
        // A thread that is gone drops the job, and the reply says so.
        drop(self.jobs.send(job));
        Reply(reply)
    }
}

/// What comes of a job.
pub(super) struct Reply<T>(oneshot::Receiver<io::Result<T>>);

impl<T> Future for Reply<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let gone = || Err(io::Error::other("the thread for files has stopped"));
        Pin::new(&mut self.0).poll(cx).map(|reply| reply.unwrap_or_else(|_| gone()))
    }
}
