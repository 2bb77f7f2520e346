//! A machine that tells everything it hears and does what it is told.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use chat_proto::machine::{HttpRequest, HttpResult, LinkFailure, Upgrade};
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, Transmit};

#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Opened(u64),
    Message(Message),
    Lost(u64, LinkFailure),
    Response(u64, Result<(u16, Bytes), String>),
    Timeout,
}

#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) actions: VecDeque<Action>,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) timer: Option<Instant>,
    /// Answers every text with the same text.
    pub(crate) echo: bool,
    /// Tells nobody about messages; counts them.
    pub(crate) mute: bool,
    pub(crate) heard: usize,
    pub(crate) finish_when_lost: bool,
    pub(crate) finished: bool,
}

impl Probe {
    pub(crate) fn dial(&mut self, conn: u64, uri: &str) {
        let request = http::Request::builder().uri(uri).header("x-probe", "1").body(()).unwrap();
        let request = Upgrade::new(request);
        self.actions.push_back(Action::Dial { conn: ConnId::new(conn), request });
    }

    pub(crate) fn drop_conn(&mut self, conn: u64) {
        self.actions.push_back(Action::Drop { conn: ConnId::new(conn) });
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.transmits.push_back(Transmit { conn: ConnId::new(1), message });
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.send(Message::text(text));
    }

    pub(crate) fn http(&mut self, id: u64, request: http::Request<Bytes>, deadline: Instant) {
        let request = HttpRequest::new(request);
        self.actions.push_back(Action::Http { id: HttpId::new(id), request, deadline });
    }

    pub(crate) fn abort_http(&mut self, id: u64) {
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
