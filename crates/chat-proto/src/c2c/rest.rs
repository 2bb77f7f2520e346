//! REST calls of order chat, as data.

mod download;
mod ticket;
mod upload;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chat_sign::{DEFAULT_RECV_WINDOW_MS, HmacSigner, Query, Secret, Sign};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};

use crate::c2c::answer::{self, TimeData};
use crate::c2c::value::OrderNo;
use crate::json::{Encode, frame};
use crate::machine::HttpRequest;
use crate::rest::{BaseUrl, UrlError};
use crate::time::UnixMillis;

pub use self::download::{Download, DownloadError, DownloadRules, Head, Hosts, download};
pub use self::ticket::Ticket;
pub use self::upload::{UPLOAD_LIFETIME, UploadSlot};
pub use crate::c2c::answer::{Code, Page, Reason, Refusal};

/// Where the service lives. (seed)
pub const BASE_URL: &str = "https://api.binance.com";
/// Path in front of the six chat calls.
pub const CHAT_PATH: &str = "/sapi/v1/c2c/chat/";
/// Path of the clock.
pub const TIME_PATH: &str = "/api/v3/time";
/// The most messages a page of history holds. (field reports)
pub const MAX_ROWS: u32 = 100;
/// Pre-signed URLs in one minute for one user. (seed)
pub const UPLOADS_PER_MINUTE: u32 = 36;

/// The longest order number that is asked for, in bytes; real ones have 20. (choice)
pub const MAX_ORDER_NO: usize = 128;
/// The longest filter of history, in bytes. (choice)
const MAX_FILTER: usize = 64;

/// Header with the API key.
pub const API_KEY_HEADER: &str = "x-mbx-apikey";
/// Header without which some calls answer -31002; its value is read without regard to case. (seed)
pub const CLIENT_TYPE_HEADER: &str = "clienttype";

/// A base URL, key or answer that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadApi {
    /// The address of the service.
    #[error("the base URL is not usable: {0}")]
    BaseUrl(UrlError),
    /// Empty, or with a character that a header cannot carry.
    #[error("the API key cannot stand in a header")]
    ApiKey,
    /// The address of a picture, or of the place to put one.
    #[error("the URL is not usable: {0}")]
    Url(#[from] UrlError),
    /// The server's `chatWssUrl` is not an absolute `ws` or `wss` URL.
    #[error("the address of the chat is not an absolute ws or wss URL")]
    ChatUrl,
    /// The order number is empty or longer than [`MAX_ORDER_NO`], or another value is too long.
    #[error("an order number or filter is empty or too long")]
    Query,
}

/// Builds signed calls for one account.
///
/// Times are milliseconds *by the server's clock*. `Debug` shows neither key nor secret.
#[derive(Clone)]
pub struct Api {
    base: BaseUrl,
    api_key: HeaderValue,
    signer: Arc<dyn Sign>,
    recv_window_ms: u32,
    marks: MarkAuth,
}

/// What read marks carry beside the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarkAuth {
    /// Time and signature, as all other calls.
    #[default]
    Signed,
    /// Nothing: one program reports that a signature is refused there, others sign. (field reports)
    KeyOnly,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Which messages of history to fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The order.
    pub order_no: String,
    /// Page, from 1; the server's default when `None`.
    pub page: Option<u32>,
    /// Messages a page; at most [`MAX_ROWS`].
    pub rows: Option<u32>,
    /// Only messages of this kind: `text`, `image`, …
    pub message_type: Option<String>,
    /// Only messages with an id below this one.
    pub before_id: Option<i64>,
    /// `asc` or `desc` by time.
    pub sort: Option<String>,
}

impl HistoryQuery {
    /// The newest messages of an order, as many as the server gives.
    #[must_use]
    pub fn newest(order_no: impl Into<String>) -> Self {
        Self { order_no: order_no.into(), ..Self::default() }
    }

    /// Whether it fits into a URL.
    ///
    /// # Errors
    ///
    /// The order number is empty or longer than [`MAX_ORDER_NO`], or a filter is too long.
    pub fn check(&self) -> Result<(), BadApi> {
        let filters = [&self.message_type, &self.sort];
        let fits = check_order(&self.order_no)
            && filters.into_iter().flatten().all(|filter| filter.len() <= MAX_FILTER);
        if fits { Ok(()) } else { Err(BadApi::Query) }
    }

