//! The driver as the application polls it.

use std::fmt;
use std::future::poll_fn;
use std::task::Context;

use chat_proto::{ConnId, Machine, Now};

use crate::driver::{Call, Driver, Port};
use crate::handle::{self, Habits, Handle};
use crate::options::Options;
use crate::runtime::Runtime;

/// A machine on a network: owns both, spawns nothing. Awaiting [`Connection::next`] drives it;
/// dropping it drops every socket, dial and exchange at once.
///
/// What the machine is told of a connection's end: the peer's close frame comes once, as a received
/// message; when the transport then ends, [`LinkFailure::Ended`](chat_proto::machine::LinkFailure).
/// A peer that sends its close frame and keeps the transport open is let go after
/// [`Options::close_timeout`]. The answer to a ping and to a close frame is sent by the transport,
/// not by the machine. A machine that writes a close frame itself gets the peer's answer as a
/// received message; how long to wait for it is the machine's affair.
///
/// A message over the limit is answered with close 1009, a text that is not UTF-8 with 1007, anything
/// else against the protocol with 1002, as far as the peer still listens.
pub struct Connection<M: Machine, R: Runtime> {
    driver: Driver<M, R>,
}

impl<M: Machine, R: Runtime> Connection<M, R> {
    /// For a machine that dials by itself.
    #[must_use]
    pub fn new(machine: M, runtime: R, options: Options) -> Self {
        Self { driver: Driver::new(machine, runtime, options) }
    }

    /// For a socket that exists already, e.g. one that a server accepted. The machine is told
    /// [`Input::Opened`](chat_proto::Input::Opened) with `conn` before this returns.
    #[must_use]
    pub fn accepted(
        machine: M,
        runtime: R,
        conn: ConnId,
        socket: R::Socket,
        options: Options,
    ) -> Self {
        let mut driver = Driver::new(machine, runtime, options);
        driver.open(conn, socket);
        Self { driver }
    }

    /// Drives everything until there is an event; `None` once the machine is finished.
    ///
    /// Small writes are gathered: they go out when a read would block, which is the case before
    /// this waits, or when [`WsConfig::cork_bytes`](crate::WsConfig) wait.
    ///
    /// Cancel safe: an event is either returned or still there, and so is everything under way.
    /// Nothing moves while nobody awaits this.
    pub async fn next(&mut self) -> Option<M::Event> {
        // What was read ahead, while nothing else is to be done.
        if self.driver.machine.is_quiet()
            && let Some(event) = self.driver.machine.poll_event()
        {
            return Some(event);
        }
        // Pending means that the slot is empty: an event ends the poll at once.
        let mut slot = Slot(None);
        poll_fn(|cx| self.driver.poll(cx, &mut slot)).await;
        slot.0
    }

    /// The machine, to call its verbs, and the time to call them with. What they want to send goes
    /// out with the next [`Connection::next`].
    pub fn machine(&mut self) -> (&mut M, Now) {
        let now = self.driver.now();
        (&mut self.driver.machine, now)
    }

    /// The machine, to look at.
    #[must_use]
    pub fn get(&self) -> &M {
        &self.driver.machine
    }

    /// The runtime.
    #[must_use]
    pub fn runtime(&self) -> &R {
        &self.driver.runtime
    }

    /// Stops or resumes taking messages from the socket, from the next [`Connection::next`] on;
    /// everything else goes on. While stopped, the peer has to wait once the socket's buffers are
    /// full, its pings get no answer and its end is not noticed.
    pub fn set_reading(&mut self, reading: bool) {
        self.driver.reading = reading;
    }

    /// Lets go of the network.
    #[must_use]
    pub fn into_machine(self) -> M {
        self.driver.machine
    }

    /// The same driver for a task of its own: spawn the future, speak through the handle.
    ///
    /// The future ends when the machine is finished or the last handle is dropped. Dropping it
    /// drops every socket, dial and exchange at once.
    pub fn into_handle(self) -> (Handle<M>, impl Future<Output = ()> + Send + 'static)
    where
        M: Send + 'static,
        M::Event: Send + 'static,
    {
        self.into_handle_with(Habits::Keep)
    }

    /// The same with habits of its own.
    pub(crate) fn into_handle_with(
        self,
        habits: Habits<M>,
    ) -> (Handle<M>, impl Future<Output = ()> + Send + 'static)
    where
        M: Send + 'static,
        M::Event: Send + 'static,
    {
        let mut driver = self.driver;
        let (handle, mut port) = handle::channel(driver.options(), habits);
        (handle, async move { poll_fn(|cx| driver.poll(cx, &mut port)).await })
    }
}

impl<M: Machine, R: Runtime> fmt::Debug for Connection<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Room for the one event that is awaited. Calls go to the machine directly.
struct Slot<E>(Option<E>);

impl<M: Machine> Port<M> for Slot<M::Event> {
    fn has_room(&self) -> bool {
        self.0.is_none()
    }

    fn put(&mut self, event: M::Event) {
        self.0 = Some(event);
    }

    fn next_call(&mut self) -> Option<Call<M>> {
        None
    }

    fn sync(&mut self, _cx: &mut Context<'_>) -> bool {
        false
    }

    fn is_done(&self) -> bool {
        self.0.is_some()
    }
}
