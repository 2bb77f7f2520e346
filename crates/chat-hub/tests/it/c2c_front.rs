//! A front for tests: commits at once, keeps files in memory.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_hub::{
    C2cRecord, FileKey, Hub, HubAction, HubConfig, PublicUrls, Record, Transfer, Uploaded, World,
};
use chat_proto::c2c::Api;
use chat_proto::c2c::answer::page;
use chat_proto::c2c::frame::{Down, Push, Up};
use chat_proto::c2c::rest::{HistoryQuery, Ticket};
use chat_proto::codec::Wire;
use chat_proto::machine::{ConnId, HttpId, Input, Message, Text};
use chat_proto::{Now, UnixMillis};
use chat_sign::HmacSigner;
use http::{Request, Response, StatusCode};
use serde_json::Value;

pub(crate) const ORDER: &str = "20476365073825144832";
pub(crate) const OTHER: &str = "22000000000000000002";
pub(crate) const START: u64 = 1_714_133_203_000;

pub(crate) struct Front {
    pub(crate) hub: Hub,
    pub(crate) now: Now,
    pub(crate) records: Vec<Record>,
    /// Commits fail.
    pub(crate) broken: bool,
    /// Connections the hub let go of.
    pub(crate) dropped: Vec<ConnId>,
    answers: BTreeMap<u64, Response<Bytes>>,
    inboxes: BTreeMap<u64, VecDeque<Message>>,
    files: BTreeMap<FileKey, Bytes>,
    last_http: u64,
}

/// The world with some faults, as JSON.
pub(crate) fn world(faults: &str) -> World {
    let json = format!(
        r#"{{"c2c":{{
            "accounts":[
                {{"api_key":"merchant-key","secret":"merchant-secret","nickname":"my-shop","user_id":"11"}},
                {{"api_key":"buyer-key","secret":"buyer-secret","nickname":"Pat***","user_id":"12"}},
                {{"api_key":"third-key","secret":"third-secret","nickname":"Sam","user_id":"13"}}
            ],
            "orders":[
                {{"order_no":"{ORDER}","maker":"merchant-key","taker":"buyer-key","auto_reply":"Welcome!"}},
                {{"order_no":"{OTHER}","maker":"merchant-key","taker":"third-key"}}
            ]}},"faults":{faults}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

pub(crate) fn api(name: &str) -> Api {
    let (key, secret) = (format!("{name}-key"), format!("{name}-secret"));
    let api = Api::new(&key.into(), &secret.into()).unwrap();
    api.base_url("https://c2c.example.com").unwrap()
}

impl Front {
    pub(crate) fn new() -> Self {
        Self::with_faults("{}")
    }

    pub(crate) fn with_faults(faults: &str) -> Self {
        Self::with(faults, HubConfig::default())
    }

    pub(crate) fn with(faults: &str, config: HubConfig) -> Self {
        let config = HubConfig {
            urls: PublicUrls {
                c2c: "https://c2c.example.com".into(),
                chat: "wss://c2c.example.com/chat".into(),
                images: "https://images.example.com".into(),
                ..PublicUrls::default()
            },
            ..config
        };
        let now = Now { mono: Instant::now(), unix: UnixMillis::new(START) };
        let hub = Hub::new(config, &world(faults), [7; 32], now).unwrap();
        Self {
            hub,
            now,
            records: Vec::new(),
            broken: false,
            dropped: Vec::new(),
            answers: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            files: BTreeMap::new(),
            last_http: 0,
        }
    }

    pub(crate) fn at(&self) -> UnixMillis {
        self.now.unix
    }

    pub(crate) fn pass(&mut self, by: Duration) {
        let end = self.now.after(by);
        while let Some(at) = self.hub.poll_timeout().filter(|at| *at <= end.mono) {
            self.now = self.now.after(at.saturating_duration_since(self.now.mono));
            self.hub.handle_timeout(self.now);
            self.pump();
        }
        self.now = end;
    }

    /// Does what the hub says until it says nothing more.
    pub(crate) fn pump(&mut self) {
        loop {
            if let Some(action) = self.hub.poll_action() {
                match action {
                    HubAction::Commit { upto, .. } if self.broken => {
                        self.hub.commit_failed(upto, self.now);
                    }
                    HubAction::Commit { upto, records } => {
                        self.records.extend(records);
                        self.hub.committed(upto, self.now);
                    }
                    HubAction::Respond { id, response } => {
                        assert!(self.answers.insert(id.get(), response).is_none());
                    }
                    HubAction::Drop { conn } => self.dropped.push(conn),
                    HubAction::Remove { key } => drop(self.files.remove(&key)),
                    HubAction::Forward(_) => {}
                }
            } else if let Some(conn) = self.hub.poll_wake() {
                while let Some(message) = self.hub.poll_transmit(conn) {
                    self.inboxes.entry(conn.get()).or_default().push_back(message);
                }
            } else {
                return;
            }
        }
    }

