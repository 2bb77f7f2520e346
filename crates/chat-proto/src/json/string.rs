//! A JSON string as it was written.

use std::borrow::Cow;
use std::fmt;

use super::share::{Form, Share, Slice, Source};

/// A JSON string: borrowed from its frame, shared with it, or made by us.
///
/// Escapes are kept as they were written and decoded by [`Str::decode`], so that a frame that is
/// relayed comes out as it came in. A lone surrogate decodes to U+FFFD. Equality is that of the
/// decoded texts.
#[derive(Clone)]
pub struct Str<'a>(pub(crate) Slice<'a>);

impl<'a> Str<'a> {
    /// A string without a buffer behind it.
    #[must_use]
    pub const fn borrowed(text: &'a str) -> Self {
        Self(Slice::Borrowed(Form::Plain, text))
    }

    /// The text with its escapes decoded; borrowed unless there are any.
    #[must_use]
    pub fn decode(&self) -> Cow<'_, str> {
        self.0.decode()
    }

    /// The text when it needs no decoding; `None` when it was written with escapes.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        (self.0.form() != Form::Escaped).then(|| self.0.as_str())
    }

    /// Whether there is nothing between the quotes.
    #[must_use]
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same string under the lifetime of `self`, without a copy.
    #[must_use]
    pub fn reborrow(&self) -> Str<'_> {
        Str(self.0.reborrow())
    }

    /// A string that keeps nothing else alive.
    #[must_use]
    pub fn detach(&self) -> Str<'static> {
        Str(self.0.detach())
    }

    /// From what stood between the quotes of valid JSON.
    #[inline(always)]
    pub(crate) const fn scanned(text: &'a str, escaped: bool) -> Self {
        Self(Slice::Borrowed(if escaped { Form::Escaped } else { Form::Clean }, text))
    }
}

impl Slice<'_> {
    /// The text with its escapes decoded.
    pub(crate) fn decode(&self) -> Cow<'_, str> {
        let text = self.as_str();
        match self.form() {
            Form::Escaped => Cow::Owned(unescape(text)),
            Form::Plain | Form::Clean | Form::Bare => Cow::Borrowed(text),
        }
    }

    /// The decoded text, which keeps nothing else alive.
    pub(crate) fn detach(&self) -> Slice<'static> {
        match self.form() {
            Form::Escaped => Slice::own(Form::Plain, self.decode()),
            form @ (Form::Plain | Form::Clean | Form::Bare) => Slice::own(form, self.as_str()),
        }
    }
}

impl Default for Str<'_> {
    fn default() -> Self {
        Self::borrowed("")
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self::borrowed(text)
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self(Slice::own(Form::Plain, text))
    }
}

impl Share for Str<'_> {
    type Static = Str<'static>;

    fn share_in(self, source: &Source) -> Str<'static> {
        Str(self.0.share_in(source))
    }
}

impl PartialEq for Str<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.decode() == other.decode()
    }
}

impl Eq for Str<'_> {}

impl PartialEq<str> for Str<'_> {
    fn eq(&self, other: &str) -> bool {
        self.decode() == other
    }
}

impl PartialEq<&str> for Str<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.decode() == *other
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decode())
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.decode(), f)
    }
}

/// Decodes the escapes of a valid JSON string.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let before = rest.len();
        // All units in a row, because two may be one character.
        let units = std::iter::from_fn(|| {
            let (unit, behind) = rest.strip_prefix("\\u")?.split_at_checked(4)?;
            rest = behind;
            u16::from_str_radix(unit, 16).ok()
        });
        let decoded = char::decode_utf16(units);
        out.extend(decoded.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
        if rest.len() < before {
            continue;
        }
        let mut tail = rest[1..].chars();
        out.extend(tail.next().map(|short| match short {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            itself => itself,
        }));
        rest = tail.as_str();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Text;
    use proptest::prelude::*;

    fn read(text: &str) -> Str<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn borrows_without_escapes_and_decodes_with() {
        assert_eq!(read(r#""plain ü""#).plain(), Some("plain ü"));
        let escaped = read(r#""a\n\u00fc\ud83d\ude00\/\"""#);
        assert_eq!(escaped.plain(), None);
        assert_eq!(escaped.decode(), "a\nü😀/\"");
        assert_eq!(escaped, "a\nü😀/\"");
    }

    #[test]
    fn lone_surrogates_decode_to_the_replacement_character() {
        assert_eq!(read(r#""\ud83d""#), "\u{fffd}");
        assert_eq!(read(r#""\ude00x""#), "\u{fffd}x");
        assert_eq!(read(r#""\ud83d\u0041""#), "\u{fffd}A");
    }

    #[test]
    fn other_kinds_are_refused() {
        for text in ["5", "true", "{}", "[]", "null"] {
            assert!(serde_json::from_str::<Str<'_>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sharing_keeps_the_value_and_the_buffer() {
        let text = Text::from(r#""a\tb""#);
        let shared = read(text.as_str()).share(&text);
        assert_eq!(shared, "a\tb");
        assert_eq!(shared.0.as_str(), r"a\tb");
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn decodes_whatever_serde_writes(text: String) {
            let written = serde_json::to_string(&text).unwrap();
            let read = read(&written);
            prop_assert_eq!(&*read.decode(), text.as_str());
        }
    }
}
