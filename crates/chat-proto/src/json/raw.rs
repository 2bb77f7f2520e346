//! JSON values that are passed on untouched.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::share::{Form, Share, Slice, Source};
use super::string::Str;
use crate::codec::{self, Fault};

/// One JSON value as it was written: message content, descriptions, heads.
///
/// Equality is that of the texts.
#[derive(Clone)]
pub struct Raw<'a>(pub(crate) Slice<'a>);

/// Members a frame type does not name, in the order they came.
pub type Extra<'a> = Vec<(Str<'a>, Raw<'a>)>;

impl<'a> Raw<'a> {
    /// The value `null`.
    pub const NULL: Self = Self(Slice::Borrowed(Form::Bare, "null"));

    /// Takes `text` as it is, after checking that it is one JSON value.
    ///
    /// # Errors
    ///
    /// Says where `text` stops being JSON; also refuses what is nested deeper than 128.
    pub fn new(text: &'a str) -> Result<Self, Fault> {
        codec::from_text(text, usize::MAX)
    }

    /// From the text of one valid value.
    #[inline(always)]
    pub(crate) const fn scanned(text: &'a str) -> Self {
        Self(Slice::Borrowed(Form::Bare, text))
    }

    /// The text under the lifetime it was borrowed with; `None` when it is shared or our own.
    pub(crate) const fn borrowed(&self) -> Option<&'a str> {
        match &self.0 {
            Slice::Borrowed(_, text) => Some(text),
            Slice::Shared(..) | Slice::Own(..) => None,
        }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Reads the value as `T`.
    ///
    /// # Errors
    ///
    /// The value has another shape, or is nested deeper than 128.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    /// The value when it is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        self.read_as().map(|text: Str<'_>| text.decode().into_owned())
    }

    /// The value when it is a `T`, which borrows from it.
    pub(crate) fn read_as<'t, T: codec::Decode<'t>>(&'t self) -> Option<T> {
        codec::from_text(self.as_str(), usize::MAX).ok()
    }

    /// The same value under the lifetime of `self`, without a copy.
    #[must_use]
    pub fn reborrow(&self) -> Raw<'_> {
        Raw(self.0.reborrow())
    }

    /// A value that keeps nothing else alive.
    #[must_use]
    pub fn detach(&self) -> Raw<'static> {
        Raw(Slice::own(Form::Bare, self.as_str()))
    }
}

impl Raw<'static> {
    /// Writes `value` as JSON.
    ///
    /// # Errors
    ///
    /// The value cannot be JSON, e.g. a map whose keys are not strings.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(Slice::own(Form::Bare, text)))
    }

    /// A JSON string.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut out = Vec::with_capacity(text.len() + 2);
        super::write::write_str(text, &mut out);
        let written = String::from_utf8(out).expect("the writer copies UTF-8 and adds ASCII");
        Self(Slice::own(Form::Bare, written))
    }
}

impl Default for Raw<'_> {
    fn default() -> Self {
        Self::NULL
    }
}

impl Share for Raw<'_> {
    type Static = Raw<'static>;

    fn share_in(self, source: &Source) -> Raw<'static> {
        Raw(self.0.share_in(source))
    }
}

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Raw<'_> {}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_spaces_inside() {
        let raw: Raw<'_> = serde_json::from_str(r#" {"b": 1, "a":[2 ]} "#).unwrap();
        assert_eq!(raw.as_str(), r#"{"b": 1, "a":[2 ]}"#);
    }

    #[test]
    fn refuses_what_is_not_one_value() {
        for text in ["", "{", "1 2", "{\"a\":1,}", "nul"] {
            assert!(Raw::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn text_becomes_a_json_string() {
        assert_eq!(Raw::from_text("a\"b\n").as_str(), r#""a\"b\n""#);
    }
}
