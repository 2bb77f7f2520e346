//! Text that never prints.

use core::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A password, key, token or other credential.
///
/// * `Debug` prints `[REDACTED]`, and there is no `Display`, so it cannot reach a log, an error
///   or a URL by accident; [`Secret::expose`] is the one way to the text, and easy to search for.
/// * The memory is wiped on drop. A copy that the caller kept, or that an allocator moved before
///   the text came here, is out of reach.
/// * Comparison takes time that depends on the lengths only, not on the contents.
///
/// ```
/// use chat_sign::Secret;
///
/// let password = Secret::new("demo-101");
/// assert_eq!(format!("{password:?}"), "[REDACTED]");
/// assert_eq!(password.expose(), "demo-101");
/// assert_eq!(password, Secret::from("demo-101"));
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over. A `String` given by value leaves no copy behind.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        if text.len() == text.capacity() {
            return Self(SecretString::from(text));
        }
        // Shrinking the buffer may move it and leave the old one unwiped, so copy and wipe here.
        let exact: Box<str> = text.as_str().into();
        text.zeroize();
        Self(SecretString::from(exact))
    }

    /// The text itself. Whatever the caller makes of it prints again.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether the text has no characters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
