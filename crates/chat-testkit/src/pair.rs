//! One client and one server, wired together without a network.
//!
//! The smallest of the three ways to run a session: [`drill`](crate::drill) has a peer that says
//! anything, [`World`](crate::World) has many clients, weather and faults. Here nothing takes time but
//! what somebody waits for, and what is on its way moves one step at a time when the test says so. The
//! session is [`Watched`]: a broken guarantee panics.
//!
//! The server is whatever implements [`Far`]: the hub with its store ([`Served`]), or a function
//! ([`Scripted`]).

mod play;

pub use play::play;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_hub::Record;
use chat_proto::client::{RequestId, Session};
use chat_proto::machine::{HttpFailure, HttpResult, LinkFailure};
use chat_proto::{Action, ConnId, HttpId, Input, Message, Now};
use http::Request;

use crate::host::{Commit, Host, Wish};
use crate::laws::{EventOf, Lawful, Watched};

/// What a server says.
#[derive(Debug)]
pub enum Said {
    /// A message on a connection.
    Message(ConnId, Message),
    /// The end of a connection.
    End(ConnId),
    /// The answer to a request.
    Answer(HttpId, HttpResult),
}

/// The other side of a pair.
pub trait Far {
    /// Judges an upgrade; gives the connection's name here.
    ///
    /// # Errors
    ///
    /// Why there is none.
    fn dial(&mut self, head: &Request<()>, now: Now) -> Result<ConnId, LinkFailure>;

    /// A message came, or (`None`) the connection is gone.
    fn receive(&mut self, conn: ConnId, message: Option<Message>, now: Now);

    /// A request came; [`Said::Answer`] names it.
    fn request(&mut self, id: HttpId, request: Request<Bytes>, now: Now);

    /// The next thing it says.
    fn poll(&mut self, now: Now) -> Option<Said>;

    /// Lets time pass.
    fn timeout(&mut self, now: Now);

    /// When [`Far::timeout`] is due.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// The hub with its store. Commits are stored at once, unless they are held.
#[derive(Debug)]
pub struct Served {
    /// The hub.
    pub host: Host,
    /// Commits wait for [`Served::commit`].
    pub held: bool,
}

impl Served {
    /// What comes of the commit under way; gives what is stored now.
    pub fn commit(&mut self, commit: Commit, now: Now) -> Vec<Record> {
        self.host.finish_commit(commit, now)
    }

    /// The hub ends without a word and starts from what is stored; the commit under way is or is not.
    pub fn crash(&mut self, commit: Commit, now: Now) {
        self.host.crash(commit);
        self.host.start(now);
    }
}

impl Far for Served {
    fn dial(&mut self, head: &Request<()>, now: Now) -> Result<ConnId, LinkFailure> {
        self.host.dial(head, now)
    }

    fn receive(&mut self, conn: ConnId, message: Option<Message>, now: Now) {
        self.host.input(conn, message, now);
    }

    fn request(&mut self, id: HttpId, request: Request<Bytes>, now: Now) {
        self.host.http(id, request, now);
    }

    fn poll(&mut self, now: Now) -> Option<Said> {
        if !self.held {
            self.host.finish_commit(Commit::Stored, now);
        }
        loop {
            return Some(match self.host.poll()? {
                Wish::Commit => {
                    if !self.held {
                        self.host.finish_commit(Commit::Stored, now);
                    }
                    continue;
                }
                Wish::Answer(id, response) => Said::Answer(id, Ok(response)),
                Wish::Write(conn, message) => Said::Message(conn, message),
                Wish::Drop(conn) => Said::End(conn),
            });
        }
    }

    fn timeout(&mut self, now: Now) {
        self.host.timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.host.poll_timeout()
    }
}

/// What a scripted server is told.
#[derive(Debug)]
pub enum Heard {
    /// A connection was made.
    Opened(ConnId),
    /// A message came.
    Message(ConnId, Message),
    /// A connection is gone.
    Lost(ConnId),
    /// A request came.
    Request(HttpId, Box<Request<Bytes>>),
}

/// A server that is a function: it takes every upgrade, and says what the function says.
pub struct Scripted<T> {
    script: T,
    said: VecDeque<Said>,
    last: u64,
}

impl<T: FnMut(Heard) -> Vec<Said>> Scripted<T> {
    /// Of this function.
    pub const fn new(script: T) -> Self {
        Self { script, said: VecDeque::new(), last: 0 }
    }

