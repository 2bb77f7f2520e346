//! The one driver.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use chat_proto::machine::{HttpRequest, HttpResult, LinkFailure, Upgrade};
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Now};
use futures_util::Stream;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;

use crate::link::{Linger, Link, Read};
use crate::options::Options;
use crate::runtime::Runtime;
use crate::{dial, http};

/// Turns before other tasks get theirs.
const TURNS_PER_POLL: u32 = 128;

/// Turns before a port is asked for news while there is work.
const TURNS_PER_SYNC: u32 = 32;

/// For how long a reading of the wall clock, which is in milliseconds, is good enough. Reading it costs
/// as much as a fair part of everything else that is done for a message.
const WALL_CLOCK: Duration = Duration::from_millis(1);

/// How late a deadline may be noticed while other work goes on.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// Messages that are read at one reading of the clock, and before anything else gets its turn.
const AHEAD: u32 = 16;

/// A call of the application, run between two turns.
pub(crate) type Call<M> = Box<dyn FnOnce(&mut M, Now) + Send>;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Dial<R> = (ConnId, BoxFuture<Result<<R as Runtime>::Socket, LinkFailure>>);

/// Where events go and calls come from.
pub(crate) trait Port<M: Machine> {
    /// Whether one more event can be taken.
    fn has_room(&self) -> bool;

    /// How many messages may be read before their events are put.
    fn ahead(&self) -> usize {
        usize::MAX
    }

    /// Takes an event. Only when there is room.
    fn put(&mut self, event: M::Event);

    /// The next call.
    fn next_call(&mut self) -> Option<Call<M>>;

    /// Hands over what was put, fetches calls and room, and leaves the waker. Whether there is
    /// anything new.
    fn sync(&mut self, cx: &mut Context<'_>) -> bool;

    /// Whether others should get their turn now, e.g. somebody who was woken to take events.
    fn gives_way(&mut self) -> bool {
        false
    }

    /// Whether driving should stop here: the event that was awaited is there, or nobody listens.
    fn is_done(&self) -> bool;
}

/// A timer that runs.
struct Alarm<R: Runtime> {
    at: Instant,
    sleep: Pin<Box<R::Sleep>>,
    /// Whom it wakes.
    task: Option<Waker>,
}

pub(crate) struct Driver<M: Machine, R: Runtime> {
    pub(crate) machine: M,
    pub(crate) runtime: R,
    options: Options,
    /// Whether messages may be read at all.
    pub(crate) reading: bool,
    link: Option<Link<R>>,
    dial: Option<Dial<R>>,
    linger: Option<Linger<R>>,
    exchanges: FuturesUnordered<Abortable<BoxFuture<(HttpId, HttpResult)>>>,
    aborts: BTreeMap<HttpId, AbortHandle>,
    timer: Option<Alarm<R>>,
    /// The machine's deadline, when last looked at.
    due: Option<Instant>,
    /// When the wall clock was last read.
    clocks: Now,
    /// When to read it again.
    stale_at: Instant,
    /// When to look at deadlines, whatever else there is to do.
    look_at: Instant,
    /// How many messages to read at once. One, unless the application takes what was read within a
    /// moment: the clock stands still for it meanwhile.
    ahead: u32,
    /// When messages were last read.
    read_at: Instant,
}

impl<M: Machine, R: Runtime> Driver<M, R> {
    pub(crate) fn new(machine: M, runtime: R, options: Options) -> Self {
        let clocks = runtime.now();
        Self {
            machine,
            runtime,
            clocks,
            stale_at: clocks.mono + WALL_CLOCK,
            look_at: clocks.mono,
            ahead: 1,
            read_at: clocks.mono,
            options: options.bounded(),
            reading: true,
            link: None,
            dial: None,
            linger: None,
            exchanges: FuturesUnordered::new(),
            aborts: BTreeMap::new(),
            timer: None,
            due: None,
        }
    }

