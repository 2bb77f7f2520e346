//! Answers of the REST calls, told apart before anything is parsed.
//!
//! The service has two shapes of errors, gateways in front of it have more, and an unknown path
//! answers 200 with nothing in it. (field reports)

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use crate::c2c::history::HistoryItem;
use crate::c2c::value::Loose;
use crate::codec::{Decode, Limits, from_text};
use crate::json::{Encode, Raw, SecretStr, Str, frame};
use crate::rest::{printable, retry_after};
use crate::time::UnixMillis;

/// The `code` of a call that succeeded. (seed)
pub const SUCCESS: &str = "000000";

/// Longest piece of the server's text that an error keeps, in bytes.
const MAX_MESSAGE: usize = 512;

frame! {
    /// What an answer of the service holds. Business answers have a string `code` and `message`,
    /// refusals of the gateway a number and `msg`.
    pub struct Envelope<'a> {
        /// `000000`, or what went wrong.
        code: Loose<'a> => "code";
        /// In words.
        message: Option<Str<'a>> => "message";
        /// More words.
        message_detail: Option<Str<'a>> => "messageDetail";
        /// In words, from the gateway.
        msg: Option<Str<'a>> => "msg";
        /// What was asked for.
        data: Option<Raw<'a>> => "data";
        /// How many there are in all, on pages.
        total: Option<Loose<'a>> => "total";
        /// Whether it worked.
        success: Option<bool> => "success";
    }
}

impl Envelope<'static> {
    /// The answer to a call that worked.
    #[must_use]
    pub fn success(data: Option<Raw<'static>>) -> Self {
        Self {
            code: Loose::string(SUCCESS),
            message: Some("success".into()),
            data,
            success: Some(true),
            ..Self::default()
        }
    }

    /// A refusal by the service itself; travels with HTTP 200.
    #[must_use]
    pub fn business(code: &str, message: &str) -> Self {
        Self {
            code: Loose::string(code.to_owned()),
            message: Some(message.to_owned().into()),
            success: Some(false),
            ..Self::default()
        }
    }

    /// A refusal by the gateway: a number and `msg`.
    #[must_use]
    pub fn gateway(code: i64, msg: &str) -> Self {
        Self { code: Loose::number(code), msg: Some(msg.to_owned().into()), ..Self::default() }
    }
}

impl Envelope<'_> {
    /// The JSON text.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::with_capacity(256);
        self.encode(&mut out);
        out.into()
    }
}

frame! {
    /// `data` of `retrieveChatCredential`. (seed)
    pub struct CredentialData<'a> {
        /// Where to dial.
        chat_wss_url: Str<'a> => "chatWssUrl", always;
        /// Names the account's stream.
        listen_key: SecretStr<'a> => "listenKey", always;
        /// Opens it, once.
        listen_token: SecretStr<'a> => "listenToken", always;
    }
}

frame! {
    /// `data` of `image/pre-signed-url`. The published text calls the first `preSignedUrl`; field
    /// reports saw other spellings.
    pub struct UploadData<'a> {
        /// Where to put the bytes; holds a signature.
        upload_url: SecretStr<'a> => "uploadUrl" | "preSignedUrl" | "presignedUrl", always;
        /// Where they can be fetched afterwards.
        image_url: Str<'a> => "imageUrl", always;
    }
}

frame! {
    /// Answer of `/api/v3/time`.
    pub struct TimeData<'a> {
        /// Milliseconds since 1970.
        server_time: Option<Loose<'a>> => "serverTime", always;
    }
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// -1000: unknown; seen when the body of a POST is a form.
    Unknown,
    /// -1002: not authorised; seen when the signature is in the body.
    NotAuthorized,
    /// -1003: too many requests.
    TooManyRequests,
    /// -1006 and -1007: the call may have happened or not.
    OutcomeUnknown,
    /// -1021: the time of the request is outside the window; the clock is off.
    Clock,
    /// -1022: the signature is wrong.
    Signature,
    /// -1101, -1102: a parameter is missing, malformed, or there twice.
    Parameter,
    /// -2008: the key is not known for C2C.
    KeyUnknown,
    /// -2014: the key is malformed.
    KeyFormat,
    /// -2015: wrong key, address or permission.
    KeyRefused,
    /// -9000: the true code is inside the text.
    Wrapped,
    /// -31002: illegal parameter; most often the header `clientType` is missing.
    IllegalParameter,
    /// Any other.
    Other(i64),
}

