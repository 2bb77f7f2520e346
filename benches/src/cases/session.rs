//! Frames to events through a session, without a socket.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use chat_proto::c2c::client::C2cConfig;
use chat_proto::c2c::{Api, C2c};
use chat_proto::client::{Phase, Session};
use chat_proto::im::client::{Credentials, ImConfig, Subscribe};
use chat_proto::im::{Im, TopicName};
use chat_proto::rest::BaseUrl;
use chat_proto::{Action, ConnId, Input, Machine, Message, Now, Text, UnixMillis};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Built, Case};
use crate::contender::Contender;
use crate::{samples, shapes};

type Derived = shapes::Down<String, Value>;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("session", "data", || {
            received::<Derived>(im(), |seq| samples::data_numbered(seq, "\"hello\""))
        }),
        // Of a topic that is not attached: otherwise the session would fetch the message.
        Case::new("session", "pres", || {
            received::<Derived>(im(), |_| samples::pres_about("grpOfOthers00"))
        }),
        Case::new("session", "c2c text", || {
            received::<shapes::Push<String>>(c2c(), samples::c2c_text_numbered)
        }),
    ]
}

/// A text comes in, events go out. The text is made anew each time, for every contender, because
/// a session tells each message once and shares the text it came in.
fn received<D: DeserializeOwned + 'static>(
    mut rig: Rig<impl Machine + 'static>,
    text: fn(u64) -> String,
) -> Built {
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
            serde_json::from_str::<D>(&text(derived_seq)).expect("the sample is a frame")
        }),
        Contender::new("text only", move || {
            bare_seq += 1;
            text(bare_seq)
        }),
    ];
    Built { bytes: text(1).len(), contenders }
}

/// A session that is logged in and attached to the topic of the samples.
pub(super) fn im() -> Rig<Session<Im>> {
    let base = BaseUrl::parse("https://pbx.example.com:8887").expect("the address is valid");
    let credentials = Credentials::password("101", "pbx.example.com", "demo-101");
    let mut config = ImConfig::new(&base, credentials).expect("the address is short");
    config.session.max_requests = 20_000;
    let now = now();
    let mut session = Session::im(config, 7, now);
    session.connect(now);
    let mut rig = Rig { session, now, conn: ConnId::new(0) };
    rig.dial(r#"{"access_token":"A","expires_in":1800,"refresh_token":"R","token_type":"Bearer"}"#);
    let login = rig.request_id();
    let params = r#"{"authlvl":"auth","token":"dG9rZW4=","user":"usr100000000000000002"}"#;
    rig.receive(samples::ctrl_for(&login, params));
    assert_eq!(rig.session.phase(), Phase::Ready);
    let topic = TopicName::from("grpAbCdEfGhIjK");
    rig.session.subscribe(&topic, Subscribe::default(), now).expect("the session is ready");
    let subscription = rig.request_id();
    rig.receive(samples::ctrl_for(&subscription, r#"{"seq":0}"#));
    rig.events();
    rig
}

/// A session that has its ticket and its socket.
pub(super) fn c2c() -> Rig<Session<C2c>> {
    let api = Api::new(&"key".into(), &"secret".into()).expect("the keys are text");
    let now = now();
    let mut session = Session::c2c(C2cConfig::default(), api, 7, now);
    session.connect(now);
    let mut rig = Rig { session, now, conn: ConnId::new(0) };
    rig.dial(
        r#"{"code":"000000","message":"success","data":{"chatWssUrl":"wss://chat.example.com/chat","listenKey":"c2c_key","listenToken":"T"},"success":true}"#,
    );
    assert_eq!(rig.session.phase(), Phase::Ready);
    rig.events();
    rig
}

pub(super) fn now() -> Now {
    Now { mono: Instant::now(), unix: UnixMillis::new(1_767_323_045_678) }
}

/// A session, and what stands around it.
pub(super) struct Rig<M> {
    pub(super) session: M,
    pub(super) now: Now,
    conn: ConnId,
}

impl<M: Machine> Rig<M> {
    /// Gives the session the answer that it asks for, and its socket.
    fn dial(&mut self, answer: &'static str) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Http { id, .. } => {
                    let body = Bytes::from_static(answer.as_bytes());
                    let result = Ok(http::Response::new(body));
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

    pub(super) fn receive(&mut self, text: String) {
        let message = Message::Text(Text::from(text));
        self.session.handle_input(Input::Received { conn: self.conn, message }, self.now);
    }

    /// Empties the lanes; the number of events.
    pub(super) fn events(&mut self) -> usize {
        let mut told = 0;
        while let Some(event) = self.session.poll_event() {
            told += 1;
            black_box(&event);
        }
        while let Some(transmit) = self.session.poll_transmit() {
            black_box(&transmit);
        }
        told
    }

    /// The id of the frame written last.
    pub(super) fn request_id(&mut self) -> String {
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