    /// Both clocks.
    pub(crate) fn now(&mut self) -> Now {
        let (mono, read) = (self.runtime.mono(), self.clocks.mono);
        if mono < read || mono >= self.stale_at {
            self.clocks = self.runtime.now();
            self.stale_at = self.clocks.mono + WALL_CLOCK;
            return self.clocks;
        }
        Now { mono, unix: self.clocks.unix }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Makes `socket` the live one and tells the machine.
    pub(crate) fn open(&mut self, conn: ConnId, socket: R::Socket) {
        self.link = Some(Link::new(conn, socket));
        let now = self.now();
        self.machine.handle_input(Input::Opened { conn }, now);
    }

    /// Works until the port is done or the machine is finished. Everything lives in `self`: a poll
    /// that is never repeated loses nothing.
    pub(crate) fn poll<P: Port<M>>(&mut self, cx: &mut Context<'_>, port: &mut P) -> Poll<()> {
        // What woke us may be a call.
        port.sync(cx);
        let mut since_sync = 0;
        for _ in 0..TURNS_PER_POLL {
            let idle = self.poll_turn(cx, port);
            if port.is_done() {
                return Poll::Ready(());
            }
            since_sync += 1;
            if idle || since_sync >= TURNS_PER_SYNC {
                since_sync = 0;
                let news = port.sync(cx);
                if self.machine.is_finished() && self.link.is_none() && self.linger.is_none() {
                    return Poll::Ready(());
                }
                if port.is_done() {
                    return Poll::Ready(());
                }
                if idle && !news {
                    return Poll::Pending;
                }
                if port.gives_way() {
                    break;
                }
            }
        }
        port.sync(cx);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One turn. True when everything waits, each with its waker left behind.
    fn poll_turn<P: Port<M>>(&mut self, cx: &mut Context<'_>, port: &mut P) -> bool {
        // Calls come first: what they want written goes out in this turn, and so does not take one more
        // attempt to read.
        while !self.machine.is_finished()
            && let Some(call) = port.next_call()
        {
            let now = self.now();
            call(&mut self.machine, now);
        }
        while let Some(action) = self.machine.poll_action() {
            self.start(action);
        }
        while port.has_room()
            && let Some(event) = self.machine.poll_event()
        {
            port.put(event);
            if port.is_done() {
                return false;
            }
        }
        if self.machine.is_finished() {
            return self.poll_leaving(cx);
        }

        let now = self.now();
        self.pull_transmits(cx);
        let mut worked = false;
        if self.dial.is_some() {
            worked |= self.poll_dial(cx, now);
        }
        if !self.exchanges.is_empty() {
            worked |= self.poll_exchanges(cx, now);
        }
        // No room means that an event may be stuck.
        if self.reading && port.has_room() {
            worked |= self.poll_reads(cx, now, port.ahead());
        }
        // While there is other work, a look now and then is enough.
        if !worked || now.mono >= self.look_at {
            self.look_at = now.mono + BETWEEN_LOOKS;
            worked |= self.poll_deadlines(now);
        }
        if let Some(link) = &mut self.link {
            // Pending leaves the waker: the socket asks again when it can write.
            let _ = link.poll_flush(cx, !worked);
            worked |= link.poll_unstuck(cx);
            if link.write_failed() && link.give_up.is_none() {
                link.give_up = Some(now.mono + self.options.close_timeout);
                worked = true;
            }
        }
        if self.linger.is_some() {
            worked |= self.poll_linger(cx);
        }
        // A machine that has just finished leaves in the next turn.
        !(worked || self.machine.is_finished() || self.poll_timer(cx, now))
    }

    /// The machine is finished: only the last bytes remain.
    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> bool {
        self.dial = None;
        self.exchanges.clear();
        self.aborts.clear();
        let now = self.now();
        if let Some(link) = self.link.take() {
            self.linger = Some(link.into_linger(now.mono + self.options.linger));
        }
        let worked = self.poll_deadlines(now) | self.poll_linger(cx);
        !(worked || (self.linger.is_some() && self.poll_timer(cx, now)))
    }

    fn start(&mut self, action: Action) {
        match action {
            Action::Dial { conn, request } => self.start_dial(conn, request),
            Action::Drop { conn } => {
                if self.dial.as_ref().is_some_and(|(dialled, _)| *dialled == conn) {
                    self.dial = None;
                }
                if let Some(link) = self.link.take_if(|link| link.conn == conn) {
                    self.let_go(link);
                }
            }
            Action::Http { id, request, deadline } => self.start_exchange(id, request, deadline),
            Action::AbortHttp { id } => {
                if let Some(abort) = self.aborts.remove(&id) {
                    abort.abort();
                }
            }
        }
    }

    fn start_dial(&mut self, conn: ConnId, request: Upgrade) {
        // One live connection at most: a machine drops the former first.
        self.link = None;
        let future = dial::dial(self.runtime.clone(), request, self.options.ws.clone());
        self.dial = Some((conn, Box::pin(future)));
    }

    fn start_exchange(&mut self, id: HttpId, request: HttpRequest, deadline: Instant) {
        let (runtime, limits) = (self.runtime.clone(), self.options.http.clone());
        let future: BoxFuture<_> = Box::pin(async move {
            (id, http::exchange(&runtime, request.into_request(), deadline, &limits).await)
        });
        let (abort, registration) = AbortHandle::new_pair();
        self.aborts.insert(id, abort);
        self.exchanges.push(Abortable::new(future, registration));
    }

    fn pull_transmits(&mut self, cx: &mut Context<'_>) {
        let Some(link) = &mut self.link else { return };
        // A machine that has nothing to write asks for no room.
        while (link.waits_for_room() || !self.machine.is_quiet()) && link.poll_ready(cx).is_ready()
        {
            let Some(transmit) = self.machine.poll_transmit() else { return };
            if transmit.conn == link.conn {
                link.send(transmit.message);
            }
        }
    }

    fn poll_dial(&mut self, cx: &mut Context<'_>, now: Now) -> bool {
        let Some((conn, future)) = &mut self.dial else { return false };
        let Poll::Ready(result) = future.as_mut().poll(cx) else { return false };
        let conn = *conn;
        self.dial = None;
        match result {
            Ok(socket) => {
                self.link = Some(Link::new(conn, socket));
                self.machine.handle_input(Input::Opened { conn }, now);
            }
            Err(failure) => {
                tracing::debug!(conn = conn.get(), %failure, "dial failed");
                self.machine.handle_input(Input::Lost { conn, failure }, now);
            }
        }
        true
    }

    fn poll_exchanges(&mut self, cx: &mut Context<'_>, now: Now) -> bool {
        let Poll::Ready(Some(ended)) = Pin::new(&mut self.exchanges).poll_next(cx) else {
            return false;
        };
        // An aborted one is only removed.
        if let Ok((id, result)) = ended
            && self.aborts.remove(&id).is_some()
        {
            self.machine.handle_input(Input::Response { id, result }, now);
        }
        true
    }

    /// Reads what is there, as long as nothing else is to be done about it.
    fn poll_reads(&mut self, cx: &mut Context<'_>, now: Now, most: usize) -> bool {
        if !self.poll_read(cx, now) {
            return false;
        }
        let since = now.mono.saturating_duration_since(self.read_at);
        self.read_at = now.mono;
        self.ahead = if since < BETWEEN_LOOKS { (self.ahead * 2).min(AHEAD) } else { 1 };
        for _ in 1..most.min(self.ahead as usize) {
            let more = self.link.as_mut().is_some_and(Link::has_more);
            if !more || !self.machine.is_quiet() || !self.poll_read(cx, now) {
                break;
            }
        }
        true
    }

    #[inline]
    fn poll_read(&mut self, cx: &mut Context<'_>, now: Now) -> bool {
        let Some(link) = &mut self.link else { return false };
        let conn = link.conn;
        match link.poll_read(cx) {
            Poll::Pending => return false,
            Poll::Ready(Read::Skipped) => {}
            Poll::Ready(Read::Message(message)) => {
                if link.close_received() && link.give_up.is_none() {
                    link.give_up = Some(now.mono + self.options.close_timeout);
                }
                self.machine.handle_input(Input::Received { conn, message }, now);
            }
            Poll::Ready(Read::Over(failure)) => self.lose(failure, now),
        }
        true
    }

    /// Deadlines of the machine and of the sockets that have passed.
    fn poll_deadlines(&mut self, now: Now) -> bool {
        if self.linger.as_ref().is_some_and(|linger| linger.until <= now.mono) {
            self.linger = None;
        }
        if let Some(link) = &mut self.link
            && link.give_up.is_some_and(|at| at <= now.mono)
        {
            let failure = link.take_write_failure().unwrap_or(LinkFailure::Ended);
            self.lose(failure, now);
            return true;
        }
        self.due = self.machine.poll_timeout();
        if self.due.is_some_and(|at| at <= now.mono) {
            self.machine.handle_input(Input::Timeout, now);
            return true;
        }
        false
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(linger) = &mut self.linger else { return false };
        let gone = linger.poll(cx).is_ready();
        if gone {
            self.linger = None;
        }
        gone
    }

    /// Arms the one timer. True when it has fired.
    ///
    /// A deadline that moved away keeps the earlier timer: liveness deadlines move with every
    /// message, and one wake-up too many is cheaper than arming anew each time.
    ///
    /// One that runs for this task already is left alone until its time has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Now) -> bool {
        let deadlines = [
            // Nothing was done since deadlines were looked at.
            self.due,
            self.link.as_ref().and_then(|link| link.give_up),
            self.linger.as_ref().map(|linger| linger.until),
        ];
        let Some(due) = deadlines.into_iter().flatten().min() else {
            self.timer = None;
            return false;
        };
        let runtime = &self.runtime;
        if self.timer.as_ref().is_some_and(|timer| timer.at > due) {
            self.timer = None;
        }
        let timer = self.timer.get_or_insert_with(|| Alarm {
            at: due,
            sleep: Box::pin(runtime.sleep_until(due)),
            task: None,
        });
        if now.mono < timer.at && timer.task.as_ref().is_some_and(|it| it.will_wake(cx.waker())) {
            return false;
        }
        let fired = timer.sleep.as_mut().poll(cx).is_ready();
        if fired {
            self.timer = None;
        } else {
            timer.task = Some(cx.waker().clone());
        }
        fired
    }

    fn lose(&mut self, failure: LinkFailure, now: Now) {
        let Some(link) = self.link.take() else { return };
        let conn = link.conn;
        tracing::debug!(conn = conn.get(), %failure, "connection lost");
        self.let_go(link);
        self.machine.handle_input(Input::Lost { conn, failure }, now);
    }

    fn let_go(&mut self, link: Link<R>) {
        if link.said_goodbye() {
            let until = self.runtime.now().mono + self.options.linger;
            self.linger = Some(link.into_linger(until));
        }
    }
}

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod tests;
