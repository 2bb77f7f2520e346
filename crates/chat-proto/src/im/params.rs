//! What an answer carries beside its code.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::json::{Raw, transparent};

/// The `params` of a `ctrl`: any object. `Debug` hides the values as soon as there is a `token`
/// among them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params<'a>(Raw<'a>);

impl<'a> Params<'a> {
    /// The JSON text.
    #[must_use]
    pub const fn raw(&self) -> &Raw<'a> {
        &self.0
    }

    /// Reads the whole object as `T`.
    ///
    /// # Errors
    ///
    /// The object has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.0.parse()
    }
}

impl<'a> From<Raw<'a>> for Params<'a> {
    fn from(raw: Raw<'a>) -> Self {
        Self(raw)
    }
}

transparent! { Params(Raw) }

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever is not plainly free of a token is hidden: a key may be written with escapes.
        let text = self.0.as_str();
        if text.contains("token") || text.contains('\\') {
            f.write_str("[REDACTED]")
        } else {
            f.write_str(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_with_a_token_do_not_print() {
        let params = Params::from(Raw::new(r#"{"token":"hush"}"#).unwrap());
        assert_eq!(format!("{params:?}"), "[REDACTED]");
        let params = Params::from(Raw::new(r#"{"to\u006ben":"hush"}"#).unwrap());
        assert_eq!(format!("{params:?}"), "[REDACTED]");
        let params = Params::from(Raw::new(r#"{"seq":7}"#).unwrap());
        assert_eq!(format!("{params:?}"), r#"{"seq":7}"#);
    }
}
