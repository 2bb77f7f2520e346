//! What people may come to read of a run, and what must not be in it.
//!
//! A world that shows gives the model every line of its transcript and the `Debug` of whatever moves
//! in it, and, as they come up on the wire, the secrets that none of these texts may hold.

use bytes::Bytes;
use chat_proto::machine::{Text, Upgrade};
use chat_proto::{Message, c2c, codec::Wire as _, im};
use http::{HeaderMap, Request, Response, header};
use serde_json::Value;

use super::World;
use super::client::Either;
use crate::observe::Observation;

/// Of so many schedules one is shown.
const ONE_IN: u64 = 16;
/// Of so many commits one is followed by a look at the whole hub.
const COMMITS: u64 = 32;

/// Members of JSON objects that are secrets, whoever sends them.
const MEMBERS: [&str; 8] = [
    "access_token",
    "refresh_token",
    "secret",
    "token",
    "listenKey",
    "listenToken",
    "password",
    "signature",
];
/// Parameters of queries and forms that are.
const PARAMS: [&str; 7] =
    ["signature", "token", "password", "refresh_token", "access_token", "secret", "apikey"];

/// Whether the schedule of this seed is shown: by the seed, but not by what else it decides.
pub(super) const fn is_shown(seed: u64) -> bool {
    // Multiplied by the golden ratio, the upper bits depend on all lower ones.
    (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).is_multiple_of(ONE_IN)
}

impl World {
    /// Shows everything to the model from now on. Some schedules are shown anyway: the seed decides.
    pub fn show(&mut self) {
        self.shows = true;
        self.host.listen();
    }

    /// Somebody may read this.
    pub(super) fn shown(&mut self, text: impl FnOnce() -> String) {
        if self.shows {
            self.observe(Observation::Shown(text()));
        }
    }

    /// This must not be read.
    fn learn(&mut self, secret: &str) {
        let plain = form_urlencoded(secret);
        for secret in [secret, &plain] {
            if !secret.is_empty() && self.secrets.insert(secret.to_owned()) {
                self.observe(Observation::Secret(secret.to_owned()));
            }
        }
    }

    /// A frame goes one way or the other.
    pub(super) fn shown_message(&mut self, message: &Message, is_im: bool, up: bool) {
        if !self.shows {
            return;
        }
        self.shown(|| format!("{message:?}"));
        let Message::Text(text) = message else { return };
        self.learn_json(text.as_str());
        self.shown(|| frame(text, is_im, up));
    }

    fn learn_json(&mut self, text: &str) {
        if let Ok(value) = serde_json::from_str(text) {
            self.learn_members(&value);
        }
    }

    fn learn_members(&mut self, value: &Value) {
        if let Some(items) = value.as_array() {
            items.iter().for_each(|it| self.learn_members(it));
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            let Some(text) = value.as_str() else {
                self.learn_members(value);
                continue;
            };
            if MEMBERS.contains(&name.as_str()) {
                self.learn(text);
            } else if text.contains("://") {
                // Addresses to upload to are signed, and so is where a socket leads.
                self.learn_query(text);
            }
        }
    }

    /// The query of an address, or a form.
    fn learn_query(&mut self, text: &str) {
        let query = text.split_once('?').map_or(text, |(_, query)| query);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            if PARAMS.contains(&name.to_ascii_lowercase().as_str()) {
                self.learn(value);
            }
        }
    }

    fn learn_headers(&mut self, headers: &HeaderMap) {
        for name in
            [header::AUTHORIZATION.as_str(), "x-mbx-apikey", "x-tinode-apikey", "x-tinode-auth"]
        {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            // Behind the name of the scheme.
            let value = value.map(|value| value.rsplit(' ').next().unwrap_or(value).to_owned());
            value.iter().for_each(|value| self.learn(value));
        }
    }

    /// A client asks for something.
    pub(super) fn learn_request(&mut self, request: &Request<Bytes>) {
        if self.shows {
            self.learn_query(&request.uri().to_string());
            self.learn_headers(request.headers());
            if let Ok(form) = std::str::from_utf8(request.body()) {
                self.learn_query(form);
                self.learn_json(form);
            }
        }
    }

    /// A client dials: order chat's ticket stands in the address.
    pub(super) fn learn_upgrade(&mut self, upgrade: &Upgrade) {
        if self.shows {
            let head = upgrade.request();
            self.learn_query(&head.uri().to_string());
            self.learn_headers(head.headers());
            if let Some(key) = head.uri().path().strip_prefix("/chat/") {
                self.learn(key);
            }
        }
    }

    /// The hub answers.
    pub(super) fn learn_response(&mut self, response: &Response<Bytes>) {
        if self.shows
            && let Ok(text) = std::str::from_utf8(response.body())
        {
            self.learn_json(text);
        }
    }

    /// What the hub said about itself.
    pub(super) fn show_host(&mut self) {
        for said in self.host.heard() {
            self.shown(|| said);
        }
    }

    /// A commit is stored, or is not: records, and now and then the hub with all that is in it.
    pub(super) fn show_records(&mut self, records: &[chat_hub::Record]) {
        if !self.shows {
            return;
        }
        for record in records {
            self.shown(|| format!("{record:?}"));
        }
        if self.commits.is_multiple_of(COMMITS) {
            self.show_hub();
        }
    }

    /// The hub, with all that is in it.
    pub(super) fn show_hub(&mut self) {
        if self.shows {
            let text = format!("{:?} {:?}", self.host, self.host.hub());
            self.shown(|| text);
        }
    }

    /// A session, with all that is in it.
    pub(super) fn show_session(&mut self, n: usize) {
        if self.shows {
            let text = self.clients[n].machine.as_ref().map(Either::describe).unwrap_or_default();
            self.shown(|| text);
        }
    }
}

/// The `Debug` of a frame.
fn frame(text: &Text, is_im: bool, up: bool) -> String {
    let text = text.as_str();
    match (is_im, up) {
        (true, true) => format!("{:?}", im::Up::decode(text)),
        (true, false) => format!("{:?}", im::Down::decode(text)),
        (false, true) => format!("{:?}", c2c::Up::decode(text)),
        (false, false) => format!("{:?}", c2c::Down::decode(text)),
    }
}

/// A text as it stands in a query.
fn form_urlencoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
