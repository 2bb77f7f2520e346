//! What an answer to a download means (RFC 9110, sections 13.1.5, 14 and 15.3.7), without a socket.

use http::header::{self, HeaderMap, HeaderValue};
use http::{StatusCode, response};

/// The longest validator that is remembered, in bytes (choice).
const MAX_VALIDATOR: usize = 1024;

/// What says that a file is still the same: a strong `ETag`, or else `Last-Modified`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validator {
    value: HeaderValue,
}

impl Validator {
    /// What an answer with the whole file says. `None` where it says nothing that is certain, or the
    /// server gives no parts.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let no_parts = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"none");
        if headers.get(header::ACCEPT_RANGES).is_some_and(no_parts) {
            return None;
        }
        let value = match headers.get(header::ETAG) {
            // A weak one says that the meaning is the same, not the bytes.
            Some(tag) if tag.as_bytes().starts_with(b"\"") => tag,
            Some(_) | None => {
                let modified = headers.get(header::LAST_MODIFIED)?;
                // A file that was changed in the second of the answer may change again in it.
                let date = headers.get(header::DATE)?;
                (modified != date).then_some(modified)?
            }
        };
        Self::from_value(value.clone())
    }

    /// As it was written down.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::from_value(HeaderValue::from_str(text).ok()?)
    }

    fn from_value(value: HeaderValue) -> Option<Self> {
        let is_text = !value.is_empty() && value.to_str().is_ok();
        (is_text && value.len() <= MAX_VALIDATOR).then_some(Self { value })
    }

    /// For `If-Range`.
    pub(super) const fn value(&self) -> &HeaderValue {
        &self.value
    }

    pub(super) fn as_str(&self) -> &str {
        self.value.to_str().unwrap_or_default()
    }

    /// Whether a part says that it is of another file. One that says nothing is believed: the server
    /// was asked with `If-Range`.
    fn is_contradicted_by(&self, headers: &HeaderMap) -> bool {
        let name = match self.value.as_bytes().first() {
            Some(b'"') => header::ETAG,
            Some(_) | None => header::LAST_MODIFIED,
        };
        headers.get(name).is_some_and(|said| *said != self.value)
    }
}

/// What is there already, of a file that the server can tell from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) validator: Validator,
    /// Bytes of the whole file, where the server has said so.
    pub(super) total: Option<u64>,
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The whole file comes, of this length where it is known.
    Whole { total: Option<u64> },
    /// Exactly `len` bytes come, from where we are.
    Rest { len: u64, total: Option<u64> },
    /// Nothing is missing.
    Complete,
    /// What we have is of no use here, ask for the whole.
    StartOver,
    /// A refusal; its body says why.
    Refused,
    /// Not HTTP.
    Malformed(&'static str),
}

/// Judges an answer that is no redirect. `asked` is what the request named: from which byte on, of
/// which file. `length` is that of the body, where it is known.
pub(super) fn plan(
    head: &response::Parts,
    length: Option<u64>,
    asked: Option<(u64, &Known)>,
) -> Plan {
    let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    let is_success = head.status.is_success();
    if is_success && head.headers.get(header::CONTENT_ENCODING).is_some_and(|it| !identity(it)) {
        return Plan::Malformed("it is compressed, which was not asked for");
    }
    match (head.status, asked) {
        (StatusCode::OK, _) => Plan::Whole { total: length },
        (StatusCode::PARTIAL_CONTENT, None) => {
            Plan::Malformed("a part, and the whole was asked for")
        }
        (StatusCode::PARTIAL_CONTENT, Some((offset, known))) => {
            part(&head.headers, length, offset, known)
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, Some((offset, known))) => {
            let size = content_range(&head.headers).and_then(|range| range.size);
            let fits = known.total.is_none_or(|total| total == offset);
            if size == Some(offset) && fits { Plan::Complete } else { Plan::StartOver }
        }
        (status, _) if is_success => {
            let _ = status;
            Plan::Malformed("a success without a file")
        }
        _ => Plan::Refused,
    }
}

fn part(headers: &HeaderMap, length: Option<u64>, offset: u64, known: &Known) -> Plan {
    let Some(ContentRange { part: Some((first, last)), size }) = content_range(headers) else {
        return Plan::StartOver;
    };
    let other_size = matches!((size, known.total), (Some(one), Some(other)) if one != other);
    let len = last - first + 1;
    let other_length = length.is_some_and(|length| length != len);
    let wrong = first != offset || other_size || other_length;
    if wrong || known.validator.is_contradicted_by(headers) {
        return Plan::StartOver;
    }
    Plan::Rest { len, total: size.or(known.total) }
}

/// `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`.
#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    /// First and last byte.
    part: Option<(u64, u64)>,
    /// Of the whole file.
    size: Option<u64>,
}

fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (unit, rest) = text.trim().split_once(' ')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (part, size) = rest.trim().split_once('/')?;
    let number = |text: &str| -> Option<u64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().ok() } else { None }
    };
    let size = if size == "*" { None } else { Some(number(size)?) };
    let part = if part == "*" {
        None
    } else {
        let (first, last) = part.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last == u64::MAX || size.is_some_and(|size| last >= size) {
            return None;
        }
        Some((first, last))
    };
    Some(ContentRange { part, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn headers(pairs: Pairs<'_>) -> HeaderMap {
        let name = |name: &str| header::HeaderName::try_from(name).unwrap();
        pairs.iter().map(|(key, value)| (name(key), value.parse().unwrap())).collect()
    }

    fn validator(pairs: Pairs<'_>) -> Option<String> {
        Validator::of(&headers(pairs)).map(|it| it.as_str().to_owned())
    }

    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:36 GMT");

    #[test]
    fn a_validator_is_strong_or_none() {
        assert_eq!(validator(&[("etag", "\"a\""), MODIFIED, DATE]).unwrap(), "\"a\"");
        assert_eq!(validator(&[("etag", "W/\"a\""), MODIFIED, DATE]).unwrap(), MODIFIED.1);
        let same_second = ("date", MODIFIED.1);
        for none in [
            &[][..],
            &[("etag", "W/\"a\"")],
            &[("etag", "a")],
            &[MODIFIED],
            &[MODIFIED, same_second],
            &[("etag", "\"a\""), ("accept-ranges", "None")],
        ] {
            assert_eq!(validator(none), None, "{none:?}");
        }
        let long = format!("\"{}\"", "x".repeat(MAX_VALIDATOR));
        assert_eq!(validator(&[("etag", &long)]), None);
    }

    fn at(
        status: u16,
        pairs: Pairs<'_>,
        length: Option<u64>,
        asked: Option<(u64, Option<u64>)>,
    ) -> Plan {
        let mut answer = http::Response::builder().status(status).body(()).unwrap();
        *answer.headers_mut() = headers(pairs);
        let validator = Validator::parse("\"a\"").unwrap();
        let known = asked.map(|(at, total)| (at, Known { validator, total }));
        plan(&answer.into_parts().0, length, known.as_ref().map(|(at, known)| (*at, known)))
    }

    #[test]
    fn a_first_answer() {
        assert_eq!(at(200, &[], Some(7), None), Plan::Whole { total: Some(7) });
        assert_eq!(at(200, &[], None, None), Plan::Whole { total: None });
        assert_eq!(at(404, &[], None, None), Plan::Refused);
        assert_eq!(at(416, &[("content-range", "bytes */0")], None, None), Plan::Refused);
        assert_eq!(at(500, &[("content-encoding", "gzip")], None, None), Plan::Refused);
        for (status, pairs) in
            [(206, &[("content-range", "bytes 0-1/2")]), (200, &[("content-encoding", "gzip")])]
        {
            assert!(matches!(at(status, pairs, None, None), Plan::Malformed(_)), "{status}");
        }
        assert!(matches!(at(204, &[], Some(0), None), Plan::Malformed(_)));
        assert_eq!(
            at(200, &[("content-encoding", "identity")], None, None),
            Plan::Whole { total: None }
        );
    }

    #[test]
    fn a_part_must_be_the_one_that_was_asked_for() {
        let part = |range: &str, length, total| {
            at(206, &[("content-range", range), ("etag", "\"a\"")], length, Some((5, total)))
        };
        let rest = Plan::Rest { len: 5, total: Some(10) };
        assert_eq!(part("bytes 5-9/10", Some(5), Some(10)), rest);
        assert_eq!(part("Bytes 5-9/10", None, None), rest);
        assert_eq!(part("bytes 5-9/*", None, Some(10)), rest);
        assert_eq!(part("bytes 5-7/10", None, None), Plan::Rest { len: 3, total: Some(10) });
        for wrong in [
            "bytes 4-9/10",
            "bytes 6-9/10",
            "bytes 0-9/10",
            "bytes 5-10/10",
            "bytes 9-5/10",
            "bytes 5-9/11",
            "bytes */10",
            "bytes 5-9",
            "bytes +5-9/10",
            "bytes 5-18446744073709551615/*",
            "bytes 5-99999999999999999999/*",
            "lines 5-9/10",
            "",
        ] {
            assert_eq!(part(wrong, None, Some(10)), Plan::StartOver, "{wrong}");
        }
        assert_eq!(part("bytes 5-9/10", Some(4), Some(10)), Plan::StartOver);
    }

    #[test]
    fn a_part_of_another_file_is_none() {
        let part = |tag: &str| {
            at(206, &[("content-range", "bytes 5-9/10"), ("etag", tag)], None, Some((5, None)))
        };
        assert_eq!(part("\"b\""), Plan::StartOver);
        assert_eq!(part("W/\"a\""), Plan::StartOver);
        let silent = at(206, &[("content-range", "bytes 5-9/10")], None, Some((5, None)));
        assert_eq!(silent, Plan::Rest { len: 5, total: Some(10) });
    }

    #[test]
    fn nothing_left_may_mean_that_all_is_there() {
        let at = |range: &str, total| at(416, &[("content-range", range)], None, Some((5, total)));
        assert_eq!(at("bytes */5", None), Plan::Complete);
        assert_eq!(at("bytes */5", Some(5)), Plan::Complete);
        assert_eq!(at("bytes */5", Some(9)), Plan::StartOver);
        assert_eq!(at("bytes */4", None), Plan::StartOver);
        assert_eq!(at("", None), Plan::StartOver);
    }
}
