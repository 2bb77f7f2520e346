//! What can be said of an answer before its body is parsed.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};

use crate::machine::Text;
use crate::time::calendar::read_http_date;

/// The longest wait a server can ask for (choice): a mistake of a proxy must not stop a client for
/// years. Bans of up to three days are documented. (Binance's documentation)
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the body of an answer looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// No byte, or white space only.
    Empty,
    /// A page: a proxy or a firewall speaks, not the service.
    Html,
    /// Starts as JSON, or says it is; not parsed yet.
    Json(Text),
    /// Anything else.
    Other,
}

impl Body {
    /// Looks at an answer. What the body starts with counts for more than its `Content-Type`.
    #[must_use]
    pub fn of(answer: &http::Response<Bytes>) -> Self {
        let body = answer.body();
        let bare = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
        let says = |wanted: &str| {
            let media_type = answer.headers().get(header::CONTENT_TYPE);
            let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
            media_type.to_ascii_lowercase().contains(wanted)
        };
        match bare.first() {
            None => Self::Empty,
            Some(b'<') => Self::Html,
            Some(b'{' | b'[') => Self::json(body, bare),
            Some(_) if says("html") => Self::Html,
            Some(_) if says("json") => Self::json(body, bare),
            Some(_) => Self::Other,
        }
    }

    fn json(body: &Bytes, part: &[u8]) -> Self {
        Text::from_utf8(body.slice_ref(part)).map_or(Self::Other, Self::Json)
    }
}

/// How long the server asks to wait: `Retry-After` in seconds, or as a date, which is taken against
/// the answer's own `Date`, so that no clock of ours is asked. At most [`MAX_RETRY_AFTER`]; `None`
/// when there is none, or none that can be read.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let wanted = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !wanted.is_empty() && wanted.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit are still a number: a large one.
        Duration::from_secs(wanted.parse().unwrap_or(u64::MAX))
    } else {
        let now = headers.get(header::DATE)?.to_str().ok()?;
        let seconds = read_http_date(wanted)?.checked_sub(read_http_date(now.trim())?)?;
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content_type: &str, body: &'static [u8]) -> Body {
        let answer = http::Response::builder().header("content-type", content_type);
        Body::of(&answer.body(Bytes::from_static(body)).unwrap())
    }

    #[test]
    fn the_body_counts_for_more_than_its_label() {
        let json = Body::Json(Text::from(r#"{"a":1}"#));
        assert_eq!(body("text/html", b" {\"a\":1}\r\n"), json);
        assert_eq!(body("", b"\xEF\xBB\xBF{\"a\":1}"), json);
        assert_eq!(body("application/json", b"<html>403"), Body::Html);
        assert_eq!(body("text/html; charset=utf-8", b"Forbidden"), Body::Html);
        assert_eq!(body("application/json", b"true"), Body::Json(Text::from("true")));
        assert_eq!(body("application/json", b" \r\n\t"), Body::Empty);
        assert_eq!(body("text/plain", b"Bad Gateway"), Body::Other);
        assert_eq!(body("application/json", b"{\"a\":\"\xFF\"}"), Body::Other);
        assert_eq!(body("application/json", b"\xEF\xBB\xBF"), Body::Empty);
    }

    fn wait(pairs: &[(header::HeaderName, &str)]) -> Option<Duration> {
        let headers: HeaderMap =
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        retry_after(&headers)
    }

    #[test]
    fn retry_after_in_seconds() {
        let seconds = |text| wait(&[(header::RETRY_AFTER, text)]);
        assert_eq!(seconds("17"), Some(Duration::from_secs(17)));
        assert_eq!(seconds(" 0 "), Some(Duration::ZERO));
        assert_eq!(seconds("99999999999999999999999"), Some(MAX_RETRY_AFTER));
        for bad in ["", "-1", "1.5", "soon", "1 2"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn retry_after_as_a_date_is_taken_against_the_date_of_the_answer() {
        let date = (header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let at = |text| (header::RETRY_AFTER, text);
        let later = at("Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(wait(&[later.clone(), date.clone()]), Some(Duration::from_secs(30)));
        assert_eq!(wait(&[later]), None);
        let earlier = at("Sun, 06 Nov 1994 08:49:07 GMT");
        assert_eq!(wait(&[earlier, date.clone()]), Some(Duration::ZERO));
        let far = at("Sat, 06 Nov 2094 08:49:07 GMT");
        assert_eq!(wait(&[far, date]), Some(MAX_RETRY_AFTER));
    }
}
