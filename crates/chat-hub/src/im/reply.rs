//! Answers: `ctrl` and who it goes to.

use chat_proto::codec::Wire;
use chat_proto::im::down::{Acs, Ctrl};
use chat_proto::im::{AccessMode, Down, Flavor, Params, Stamp, Up};
use chat_proto::json::Raw;
use chat_proto::machine::{ConnId, Text};

use super::Im;
use crate::effects::Cx;
use crate::record::SubRow;

/// A code with the words that go with it. (tinode-code)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(pub(super) u32, pub(super) &'static str);

impl Status {
    pub(super) const OK: Self = Self(200, "ok");
    pub(super) const CREATED: Self = Self(201, "created");
    pub(super) const ACCEPTED: Self = Self(202, "accepted");
    pub(super) const NO_CONTENT: Self = Self(204, "no content");
    pub(super) const EVICTED: Self = Self(205, "evicted");
    pub(super) const SHUTDOWN: Self = Self(205, "server shutdown");
    pub(super) const DELIVERED: Self = Self(208, "delivered");
    pub(super) const ALREADY_SUBSCRIBED: Self = Self(304, "already subscribed");
    pub(super) const NOT_JOINED: Self = Self(304, "not joined");
    pub(super) const NO_ACTION: Self = Self(304, "no action");
    pub(super) const NOT_MODIFIED: Self = Self(304, "not modified");
    pub(super) const MALFORMED: Self = Self(400, "malformed");
    pub(super) const AUTH_REQUIRED: Self = Self(401, "authentication required");
    pub(super) const AUTH_FAILED: Self = Self(401, "authentication failed");
    pub(super) const UNKNOWN_SCHEME: Self = Self(401, "unknown authentication scheme");
    pub(super) const DENIED: Self = Self(403, "permission denied");
    pub(super) const API_KEY: Self = Self(403, "valid API key required");
    pub(super) const TOPIC_NOT_FOUND: Self = Self(404, "topic not found");
    pub(super) const USER_NOT_FOUND: Self = Self(404, "user not found");
    pub(super) const NOT_FOUND: Self = Self(404, "not found");
    pub(super) const NOT_ALLOWED: Self = Self(405, "operation or method not allowed");
    pub(super) const ALREADY_AUTHENTICATED: Self = Self(409, "already authenticated");
    pub(super) const OUT_OF_SEQUENCE: Self = Self(409, "command out of sequence");
    pub(super) const ATTACH_FIRST: Self = Self(409, "must attach first");
    pub(super) const TOO_LARGE: Self = Self(413, "too large");
    pub(super) const POLICY: Self = Self(422, "policy violation");
    pub(super) const INTERNAL: Self = Self(500, "internal error");
    pub(super) const NOT_IMPLEMENTED: Self = Self(501, "not implemented");
    pub(super) const UNAVAILABLE: Self = Self(503, "service unavailable");
    pub(super) const VERSION: Self = Self(505, "version not supported");
}

/// A request that is refused, with the `params` of the refusal.
#[derive(Debug)]
pub(super) struct Fail(pub(super) Status, pub(super) Option<Raw<'static>>);

impl From<Status> for Fail {
    fn from(status: Status) -> Self {
        Self(status, None)
    }
}

/// What a handler gives: everything is said, or the refusal to send.
pub(super) type Done = Result<(), Fail>;

/// Who asks, and what answers must repeat.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) conn: ConnId,
    pub(super) flavor: Flavor,
    /// 0 before login.
    pub(super) user: u64,
    /// The request id as it came.
    pub(super) id: String,
    /// The topic as the client called it.
    pub(super) topic: String,
}

impl Ask {
    pub(super) fn new(conn: ConnId, flavor: Flavor, user: u64, up: &Up<'_>) -> Self {
        let (id, topic) = (up.id().decode().into_owned(), up.topic().decode().into_owned());
        Self { conn, flavor, user, id, topic }
    }

    pub(super) fn bare(conn: ConnId, flavor: Flavor, id: String) -> Self {
        Self { conn, flavor, user: 0, id, topic: String::new() }
    }

    /// The same request about a topic under another name.
    pub(super) fn about(&self, topic: String) -> Self {
        Self { topic, ..self.clone() }
    }

    pub(super) fn encode(&self, stamp: i64, status: Status, params: Option<Raw<'_>>) -> Text {
        Down::Ctrl(Ctrl {
            id: self.id.as_str().into(),
            topic: self.topic.as_str().into(),
            params: params.map(Params::from),
            code: status.0,
            text: status.1.into(),
            ts: Stamp::from_unix_micros(stamp, self.flavor),
            extra: Vec::new(),
        })
        .encode()
    }
}

impl Im {
    /// Answers with a `ctrl`.
    pub(super) fn ctrl(
        &self,
        cx: &mut Cx<'_>,
        ask: &Ask,
        status: Status,
        params: Option<Raw<'static>>,
    ) {
        let text = ask.encode(cx.stamp, status, params);
        cx.fx.answer(ask.conn, text);
    }

    /// Answers `204` for one section of a query.
    pub(super) fn nothing(&self, cx: &mut Cx<'_>, ask: &Ask, what: &str) {
        self.ctrl(cx, ask, Status::NO_CONTENT, Some(params(&serde_json::json!({ "what": what }))));
    }
}

/// `params` from a value.
pub(super) fn params(value: &serde_json::Value) -> Raw<'static> {
    Raw::from_value(value).expect("a JSON value is JSON")
}

/// `{want, given, mode}` of a subscription.
pub(super) fn acs(row: &SubRow) -> Acs<'static> {
    Acs {
        want: row.want.to_string().into(),
        given: row.given.to_string().into(),
        mode: (row.want & row.given).to_string().into(),
        extra: Vec::new(),
    }
}

/// The same as JSON, in the order of the published samples.
pub(super) fn acs_json(want: AccessMode, given: AccessMode) -> String {
    format!(r#"{{"want":"{want}","given":"{given}","mode":"{}"}}"#, want & given)
}

/// `params` from JSON text of ours.
pub(super) fn params_text(text: String) -> Raw<'static> {
    Raw::new(&text).expect("the text is put together from JSON").detach()
}
