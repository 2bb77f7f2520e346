//! Writing frames: members in the order of their type, defaults left out as a Go peer does.

use super::frame::{Field, Fields};
use super::raw::{Extra, Raw};
use super::share::{Form, Slice};
use super::string::Str;
use crate::codec::{find_special, is_plain};

/// A value that can be a member of a frame.
pub trait Encode {
    /// Whether the value is its type's default, which a frame leaves out.
    fn is_absent(&self) -> bool;

    /// Appends the value as JSON.
    fn encode(&self, out: &mut Vec<u8>);
}

/// An object being written. Every member brings its comma; the first comma becomes the brace.
#[derive(Debug)]
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

/// A name as [`Object::member`] takes it.
macro_rules! member_name {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}
pub(crate) use member_name;

impl<'o> Object<'o> {
    /// Appends a frame as its table says.
    pub(crate) fn write(frame: &dyn Fields, out: &'o mut Vec<u8>) {
        let mut object = Self::begin(out);
        frame.table(&mut |fields| {
            for Field { member, always, value, .. } in fields {
                if *always || !value.is_absent() {
                    object.out.extend_from_slice(member.as_bytes());
                    value.encode(object.out);
                }
            }
        });
        object.extra(frame.extra());
        object.end();
    }

    #[inline(always)]
    pub(crate) const fn begin(out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    /// A member under a [`member_name!`], which the compiler copies a word at a time.
    #[inline(always)]
    pub(crate) fn member(&mut self, name: &'static str, value: &impl Encode) {
        self.out.extend_from_slice(name.as_bytes());
        value.encode(self.out);
    }

    /// A member whose name may need escaping.
    pub(crate) fn other(&mut self, name: &Str<'_>, value: &impl Encode) {
        self.out.push(b',');
        name.encode(self.out);
        self.out.push(b':');
        value.encode(self.out);
    }

    #[inline(always)]
    pub(crate) fn extra(&mut self, extra: &Extra<'_>) {
        for (name, value) in extra {
            self.other(name, value);
        }
    }

    #[inline(always)]
    pub(crate) fn end(self) {
        match self.out.get_mut(self.start) {
            Some(comma) => *comma = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
    }
}

/// Appends `text` as a JSON string: runs without anything to escape are copied whole.
#[inline]
pub(crate) fn write_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(find_special(rest));
        out.extend_from_slice(plain);
        let Some((special, behind)) = special.split_first() else { break };
        escape(*special, out);
        rest = behind;
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

impl Encode for Str<'_> {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    #[inline(always)]
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
            (Form::Plain | Form::Clean | Form::Escaped, _) => self.encode_string(out),
        }
    }

    /// Appends the text as a string, whatever it was.
    #[inline(never)]
    pub(crate) fn encode_string(&self, out: &mut Vec<u8>) {
        let text = self.as_str();
        if matches!(self.form(), Form::Plain | Form::Bare) && !is_plain(text.as_bytes()) {
            return write_str(text, out);
        }
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

impl Encode for Raw<'_> {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        self.is_null()
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}

impl Encode for bool {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        !self
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => { $(
        impl Encode for $type {
            #[inline(always)]
            fn is_absent(&self) -> bool {
                *self == 0
            }

            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        }
    )* };
}
whole_number!(u32, u64, i64);

impl<T: Encode> Encode for Option<T> {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.encode(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Encode> Encode for Box<T> {
    #[inline(always)]
    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl<T: Encode> Encode for Vec<T> {
    #[inline(always)]
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
        for number in
            [0, 7, 10, 99, 100, 1000, 10_000, 10_001, 1_700_000_000_000, i64::MIN, i64::MAX]
        {
            number.encode(&mut out);
            out.push(b' ');
        }
        assert_eq!(
            out,
            b"0 7 10 99 100 1000 10000 10001 1700000000000 -9223372036854775808 9223372036854775807 "
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        let text: String = (0..0x21u8).map(char::from).chain(['\u{7f}', '"', '\\']).collect();
        let mut out = Vec::new();
        write_str(&text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
    }
}
