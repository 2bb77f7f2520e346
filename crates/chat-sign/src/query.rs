//! The canonical query: what is signed is exactly what is sent.

use core::fmt::{self, Write as _};

use crate::encoding::{push_decimal, push_percent_encoded};
use crate::redact::RedactedQuery;

/// Room for a usual C2C query with its signature, so that a signed request allocates once for the
/// query.
const USUAL_LEN: usize = 256;

/// A query string under construction: parameters in the order they were pushed.
///
/// Names and values are percent-encoded as RFC 3986 asks: everything but `A-Z a-z 0-9 - . _ ~`
/// becomes `%` and two upper-case hex digits for each UTF-8 byte, so a space is `%20` and never
/// `+`. The service signs over the encoded text and takes parameters in any order (published
/// documentation), so nothing is sorted.
///
/// `Debug` leaves out the values of parameters that are credentials (see [`RedactedQuery`]).
///
/// ```
/// use chat_sign::Query;
///
/// let query = Query::new().with("orderNo", "20476365073825144832").with("page", 1);
/// assert_eq!(query.as_str(), "orderNo=20476365073825144832&page=1");
/// assert_eq!(Query::new().with("note", "a b/é").as_str(), "note=a%20b%2F%C3%A9");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Query {
    text: String,
}

impl Query {
    /// An empty query.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one parameter.
    ///
    /// A query that is to be signed must not hold `recvWindow`, `timestamp` or `signature`:
    /// [`Sign::sign_query`](crate::Sign::sign_query) appends them, and a second one is refused by
    /// the other side.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        self.separate();
        let mut encoder = Encoder(&mut self.text);
        push_percent_encoded(name, encoder.0);
        encoder.0.push('=');
        // The encoder itself cannot fail; a `Display` that reports an error has written what it has.
        let _ = write!(encoder, "{value}");
        self
    }

    /// [`Query::push`] for a chain of calls.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.push(name, value);
        self
    }

    /// The encoded text, without a leading `?`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The encoded text, for a query that is sent unsigned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// Whether no parameter was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Appends a number of our own under a `name` that needs no escape.
    pub(crate) fn with_number(mut self, name: &str, value: u64) -> Self {
        self.separate();
        self.text.push_str(name);
        self.text.push('=');
        push_decimal(value, &mut self.text);
        self
    }

    /// Appends `&signature=`; `signature` must already be in the form a query carries.
    pub(crate) fn seal(mut self, signature: &str) -> SignedQuery {
        const NAME: &str = "signature=";
        self.text.reserve(1 + NAME.len() + signature.len());
        self.separate();
        self.text.push_str(NAME);
        self.text.push_str(signature);
        SignedQuery { text: self.text }
    }

    /// Makes room for the first parameter, and sets a later one off from the one before.
    fn separate(&mut self) {
        if self.text.capacity() == 0 {
            self.text.reserve(USUAL_LEN);
        } else if !self.text.is_empty() {
            self.text.push('&');
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&RedactedQuery(&self.text)).finish()
    }
}

/// A whole query string with `signature` as its last parameter, ready to follow the `?`.
///
/// It must be sent byte for byte: an HTTP client that parses and prints it again may change the
/// escapes, and then the signature no longer holds.
///
/// `Debug` leaves the signature out: within its window the text can be replayed.
#[derive(Clone)]
pub struct SignedQuery {
    text: String,
}

impl SignedQuery {
    /// The text to send, without a leading `?`. It shows the signature.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text to send, without a leading `?`. It shows the signature.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }
}

impl fmt::Debug for SignedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignedQuery").field(&RedactedQuery(&self.text)).finish()
    }
}

/// Percent-encodes whatever is written to it.
struct Encoder<'a>(&'a mut String);

impl fmt::Write for Encoder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_percent_encoded(text, self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealing_a_usual_query_does_not_grow_the_buffer() {
        let query = Query::new()
            .with("orderNo", "22000000000000000001")
            .with("page", 1)
            .with("rows", 50)
            .with("recvWindow", 5000)
            .with("timestamp", 1_700_000_000_000_u64);
        let before = query.text.capacity();
        let sealed = query.seal(&"0".repeat(64));
        assert_eq!(sealed.text.capacity(), before);
    }
}
