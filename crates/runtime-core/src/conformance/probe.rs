//! A machine that tells everything it hears and does what it is told.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::{HttpRequest, HttpResult, LinkFailure, Upgrade};
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, Transmit};

/// What a [`Probe`] hears.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// The connection with this number is open.
    Opened(u64),
    /// A message came in.
    Message(Message),
    /// The connection with this number is gone.
    Lost(u64, LinkFailure),
    /// The exchange with this number is over: status and body, or the failure's text.
    Response(u64, Result<(u16, Bytes), String>),
    /// The timer.
    Timeout,
}

/// Sends and dials what a test tells it to.
#[derive(Debug, Default)]
pub struct Probe {
    /// Not yet started.
    pub actions: VecDeque<Action>,
    /// Not yet sent.
    pub transmits: VecDeque<Transmit>,
    /// Not yet taken.
    pub events: VecDeque<Event>,
    /// When to be woken.
    pub timer: Option<Instant>,
    /// Answers every text with the same text.
    pub echo: bool,
    /// Tells nobody about messages; counts them.
    pub mute: bool,
    /// How many messages came in.
    pub heard: usize,
    /// Finishes when a connection is lost.
    pub finish_when_lost: bool,
    /// Finished, once everything was taken.
    pub finished: bool,
}

impl Probe {
    /// Dials `uri` as connection `conn`.
    pub fn dial(&mut self, conn: u64, uri: &str) {
        let request = http::Request::builder().uri(uri).header("x-probe", "1").body(()).unwrap();
        let request = Upgrade::new(request);
        self.actions.push_back(Action::Dial { conn: ConnId::new(conn), request });
    }

    /// Lets go of connection `conn`.
    pub fn drop_conn(&mut self, conn: u64) {
        self.actions.push_back(Action::Drop { conn: ConnId::new(conn) });
    }

    /// Sends a message on connection 1.
    pub fn send(&mut self, message: Message) {
        self.transmits.push_back(Transmit { conn: ConnId::new(1), message });
    }

    /// Sends a text on connection 1.
    pub fn text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    /// Starts exchange `id`.
    pub fn http(&mut self, id: u64, request: http::Request<Bytes>, deadline: Instant) {
        let request = HttpRequest::new(request);
        self.actions.push_back(Action::Http { id: HttpId::new(id), request, deadline });
    }

    /// Aborts exchange `id`.
    pub fn abort_http(&mut self, id: u64) {
        self.actions.push_back(Action::AbortHttp { id: HttpId::new(id) });
    }
}

impl Machine for Probe {
    type Event = Event;

    fn handle_input(&mut self, input: Input, now: Now) {
        let event = match input {
            Input::Timeout => {
                assert!(self.timer.take().is_some_and(|at| at <= now.mono), "a timer too early");
                Event::Timeout
            }
            Input::Opened { conn } => Event::Opened(conn.get()),
            Input::Received { message, .. } => {
                self.heard += 1;
                if self.echo && matches!(message, Message::Text(_)) {
                    self.send(message.clone());
                }
                if self.mute {
                    return;
                }
                Event::Message(message)
            }
            Input::Lost { conn, failure } => {
                self.finished |= self.finish_when_lost;
                Event::Lost(conn.get(), failure)
            }
            Input::Response { id, result } => Event::Response(id.get(), plain(result)),
        };
        self.events.push_back(event);
    }

    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn next_timer(&self) -> Option<(Instant, &'static str)> {
        self.timer.map(|at| (at, "probe"))
    }

    fn is_finished(&self) -> bool {
        self.finished && self.events.is_empty() && self.transmits.is_empty()
    }
}

fn plain(result: HttpResult) -> Result<(u16, Bytes), String> {
    let answer = result.map_err(|failure| failure.to_string())?;
    Ok((answer.status().as_u16(), answer.into_body()))
}
