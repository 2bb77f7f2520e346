//! Values from bytes: small, total, and every byte counts, so that a fuzzer can steer.

use std::fmt::Write as _;

use chat_proto::Text;
use chat_proto::c2c::{Loose, MessageId, MessageUuid, OrderNo};
use chat_proto::im::{Params, Stamp};
use chat_proto::json::{Raw, SecretStr, Share, Str};

/// Bytes to build from. When they are used up it gives zeros, which make defaults.
#[derive(Clone)]
pub(crate) struct Source<'d> {
    rest: &'d [u8],
}

impl<'d> Source<'d> {
    pub(crate) const fn new(rest: &'d [u8]) -> Self {
        Self { rest }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(self) -> &'d [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// As many bytes as there are, up to `len`.
    pub(crate) fn take(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Text of up to 31 bytes, anything that is not UTF-8 replaced.
    pub(crate) fn lossy(&mut self) -> String {
        let len = usize::from(self.byte() % 32);
        String::from_utf8_lossy(self.take(len)).into_owned()
    }

    /// Whether to make what is optional.
    pub(crate) fn chance(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A JSON value other than `null`, with white space in places.
    pub(crate) fn json(&mut self) -> String {
        let mut out = String::new();
        self.json_into(&mut out, 4);
        out
    }

    fn json_into(&mut self, out: &mut String, deeper: u8) {
        let kind = self.byte();
        match kind % if deeper > 0 { 8 } else { 6 } {
            0 => out.push_str("true"),
            1 => out.push_str(["0", "-0", "1.50e+3", "-7E-2", "1e999"][usize::from(kind / 8 % 5)]),
            2 => drop(write!(out, "{}", i64::from_le_bytes(self.array()))),
            3 => out.push_str(&quoted(&self.lossy())),
            4 => out.push_str(&self.escaped()),
            5 => drop(write!(out, "{}", self.byte())),
            6 => self.items(out, deeper, ['[', ']'], |_, _| {}),
            _ => self.items(out, deeper, ['{', '}'], |source, out| {
                out.push_str(&quoted(&source.lossy()));
                out.push(':');
            }),
        }
    }

    fn items(
        &mut self,
        out: &mut String,
        deeper: u8,
        [open, close]: [char; 2],
        mut name: impl FnMut(&mut Self, &mut String),
    ) {
        out.push(open);
        let count = self.byte() % 4;
        for at in 0..count {
            if at > 0 {
                out.push_str(if self.chance() { " ,\t" } else { "," });
            }
            name(self, out);
            self.json_into(out, deeper - 1);
        }
        out.push(close);
    }

    /// A JSON string with at least one escape, as a peer might write it.
    fn escaped(&mut self) -> String {
        let mut out = String::from("\"");
        for _ in 0..=self.byte() % 3 {
            let kind = self.byte();
            match kind % 4 {
                0 => drop(write!(out, "\\u{:04x}", u16::from_le_bytes(self.array()))),
                1 => drop(write!(out, "\\ud83d\\u{:04X}", u16::from_le_bytes(self.array()))),
                2 => {
                    let short = [r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t"];
                    out.push_str(short[usize::from(kind / 4 % 8)]);
                }
                _ => {
                    let plain = quoted(&self.lossy());
                    out.push_str(&plain[1..plain.len() - 1]);
                    out.push_str("\\/");
                }
            }
        }
        out.push('"');
        out
    }
}

/// `text` as a JSON string.
fn quoted(text: &str) -> String {
    Raw::from_text(text).as_str().to_owned()
}

/// A value that can be made from bytes. All zeros make the default.
pub(crate) trait Make: Sized {
    fn make(source: &mut Source<'_>) -> Self;
}

impl Make for bool {
    fn make(source: &mut Source<'_>) -> Self {
        source.chance()
    }
}

impl Make for u32 {
    fn make(source: &mut Source<'_>) -> Self {
        u64::make(source) as Self
    }
}

impl Make for u64 {
    fn make(source: &mut Source<'_>) -> Self {
        let kind = source.byte();
        match kind % 4 {
            0 => Self::from(kind / 4),
            1 => Self::from(u16::from_le_bytes(source.array())),
            2 => Self::from_le_bytes(source.array()),
            _ => Self::MAX - Self::from(kind / 4),
        }
    }
}

impl Make for Str<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        match source.byte() % 4 {
            0 => Self::default(),
            1 | 2 => Self::from(source.lossy()),
            _ => {
                let text = Text::from(source.escaped());
                let read: Str<'_> = serde_json::from_str(text.as_str()).expect("a JSON string");
                read.share(&text)
            }
        }
    }
}

impl Make for SecretStr<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        Str::make(source).into()
    }
}

impl Make for Stamp<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        Str::make(source).into()
    }
}

impl Make for Raw<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        Raw::new(&source.json()).expect("what is made is JSON").detach()
    }
}

impl Make for Params<'static> {
    fn make(source: &mut Source<'_>) -> Self {
        Raw::make(source).into()
    }
}

/// Values that may be a string or bare: read from one or the other.
macro_rules! make_loose {
    ($($type:ident),*) => { $(
        impl Make for $type<'static> {
            fn make(source: &mut Source<'_>) -> Self {
                let text = match source.byte() % 4 {
                    0 => return Self::default(),
                    1 => Text::from(u64::make(source).to_string()),
                    2 => Text::from(quoted(&source.lossy())),
                    _ => Text::from(source.json()),
                };
                let read: $type<'_> =
                    serde_json::from_str(text.as_str()).expect("any value will do");
                read.share(&text)
            }
        }
    )* };
}
make_loose!(Loose, MessageId, MessageUuid, OrderNo);

impl<T: Make> Make for Option<T> {
    fn make(source: &mut Source<'_>) -> Self {
        source.chance().then(|| T::make(source))
    }
}

impl<T: Make> Make for Box<T> {
    fn make(source: &mut Source<'_>) -> Self {
        Self::new(T::make(source))
    }
}

impl<T: Make> Make for Vec<T> {
    fn make(source: &mut Source<'_>) -> Self {
        (0..source.byte() % 4).map(|_| T::make(source)).collect()
    }
}

/// A member no frame knows: no known name starts with a capital letter.
impl Make for (Str<'static>, Raw<'static>) {
    fn make(source: &mut Source<'_>) -> Self {
        let name = Str::from(format!("X{}", source.lossy()));
        let value = if source.chance() { Raw::make(source) } else { Raw::NULL };
        (name, value)
    }
}
