//! What an operation of the service side costs when there is much beside it.

use std::hint::black_box;

use bytes::Bytes;
use chat_hub::record::{Head, Marks, MessageRow, SubRow};
use chat_hub::world::{Extension, Tenant};
use chat_hub::{Hub, HubAction, HubConfig, Record, World};
use chat_proto::im::AccessMode;
use chat_proto::{ConnId, HttpId, Input, Message, Now};
use chat_sign::{LoginSecret, Secret};
use http::Request;
use serde_json::Value;

use super::session::now;
use super::{Built, Case};
use crate::contender::Contender;

/// Subscribers of the topic, of whom two are there.
const SUBSCRIBERS: usize = 10_000;
/// Messages in the topic.
const MESSAGES: u64 = 1_000_000;
/// Messages in a page.
const PAGE: u64 = 24;

const DOMAIN: &str = "pbx.example.com";
const PASSWORD: &str = "demo";
/// The user with extension 0.
const FIRST: u64 = 100_000_000_000_000_000;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, build: fn(bool) -> Box<dyn FnMut()>| {
        let case = Case::new("growth", name, move || {
            let grown = |name, much| {
                let run = build(much);
                Contender::new(name, run)
            };
            Built { bytes: 0, contenders: vec![grown("ours", true), grown("few", false)] }
        });
        // To make so much takes minutes where instructions are counted.
        case.times_only()
    };
    vec![
        case("hub: message, 10000 subscribers", message),
        case("hub: receipt, 10000 subscribers", receipt),
        case("hub: page of history, 1000000 messages", page),
    ]
}