    fn hear(&mut self, heard: Heard) {
        self.said.extend((self.script)(heard));
    }
}

impl<T> std::fmt::Debug for Scripted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").field("said", &self.said).finish_non_exhaustive()
    }
}

impl<T: FnMut(Heard) -> Vec<Said>> Far for Scripted<T> {
    fn dial(&mut self, _: &Request<()>, _: Now) -> Result<ConnId, LinkFailure> {
        self.last += 1;
        let conn = ConnId::new(self.last);
        self.hear(Heard::Opened(conn));
        Ok(conn)
    }

    fn receive(&mut self, conn: ConnId, message: Option<Message>, _: Now) {
        self.hear(message.map_or(Heard::Lost(conn), |message| Heard::Message(conn, message)));
    }

    fn request(&mut self, id: HttpId, request: Request<Bytes>, _: Now) {
        self.hear(Heard::Request(id, Box::new(request)));
    }

    fn poll(&mut self, _: Now) -> Option<Said> {
        self.said.pop_front()
    }

    fn timeout(&mut self, _: Now) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// The link of the moment: both names of it, and what is on its way.
#[derive(Debug)]
struct Link {
    near: ConnId,
    far: ConnId,
    up: VecDeque<Message>,
    down: VecDeque<Option<Message>>,
}

/// One client and one server. See the module's documentation.
#[derive(Debug)]
pub struct Pair<S: Lawful, F> {
    session: Watched<S>,
    /// The other side.
    pub far: F,
    now: Now,
    link: Option<Link>,
    exchanges: BTreeSet<HttpId>,
    events: Vec<EventOf<S>>,
}

impl<S: Lawful, F: Far> Pair<S, F> {
    /// A session that nothing has happened to yet, and a server.
    #[must_use]
    pub fn new(session: Session<S>, far: F, now: Now) -> Self {
        let session = Watched::new(session, now);
        Self { session, far, now, link: None, exchanges: BTreeSet::new(), events: Vec::new() }
    }

    /// The clocks.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.now
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session<S> {
        self.session.session()
    }

    /// Requests whose end was not told yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.session.waiting().len()
    }

    /// Calls something that makes no request.
    pub fn call<T>(&mut self, call: impl FnOnce(&mut Session<S>, Now) -> T) -> T {
        self.session.call(self.now, call)
    }

    /// Calls a verb.
    ///
    /// # Errors
    ///
    /// The verb's.
    pub fn ask<E>(
        &mut self,
        verb: impl FnOnce(&mut Session<S>, Now) -> Result<RequestId, E>,
    ) -> Result<RequestId, E> {
        self.session.ask(self.now, verb)
    }

    /// What was told since the last look.
    pub fn events(&mut self) -> Vec<EventOf<S>> {
        std::mem::take(&mut self.events)
    }

    /// Starts what the client wants started. Whether there was anything.
    pub fn act(&mut self) -> bool {
        let Some(action) = self.session.poll_action() else { return false };
        match action {
            Action::Dial { conn, request } => match self.far.dial(request.request(), self.now) {
                Ok(far) => {
                    let (up, down) = (VecDeque::new(), VecDeque::new());
                    self.link = Some(Link { near: conn, far, up, down });
                    self.input(Input::Opened { conn });
                }
                Err(failure) => self.input(Input::Lost { conn, failure }),
            },
            Action::Drop { .. } => {
                // What was written arrives before the end does.
                while self.deliver_up() {}
                self.sever();
            }
            Action::Http { id, request, .. } => {
                self.exchanges.insert(id);
                self.far.request(id, request.into_request(), self.now);
            }
            Action::AbortHttp { id } => {
                self.exchanges.remove(&id);
            }
        }
        true
    }

    /// Takes one message from the client onto the link. Whether there was one.
    pub fn write(&mut self) -> bool {
        // A message belongs to the attempt that the actions name.
        while self.act() {}
        let Some(transmit) = self.session.poll_transmit() else { return false };
        if let Some(link) = &mut self.link {
            link.up.push_back(transmit.message);
        }
        true
    }

    /// Delivers one message to the server. Whether there was one.
    pub fn deliver_up(&mut self) -> bool {
        let Some(link) = &mut self.link else { return false };
        let Some(message) = link.up.pop_front() else { return false };
        link.down.extend(answer(&message).map(Some));
        self.far.receive(link.far, Some(message), self.now);
        true
    }

