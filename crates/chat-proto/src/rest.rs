//! HTTP exchanges as data, for both services.
//!
//! Requests are built here and performed elsewhere. Answers are looked at before they are parsed: a
//! proxy answers with HTML, an overloaded service with nothing at all, and neither is what the
//! service says about a password or an order.

mod answer;
mod gcra;
mod multipart;
mod url;

pub use answer::{Body, MAX_RETRY_AFTER, retry_after};
pub use gcra::{Gcra, Quota};
pub use multipart::{FilePart, LengthMismatch, Multipart, Upload};
#[cfg(any(feature = "c2c", feature = "im"))]
pub(crate) use url::parse_http;
pub use url::{BaseUrl, MAX_URL_LEN, UrlError};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text for one segment of a path, or one name or value of a query: a space becomes `%20`.
///
/// ```
/// assert_eq!(chat_proto::rest::percent_encode("a/b c~é"), "a%2Fb%20c~%C3%A9");
/// ```
#[must_use]
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The body of an `application/x-www-form-urlencoded` request: here a space becomes `+`.
///
/// ```
/// let body = chat_proto::rest::form(&[("username", "o'neil"), ("password", "a&b c")]);
/// assert_eq!(&body[..], b"username=o%27neil&password=a%26b+c");
/// ```
#[must_use]
pub fn form(pairs: &[(&str, &str)]) -> Bytes {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into()
}

/// Shortens what a peer says to `max` bytes and takes the control characters out, so that it can
/// stand in an error and on a terminal.
#[cfg(any(feature = "c2c", feature = "im", test))]
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max + 4));
    for letter in text.chars() {
        let letter = if letter.is_control() { ' ' } else { letter };
        if out.len() + letter.len_utf8() > max {
            out.push('…');
            break;
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_is_cut_and_cleaned() {
        assert_eq!(printable("bad\x1b[31m\npassword", 64), "bad [31m password");
        assert_eq!(printable("ééé", 5), "éé…");
        assert_eq!(printable("ééé", 6), "ééé");
        assert_eq!(printable("", 0), "");
    }
}
