//! Clients with names and types: what [`im`](crate::im) and [`c2c`](crate::c2c) have in common.
//!
//! There are two forms, over the same session and the same driver:
//!
//! * [`Polled`], which the application polls: verbs act on the session at once and give a
//!   [`RequestId`], [`Polled::next`] drives and tells. No task, no
//!   channel: the fastest.
//! * [`Client`], whose driver is a task of its own: cheap to clone, sent from many tasks, verbs are
//!   `async` and return the answer.
//!
//! # Who gets what
//!
//! The answer to a call goes to the call, and is no event. Everything else is an event, and goes to
//! [`Client::events`].
//!
//! # Calls that are dropped
//!
//! Every verb of [`Client`] queues its request when its future is polled first, without waiting, and
//! then waits for the answer. So a future that is dropped before it was polled has done nothing;
//! dropped any time later, the request is made exactly once all the same, and how it ended comes as an
//! [`Event::Completed`]. Nothing is lost and nothing is done
//! twice. A request that was refused before it was sent ([`SendError::Call`], [`SendError::QueueFull`],
//! [`SendError::Ended`]) is not told to anybody then.
//!
//! # Back-pressure
//!
//! Every queue has an end, and nothing waits for room:
//!
//! * **Sending.** Calls wait for the driver ([`Options::call_queue`](crate::Options)) and requests for
//!   their answers ([`SessionConfig::max_requests`](chat_proto::client::SessionConfig)). One that finds
//!   either full ends at once in [`SendError::QueueFull`] with the length, and nothing was sent.
//! * **Receiving.** While an [`Events`] exists, no event is given up: once
//!   [`Options::event_queue`](crate::Options) of them wait, the socket is not read until they are
//!   taken, its buffers fill, and the peer has to wait. Writing and timers go on.
//! * **Both.** The answer to a call may stand in the socket behind messages. While a call waits, up to
//!   [`Options::event_slack`](crate::Options) more events are read; if the answer is not among them,
//!   the call ends in [`SendError::EventsFull`] instead of waiting for somebody who may be waiting for
//!   it. The request stays, its end comes as an event.
//! * **Nobody listens.** While no [`Events`] exists, the newest events are kept and the oldest given up
//!   ([`Client::discarded`] counts them), so that a program that only sends need not care.

mod adapter;
mod answer;
mod desk;
pub(crate) mod environment;
mod error;
mod events;
mod polled;
mod verbs;

#[cfg(any(test, feature = "conformance"))]
pub(crate) mod dummy;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_proto::client::{Event, Phase, RequestId, Service};
use chat_proto::error::{CallError, CloseReason};
use chat_proto::{Now, Session};

use crate::connect::timeout_at;
use crate::connection::Connection;
use crate::handle::{Habits, Handle};
use crate::options::{LONGEST, Options};
use crate::runtime::Runtime;
use answer::Answering;
use desk::Desk;
pub(crate) use verbs::verbs;

pub use environment::ConfigError;
pub use error::{Closed, FileCallError, NotReady, SendError};
pub use events::Events;
pub use polled::Polled;

/// A service whose session can live in a task of its own. Implemented for whatever fits.
pub trait Spoken:
    Service<State: Send, Event: Send, Answer: Send, Key: Send, Ask: Send, Call: Send, Alarm: Send>
{
}

impl<S> Spoken for S where
    S: Service<
            State: Send,
            Event: Send,
            Answer: Send,
            Key: Send,
            Ask: Send,
            Call: Send,
            Alarm: Send,
        >
{
}

/// What a session of `S` tells.
pub type EventOf<S> = Event<<S as Service>::Event, <S as Service>::Answer>;

/// Settings of a typed client's queues: as [`Options::default`], with room for as many calls as
/// requests may wait.
#[must_use]
pub fn client_options() -> Options {
    Options { call_queue: 1024, ..Options::default() }
}

/// A session in a task of its own. Cheap to clone; dropping the last clone, and the last [`Events`],
/// ends the task and drops the socket without a goodbye: [`Client::close`] says one.
///
/// The module's head tells about [calls that are dropped](self#calls-that-are-dropped) and about
/// [full queues](self#back-pressure).
pub struct Client<S: Spoken, R> {
    handle: Handle<Desk<S>>,
    runtime: R,
    /// Whether the last event was handed over.
    told_closed: Arc<AtomicBool>,
}

impl<S: Spoken, R: Runtime> Client<S, R> {
    /// Runs a session in a task of its own. It does nothing before
    /// [`Session::connect`] was called.
    #[must_use]
    pub fn start(session: Session<S>, runtime: R, options: Options) -> Self {
        Polled::new(session, runtime, options).into_client()
    }

