//! A session of order chat, its transport and its clock, all moved by hand.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::client::{Answer, C2cConfig, C2cEvent, Progress};
use chat_proto::c2c::{Api, C2c};
use chat_proto::client::{Event, RequestId, Session};
use chat_proto::error::RequestError;
use chat_proto::machine::{CloseFrame, HttpFailure, HttpRequest, LinkFailure};
use chat_proto::{Action, ConnId, HttpId, Input, Machine, Message, Now, UnixMillis};

pub(crate) const ORDER: &str = "20476365073825144832";
pub(crate) const START: u64 = 1_700_000_000_000;

pub(crate) type Happened = Event<C2cEvent, Answer>;

pub(crate) struct Desk {
    pub(crate) session: Session<C2c>,
    pub(crate) now: Now,
    pub(crate) conn: ConnId,
    /// What the transport took, and nobody looked at yet.
    taken: Vec<Message>,
}

/// A request the session made.
pub(crate) struct Asked {
    pub(crate) id: HttpId,
    pub(crate) request: http::Request<Bytes>,
}

impl Asked {
    pub(crate) fn path(&self) -> &str {
        self.request.uri().path().rsplit('/').next().unwrap()
    }

    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query()?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
    }
}

impl Desk {
    pub(crate) fn new(config: C2cConfig) -> Self {
        let api = Api::new(&"demo-merchant-key".into(), &"demo-merchant-secret".into()).unwrap();
        let now = Now { mono: crate::some_instant(), unix: UnixMillis::new(START) };
        let session = Session::c2c(config, api, 7, now);
        Self { session, now, conn: ConnId::new(0), taken: Vec::new() }
    }

    /// Connected, with nothing left to poll.
    pub(crate) fn ready() -> Self {
        Self::ready_with(C2cConfig::default())
    }

    pub(crate) fn ready_with(config: C2cConfig) -> Self {
        let mut desk = Self::new(config);
        desk.session.connect(desk.now);
        desk.dial("TOKEN1");
        desk.open();
        assert!(matches!(desk.events()[..], [Event::Ready { resumed: false }]));
        desk
    }

    pub(crate) fn dial(&mut self, token: &str) {
        let asked = self.http();
        assert_eq!(asked.path(), "retrieveChatCredential");
        self.answer(&asked, &credential(token));
        let Some(Action::Dial { conn, request }) = self.session.poll_action() else { panic!() };
        let expected = format!("wss://chat.example.com/chat/c2c_key?token={token}&clientType=web");
        assert_eq!(request.request().uri().to_string(), expected);
        assert!(!format!("{request:?}").contains(token));
        self.conn = conn;
    }

    pub(crate) fn open(&mut self) {
        self.session.handle_input(Input::Opened { conn: self.conn }, self.now);
    }

    /// The transport takes what there is.
    pub(crate) fn take(&mut self) {
        let all = std::iter::from_fn(|| self.session.poll_transmit());
        self.taken.extend(all.map(|transmit| transmit.message));
    }

    pub(crate) fn pass(&mut self, by: Duration) {
        self.take();
        self.now = self.now.after(by);
    }

    /// Moves to the next deadline and fires it.
    pub(crate) fn tick(&mut self) -> Duration {
        let at = self.session.poll_timeout().expect("a timer");
        let by = at.saturating_duration_since(self.now.mono);
        self.pass(by);
        self.session.handle_input(Input::Timeout, self.now);
        assert!(self.session.poll_timeout().is_none_or(|next| next > at));
        by
    }

    /// Fires every deadline within `by`.
    pub(crate) fn run(&mut self, by: Duration) {
        let end = self.now.mono + by;
        while self.session.poll_timeout().is_some_and(|at| at <= end) {
            self.tick();
        }
        self.pass(end.saturating_duration_since(self.now.mono));
    }

