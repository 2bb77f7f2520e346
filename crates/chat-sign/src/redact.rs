//! Printing a query string without what it must not show.

use core::fmt;

/// Parameters whose value is a credential, in lower case.
const SENSITIVE: [&str; 13] = [
    "access_token",
    "apikey",
    "client_secret",
    "listenkey",
    "listentoken",
    "password",
    "refresh_token",
    "secret",
    "signature",
    "token",
    "x-amz-credential",
    "x-amz-signature",
    "x-mbx-apikey",
];

/// Prints a query string (or form body) with the values of credentials left out.
///
/// Both `Display` and `Debug` do. Names are matched without regard to case and as they stand,
/// that is before percent-decoding: meant for what this side wrote, not as a filter for hostile
/// text.
///
/// ```
/// use chat_sign::RedactedQuery;
///
/// let shown = RedactedQuery("token=TOKEN123&clientType=web").to_string();
/// assert_eq!(shown, "token=[REDACTED]&clientType=web");
/// ```
#[derive(Clone, Copy)]
pub struct RedactedQuery<'a>(
    /// The query string, without the leading `?`.
    pub &'a str,
);

impl fmt::Display for RedactedQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, pair) in self.0.split('&').enumerate() {
            if i > 0 {
                f.write_str("&")?;
            }
            match pair.split_once('=') {
                Some((name, _)) if is_sensitive(name) => write!(f, "{name}=[REDACTED]")?,
                _ => f.write_str(pair)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RedactedQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Whether the value of the parameter `name` is a credential.
pub(crate) fn is_sensitive(name: &str) -> bool {
    SENSITIVE.iter().any(|s| s.eq_ignore_ascii_case(name))
}
