//! Values that the service writes now as strings, now as numbers.

use std::borrow::Cow;
use std::fmt;

use crate::codec::{Decode, Fault, Scanner};
use crate::json::{Encode, Form, Share, Slice, Source, Str, transparent};

/// A value that may be written as a string or bare, kept as it was written. (field reports)
///
/// A string is its text; a number, or anything else, is its JSON. Equality is that of the texts, so
/// `7` equals `"7"`.
#[derive(Clone)]
pub struct Loose<'a>(Slice<'a>);

impl<'a> Loose<'a> {
    /// A number.
    #[must_use]
    pub fn number(number: impl Into<i128>) -> Loose<'static> {
        Loose(Slice::own(Form::Bare, number.into().to_string()))
    }

    /// A string.
    #[must_use]
    pub fn string(text: impl Into<Str<'a>>) -> Self {
        Self(text.into().0)
    }

    /// The text of a string, the digits of a number, the JSON of anything else.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.0.decode()
    }

    /// The value as a number, when it is a whole one that fits. Never goes through a float.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.text().parse().ok()
    }

    /// The value as a number, when it is a whole one that fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.text().parse().ok()
    }

    /// The value as a number, when it is a whole one that fits.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        self.text().parse().ok()
    }

    /// Whether there is no text.
    #[must_use]
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it was written without quotes.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.0.form() == Form::Bare
    }

    /// The same value under the lifetime of `self`, without a copy.
    #[must_use]
    pub fn reborrow(&self) -> Loose<'_> {
        Loose(self.0.reborrow())
    }

    /// A value that keeps nothing else alive.
    #[must_use]
    pub fn detach(&self) -> Loose<'static> {
        Loose(self.0.detach())
    }

    #[inline(always)]
    pub(crate) const fn bare(json: &'a str) -> Self {
        Self(Slice::Borrowed(Form::Bare, json))
    }
}

impl Default for Loose<'_> {
    fn default() -> Self {
        Self(Slice::Borrowed(Form::Plain, ""))
    }
}

impl PartialEq for Loose<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Loose<'_> {}

impl PartialEq<str> for Loose<'_> {
    fn eq(&self, other: &str) -> bool {
        self.text() == *other
    }
}

impl PartialEq<&str> for Loose<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.text() == **other
    }
}

impl fmt::Display for Loose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Loose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        if self.is_bare() { f.write_str(&text) } else { write!(f, "{text:?}") }
    }
}

impl Share for Loose<'_> {
    type Static = Loose<'static>;

    fn share_in(self, source: &Source) -> Loose<'static> {
        Loose(self.0.share_in(source))
    }
}

impl Encode for Loose<'_> {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl<'a> Decode<'a> for Loose<'a> {
    fn read(&mut self, mut scanner: Scanner<'a>) -> Result<Scanner<'a>, Fault> {
        scanner.space();
        if scanner.is_at(b'"') {
            let (text, escaped) = scanner.string()?;
            *self = Self::string(Str::scanned(text, escaped));
        } else {
            *self = Self::bare(scanner.skip()?);
        }
        Ok(scanner)
    }

    #[inline(always)]
    fn read_plain(scanner: &mut Scanner<'a>) -> Option<Self> {
        match scanner.plain_string() {
            Some(text) => Some(Self::string(Str::scanned(text, false))),
            None => scanner.plain_digits().map(|(digits, _)| Self::bare(digits)),
        }
    }
}

/// Declares a newtype over [`Loose`].
macro_rules! loose_newtype {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Default, PartialEq, Eq)]
        pub struct $name<'a>(Loose<'a>);

        impl<'a> $name<'a> {
            /// As it was written.
            #[must_use]
            pub const fn as_loose(&self) -> &Loose<'a> {
                &self.0
            }

            /// The text.
            #[must_use]
            pub fn text(&self) -> Cow<'_, str> {
                self.0.text()
            }

            /// Whether there is none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// A value that keeps nothing else alive.
            #[must_use]
            pub fn detach(&self) -> $name<'static> {
                $name(self.0.detach())
            }
        }

        impl<'a, T: Into<Str<'a>>> From<T> for $name<'a> {
            fn from(text: T) -> Self {
                Self(Loose::string(text))
            }
        }

        impl PartialEq<&str> for $name<'_> {
            fn eq(&self, other: &&str) -> bool {
                self.0 == **other
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

loose_newtype! {
    /// Id of a message, given by the server: 18 to 19 digits, a string on the WebSocket, a string
    /// or a number in history. (field reports)
    MessageId
}

impl MessageId<'_> {
    /// The id as a number, when it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }
}

impl MessageId<'static> {
    /// From a number; travels as a string.
    #[must_use]
    pub fn from_i64(id: i64) -> Self {
        Self(Loose::string(id.to_string()))
    }
}

loose_newtype! {
    /// The sender's id of a message: any text, kept as it was written. Programs of others have sent
    /// stamps in milliseconds as a bare number; such a frame must not be lost. (choice)
    MessageUuid
}

impl MessageUuid<'_> {
    /// The text.
    #[must_use]
    pub fn decode(&self) -> Cow<'_, str> {
        self.text()
    }
}

impl PartialEq<str> for MessageUuid<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == *other
    }
}

loose_newtype! {
    /// Number of an order. The published sample, 20476365073825144832, is beyond 64 bits, so it is
    /// text everywhere: a number is read as its digits and written as a string. (seed)
    OrderNo
}

transparent! { MessageId(Loose) }
transparent! { MessageUuid(Loose) }
transparent! { read OrderNo(Loose) }

impl Encode for OrderNo<'_> {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        self.0.is_absent()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.0.0.encode_string(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(value: &impl Encode) -> String {
        let mut out = Vec::new();
        value.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn loose_values_stay_as_they_were_written() {
        for json in ["7", "\"7\"", "-1", "1.50", "1e3", "true", "{\"a\":[1]}", "\"a\\n\\u00fc\""] {
            let value: Loose<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(write(&value), json);
        }
        assert!(serde_json::from_str::<Loose<'_>>("\"open").is_err());
    }

    #[test]
    fn an_order_number_as_a_number_becomes_text() {
        let order: OrderNo<'_> = serde_json::from_str("20476365073825144832").unwrap();
        assert_eq!(order, "20476365073825144832");
        assert_eq!(write(&order), "\"20476365073825144832\"");
    }

    #[test]
    fn a_uuid_as_a_number_is_its_digits_and_stays_a_number() {
        for json in ["1700000000123", "\"1700000000123\""] {
            let uuid: MessageUuid<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(uuid, "1700000000123");
            assert_eq!(write(&uuid), json);
        }
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn order_numbers_of_any_length_keep_every_digit(digits in "[1-9][0-9]{0,60}") {
            for json in [digits.clone(), format!("\"{digits}\"")] {
                let order: OrderNo<'_> = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(order.text(), digits.as_str());
                prop_assert_eq!(write(&order), format!("\"{digits}\""));
            }
        }

        #[test]
        fn ids_never_go_through_a_float(id: i64) {
            for json in [id.to_string(), format!("\"{id}\"")] {
                let read: MessageId<'_> = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(read.as_i64(), Some(id));
                prop_assert_eq!(write(&read), json);
            }
        }
    }
}
