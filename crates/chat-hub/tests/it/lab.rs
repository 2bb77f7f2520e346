//! A hub with a store in memory, clients that keep what they get, and a clock that is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat_hub::world::{Channel, Extension, Tenant};
use chat_hub::{Forward, Hub, HubAction, HubConfig, Record, World};
use chat_proto::machine::{ConnId, HttpId, Input, LinkFailure, Message};
use chat_proto::time::{Now, UnixMillis};
use chat_sign::Secret;
use http::{Request, Response};
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

pub(crate) const DOMAIN: &str = "pbx.example.com";
pub(crate) const ANN: u64 = 804_252_613_548_777_777;
pub(crate) const BOB: u64 = 804_252_613_548_703_744;
pub(crate) const CAT: u64 = 901_636_310_534_455_296;
/// In another tenant.
pub(crate) const EVE: u64 = 700_000_000_000_000_001;
/// Suspended.
pub(crate) const SUE: u64 = 700_000_000_000_000_002;

/// A queue with 101 and 102 as agents.
pub(crate) const QUEUE: u64 = 600_000_000_000_000_001;

/// What a commit comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Works,
    Waits,
}

pub(crate) struct Lab {
    pub(crate) hub: Hub,
    pub(crate) now: Now,
    pub(crate) store: Vec<Record>,
    pub(crate) commit: Option<(u64, Vec<Record>)>,
    pub(crate) mode: Store,
    pub(crate) answers: BTreeMap<u64, Response<Bytes>>,
    pub(crate) dropped: Vec<ConnId>,
    pub(crate) removed: Vec<String>,
    pub(crate) forwarded: Vec<Forward>,
    mail: BTreeMap<ConnId, Vec<Message>>,
    /// Connections that do not read.
    pub(crate) stuck: Vec<ConnId>,
    next_http: u64,
    file_tokens: BTreeMap<String, String>,
}

pub(crate) fn world() -> World {
    let extension = |number: &str, user_id, suspended| Extension {
        number: number.to_owned(),
        password: Secret::new(format!("demo-{number}")),
        user_id,
        name: format!("Ext {number}"),
        suspended,
    };
    World {
        tenants: vec![
            Tenant {
                domain: DOMAIN.to_owned(),
                extensions: vec![
                    extension("101", ANN, false),
                    extension("102", BOB, false),
                    extension("103", CAT, false),
                    extension("109", SUE, true),
                ],
                channels: vec![Channel {
                    id: QUEUE,
                    agents: vec!["101".to_owned(), "102".to_owned()],
                }],
            },
            Tenant {
                domain: "[2001:db8::1]".to_owned(),
                extensions: vec![extension("101", EVE, false)],
                channels: Vec::new(),
            },
        ],
        ..World::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "any start will do, but there is no other source")]
fn start() -> Now {
    Now { mono: Instant::now(), unix: UnixMillis::new(1_729_731_998_924) }
}

/// A fixed seed and nothing written: a failure is the same failure on every machine.
pub(crate) fn cases(cases: u32) -> Config {
    let rng_seed = RngSeed::Fixed(0x4855);
    Config { cases, rng_seed, failure_persistence: None, ..Config::default() }
}