    fn to_query(&self) -> Query {
        let mut query = Query::new().with("orderNo", &self.order_no);
        query.push("page", self.page.unwrap_or(1).max(1));
        query.push("rows", self.rows.unwrap_or(MAX_ROWS).clamp(1, MAX_ROWS));
        if let Some(kind) = &self.message_type {
            query.push("chatMessageType", kind);
        }
        if let Some(id) = self.before_id {
            query.push("id", id);
        }
        if let Some(sort) = &self.sort {
            query.push("sort", sort);
        }
        query
    }
}

frame! {
    /// Body of `image/pre-signed-url`. (field reports)
    pub struct UploadBody<'a> {
        /// Name of the file with its extension.
        image_name: crate::json::Str<'a> => "imageName", always;
    }
}

frame! {
    /// Body of `markOrderMessagesAsRead` and `markUserMessagesAsRead`. (field reports)
    pub struct MarkBody<'a> {
        /// The order.
        order_no: OrderNo<'a> => "orderNo";
        /// The user whose messages were read.
        user_id: Option<i64> => "userId";
    }
}

frame! {
    /// Body of `getRiskWarningTips`. (field reports)
    pub struct RiskBody<'a> {
        /// The order.
        order_no: OrderNo<'a> => "orderNo";
        /// The currency paid in.
        fiat: crate::json::Str<'a> => "fiat";
        /// Where the tips are shown.
        scene: crate::json::Str<'a> => "scene";
    }
}

impl Api {
    /// Calls to the live service, signed with HMAC.
    ///
    /// # Errors
    ///
    /// The key cannot stand in a header.
    pub fn new(api_key: &Secret, secret: &Secret) -> Result<Self, BadApi> {
        Self::with_signer(api_key, Arc::new(HmacSigner::new(secret)))
    }

    /// The same with any signer.
    ///
    /// # Errors
    ///
    /// The key cannot stand in a header.
    pub fn with_signer(api_key: &Secret, signer: Arc<dyn Sign>) -> Result<Self, BadApi> {
        let mut value = HeaderValue::from_str(api_key.expose()).map_err(|_| BadApi::ApiKey)?;
        if value.is_empty() {
            return Err(BadApi::ApiKey);
        }
        value.set_sensitive(true);
        let base = BaseUrl::parse(BASE_URL).map_err(BadApi::BaseUrl)?;
        let marks = MarkAuth::default();
        Ok(Self { base, api_key: value, signer, recv_window_ms: DEFAULT_RECV_WINDOW_MS, marks })
    }

    /// Calls to another server or through a relay: `https://host[:port][/prefix]`.
    ///
    /// # Errors
    ///
    /// See [`BaseUrl::parse`].
    pub fn base_url(mut self, base: &str) -> Result<Self, BadApi> {
        self.base = BaseUrl::parse(base).map_err(BadApi::BaseUrl)?;
        Ok(self)
    }

    /// How long a request stays valid, in milliseconds; 5000 unless told, at most 60 000.
    #[must_use]
    pub const fn recv_window_ms(mut self, millis: u32) -> Self {
        self.recv_window_ms = millis;
        self
    }

    /// How read marks show who asks; signed unless told.
    #[must_use]
    pub const fn mark_auth(mut self, marks: MarkAuth) -> Self {
        self.marks = marks;
        self
    }

    /// A ticket for one dial.
    #[must_use]
    pub fn credential(&self, at: UnixMillis) -> HttpRequest {
        self.get("retrieveChatCredential", Query::new(), at)
    }

    /// A page of history.
    ///
    /// # Errors
    ///
    /// See [`HistoryQuery::check`].
    pub fn history(&self, query: &HistoryQuery, at: UnixMillis) -> Result<HttpRequest, BadApi> {
        query.check()?;
        Ok(self.get("retrieveChatMessagesWithPagination", query.to_query(), at))
    }

    /// A place to put a picture; at most [`UPLOADS_PER_MINUTE`].
    #[must_use]
    pub fn pre_signed_url(&self, image_name: &str, at: UnixMillis) -> HttpRequest {
        let body = UploadBody { image_name: image_name.into(), ..UploadBody::default() };
        self.post("image/pre-signed-url", &body, at)
    }

    /// Marks the messages of an order as read.
    #[must_use]
    pub fn mark_order_read(
        &self,
        order_no: &str,
        user_id: Option<i64>,
        at: UnixMillis,
    ) -> HttpRequest {
        let body = MarkBody { order_no: order_no.into(), user_id, ..MarkBody::default() };
        self.mark("markOrderMessagesAsRead", &body, at)
    }

