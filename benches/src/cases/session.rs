//! Frames to events through a session, without a socket.

use std::hint::black_box;
use std::time::Instant;

use chat_proto::client::{Event, Phase, Session};
use chat_proto::im::client::{Credentials, ImConfig, Subscribe};
use chat_proto::im::{Im, TopicName};
use chat_proto::rest::BaseUrl;
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Text, UnixMillis};
use serde_json::Value;

use super::{Built, Case};
use crate::contender::Contender;
use crate::{samples, shapes};

type Derived = shapes::Down<String, Value>;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("session", "data", || received(|seq| samples::data_numbered(seq, "\"hello\""))),
        // Of a topic that is not attached: otherwise the session would fetch the message.
        Case::new("session", "pres", || received(|_| samples::pres_about("grpOfOthers00"))),
    ]
}

/// A text comes in, events go out. The text is made anew each time, for every contender, because
/// a session tells each message once and shares the text it came in.
fn received(text: fn(u64) -> String) -> Built {
    let mut rig = Rig::ready();
    let (mut seq, mut derived_seq) = (0_u64, 0_u64);
    let mut bare_seq = 0_u64;
    let contenders = vec![
        Contender::new("ours", move || {
            seq += 1;
            rig.receive(text(seq));
            let events = rig.events();
            assert_eq!(events, 1, "one frame, one event");
        }),
        Contender::new("owned, decode only", move || {
            derived_seq += 1;
            serde_json::from_str::<Derived>(&text(derived_seq)).expect("the sample is a frame")
        }),
        Contender::new("text only", move || {
            bare_seq += 1;
            text(bare_seq)
        }),
    ];
    Built { bytes: text(1).len(), contenders }
}

/// A session that is logged in and attached to the topic of the samples.
struct Rig {
    session: Session<Im>,
    now: Now,
    conn: ConnId,
}

impl Rig {
    fn ready() -> Self {
        let base = BaseUrl::parse("https://pbx.example.com:8887").expect("the address is valid");
        let credentials = Credentials::password("101", "pbx.example.com", "demo-101");
        let config = ImConfig::new(&base, credentials).expect("the address is short");
        let now = Now { mono: Instant::now(), unix: UnixMillis::new(1_767_323_045_678) };
        let mut session = Session::im(config, 7, now);
        session.connect(now);
        let mut rig = Self { session, now, conn: ConnId::new(0) };
        rig.dial();
        let login = rig.request_id();
        let params = r#"{"authlvl":"auth","token":"dG9rZW4=","user":"usr100000000000000002"}"#;
        rig.receive(samples::ctrl_for(&login, params));
        assert_eq!(rig.session.phase(), Phase::Ready);
        let topic = TopicName::from("grpAbCdEfGhIjK");
        rig.session.subscribe(&topic, Subscribe::default(), now).expect("the session is ready");
        let subscription = rig.request_id();
        rig.receive(samples::ctrl_for(&subscription, r#"{"seq":0}"#));
        while rig.session.poll_event().is_some() {}
        rig
    }

    /// Gives the session its token and its socket.
    fn dial(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Http { id, .. } => {
                    let body = r#"{"access_token":"A","expires_in":1800,"refresh_token":"R","token_type":"Bearer"}"#;
                    let result = Ok(http::Response::new(body.into()));
                    self.session.handle_input(Input::Response { id, result }, self.now);
                }
                Action::Dial { conn, .. } => {
                    self.conn = conn;
                    self.session.handle_input(Input::Opened { conn }, self.now);
                }
                Action::Drop { .. } | Action::AbortHttp { .. } => {}
            }
        }
    }

    fn receive(&mut self, text: String) {
        let message = Message::Text(Text::from(text));
        self.session.handle_input(Input::Received { conn: self.conn, message }, self.now);
    }

    /// Empties the lanes; the number of messages and changes told.
    fn events(&mut self) -> usize {
        let mut told = 0;
        while let Some(event) = self.session.poll_event() {
            told += usize::from(black_box(matches!(event, Event::Service(_))));
            black_box(&event);
        }
        while let Some(transmit) = self.session.poll_transmit() {
            black_box(&transmit);
        }
        told
    }

    /// The id of the frame written last.
    fn request_id(&mut self) -> String {
        let written = std::iter::from_fn(|| self.session.poll_transmit());
        let texts = written.filter_map(|transmit| match transmit.message {
            Message::Text(text) => Some(text),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) => None,
        });
        let text = texts.last().expect("the session wrote a request");
        let frame: Value = serde_json::from_str(text.as_str()).expect("requests are JSON");
        let body = frame.as_object().and_then(|frame| frame.values().next());
        body.and_then(|body| body["id"].as_str()).expect("requests have an id").to_owned()
    }
}
