//! Writing frames: members in the order of their type, defaults left out as a Go peer does.

use super::raw::{Extra, Params, Raw};
use super::share::{Form, Slice};
use super::string::{SecretStr, Str};
use crate::codec::find_special;

/// A value that can be a member of a frame.
pub trait Encode {
    /// Whether the value is its type's default, which a frame leaves out.
    fn is_absent(&self) -> bool;

    /// Appends the value as JSON.
    fn encode(&self, out: &mut Vec<u8>);
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// A member whose name needs no escaping.
    pub(crate) fn member(&mut self, name: &str, value: &impl Encode) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.encode(self.out);
    }

    /// A member whose name may need escaping.
    pub(crate) fn other(&mut self, name: &Str<'_>, value: &impl Encode) {
        self.comma();
        name.encode(self.out);
        self.out.push(b':');
        value.encode(self.out);
    }

    pub(crate) fn extra(&mut self, extra: &Extra<'_>) {
        for (name, value) in extra {
            self.other(name, value);
        }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
    }
}

/// Appends `text` as a JSON string: runs without anything to escape are copied whole.
pub(crate) fn write_str(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut from = 0;
    loop {
        let at = from + find_special(&bytes[from..]);
        out.extend_from_slice(&bytes[from..at]);
        let Some(special) = bytes.get(at) else { break };
        escape(*special, out);
        from = at + 1;
    }
    out.push(b'"');
}

#[cold]
fn escape(special: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match special {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        0..0x20 => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(special >> 4)]);
            out.push(HEX[usize::from(special & 15)]);
            return;
        }
        itself => itself,
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a number in decimal.
fn write_number(negative: bool, mut magnitude: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // A remainder of ten fits.
        digits[at] = b'0' + (magnitude % 10) as u8;
        magnitude /= 10;
        if magnitude == 0 {
            break;
        }
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

impl Encode for Str<'_> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.as_slice().encode_string(out);
    }
}

impl Slice<'_> {
    /// Appends the value as it was written.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match (self.form(), self.as_str()) {
            (Form::Bare, "") => out.extend_from_slice(b"null"),
            (Form::Bare, json) => out.extend_from_slice(json.as_bytes()),
            (Form::Plain | Form::Escaped, _) => self.encode_string(out),
        }
    }

    /// Appends the text as a string, whatever it was.
    pub(crate) fn encode_string(&self, out: &mut Vec<u8>) {
        let text = self.as_str();
        if self.form() == Form::Escaped {
            out.push(b'"');
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        } else {
            write_str(text, out);
        }
    }
}

impl Encode for SecretStr<'_> {
    fn is_absent(&self) -> bool {
        self.expose().is_absent()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.expose().encode(out);
    }
}

impl Encode for Raw<'_> {
    fn is_absent(&self) -> bool {
        self.is_null()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}

impl Encode for Params<'_> {
    fn is_absent(&self) -> bool {
        self.raw().is_absent()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.raw().encode(out);
    }
}

impl Encode for bool {
    fn is_absent(&self) -> bool {
        !self
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! encode_unsigned {
    ($($type:ty),*) => { $(
        impl Encode for $type {
            fn is_absent(&self) -> bool {
                *self == 0
            }

            fn encode(&self, out: &mut Vec<u8>) {
                write_number(false, u64::from(*self), out);
            }
        }
    )* };
}
encode_unsigned!(u32, u64);

impl Encode for i64 {
    fn is_absent(&self) -> bool {
        *self == 0
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write_number(*self < 0, self.unsigned_abs(), out);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.encode(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Encode> Encode for Box<T> {
    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, value) in self.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            value.encode(out);
        }
        out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn strings_are_written_as_serde_writes_them(text in any::<String>()) {
            let mut out = Vec::new();
            write_str(&text, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn numbers_are_written_as_they_print(unsigned: u64, signed: i64) {
            let mut out = Vec::new();
            unsigned.encode(&mut out);
            out.push(b' ');
            signed.encode(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{unsigned} {signed}"));
        }
    }

    #[test]
    fn numbers_at_the_edge() {
        let mut out = Vec::new();
        for number in [0, i64::MIN, i64::MAX] {
            number.encode(&mut out);
            out.push(b' ');
        }
        assert_eq!(out, b"0 -9223372036854775808 9223372036854775807 ");
    }

    #[test]
    fn control_characters_are_escaped() {
        let text: String = (0..0x21u8).map(char::from).chain(['\u{7f}', '"', '\\']).collect();
        let mut out = Vec::new();
        write_str(&text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }
}