impl Code {
    /// From the number.
    #[must_use]
    pub const fn from_i64(code: i64) -> Self {
        match code {
            -1000 => Self::Unknown,
            -1002 => Self::NotAuthorized,
            -1003 => Self::TooManyRequests,
            -1006 | -1007 => Self::OutcomeUnknown,
            -1021 => Self::Clock,
            -1022 => Self::Signature,
            -1101 | -1102 => Self::Parameter,
            -2008 => Self::KeyUnknown,
            -2014 => Self::KeyFormat,
            -2015 => Self::KeyRefused,
            -9000 => Self::Wrapped,
            -31002 => Self::IllegalParameter,
            other => Self::Other(other),
        }
    }

    /// What a person can do about it, where there is something.
    #[must_use]
    pub const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Clock => Some("the clock is off: compare it with the server's"),
            Self::Signature => Some("check the API secret"),
            Self::KeyUnknown => Some("the key is not enabled for C2C"),
            Self::KeyFormat => Some("check the API key"),
            Self::KeyRefused => Some("check the key, its permissions and its list of addresses"),
            Self::IllegalParameter => Some("the header clientType may be missing"),
            Self::Unknown
            | Self::NotAuthorized
            | Self::TooManyRequests
            | Self::OutcomeUnknown
            | Self::Parameter
            | Self::Wrapped
            | Self::Other(_) => None,
        }
    }
}

/// Why an answer is no success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}: {reason}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What the body said.
    pub reason: Reason,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What the body of a refusal said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// HTTP 200 with nothing in it: there is no such endpoint. (field reports)
    #[error("an empty answer: there is no such endpoint")]
    NoSuchEndpoint,
    /// A page for people: a firewall or a proxy answered.
    #[error("a page of HTML instead of an answer")]
    Html,
    /// Not JSON, or of another shape.
    #[error("an answer of another shape")]
    Shape,
    /// Nothing but the status.
    #[error("no text")]
    Bare,
    /// The gateway refused.
    #[error("{code}: {message}")]
    Gateway {
        /// The code.
        code: i64,
        /// `msg`, at most 512 bytes of it.
        message: String,
    },
    /// The service refused.
    #[error("{code}: {message}")]
    Business {
        /// The code.
        code: String,
        /// `message`, at most 512 bytes of it.
        message: String,
    },
}

impl Refusal {
    /// What the code means, where there is a number.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match &self.reason {
            Reason::Gateway { code, .. } => Some(Code::from_i64(*code)),
            Reason::Business { code, .. } => code.parse().ok().map(Code::from_i64),
            Reason::NoSuchEndpoint | Reason::Html | Reason::Shape | Reason::Bare => None,
        }
    }

    /// A firewall in front of the service refuses to pass anything on.
    #[must_use]
    pub fn is_firewall(&self) -> bool {
        self.status == 403 && self.reason == Reason::Html
    }

    /// When a ban ends, where the text of a refusal for too many requests says so:
    /// `… banned until <milliseconds since 1970>`. (published documentation)
    #[must_use]
    pub fn banned_until(&self) -> Option<UnixMillis> {
        let (Reason::Gateway { message, .. } | Reason::Business { message, .. }) = &self.reason
        else {
            return None;
        };
        let (_, rest) = message.split_once("banned until ")?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().map(UnixMillis::new)
    }

    /// The clock is off: one probe and one rebuilt call may help.
    #[must_use]
    pub fn is_clock(&self) -> bool {
        self.code() == Some(Code::Clock)
    }

    /// The server asks to slow down, or has banned the address for a while.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self.status, 418 | 429) || self.code() == Some(Code::TooManyRequests)
    }

    /// The call may have happened nevertheless.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.status >= 500 || self.code() == Some(Code::OutcomeUnknown)
    }

    /// Another try of the same call can work: not when key, signature or parameters are wrong.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self.code() {
            Some(
                Code::NotAuthorized
                | Code::Signature
                | Code::Parameter
                | Code::KeyFormat
                | Code::KeyRefused
                | Code::IllegalParameter,
            ) => false,
            // Keys have been seen to come and go for hours while they are enabled. (field report)
            Some(Code::KeyUnknown) => true,
            Some(_) => true,
            None => self.reason != Reason::NoSuchEndpoint,
        }
    }
}