    /// An exchange, with files as a front would move them.
    pub(crate) fn http(&mut self, request: Request<Bytes>) -> Response<Bytes> {
        self.last_http += 1;
        let id = HttpId::new(self.last_http);
        let (parts, body) = request.into_parts();
        let head = Request::from_parts(parts.clone(), ());
        match self.hub.begin_transfer(&head, self.now) {
            Transfer::Answer(response) => return response,
            Transfer::Send(download) => {
                let bytes = self.files[&download.key].clone();
                assert_eq!(bytes.len() as u64, download.size);
                let response = Response::builder().header("content-type", download.mime);
                return response.body(bytes).unwrap();
            }
            Transfer::Receive { key, .. } => {
                let size = body.len() as u64;
                self.files.insert(key.clone(), body);
                let uploaded = Uploaded { size, ..Uploaded::default() };
                self.hub.finish_upload(id, &key, Ok(uploaded), self.now);
            }
            Transfer::NotMine => {
                self.hub.handle_http(id, Request::from_parts(parts, body), self.now);
            }
        }
        self.pump();
        self.answers.remove(&id.get()).expect("an answer")
    }

    /// Status and JSON body.
    pub(crate) fn json(&mut self, request: Request<Bytes>) -> (StatusCode, Value) {
        let response = self.http(request);
        (response.status(), serde_json::from_slice(response.body()).unwrap_or(Value::Null))
    }

    pub(crate) fn ticket(&mut self, name: &str) -> Ticket {
        let request = api(name).credential(self.at()).into_request();
        Ticket::read(&self.http(request)).unwrap()
    }

    pub(crate) fn try_dial(&mut self, ticket: &Ticket) -> Result<ConnId, StatusCode> {
        let head = ticket.upgrade().unwrap().into_request();
        let offer = self.hub.offer(&head, self.now).map_err(|response| response.status())?;
        let conn = self.hub.accepted(offer, self.now);
        self.pump();
        Ok(conn)
    }

    pub(crate) fn dial(&mut self, name: &str) -> ConnId {
        let ticket = self.ticket(name);
        self.try_dial(&ticket).unwrap()
    }

    /// A connection in spite of what goes wrong with calls.
    pub(crate) fn dial_through(&mut self, name: &str) -> ConnId {
        let faults = self.hub.faults().clone();
        self.fault("{}");
        let conn = self.dial(name);
        self.hub.set_faults(faults, self.now).unwrap();
        conn
    }

    /// Sets all fault switches, given as JSON.
    pub(crate) fn fault(&mut self, faults: &str) {
        self.hub.set_faults(serde_json::from_str(faults).unwrap(), self.now).unwrap();
        self.pump();
    }

    /// How many files there are.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn send(&mut self, conn: ConnId, text: impl Into<Text>) {
        let message = Message::Text(text.into());
        self.hub.handle_input(Input::Received { conn, message }, self.now);
        self.pump();
    }

    pub(crate) fn messages(&mut self, conn: ConnId) -> Vec<Message> {
        self.inboxes.remove(&conn.get()).unwrap_or_default().into()
    }

    /// Frames that came to a connection.
    pub(crate) fn pushes(&mut self, conn: ConnId) -> Vec<Push<'static>> {
        let messages = self.messages(conn).into_iter();
        let texts = messages.filter_map(|message| match message {
            Message::Text(text) => Some(text),
            _ => None,
        });
        texts
            .flat_map(|text| {
                let frame = Down::decode(text.as_str()).unwrap();
                Wire::share(frame, &text).pushes().to_vec()
            })
            .collect()
    }

    /// The messages that were stored, in order.
    pub(crate) fn stored(&self) -> usize {
        let messages = self.records.iter();
        messages
            .filter(|it| matches!(it, Record::C2c(C2cRecord::Message { row: Some(_), .. })))
            .count()
    }
}

pub(crate) fn text(uuid: &str, order: &str, content: &str) -> Text {
    Wire::encode(&Up::text(uuid, order, content, START))
}

/// The texts of a page, `-` where there is none, and whether they are the reader's own.
pub(crate) fn order_page(
    front: &mut Front,
    name: &str,
    query: &HistoryQuery,
) -> Vec<(String, bool)> {
    let request = api(name).history(query, front.at()).unwrap().into_request();
    let response = front.http(request);
    let page = page(&response).unwrap();
    page.items
        .iter()
        .map(|item| {
            let content = item.content.as_ref().map_or("-".into(), |it| it.text().into_owned());
            (content, item.self_.unwrap())
        })
        .collect()
}

/// A signed call by GET with a query of our own making.
pub(crate) fn signed(
    name: &str,
    secret: &str,
    query: &str,
    headers: &[(&str, &str)],
) -> Request<Bytes> {
    let key = HmacSigner::new(&secret.into());
    let signature = key.sign_hex(query.as_bytes());
    let uri = format!(
        "https://c2c.example.com/sapi/v1/c2c/chat/{name}?{query}{}signature={signature}",
        if query.is_empty() { "" } else { "&" }
    );
    let request = headers.iter().fold(Request::get(uri), |it, (k, v)| it.header(*k, *v));
    request.body(Bytes::new()).unwrap()
}
