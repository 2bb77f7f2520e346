//! A session as the application polls it.

use std::fmt;
use std::time::Duration;

use chat_proto::{Now, Session};
use futures_channel::oneshot;

use super::desk::Desk;
use super::error::Closed;
use super::{Client, EventOf, Spoken};
use crate::connect::timeout_at;
use crate::connection::Connection;
use crate::options::{LONGEST, Options};
use crate::runtime::Runtime;

/// A session on a network, driven while [`Polled::next`] is awaited: no task, no channel. Verbs act on
/// the session at once and go out with the next `next`, corked.
///
/// An application that stops calling `next` stops everything, the socket included. Dropping it drops
/// the socket without a goodbye: [`Polled::close`] says one.
pub struct Polled<S: Spoken, R: Runtime> {
    connection: Connection<Desk<S>, R>,
    slack: usize,
}

impl<S: Spoken, R: Runtime> Polled<S, R> {
    /// A session on a runtime's network. It does nothing before [`Session::connect`] was called.
    #[must_use]
    pub fn new(session: Session<S>, runtime: R, options: Options) -> Self {
        let slack = options.event_slack;
        Self { connection: Connection::new(Desk::new(session), runtime, options), slack }
    }

    /// Drives everything until there is an event; `None` once the session has ended.
    ///
    /// Cancel safe: an event is either returned or still there, and so is everything under way.
    pub async fn next(&mut self) -> Option<EventOf<S>> {
        self.connection.next().await
    }

    /// Runs `f` on the session with the time: for what has no verb of its own.
    pub fn with<T>(&mut self, f: impl FnOnce(&mut Session<S>, Now) -> T) -> T {
        let (desk, now) = self.connection.machine();
        desk.with(now, f)
    }

    /// The session, to look at.
    #[must_use]
    pub fn session(&self) -> &Session<S> {
        self.connection.get().session()
    }

    /// Connects; cuts a pause between attempts short. Does nothing when connected.
    pub fn reconnect(&mut self) {
        self.with(Session::connect);
    }

    /// Ends the session in good order: requests without an answer end at once, the close handshake is
    /// made. What is left at `deadline` from now, or at the session's own
    /// [`close_timeout`](chat_proto::client::SessionConfig::close_timeout) if that is shorter, is
    /// dropped. Events meanwhile go to `on_event`, the last one is
    /// [`Event::Closed`](chat_proto::client::Event::Closed), unless the time was over.
    ///
    /// Cancel safety: dropping the future drops the session and its socket.
    pub async fn close(
        mut self,
        deadline: Duration,
        mut on_event: impl FnMut(EventOf<S>),
    ) -> Closed {
        let (tell, mut told) = oneshot::channel();
        let (desk, now) = self.connection.machine();
        desk.close(now, tell);
        let runtime = self.connection.runtime().clone();
        let end = now.mono + deadline.min(LONGEST);
        let closing = async {
            while let Some(event) = self.connection.next().await {
                on_event(event);
            }
        };
        let _ = timeout_at(&runtime, end, closing).await;
        told.try_recv().ok().flatten().unwrap_or(Closed::Dropped)
    }

    /// The same session in a task of its own.
    #[must_use]
    pub fn into_client(self) -> Client<S, R> {
        Client::spawn(self.connection, self.slack)
    }

    /// The runtime.
    #[must_use]
    pub fn runtime(&self) -> &R {
        self.connection.runtime()
    }

    /// Stops or resumes taking messages from the socket; see [`Connection::set_reading`].
    pub fn set_reading(&mut self, reading: bool) {
        self.connection.set_reading(reading);
    }
}

impl<S: Spoken, R: Runtime> fmt::Debug for Polled<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polled").field("session", self.session()).finish_non_exhaustive()
    }
}