    /// Marks the messages of a user as read.
    #[must_use]
    pub fn mark_user_read(&self, user_id: Option<i64>, at: UnixMillis) -> HttpRequest {
        self.mark("markUserMessagesAsRead", &MarkBody { user_id, ..MarkBody::default() }, at)
    }

    /// Warnings to show for an order.
    #[must_use]
    pub fn risk_warning_tips(
        &self,
        order_no: &str,
        fiat: &str,
        scene: &str,
        at: UnixMillis,
    ) -> HttpRequest {
        let body = RiskBody {
            order_no: order_no.into(),
            fiat: fiat.into(),
            scene: scene.into(),
            ..RiskBody::default()
        };
        self.post("getRiskWarningTips", &body, at)
    }

    /// The server's clock; unsigned.
    #[must_use]
    pub fn time(&self) -> HttpRequest {
        let uri = format!("{}{TIME_PATH}", self.base);
        HttpRequest::new(Self::finish(Request::get(uri), Bytes::new()))
    }

    fn get(&self, call: &str, query: Query, at: UnixMillis) -> HttpRequest {
        let request = self.signed(Method::GET, call, query, at);
        HttpRequest::new(Self::finish(request, Bytes::new()))
    }

    /// The body is not part of what is signed. (published documentation)
    fn post(&self, call: &str, body: &impl Encode, at: UnixMillis) -> HttpRequest {
        Self::with_body(self.signed(Method::POST, call, Query::new(), at), body)
    }

    fn mark(&self, call: &str, body: &MarkBody<'_>, at: UnixMillis) -> HttpRequest {
        match self.marks {
            MarkAuth::Signed => self.post(call, body, at),
            MarkAuth::KeyOnly => Self::with_body(self.keyed(Method::POST, call), body),
        }
    }

    fn with_body(request: http::request::Builder, body: &impl Encode) -> HttpRequest {
        let mut json = Vec::with_capacity(128);
        body.encode(&mut json);
        let json_type = HeaderValue::from_static("application/json;charset=utf-8");
        HttpRequest::new(Self::finish(request.header(CONTENT_TYPE, json_type), json.into()))
    }

    fn signed(
        &self,
        method: Method,
        call: &str,
        query: Query,
        at: UnixMillis,
    ) -> http::request::Builder {
        let query = self.signer.sign_query(query, at.as_millis(), self.recv_window_ms);
        self.keyed(method, &format!("{call}?{}", query.as_str()))
    }

    /// With the two headers that every call has.
    fn keyed(&self, method: Method, call: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{CHAT_PATH}{call}", self.base))
            .header(API_KEY_HEADER, self.api_key.clone())
            .header(CLIENT_TYPE_HEADER, HeaderValue::from_static("web"))
    }

    fn finish(request: http::request::Builder, body: Bytes) -> Request<Bytes> {
        request
            .body(body)
            .expect("the base URL was checked; the rest is short ASCII and fixed headers")
    }
}

/// Reads the answer to [`Api::time`].
///
/// # Errors
///
/// See [`Refusal`].
pub fn server_time(response: &Response<Bytes>) -> Result<UnixMillis, Refusal> {
    let data: TimeData<'_> = answer::classify_plain(response)?;
    let millis = data.server_time.and_then(|time| time.as_u64());
    millis.map(UnixMillis::new).ok_or(Refusal {
        status: response.status().as_u16(),
        reason: Reason::Shape,
        retry_after: None,
    })
}