pub(crate) fn usr(user: u64) -> String {
    format!("usr{user}")
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(HubConfig::default())
    }

    pub(crate) fn with(config: HubConfig) -> Self {
        Self::of_world(config, &world())
    }

    pub(crate) fn of_world(config: HubConfig, world: &World) -> Self {
        let now = start();
        let hub = Hub::new(config, world, [7; 32], now).unwrap();
        Self {
            hub,
            now,
            store: Vec::new(),
            commit: None,
            mode: Store::Works,
            answers: BTreeMap::new(),
            dropped: Vec::new(),
            removed: Vec::new(),
            forwarded: Vec::new(),
            mail: BTreeMap::new(),
            stuck: Vec::new(),
            next_http: 0,
            file_tokens: BTreeMap::new(),
        }
    }

    /// A fresh hub from what is stored.
    pub(crate) fn restart(&mut self) {
        self.wait(1000);
        self.hub = Hub::new(HubConfig::default(), &world(), [7; 32], self.now).unwrap();
        self.hub.restore(self.store.clone());
        self.commit = None;
        self.mail.clear();
    }

    pub(crate) fn pump(&mut self) {
        loop {
            let mut idle = true;
            while let Some(action) = self.hub.poll_action() {
                idle = false;
                match action {
                    HubAction::Commit { upto, records } => {
                        assert!(self.commit.is_none(), "one commit at a time");
                        self.commit = Some((upto, records));
                        if self.mode == Store::Works {
                            self.finish_commit();
                        }
                    }
                    HubAction::Respond { id, response } => {
                        assert!(self.answers.insert(id.get(), response).is_none());
                    }
                    HubAction::Drop { conn } => self.dropped.push(conn),
                    HubAction::Forward(it) => self.forwarded.push(it),
                    HubAction::Remove { key } => self.removed.push(key.as_str().to_owned()),
                }
            }
            while let Some(conn) = self.hub.poll_wake() {
                idle = false;
                if self.stuck.contains(&conn) {
                    continue;
                }
                while let Some(message) = self.hub.poll_transmit(conn) {
                    self.mail.entry(conn).or_default().push(message);
                }
            }
            if idle {
                return;
            }
        }
    }

    pub(crate) fn finish_commit(&mut self) {
        if let Some((upto, records)) = self.commit.take() {
            self.store.extend(records);
            self.hub.committed(upto, self.now);
        }
        if self.mode == Store::Waits {
            self.pump();
        }
    }

    pub(crate) fn fail_commit(&mut self) {
        if let Some((upto, _)) = self.commit.take() {
            self.hub.commit_failed(upto, self.now);
        }
        self.pump();
    }

    /// Lets `millis` pass, firing timers on the way.
    pub(crate) fn wait(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(at) = self.hub.poll_timeout().filter(|at| *at <= end.mono) {
            let by = at.saturating_duration_since(self.now.mono);
            self.now = self.now.after(by);
            self.hub.handle_timeout(self.now);
            self.pump();
        }
        let by = end.mono.saturating_duration_since(self.now.mono);
        self.now = self.now.after(by);
    }

    pub(crate) fn http(&mut self, request: Request<Bytes>) -> Response<Bytes> {
        let id = self.next_id();
        self.hub.handle_http(id, request, self.now);
        self.pump();
        self.answers.remove(&id.get()).expect("every request is answered")
    }

    pub(crate) fn next_id(&mut self) -> HttpId {
        self.next_http += 1;
        HttpId::new(self.next_http)
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> (u16, Value) {
        let request = Request::post(path).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let response = self.http(request);
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), body)
    }

    pub(crate) fn token(&mut self, number: &str, domain: &str) -> String {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "password")
            .append_pair("username", number)
            .append_pair("password", &format!("demo-{number}"))
            .append_pair("domain", domain)
            .finish();
        let (status, body) = self.post("/api/login/oauth/token", &body);
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn connect(&mut self) -> ConnId {
        let head = Request::get("/im").body(()).unwrap();
        let offer = self.hub.offer(&head, self.now).unwrap();
        let conn = self.hub.accepted(offer, self.now);
        self.pump();
        conn
    }

    /// A session of an extension of the first tenant, logged in.
    pub(crate) fn session(&mut self, number: &str) -> ConnId {
        self.session_at(number, DOMAIN).0
    }

    /// A session, and the file token it got.
    pub(crate) fn session_at(&mut self, number: &str, domain: &str) -> (ConnId, String) {
        let token = self.token(number, domain);
        let conn = self.connect();
        let secret = STANDARD.encode(format!("{number}@{domain}:{token}"));
        let login = json!({"login": {"id": "L", "scheme": "access_token", "secret": secret}});
        let said = self.ask(conn, login);
        assert_eq!(said[0]["ctrl"]["code"], 200, "{said:?}");
        (conn, said[0]["ctrl"]["params"]["token"].as_str().unwrap().to_owned())
    }

    /// A further session, by the file token of an earlier one.
    pub(crate) fn connect_as(&mut self, number: &str) -> ConnId {
        if !self.file_tokens.contains_key(number) {
            let (conn, token) = self.session_at(number, DOMAIN);
            self.lose(conn);
            self.file_tokens.insert(number.to_owned(), token);
        }
        let secret = self.file_tokens[number].clone();
        let conn = self.connect();
        let login = json!({"login": {"id": "L", "scheme": "token", "secret": secret}});
        assert_eq!(self.code(conn, login), 200);
        conn
    }

    /// Three sessions of three users, each on `me`, with nothing in the mail.
    pub(crate) fn three(&mut self) -> [ConnId; 3] {
        let all = ["101", "102", "103"].map(|number| self.session(number));
        for conn in all {
            self.sub(conn, "me");
        }
        self.clear();
        all
    }

    pub(crate) fn send(&mut self, conn: ConnId, text: impl Into<String>) {
        let message = Message::text(text.into());
        self.hub.handle_input(Input::Received { conn, message }, self.now);
        self.pump();
    }

    /// Sends a frame and gives everything the session has got.
    pub(crate) fn ask(&mut self, conn: ConnId, frame: Value) -> Vec<Value> {
        self.send(conn, frame.to_string());
        self.frames(conn)
    }

    /// Sends a frame and gives the first `ctrl` with its code.
    pub(crate) fn code(&mut self, conn: ConnId, frame: Value) -> u64 {
        let frames = self.ask(conn, frame);
        ctrl(&frames)["code"].as_u64().unwrap()
    }

    pub(crate) fn sub(&mut self, conn: ConnId, topic: &str) -> Vec<Value> {
        self.ask(conn, json!({"sub": {"id": "S", "topic": topic}}))
    }

    pub(crate) fn publish(&mut self, conn: ConnId, topic: &str, content: &str) -> u64 {
        let id = format!("{topic}-{content}");
        let frames = self.ask(conn, json!({"pub": {"id": id, "topic": topic, "content": content}}));
        let ctrl = ctrl(&frames);
        assert_eq!(ctrl["code"], 202, "{ctrl}");
        ctrl["params"]["seq"].as_u64().unwrap()
    }

    /// A group of the first session, joined by the others; nothing is in the mail.
    pub(crate) fn group(&mut self, members: &[ConnId]) -> String {
        let frames = self.sub(members[0], "new");
        let name = ctrl(&frames)["topic"].as_str().unwrap().to_owned();
        for conn in &members[1..] {
            let frames = self.sub(*conn, &name);
            assert_eq!(ctrl(&frames)["code"], 202, "{frames:?}");
        }
        self.clear();
        name
    }

    pub(crate) fn clear(&mut self) {
        self.mail.clear();
    }

    pub(crate) fn messages(&mut self, conn: ConnId) -> Vec<Message> {
        self.mail.remove(&conn).unwrap_or_default()
    }

    /// Texts a session got since the last look.
    pub(crate) fn texts(&mut self, conn: ConnId) -> Vec<String> {
        self.messages(conn)
            .into_iter()
            .filter_map(|message| match message {
                Message::Text(text) => Some(text.as_str().to_owned()),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) => {
                    None
                }
            })
            .collect()
    }

    /// Frames a session got since the last look.
    pub(crate) fn frames(&mut self, conn: ConnId) -> Vec<Value> {
        self.texts(conn).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    pub(crate) fn lose(&mut self, conn: ConnId) {
        self.hub.handle_input(Input::Lost { conn, failure: LinkFailure::Ended }, self.now);
        self.pump();
    }
}

/// The first `ctrl` of some frames.
pub(crate) fn ctrl(frames: &[Value]) -> &Value {
    let found = frames.iter().find_map(|frame| frame.get("ctrl"));
    found.unwrap_or_else(|| panic!("no ctrl in {frames:?}"))
}

/// The frames of one kind.
pub(crate) fn of(frames: &[Value], kind: &str) -> Vec<Value> {
    frames.iter().filter_map(|frame| frame.get(kind)).cloned().collect()
}

/// The one frame of a kind.
pub(crate) fn only(frames: &[Value], kind: &str) -> Value {
    let found = of(frames, kind);
    assert_eq!(found.len(), 1, "{frames:?}");
    found[0].clone()
}