/// Tells a success from everything else.
///
/// # Errors
///
/// See [`Refusal`].
pub fn classify(response: &Response<Bytes>) -> Result<Envelope<'_>, Refusal> {
    let refuse = |reason| {
        let retry_after = retry_after(response.headers());
        Refusal { status: response.status().as_u16(), reason, retry_after }
    };
    let body = json_body(response).map_err(refuse)?;
    let envelope: Envelope<'_> =
        from_text(body, Limits::default().max_depth).map_err(|_| refuse(Reason::Shape))?;
    let message = || {
        let text = envelope.message.as_ref().or(envelope.msg.as_ref());
        printable(&text.map(Str::decode).unwrap_or_default(), MAX_MESSAGE)
    };
    if let Some(code) = envelope.code.as_i64().filter(|_| envelope.code.is_bare()) {
        return Err(refuse(Reason::Gateway { code, message: message() }));
    }
    if response.status() != StatusCode::OK
        || envelope.success == Some(false)
        || envelope.code != SUCCESS
    {
        if envelope.code.is_empty() && envelope.success.is_none() {
            return Err(refuse(Reason::Shape));
        }
        let code = printable(&envelope.code.text(), MAX_MESSAGE);
        return Err(refuse(Reason::Business { code, message: message() }));
    }
    Ok(envelope)
}

/// The same for calls whose answer has no envelope, such as the time.
///
/// # Errors
///
/// See [`Refusal`].
pub fn classify_plain<'r, T: Decode<'r>>(response: &'r Response<Bytes>) -> Result<T, Refusal> {
    if response.status() != StatusCode::OK {
        return Err(classify(response).err().unwrap_or_else(|| shape(response)));
    }
    let body = json_body(response).map_err(|reason| Refusal { reason, ..shape(response) })?;
    from_text(body, Limits::default().max_depth).map_err(|_| shape(response))
}

/// `data` of an answer that must have some.
///
/// # Errors
///
/// See [`Refusal`]; [`Reason::Shape`] when `data` is missing, `null` or not a `T`.
pub fn data<'r, T: Decode<'r>>(response: &'r Response<Bytes>) -> Result<T, Refusal> {
    read_data(response, &classify(response)?)?.ok_or_else(|| shape(response))
}

/// `data` of an answer that was classified, where there is any.
fn read_data<'r, T: Decode<'r>>(
    response: &Response<Bytes>,
    envelope: &Envelope<'r>,
) -> Result<Option<T>, Refusal> {
    let Some(data) = envelope.data.as_ref().and_then(Raw::borrowed) else { return Ok(None) };
    from_text(data, Limits::default().max_depth).map(Some).map_err(|_| shape(response))
}

/// One page of history.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<'a> {
    /// The messages, newest first.
    pub items: Vec<HistoryItem<'a>>,
    /// How many there are in all, where the answer says so.
    pub total: Option<u64>,
}

/// Reads a page of history.
///
/// # Errors
///
/// See [`Refusal`].
pub fn page(response: &Response<Bytes>) -> Result<Page<'_>, Refusal> {
    let page = |items: Option<_>, total: Option<Loose<'_>>| Page {
        items: items.unwrap_or_default(),
        total: total.and_then(|total| total.as_u64()),
    };
    if response.status() == StatusCode::OK
        && let Ok(body) = json_body(response)
        && let Ok(answer) = from_text::<PageAnswer<'_>>(body, Limits::default().max_depth)
        && answer.code == SUCCESS
        && answer.success != Some(false)
    {
        return Ok(page(answer.data, answer.total));
    }
    // No success, or something else is wrong: it is looked at in two steps.
    let envelope = classify(response)?;
    Ok(page(read_data(response, &envelope)?, envelope.total))
}