/// Whether an order number can be asked for.
pub(crate) fn check_order(order_no: &str) -> bool {
    (1..=MAX_ORDER_NO).contains(&order_no.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> Api {
        Api::new(&"demo-merchant-key".into(), &"demo-merchant-secret".into())
            .unwrap()
            .base_url("https://127.0.0.1:8887/")
            .unwrap()
    }

    const AT: UnixMillis = UnixMillis::new(1_700_000_000_000);

    #[test]
    fn calls_are_signed_and_carry_their_headers() {
        let request = api().credential(AT).into_request();
        let uri = request.uri().to_string();
        let start = "https://127.0.0.1:8887/sapi/v1/c2c/chat/retrieveChatCredential?recvWindow=5000&timestamp=1700000000000&signature=";
        assert_eq!(uri.len(), start.len() + 64);
        assert!(uri.starts_with(start), "{uri}");
        assert_eq!(request.headers()["X-MBX-APIKEY"], "demo-merchant-key");
        assert!(request.headers()["X-MBX-APIKEY"].is_sensitive());
        assert_eq!(request.headers()["clientType"], "web");
        assert!(!request.headers().contains_key(CONTENT_TYPE));
    }

    #[test]
    fn history_names_what_is_asked() {
        let query = HistoryQuery {
            order_no: "22000000000000000001".into(),
            rows: Some(500),
            message_type: Some("image".into()),
            before_id: Some(7),
            sort: Some("desc".into()),
            ..HistoryQuery::default()
        };
        let uri = api().history(&query, AT).unwrap().into_request().uri().to_string();
        assert!(
            uri.contains("Pagination?orderNo=22000000000000000001&page=1&rows=100&chatMessageType=image&id=7&sort=desc&recvWindow"),
            "{uri}"
        );
    }

    #[test]
    fn a_query_that_fits_no_url_is_refused() {
        for order_no in [String::new(), "7".repeat(MAX_ORDER_NO + 1), "7".repeat(100_000)] {
            let query = HistoryQuery::newest(order_no);
            assert_eq!(api().history(&query, AT).unwrap_err(), BadApi::Query);
        }
        let query = HistoryQuery {
            message_type: Some("x".repeat(100_000)),
            ..HistoryQuery::newest("\u{1F642}".repeat(32))
        };
        assert_eq!(api().history(&query, AT).unwrap_err(), BadApi::Query);
        let query = HistoryQuery { message_type: None, ..query };
        assert!(api().history(&query, AT).is_ok());
        // Bodies have no such limit.
        let mark = api().mark_order_read(&"7".repeat(100_000), None, AT);
        assert!(mark.request().body().len() > 100_000);
    }

    #[test]
    fn a_body_is_not_signed() {
        let one = api().pre_signed_url("a.jpg", AT).into_request();
        let two = api().pre_signed_url("\"b\".png", AT).into_request();
        assert_eq!(one.uri(), two.uri());
        assert_eq!(one.headers()[CONTENT_TYPE], "application/json;charset=utf-8");
        assert_eq!(&two.body()[..], br#"{"imageName":"\"b\".png"}"#);
        let mark = api().mark_order_read("22000000000000000001", Some(7), AT).into_request();
        assert_eq!(&mark.body()[..], br#"{"orderNo":"22000000000000000001","userId":7}"#);
        assert_eq!(&api().mark_user_read(None, AT).into_request().body()[..], b"{}");
    }

    #[test]
    fn any_signature_stands_last_and_as_it_was_made() {
        #[derive(Debug)]
        struct Base64;
        impl Sign for Base64 {
            fn signature(&self, payload: &[u8]) -> String {
                assert_eq!(payload, b"recvWindow=9000&timestamp=1700000000000");
                "a%2Bb%2Fc%3D".to_owned()
            }
        }
        let api = Api::with_signer(&"key".into(), Arc::new(Base64)).unwrap().recv_window_ms(9000);
        let uri = api.credential(AT).into_request().uri().to_string();
        assert!(uri.ends_with("&timestamp=1700000000000&signature=a%2Bb%2Fc%3D"), "{uri}");
    }

    #[test]
    fn read_marks_can_go_without_a_signature() {
        let api = api().mark_auth(MarkAuth::KeyOnly);
        for request in [api.mark_order_read("7", None, AT), api.mark_user_read(Some(7), AT)] {
            let request = request.into_request();
            assert_eq!(request.uri().query(), None);
            assert_eq!(request.headers()["X-MBX-APIKEY"], "demo-merchant-key");
            assert_eq!(request.headers()["clientType"], "web");
        }
        // Everything else is signed all the same.
        let tips = api.risk_warning_tips("7", "EUR", "PAY", AT).into_request();
        assert!(tips.uri().query().unwrap().contains("signature="));
    }

    #[test]
    fn bad_urls_and_keys_are_refused() {
        for base in ["", "api.binance.com", "ftp://h", "https://", "https://h/?a=b", "https://h h"]
        {
            assert!(matches!(api().base_url(base), Err(BadApi::BaseUrl(_))), "{base}");
        }
        for key in ["", "a\nb", "ä\u{1}"] {
            assert_eq!(Api::new(&key.into(), &"s".into()).unwrap_err(), BadApi::ApiKey);
        }
        assert!(download("file:///etc/passwd").is_err());
        assert!(download("/relative").is_err());
    }

    #[test]
    fn secrets_do_not_print() {
        let ticket = Ticket::new("wss://h/chat", "c2c_key", "TOKENhush");
        let shown = format!("{ticket:?} {:?} {:?}", api(), api().credential(AT));
        for secret in ["TOKENhush", "c2c_key", "demo-merchant", "signature"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
