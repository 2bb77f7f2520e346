//! Secrets inside frames.

use std::fmt;

use crate::json::{Str, transparent};

/// A string whose `Debug` shows nothing: login secrets and tokens inside frames.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretStr<'a>(Str<'a>);

impl<'a> SecretStr<'a> {
    /// The text itself.
    #[must_use]
    pub const fn expose(&self) -> &Str<'a> {
        &self.0
    }
}

impl<'a, T: Into<Str<'a>>> From<T> for SecretStr<'a> {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SecretStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

transparent! { SecretStr(Str) }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing() {
        assert_eq!(format!("{:?}", SecretStr::from("hush")), "[REDACTED]");
    }
}
