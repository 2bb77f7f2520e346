//! A session, and who waits for its answers.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chat_proto::client::{Event, Phase, RequestId, Service};
use chat_proto::error::{CallError, RequestError};
use chat_proto::{Action, Input, Machine, Message, Now, Session, Transmit};
use futures_channel::oneshot;

use super::error::{Closed, NotReady, SendError};
use super::{EventOf, Spoken};

/// How a call ended: the request with its end, or why there is none.
pub(super) type Settled<S> =
    Result<(RequestId, Result<<S as Service>::Answer, RequestError>), SendError>;

/// A machine that gives the answers of a session to those who asked, and everything else on.
pub(crate) struct Desk<S: Spoken> {
    session: Session<S>,
    /// In the order of their ids, which is that of most answers.
    waiting: VecDeque<(RequestId, oneshot::Sender<Settled<S>>)>,
    until_ready: Vec<oneshot::Sender<Result<(), NotReady>>>,
    until_closed: Vec<oneshot::Sender<Closed>>,
    /// Why no attempt follows without the application, while that is so.
    standing: Option<NotReady>,
    /// The link's end came while we were closing.
    peer_has_answered: bool,
    told_closed: Arc<AtomicBool>,
}

impl<S: Spoken> Desk<S> {
    pub(super) fn new(session: Session<S>) -> Self {
        Self {
            session,
            waiting: VecDeque::new(),
            until_ready: Vec::new(),
            until_closed: Vec::new(),
            standing: None,
            peer_has_answered: false,
            told_closed: Arc::default(),
        }
    }

    pub(super) const fn session(&self) -> &Session<S> {
        &self.session
    }

    pub(super) fn told_closed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.told_closed)
    }

    /// Runs something of the application.
    pub(super) fn with<T>(&mut self, now: Now, f: impl FnOnce(&mut Session<S>, Now) -> T) -> T {
        let value = f(&mut self.session, now);
        self.notice();
        value
    }

    /// Makes a request whose answer goes to `tell`.
    pub(super) fn ask(
        &mut self,
        now: Now,
        verb: impl FnOnce(&mut Session<S>, Now) -> Result<RequestId, CallError>,
        tell: oneshot::Sender<Settled<S>>,
    ) {
        match self.with(now, verb) {
            Ok(id) => {
                // At the end, as ids are counted; but anybody's verb may give any id.
                match self.find(id) {
                    Ok(at) => self.waiting[at].1 = tell,
                    Err(at) => self.waiting.insert(at, (id, tell)),
                }
            }
            Err(error) => {
                // The caller may have lost interest; nothing was sent.
                let _ = tell.send(Err(error.into()));
            }
        }
    }

    pub(super) fn wait_until_ready(&mut self, tell: oneshot::Sender<Result<(), NotReady>>) {
        // Bad news that were told before are not told again by the session.
        if let Some(why) = &self.standing
            && matches!(self.session.phase(), Phase::Waiting | Phase::Closed)
        {
            let _ = tell.send(Err(why.clone()));
            return;
        }
        self.until_ready.retain(|waiting| !waiting.is_canceled());
        self.until_ready.push(tell);
        self.notice();
    }

    pub(super) fn close(&mut self, now: Now, tell: oneshot::Sender<Closed>) {
        if self.session.phase() == Phase::Closed {
            let _ = tell.send(Closed::Before);
            return;
        }
        self.until_closed.retain(|waiting| !waiting.is_canceled());
        self.until_closed.push(tell);
        // Without a link there is nobody to wait for.
        self.peer_has_answered |=
            !matches!(self.session.phase(), Phase::Opening | Phase::Ready | Phase::Closing);
        self.with(now, Session::close);
    }

    /// Where the one stands who waits for this request, or would stand.
    fn find(&self, id: RequestId) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&id, |(waiting, _)| *waiting)
    }

    /// Nothing is read until events are taken: those who wait for answers are told.
    pub(super) fn on_stuck(&mut self, len: usize) {
        for (_, tell) in self.waiting.drain(..) {
            let _ = tell.send(Err(SendError::EventsFull { len }));
        }
        for tell in self.until_ready.drain(..) {
            let _ = tell.send(Err(NotReady::EventsFull { len }));
        }
    }

    /// Tells what can be seen without an event, which may be stuck.
    fn notice(&mut self) {
        match self.session.phase() {
            Phase::Ready => self.tell_ready(&Ok(())),
            Phase::Closed if !self.until_closed.is_empty() => {
                let closed = if self.peer_has_answered { Closed::Cleanly } else { Closed::Dropped };
                for tell in self.until_closed.drain(..) {
                    let _ = tell.send(closed);
                }
            }
            Phase::Idle
            | Phase::Preparing
            | Phase::Dialing
            | Phase::Opening
            | Phase::Waiting
            | Phase::Closing
            | Phase::Closed => {}
        }
    }

    fn tell_ready(&mut self, result: &Result<(), NotReady>) {
        for tell in self.until_ready.drain(..) {
            let _ = tell.send(result.clone());
        }
    }

    /// An event on its way out.
    fn look_at(&mut self, event: &EventOf<S>) {
        let (why, is_over) = if let Event::Lost { reason, retry_in } = event {
            (NotReady::Lost(reason.clone()), retry_in.is_none())
        } else if let Event::CredentialsNeeded { why } = event {
            (NotReady::Credentials(why.clone()), true)
        } else if let Event::Closed(reason) = event {
            self.told_closed.store(true, Ordering::Relaxed);
            (NotReady::Closed(reason.clone()), true)
        } else {
            return;
        };
        self.standing = is_over.then(|| why.clone());
        self.tell_ready(&Err(why));
    }
}

impl<S: Spoken> Machine for Desk<S> {
    type Event = EventOf<S>;

    fn handle_input(&mut self, input: Input, now: Now) {
        if self.session.phase() == Phase::Closing {
            self.peer_has_answered |=
                matches!(&input, Input::Received { message: Message::Close(_), .. });
        }
        self.session.handle_input(input, now);
        if !(self.until_closed.is_empty() && self.until_ready.is_empty()) {
            self.notice();
        }
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.session.poll_transmit()
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.session.poll_action()
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        loop {
            let event = self.session.poll_event()?;
            let Event::Completed { id, result } = event else {
                if !matches!(event, Event::Service(_)) {
                    self.look_at(&event);
                }
                return Some(event);
            };
            let found = self.find(id).ok();
            let Some((_, tell)) = found.and_then(|at| self.waiting.remove(at)) else {
                return Some(Event::Completed { id, result });
            };
            // Whoever dropped the call finds its end among the events.
            if let Err(Ok((id, result))) = tell.send(Ok((id, result))) {
                return Some(Event::Completed { id, result });
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        self.session.next_timer()
    }

    fn is_finished(&self) -> bool {
        self.session.is_finished()
    }

    fn is_quiet(&self) -> bool {
        self.session.is_quiet()
    }
}

impl<S: Spoken> Drop for Desk<S> {
    fn drop(&mut self) {
        // The task is dropped: what became of these is not known.
        for (id, tell) in mem::take(&mut self.waiting) {
            let _ = tell.send(Ok((id, Err(RequestError::Unknown))));
        }
        let link_is_dropped = mem::take(&mut self.until_closed);
        for tell in link_is_dropped {
            let _ = tell.send(Closed::Dropped);
        }
    }
}