frame! {
    /// A page of history as it comes when all is well, read in one go.
    struct PageAnswer<'a> {
        code: Loose<'a> => "code";
        message: Option<Str<'a>> => "message";
        data: Option<Vec<HistoryItem<'a>>> => "data";
        total: Option<Loose<'a>> => "total";
        success: Option<bool> => "success";
    }
}

/// The items of a page of history as they stand in it, so that one that cannot be read does not
/// hide the others; and how many there are in all.
pub(crate) fn raw_items(
    response: &Response<Bytes>,
) -> Result<(Vec<Raw<'_>>, Option<u64>), Refusal> {
    let envelope = classify(response)?;
    let items = read_data(response, &envelope)?.unwrap_or_default();
    Ok((items, envelope.total.and_then(|total| total.as_u64())))
}

/// The headers that say how much of a limit is used: `x-sapi-used-ip-weight-1m` and the like.
pub fn used_weights(headers: &HeaderMap) -> impl Iterator<Item = (&str, u64)> {
    headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let used = name.starts_with("x-mbx-used-") || name.starts_with("x-sapi-used-");
        let value = value.to_str().ok()?.trim().parse().ok()?;
        used.then_some((name, value))
    })
}

fn shape(response: &Response<Bytes>) -> Refusal {
    Refusal {
        status: response.status().as_u16(),
        reason: Reason::Shape,
        retry_after: retry_after(response.headers()),
    }
}