    /// Takes one thing that the server says; an answer arrives at once. Whether there was one.
    pub fn listen(&mut self) -> bool {
        let Some(said) = self.far.poll(self.now) else { return false };
        match said {
            Said::Answer(id, result) => {
                if self.exchanges.remove(&id) {
                    self.input(Input::Response { id, result });
                }
            }
            Said::Message(conn, message) => self.say(conn, Some(message)),
            Said::End(conn) => self.say(conn, None),
        }
        true
    }

    fn say(&mut self, conn: ConnId, message: Option<Message>) {
        let link = self.link.as_mut().filter(|link| link.far == conn);
        link.into_iter().for_each(|link| link.down.push_back(message.clone()));
    }

    /// Delivers one message to the client. Whether there was one.
    pub fn deliver_down(&mut self) -> bool {
        let Some(link) = &mut self.link else { return false };
        let (conn, message) = (link.near, link.down.pop_front());
        match message {
            Some(Some(message)) => {
                link.up.extend(answer(&message));
                self.input(Input::Received { conn, message });
            }
            Some(None) => {
                self.link = None;
                self.input(Input::Lost { conn, failure: LinkFailure::Ended });
            }
            None => return false,
        }
        true
    }

    /// Takes one event. Whether there was one.
    pub fn hear(&mut self) -> bool {
        let event = self.session.poll_event();
        let heard = event.is_some();
        self.events.extend(event);
        heard
    }

    /// The link is gone with what is on its way; `far` says whether the server notices.
    pub fn cut(&mut self, far: bool) {
        let Some(link) = self.link.take() else { return };
        if far {
            self.far.receive(link.far, None, self.now);
        }
        self.input(Input::Lost { conn: link.near, failure: LinkFailure::Ended });
    }

    /// Exchanges under way fail.
    pub fn cut_exchanges(&mut self) {
        for id in std::mem::take(&mut self.exchanges) {
            let result = Err(HttpFailure::Io("connection reset".to_owned()));
            self.input(Input::Response { id, result });
        }
    }

    fn sever(&mut self) {
        if let Some(link) = self.link.take() {
            self.far.receive(link.far, None, self.now);
        }
    }

    fn input(&mut self, input: Input) {
        self.session.input(input, self.now);
    }

    /// Moves everything that moves without time passing.
    ///
    /// # Panics
    ///
    /// A guarantee is broken, or it never comes to an end.
    pub fn settle(&mut self) {
        let mut left = 100_000;
        while self.act()
            || self.write()
            || self.deliver_up()
            || self.listen()
            || self.deliver_down()
            || self.hear()
        {
            left -= 1;
            assert!(left > 0, "it spins without time passing");
            self.judge();
        }
        self.session.at_rest();
        self.judge();
    }

    /// Lets time pass, and everything happen that happens meanwhile.
    ///
    /// # Panics
    ///
    /// As [`Pair::settle`].
    pub fn run(&mut self, by: Duration) {
        let end = self.now.mono + by;
        self.settle();
        while self.wait(end) {
            self.settle();
        }
    }

    /// Goes to the next deadline of either side, at most to `end`. `false` when there was none.
    pub fn wait(&mut self, end: Instant) -> bool {
        // A driver starts what it is asked to before it sleeps: exchanges have deadlines.
        while self.act() {}
        let due = self.session.poll_timeout().into_iter().chain(self.far.poll_timeout()).min();
        let next = due.filter(|at| *at <= end);
        self.now = self.now.after(next.unwrap_or(end).saturating_duration_since(self.now.mono));
        self.far.timeout(self.now);
        self.input(Input::Timeout);
        next.is_some()
    }

    /// # Panics
    ///
    /// A guarantee is broken.
    pub fn judge(&self) {
        if let Some(broken) = self.session.broken() {
            panic!("{broken}");
        }
    }
}

/// What a transport answers by itself.
fn answer(message: &Message) -> Option<Message> {
    match message {
        Message::Ping(payload) => Some(Message::Pong(payload.clone())),
        Message::Close(frame) => Some(Message::Close(frame.clone())),
        Message::Text(_) | Message::Binary(_) | Message::Pong(_) => None,
    }
}