    pub(crate) fn http(&mut self) -> Asked {
        match self.session.poll_action() {
            Some(Action::Http { id, request, .. }) => {
                assert!(!format!("{request:?}").contains("signature="));
                Asked { id, request: HttpRequest::into_request(request) }
            }
            other => panic!("no exchange: {other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, asked: &Asked, body: &str) {
        self.answer_with(asked, 200, body);
    }

    pub(crate) fn answer_with(&mut self, asked: &Asked, status: u16, body: &str) {
        let response = http::Response::builder().status(status);
        let result = Ok(response.body(Bytes::from(body.to_owned())).unwrap());
        self.session.handle_input(Input::Response { id: asked.id, result }, self.now);
    }

    pub(crate) fn answer_head(
        &mut self,
        asked: &Asked,
        status: u16,
        head: &[(&str, &str)],
        body: &str,
    ) {
        let response = http::Response::builder().status(status);
        let response = head.iter().fold(response, |it, (name, value)| it.header(*name, *value));
        let result = Ok(response.body(Bytes::from(body.to_owned())).unwrap());
        self.session.handle_input(Input::Response { id: asked.id, result }, self.now);
    }

    pub(crate) fn fail(&mut self, asked: &Asked) {
        let result = Err(HttpFailure::TimedOut);
        self.session.handle_input(Input::Response { id: asked.id, result }, self.now);
    }

    pub(crate) fn receive(&mut self, text: &str) {
        let input = Input::Received { conn: self.conn, message: Message::text(text) };
        self.session.handle_input(input, self.now);
    }

    pub(crate) fn lose(&mut self) {
        self.take();
        self.taken.clear();
        let failure = LinkFailure::Ended;
        self.session.handle_input(Input::Lost { conn: self.conn, failure }, self.now);
        let Some(Action::Drop { .. }) = self.session.poll_action() else { panic!() };
        while let Some(action) = self.session.poll_action() {
            assert!(matches!(action, Action::AbortHttp { .. }), "{action:?}");
        }
    }

    /// Goes through the whole way to the socket again; gives what was told.
    pub(crate) fn reconnect(&mut self, token: &str) -> Vec<Happened> {
        self.session.connect(self.now);
        self.dial(token);
        self.open();
        self.events()
    }

    /// Another session of the account takes over.
    pub(crate) fn bye(&mut self) {
        let close = Message::Close(Some(CloseFrame::new(1000, "Bye")));
        self.session.handle_input(Input::Received { conn: self.conn, message: close }, self.now);
        assert!(matches!(self.session.poll_action(), Some(Action::Drop { .. })));
    }

    /// Exchanges that were started, when there may be several.
    pub(crate) fn started(&mut self) -> Vec<Asked> {
        std::iter::from_fn(|| self.session.poll_action())
            .map(|action| match action {
                Action::Http { id, request, .. } => Asked { id, request: request.into_request() },
                other => panic!("no exchange: {other:?}"),
            })
            .collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Happened> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    pub(crate) fn written(&mut self) -> Vec<String> {
        self.take();
        std::mem::take(&mut self.taken)
            .into_iter()
            .filter_map(|message| match message {
                Message::Text(text) => Some(text.as_str().to_owned()),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {
                    None
                }
            })
            .collect()
    }

    pub(crate) fn quiet(&mut self) -> bool {
        self.session.poll_action().is_none() && self.session.poll_event().is_none()
    }

    /// Sends a text and gives its request and uuid.
    pub(crate) fn send(&mut self, text: &str) -> (RequestId, String) {
        let id = self.session.send_text(ORDER, text, self.now).unwrap();
        let events = self.events();
        let [Event::Service(C2cEvent::Sending { id: sent, uuid, progress: Progress::Written })] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*sent, id);
        (id, uuid.clone())
    }
}

pub(crate) fn credential(token: &str) -> String {
    format!(
        r#"{{"code":"000000","message":"success","data":{{"chatWssUrl":"wss://chat.example.com/chat","listenKey":"c2c_key","listenToken":"{token}"}},"success":true}}"#
    )
}

pub(crate) fn echo(uuid: &str) -> String {
    format!(
        r#"{{"type":"text","id":"1009649847000000002","uuid":"{uuid}","orderNo":"{ORDER}","self":true,"status":"unread","createTime":1700000000123,"content":"hello"}}"#
    )
}

pub(crate) fn item(id: i64, order: &str, own: bool) -> String {
    format!(
        r#"{{"id":"{id}","uuid":"u{id}","type":"text","orderNo":"{order}","content":"no {id}","self":{own},"createTime":{}}}"#,
        START + u64::try_from(id).unwrap()
    )
}

pub(crate) fn page(items: &[String]) -> String {
    let items = items.join(",");
    format!(r#"{{"code":"000000","message":null,"data":[{items}],"total":7,"success":true}}"#)
}

pub(crate) fn gateway(code: i64) -> String {
    format!(r#"{{"code":{code},"msg":"no"}}"#)
}

/// Contents of pushed messages.
pub(crate) fn contents(events: &[Happened]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Service(C2cEvent::Push(it)) => Some(it.push.content_text()?.into_owned()),
            _ => None,
        })
        .collect()
}

/// The end of a request.
pub(crate) fn end_of(events: &[Happened], id: RequestId) -> Option<Result<Answer, RequestError>> {
    events.iter().find_map(|event| match event {
        Event::Completed { id: of, result } if *of == id => Some(result.clone()),
        _ => None,
    })
}

/// Steps of messages on their way.
pub(crate) fn steps(events: &[Happened]) -> Vec<Progress> {
    let step = |event: &Happened| match event {
        Event::Service(C2cEvent::Sending { progress, .. }) => Some(*progress),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}