    fn spawn(connection: Connection<Desk<S>, R>, slack: usize) -> Self {
        let (runtime, told_closed) = (connection.runtime().clone(), connection.get().told_closed());
        let habits = Habits::Client { slack, on_stuck: Desk::on_stuck };
        let (handle, driver) = connection.into_handle_with(habits);
        runtime.spawn(driver);
        Self { handle, runtime, told_closed }
    }

    /// Waits until the session can be used.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The attempt under way failed (another one follows by itself), the service does not accept the
    /// credentials, or the session has ended.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let (tell, told) = futures_channel::oneshot::channel();
        let _waiting = self.handle.wait_for_answer();
        let post = self.handle.post(move |desk, _| desk.wait_until_ready(tell));
        post.map_err(|error| NotReady::NotAsked(error.into()))?;
        told.await.unwrap_or(Err(NotReady::Ended))
    }

    /// Connects; cuts a pause between attempts short. Does nothing when connected.
    ///
    /// Cancel safety: dropped before it is polled, it does nothing; later, it is done all the same.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn reconnect(&self) -> Result<(), SendError> {
        self.call(|session, now| session.connect(now)).await
    }

    /// What happens from here on, and what waits already. A stream; see [`Events`].
    #[must_use]
    pub fn events(&self) -> Events<S> {
        Events::new(&self.handle)
    }

    /// How many events were given up because no [`Events`] existed and newer ones came.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.handle.discarded()
    }

    /// Where the session is.
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended.
    pub async fn phase(&self) -> Result<Phase, SendError> {
        self.call(|session, _| session.phase()).await
    }

    /// Runs `f` on the session, in its task, and returns what it returned: for what has no verb of its
    /// own, and for requests whose answer is wanted as an event. `f` must not block.
    ///
    /// Cancel safety: dropped before it is polled, `f` never runs; dropped later, `f` runs once and its
    /// result is lost.
    ///
    /// # Errors
    ///
    /// The queue is full, or the client has ended; `f` has not run.
    pub async fn call<T, F>(&self, f: F) -> Result<T, SendError>
    where
        F: FnOnce(&mut Session<S>, Now) -> T + Send + 'static,
        T: Send + 'static,
    {
        let reply = self.handle.try_call(move |desk, now| desk.with(now, f))?;
        reply.await.map_err(|_| SendError::Ended)
    }

    /// Makes a request and waits for its answer.
    ///
    /// Cancel safety: dropped before it is polled, nothing is requested; dropped later, the request is
    /// made once all the same, and its end comes as an event.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn request<F>(&self, verb: F) -> Result<(RequestId, S::Answer), SendError>
    where
        F: FnOnce(&mut Session<S>, Now) -> Result<RequestId, CallError> + Send + 'static,
    {
        Answering::start(&self.handle, verb)?.await
    }

    /// The same for a verb without an answer.
    pub(crate) async fn tell<T, F>(&self, verb: F) -> Result<T, SendError>
    where
        F: FnOnce(&mut Session<S>, Now) -> Result<T, CallError> + Send + 'static,
        T: Send + 'static,
    {
        self.call(verb).await?.map_err(SendError::from)
    }

    /// Ends the session in good order: requests without an answer end at once, the close handshake is
    /// made. What is left at `deadline` from now, or at the session's own
    /// [`close_timeout`](chat_proto::client::SessionConfig::close_timeout) if that is shorter, is
    /// dropped. For all clones; [`Events`] then tells what it has not told yet, and ends.
    ///
    /// Waits for room where the queue of calls is full.
    ///
    /// Cancel safety: dropped before it is polled, or before there was room, nothing happens; later, the
    /// session closes all the same, with its own time limit only.
    pub async fn close(&self, deadline: Duration) -> Closed {
        let (tell, told) = futures_channel::oneshot::channel();
        let end = self.runtime.now().mono + deadline.min(LONGEST);
        let closing = async {
            self.handle.call(move |desk, now| desk.close(now, tell)).await.ok();
            told.await
        };
        let closed = timeout_at(&self.runtime, end, closing).await;
        match closed {
            Some(Ok(closed)) => closed,
            // The task has ended meanwhile.
            Some(Err(_)) => Closed::Before,
            None => {
                let told_closed = Arc::clone(&self.told_closed);
                self.handle.kill(move || {
                    let told = told_closed.swap(true, Ordering::Relaxed);
                    (!told).then_some(Event::Closed(CloseReason::Requested))
                });
                Closed::Dropped
            }
        }
    }

    /// Whether the session's task has ended. Events may still wait.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.handle.is_gone()
    }

    /// The runtime.
    #[must_use]
    pub const fn runtime(&self) -> &R {
        &self.runtime
    }
}

impl<S: Spoken, R: Clone> Clone for Client<S, R> {
    fn clone(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            runtime: self.runtime.clone(),
            told_closed: Arc::clone(&self.told_closed),
        }
    }
}

impl<S: Spoken, R> fmt::Debug for Client<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("service", &S::NAME).field("handle", &self.handle).finish()
    }
}