/// The body when it can be JSON at all.
fn json_body(response: &Response<Bytes>) -> Result<&str, Reason> {
    let body = response.body().trim_ascii();
    match body.first() {
        None if response.status() == StatusCode::OK => Err(Reason::NoSuchEndpoint),
        None => Err(Reason::Bare),
        Some(b'<') => Err(Reason::Html),
        Some(b'{') => std::str::from_utf8(body).map_err(|_| Reason::Shape),
        Some(_) => Err(Reason::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn reason(status: u16, body: &'static str) -> Reason {
        classify(&answer(status, body)).unwrap_err().reason
    }

    #[test]
    fn each_shape_is_told_apart() {
        assert!(classify(&answer(200, r#"{"code":"000000","success":true}"#)).is_ok());
        assert!(classify(&answer(200, r#"{"code":"000000","message":null,"data":[]}"#)).is_ok());
        assert_eq!(reason(200, ""), Reason::NoSuchEndpoint);
        assert_eq!(reason(200, " \n"), Reason::NoSuchEndpoint);
        assert_eq!(reason(404, ""), Reason::Bare);
        assert_eq!(reason(403, "<!DOCTYPE html><html>"), Reason::Html);
        assert_eq!(reason(200, "<html>"), Reason::Html);
        assert_eq!(reason(200, "[]"), Reason::Shape);
        assert_eq!(reason(200, "{}"), Reason::Shape);
        assert_eq!(reason(502, "Bad gateway"), Reason::Shape);
        assert_eq!(
            reason(400, r#"{"code":-1022,"msg":"Signature for this request is not valid."}"#),
            Reason::Gateway {
                code: -1022,
                message: "Signature for this request is not valid.".to_owned()
            }
        );
        assert!(matches!(
            reason(200, r#"{"code":-31002,"msg":"illegal parameter"}"#),
            Reason::Gateway { code: -31002, .. }
        ));
        assert_eq!(
            reason(200, r#"{"code":"83229","message":"resting","success":false}"#),
            Reason::Business { code: "83229".to_owned(), message: "resting".to_owned() }
        );
        // Contradictions count as failures.
        assert!(classify(&answer(200, r#"{"code":"000000","success":false}"#)).is_err());
        assert!(classify(&answer(500, r#"{"code":"000000","success":true}"#)).is_err());
    }

    #[test]
    fn a_lone_surrogate_does_not_cost_the_answer() {
        let refused = r#"{"code":"83229","message":"resting \ud83d\u0020x\ude00","success":false}"#;
        assert_eq!(
            reason(200, refused),
            Reason::Business {
                code: "83229".to_owned(),
                message: "resting \u{fffd} x\u{fffd}".to_owned()
            }
        );
        let rows = answer(
            200,
            r#"{"code":"000000","data":[{"id":"7","type":"text","content":"\udc00","\ud800":1}],"total":1,"success":true}"#,
        );
        let Page { items, total } = page(&rows).unwrap();
        assert_eq!((items.len(), total), (1, Some(1)));
        // What is no escape is no answer.
        assert_eq!(reason(200, r#"{"code":"1","message":"\ud83","success":false}"#), Reason::Shape);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let refusal = |status, body| classify(&answer(status, body)).unwrap_err();
        assert!(refusal(400, r#"{"code":-1021,"msg":"x"}"#).is_clock());
        assert!(refusal(429, "").is_limit());
        assert!(refusal(418, "<html>").is_limit());
        assert!(refusal(400, r#"{"code":-1003,"msg":"x"}"#).is_limit());
        assert!(refusal(503, "").may_have_happened());
        assert!(refusal(400, r#"{"code":-1007,"msg":"x"}"#).may_have_happened());
        assert!(!refusal(401, r#"{"code":-2015,"msg":"x"}"#).is_temporary());
        assert!(refusal(503, "").is_temporary());
        assert!(!refusal(200, "").is_temporary());
    }

    #[test]
    fn bans_and_firewalls_are_told() {
        let text = r#"{"code":-1003,"msg":"Way too many requests; IP banned until 1700000123456. Use the websocket."}"#;
        let refusal = classify(&answer(418, text)).unwrap_err();
        assert_eq!(refusal.banned_until(), Some(UnixMillis::new(1_700_000_123_456)));
        assert!(!refusal.is_firewall());
        for text in ["", r#"{"code":-1003,"msg":"banned until soon"}"#] {
            assert_eq!(classify(&answer(429, text)).unwrap_err().banned_until(), None);
        }
        assert!(classify(&answer(403, "<html>")).unwrap_err().is_firewall());
    }

    #[test]
    fn headers_are_read_and_long_texts_clipped() {
        let response = Response::builder()
            .status(429)
            .header("Retry-After", "17")
            .header("X-SAPI-USED-IP-WEIGHT-1M", "11999")
            .header("X-MBX-USED-WEIGHT", "many")
            .body(Bytes::from(format!(r#"{{"code":-1003,"msg":"{}"}}"#, "ü".repeat(4000))))
            .unwrap();
        let weights: Vec<_> = used_weights(response.headers()).collect();
        assert_eq!(weights, [("x-sapi-used-ip-weight-1m", 11_999)]);
        let refusal = classify(&response).unwrap_err();
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(17)));
        assert!(refusal.to_string().len() < 600);
    }

    #[test]
    fn upload_urls_have_three_spellings() {
        for name in ["uploadUrl", "preSignedUrl", "presignedUrl"] {
            let body = format!(
                r#"{{"code":"000000","data":{{"{name}":"https://u/1?s=2","imageUrl":"https://d/1"}},"success":true}}"#
            );
            let response = Response::new(Bytes::from(body));
            let upload: UploadData<'_> = data(&response).unwrap();
            assert_eq!(*upload.upload_url.expose(), "https://u/1?s=2");
            assert!(!format!("{upload:?}").contains("s=2"));
        }
    }

    #[test]
    fn a_page_without_data_is_empty() {
        let response = answer(200, r#"{"code":"000000","data":null,"total":0,"success":true}"#);
        assert_eq!(page(&response).unwrap(), Page { items: vec![], total: Some(0) });
        let response = answer(200, r#"{"code":"000000","data":{"list":[]},"success":true}"#);
        assert_eq!(page(&response).unwrap_err().reason, Reason::Shape);
    }

    #[test]
    fn the_time_has_no_envelope() {
        let response = answer(200, r#"{"serverTime":1700000000000}"#);
        let time: TimeData<'_> = classify_plain(&response).unwrap();
        assert_eq!(time.server_time.unwrap().as_u64(), Some(1_700_000_000_000));
        let time = classify_plain::<TimeData<'_>>(&answer(429, "")).unwrap_err();
        assert!(time.is_limit());
    }
}
