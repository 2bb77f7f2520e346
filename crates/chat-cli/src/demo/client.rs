//! A client of the demo: a session on a real socket, and what it has told so far.

use std::collections::VecDeque;
use std::time::Duration;

use chat_proto::client::{Event, RequestId, Service, Session};
use chat_proto::error::{CallError, RequestError};
use chat_proto::{Machine, Now, Skew};

use super::journal::{Journal, Tap};
use super::report::Problem;
use super::runtime::{AnyRuntime, Driven};

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(15);

type EventOf<S> = Event<<S as Service>::Event, <S as Service>::Answer>;

/// A session, driven while one of these methods is awaited.
pub(crate) struct Client<S: Service> {
    connection: Box<dyn Driven<Tap<Session<S>>>>,
    runtime: AnyRuntime,
    /// Told, and not asked for yet.
    seen: VecDeque<EventOf<S>>,
}

impl<S> Client<S>
where
    S: Service + 'static,
    Session<S>: Send,
    EventOf<S>: Send,
{
    pub(crate) fn new(
        who: &'static str,
        session: Session<S>,
        runtime: &AnyRuntime,
        journal: &Journal,
    ) -> Self {
        let tap = Tap::new(who, session, journal.clone());
        let connection = runtime.connection(tap);
        Self { connection, runtime: runtime.clone(), seen: VecDeque::new() }
    }

    /// Sets this client's wall clock wrong.
    pub(crate) fn set_clock_error(&mut self, error: Skew) {
        self.connection.machine().0.set_clock_error(error);
    }

    pub(crate) fn session(&self) -> &Session<S> {
        self.connection.get().get()
    }

    /// Calls a verb that is not answered.
    pub(crate) fn tell<T>(&mut self, verb: impl FnOnce(&mut Session<S>, Now) -> T) -> T {
        let (tap, now) = self.connection.machine();
        let (session, now) = tap.machine(now);
        verb(session, now)
    }

    /// Forgets what was told so far.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Waits for an event that `wanted` takes; others are kept for later.
    pub(crate) async fn expect<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&EventOf<S>) -> Option<T>,
    ) -> Result<T, Problem> {
        for (at, event) in self.seen.iter().enumerate() {
            if let Some(found) = wanted(event) {
                self.seen.remove(at);
                return Ok(found);
            }
        }
        let reading = async {
            while let Some(event) = self.connection.next().await {
                if let Some(found) = wanted(&event) {
                    return Ok(found);
                }
                self.seen.push_back(event);
            }
            Err(format!("the session ended before {what}").into())
        };
        match self.runtime.within(PATIENCE, reading).await {
            Some(result) => result,
            None => Err(format!("nothing within {PATIENCE:?}: {what}").into()),
        }
    }

    /// Calls a verb and waits for its answer.
    pub(crate) async fn ask(
        &mut self,
        what: &str,
        verb: impl FnOnce(&mut Session<S>, Now) -> Result<RequestId, CallError>,
    ) -> Result<S::Answer, Problem>
    where
        S::Answer: Clone,
    {
        let result = self.try_ask(what, verb).await?;
        result.map_err(|error| format!("{what}: {error}").into())
    }

    /// The same, where a refusal may be what is wanted.
    pub(crate) async fn try_ask(
        &mut self,
        what: &str,
        verb: impl FnOnce(&mut Session<S>, Now) -> Result<RequestId, CallError>,
    ) -> Result<Result<S::Answer, RequestError>, Problem>
    where
        S::Answer: Clone,
    {
        let asked = self.tell(verb)?;
        self.expect(what, |event| match event {
            Event::Completed { id, result } if *id == asked => Some(result.clone()),
            _ => None,
        })
        .await
    }

    /// Connects and waits until the session can be used.
    pub(crate) async fn connect(&mut self) -> Result<(), Problem> {
        self.tell(Session::connect);
        let outcome = self
            .expect("ready", |event| match event {
                Event::Ready { .. } => Some(Ok(())),
                Event::CredentialsNeeded { why } => Some(Err(why.to_string())),
                Event::Lost { reason, .. } => Some(Err(reason.to_string())),
                Event::Closed(reason) => Some(Err(reason.to_string())),
                _ => None,
            })
            .await?;
        outcome.map_err(Into::into)
    }

    /// Closes and waits for the end.
    pub(crate) async fn close(&mut self) -> Result<(), Problem> {
        self.tell(Session::close);
        self.expect("the end", |event| matches!(event, Event::Closed(_)).then_some(())).await
    }

    /// Gives the session a turn without waiting for anything of its own.
    pub(crate) fn is_finished(&self) -> bool {
        self.connection.get().is_finished()
    }
}