/// A message is published to a topic, stored, and told to the one other who is there.
fn message(much: bool) -> Box<dyn FnMut()> {
    let mut service = Service::new(if much { SUBSCRIBERS } else { 2 }, 0);
    Box::new(move || {
        let told = service.ask(0, r#"{"pub":{"id":"p","topic":"TOPIC","content":"hello"}}"#);
        assert!(told >= 2, "an answer and a message: {told}");
    })
}

/// One subscriber has read one message more.
fn receipt(much: bool) -> Box<dyn FnMut()> {
    let mut service = Service::new(if much { SUBSCRIBERS } else { 2 }, MESSAGES / 10);
    let mut seq = 0;
    Box::new(move || {
        seq += 1;
        let note = format!(r#"{{"note":{{"topic":"TOPIC","what":"read","seq":{seq}}}}}"#);
        black_box(service.ask(1, &note));
    })
}

/// A page from the middle of history.
fn page(much: bool) -> Box<dyn FnMut()> {
    let messages = if much { MESSAGES } else { 2 * PAGE };
    let mut service = Service::new(2, messages);
    let (since, before) = (messages / 2, messages / 2 + PAGE);
    let get = format!(
        r#"{{"get":{{"id":"g","topic":"TOPIC","what":"data","data":{{"since":{since},"before":{before}}}}}}}"#
    );
    Box::new(move || {
        let told = service.ask(1, &get);
        assert!(told >= PAGE as usize, "a page: {told}");
    })
}

/// A hub with one group, and the sessions of its first two subscribers.
struct Service {
    hub: Hub,
    now: Now,
    conns: Vec<ConnId>,
    topic: String,
    stored: Vec<Record>,
    answer: Bytes,
    last: String,
}

impl Service {
    fn new(subscribers: usize, messages: u64) -> Self {
        let world = world(subscribers);
        let mut founded = Self::of(&world, Vec::new());
        founded.login(0);
        founded.ask(0, r#"{"sub":{"id":"s","topic":"new"}}"#);
        let ctrl: Value = serde_json::from_str(&founded.last).expect("an answer is JSON");
        let topic = ctrl["ctrl"]["topic"].as_str().expect("the group has a name").to_owned();
        let mut service = Self::of(&world, grown(founded.stored, subscribers, messages));
        service.topic = topic;
        for number in 0..2 {
            service.login(number);
            service.ask(number, r#"{"sub":{"id":"s","topic":"TOPIC"}}"#);
            assert!(service.last.contains(r#""code":200"#), "{}", service.last);
        }
        service.stored = Vec::new();
        service
    }

    fn of(world: &World, records: Vec<Record>) -> Self {
        let config = HubConfig {
            max_members: SUBSCRIBERS,
            max_messages: 2 * MESSAGES as usize,
            max_topic_bytes: 1 << 30,
            ..HubConfig::default()
        };
        let now = now();
        let mut hub = Hub::new(config, world, [7; 32], now).expect("the world is valid");
        hub.restore(records);
        let (conns, stored) = (Vec::new(), Vec::new());
        let (topic, answer, last) = (String::new(), Bytes::new(), String::new());
        Self { hub, now, conns, topic, stored, answer, last }
    }

    fn login(&mut self, number: usize) {
        let form =
            format!("grant_type=password&username={number}&password={PASSWORD}&domain={DOMAIN}");
        let ask = Request::post("/api/login/oauth/token").body(form.into());
        let ask = ask.expect("the request is valid");
        self.hub.handle_http(HttpId::new(number as u64 + 1), ask, self.now);
        self.settle();
        let pair: Value = serde_json::from_slice(&self.answer).expect("a pair of tokens");
        let token = pair["access_token"].as_str().expect("a token");
        let secret = LoginSecret::new(&number.to_string(), DOMAIN, Secret::new(token));
        let secret = secret.expect("the names are plain").encode();
        let head = Request::get("/im").body(()).expect("the request is valid");
        let offer = self.hub.offer(&head, self.now).expect("there is room");
        self.conns.push(self.hub.accepted(offer, self.now));
        let login = r#"{"login":{"id":"l","scheme":"access_token","secret":"SECRET"}}"#;
        self.ask(number, &login.replace("SECRET", secret.expose()));
        assert!(self.last.contains(r#""code":200"#), "{}", self.last);
    }

    /// Sends a frame; how many come out of the hub for it.
    fn ask(&mut self, number: usize, frame: &str) -> usize {
        let message = Message::text(frame.replace("TOPIC", &self.topic));
        self.hub.handle_input(Input::Received { conn: self.conns[number], message }, self.now);
        self.settle()
    }

    /// Does what the hub wants until it wants nothing; how many frames it wrote.
    fn settle(&mut self) -> usize {
        let mut told = 0;
        loop {
            let mut idle = true;
            while let Some(action) = self.hub.poll_action() {
                idle = false;
                match action {
                    HubAction::Commit { upto, records } => {
                        // Kept only where a hub is to be made of it.
                        if self.topic.is_empty() {
                            self.stored.extend(records);
                        }
                        self.hub.committed(upto, self.now);
                    }
                    HubAction::Respond { response, .. } => self.answer = response.into_body(),
                    HubAction::Drop { .. } | HubAction::Forward(_) | HubAction::Remove { .. } => {}
                }
            }
            while let Some(conn) = self.hub.poll_wake() {
                idle = false;
                while let Some(message) = self.hub.poll_transmit(conn) {
                    told += 1;
                    if let Message::Text(text) = &message
                        && text.as_str().starts_with("{\"ctrl\"")
                    {
                        self.last.clear();
                        self.last.push_str(text.as_str());
                    }
                    black_box(message);
                }
            }
            if idle {
                return told;
            }
        }
    }
}

fn world(subscribers: usize) -> World {
    let extensions = (0..subscribers.max(2)).map(|number| Extension {
        number: number.to_string(),
        password: Secret::new(PASSWORD),
        user_id: FIRST + number as u64,
        name: String::new(),
        suspended: false,
    });
    let (domain, extensions) = (DOMAIN.to_owned(), extensions.collect());
    let tenant = Tenant { domain, extensions, channels: Vec::new() };
    World { tenants: vec![tenant], ..World::default() }
}

/// The records of a group that was founded a moment ago, with so many subscribers and messages.
fn grown(mut records: Vec<Record>, subscribers: usize, messages: u64) -> Vec<Record> {
    let topic = records.iter().find_map(|record| {
        let Record::Topic { topic, .. } = record else { return None };
        Some(*topic)
    });
    let topic = topic.expect("the group is stored");
    for number in 1..subscribers as u64 {
        let (user, all) = (FIRST + number, AccessMode::ALL);
        let row = SubRow {
            want: all - AccessMode::OWNER,
            given: all - AccessMode::OWNER,
            ..SubRow::default()
        };
        records.push(Record::Sub { topic, user, row: Some(row) });
        records.push(Record::Marks { topic, user, row: Marks::default() });
    }
    for seq in 1..=messages {
        let (from, at, head) = (FIRST, 1_767_000_000_000_000 + seq as i64, None);
        let row = MessageRow { from, at, head, content: "\"hello\"".into(), reqid: "".into() };
        records.push(Record::Message { topic, seq, row: Some(row) });
    }
    records.push(Record::Head { topic, row: Head { seq: messages, ..Head::default() } });
    records
}
