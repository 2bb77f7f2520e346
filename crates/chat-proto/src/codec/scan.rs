//! A single pass over the text of a frame.
//!
//! A small vocabulary: [`Scanner::predict`] the member that comes next, read a
//! [`string`](Scanner::string) or an [`integer`](Scanner::integer),
//! [`skip`](Scanner::skip) any value. It takes exactly the JSON that serde_json takes, but for depth
//! (see [`Fault::TooDeep`]), and allocates nothing.
//!
//! Each operation has a short half for the usual spelling, which is inlined, and a long one for any
//! spelling, which is not and takes the scanner by value. So the scanner of a decoder has no address
//! and lives in registers; it is the unread rest of the text, because cutting a known token off a
//! `str` costs no check of its own.

use super::special::find_special;

/// Why a text is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not JSON, or another kind of value than the member has.
    #[error("{what} at byte {at}")]
    Syntax {
        /// Where, in bytes from the start.
        at: usize,
        /// What was wanted, or what is wrong.
        what: &'static str,
    },
    /// Nested deeper than the limit. serde_json stops at 128 levels where it has a type for what it
    /// reads and nowhere in raw values; here the limit counts everywhere, because what is passed
    /// on raw is read by somebody in the end.
    #[error("nested too deep")]
    TooDeep,
}

/// Deepest nesting that can be configured: one bit a level says what is open.
pub(crate) const MAX_DEPTH: usize = 128;

/// Reads JSON text from the front. Cheap to make.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'a> {
    /// What has not been read.
    rest: &'a str,
    /// How many more arrays and objects may open inside those that are open.
    pub(super) levels: usize,
    /// Length of the whole text.
    len: usize,
}

/// A result of an operation that took the scanner by value.
pub(super) type Then<'a, T> = Result<(T, Scanner<'a>), Fault>;

impl<'a> Scanner<'a> {
    /// Starts at the front of `text`; `max_depth` is cut to 128.
    #[must_use]
    pub fn new(text: &'a str, max_depth: usize) -> Self {
        Self { rest: text, levels: max_depth.min(MAX_DEPTH), len: text.len() }
    }

    /// Goes on where `read` leaves off.
    #[inline(always)]
    pub(super) fn then<T>(&mut self, read: impl FnOnce(Self) -> Then<'a, T>) -> Result<T, Fault> {
        let (value, scanner) = read(self.local())?;
        *self = scanner;
        Ok(value)
    }

    /// A copy of its own for who takes it by value: what a call has seen lives in memory from then
    /// on, what none has seen stays in registers.
    #[inline(always)]
    pub(crate) const fn local(&self) -> Self {
        let Self { rest, levels, len } = *self;
        Self { rest, levels, len }
    }

    /// Whether, behind the value of a member, the object and the text end.
    #[inline(never)]
    pub(crate) fn is_last(mut self) -> bool {
        self.more() == Ok(false) && self.end().is_ok()
    }

    /// Nothing but white space may be left.
    #[inline(never)]
    pub(crate) fn end(self) -> Result<(), Fault> {
        let left = if self.rest.is_empty() { self } else { self.after_space() };
        if left.rest.is_empty() { Ok(()) } else { Err(left.fault("nothing more may follow")) }
    }

    /// An object opens. Whether it may have members.
    #[inline(always)]
    pub(crate) fn object(&mut self) -> Result<bool, Fault> {
        match self.rest.strip_prefix("{") {
            Some(rest) if self.levels > 0 && rest.as_bytes().first() == Some(&b'"') => {
                self.levels -= 1;
                self.rest = rest;
                Ok(true)
            }
            _ => self.then(Self::object_spaced),
        }
    }

    #[cold]
    #[inline(never)]
    fn object_spaced(mut self) -> Then<'a, bool> {
        Ok((self.open("{", "}", "expected an object")?, self))
    }

    /// Takes `member`, a name in quotes and a colon, if it stands here, and one space after it.
    #[inline(always)]
    pub(crate) fn predict(&mut self, member: &str) -> bool {
        let hit = self.take(member);
        if hit {
            self.take(" ");
        }
        hit
    }

    /// The name of the next member, whatever it is.
    #[inline(always)]
    pub(crate) fn name(&mut self) -> Result<(&'a str, bool), Fault> {
        let name = self.string()?;
        if !self.take(":") {
            self.then(Self::colon)?;
        }
        Ok(name)
    }

    #[cold]
    #[inline(never)]
    fn colon(mut self) -> Then<'a, ()> {
        self.space();
        if self.take(":") { Ok(((), self)) } else { Err(self.fault("expected `:`")) }
    }

    /// After a member's value. Whether another must follow.
    #[inline(always)]
    pub(crate) fn more(&mut self) -> Result<bool, Fault> {
        if self.take(",") {
            self.take(" ");
            return Ok(true);
        }
        if self.close("}") {
            return Ok(false);
        }
        self.then(Self::more_spaced)
    }

    /// The same with white space in front.
    #[cold]
    #[inline(never)]
    fn more_spaced(mut self) -> Then<'a, bool> {
        Ok((self.next("}", "expected `,` or `}`")?, self))
    }

    /// An array opens. Whether it has elements.
    #[inline(always)]
    pub(crate) fn array(&mut self) -> Result<bool, Fault> {
        self.open("[", "]", "expected an array")
    }

    /// After an element. Whether another must follow.
    #[inline(always)]
    pub(crate) fn another(&mut self) -> Result<bool, Fault> {
        self.next("]", "expected `,` or `]`")
    }

    /// The scanner behind `null`, if that comes next.
    #[inline(never)]
    pub(crate) fn null(mut self) -> Option<Self> {
        self.space();
        self.take("null").then_some(self)
    }

    /// Whether this byte stands right here.
    #[inline(always)]
    pub(crate) fn is_at(&self, byte: u8) -> bool {
        self.rest.as_bytes().first() == Some(&byte)
    }

    /// `true` or `false`, if it stands right here.
    #[inline(always)]
    pub(crate) fn plain_boolean(&mut self) -> Option<bool> {
        let value = self.take("true");
        (value || self.take("false")).then_some(value)
    }

    /// A whole number, in digits. `-0` is a float to serde_json: here it would be harmless, but the
    /// two must agree.
    pub(crate) fn integer(&mut self) -> Result<i128, Fault> {
        self.space();
        let from = *self;
        self.then(Self::number)?;
        let number = from.until(self).filter(|number| *number != "-0");
        let number = number.and_then(|number| number.parse().ok());
        number.ok_or_else(|| from.fault("expected a whole number that fits"))
    }

    /// The digits of a short whole number without a sign that stands right here.
    #[inline(always)]
    pub(crate) fn plain_digits(&mut self) -> Option<(&'a str, u64)> {
        let bytes = self.rest.as_bytes();
        let (mut value, mut len) = (0u64, 0);
        while let Some(byte) = bytes.get(len) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            // What wraps is too long to be taken.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            len += 1;
        }
        let ends = matches!(bytes.get(len), Some(b',' | b'}' | b']'));
        if !ends || !(1..20).contains(&len) || (len > 1 && bytes[0] == b'0') {
            return None;
        }
        let (digits, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some((digits, value))
    }

    /// A string: what stands between the quotes, and whether it has escapes.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<(&'a str, bool), Fault> {
        match self.plain_string() {
            Some(text) => Ok((text, false)),
            None => self.then(Self::any_string),
        }
    }

    /// A string that stands right here and has no escapes.
    #[inline(always)]
    pub(crate) fn plain_string(&mut self) -> Option<&'a str> {
        let inside = self.rest.strip_prefix("\"")?;
        let len = find_special(inside.as_bytes());
        if inside.as_bytes().get(len) != Some(&b'"') {
            return None;
        }
        let (text, quote) = inside.split_at_checked(len)?;
        self.rest = quote.strip_prefix("\"")?;
        Some(text)
    }

    /// A string in any spelling.
    #[inline(never)]
    fn any_string(mut self) -> Then<'a, (&'a str, bool)> {
        self.space();
        let Some(inside) = self.rest.strip_prefix("\"") else {
            return Err(self.fault("expected a string"));
        };
        let bytes = inside.as_bytes();
        let (mut at, mut escaped) = (0, false);
        loop {
            at += find_special(&bytes[at..]);
            let fault = |what| Err(self.after(inside, at).fault(what));
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    at = match escape(bytes, at + 1) {
                        Ok(at) => at,
                        Err(what) => return fault(what),
                    }
                }
                Some(_) => return fault("control characters must be escaped"),
                None => return Err(self.fault("the string does not end")),
            }
            escaped = true;
        }
        Ok(((&inside[..at], escaped), self.after(inside, at + 1)))
    }

    /// Takes digits, perhaps none.
    pub(super) fn digits(&mut self) -> &'a str {
        let from = *self;
        self.rest = self.rest.trim_start_matches(|it: char| it.is_ascii_digit());
        from.until(self).unwrap_or_default()
    }

    /// An array or object opens, perhaps behind white space. Whether anything is in it.
    #[inline(always)]
    fn open(&mut self, bracket: &str, closing: &str, what: &'static str) -> Result<bool, Fault> {
        self.space();
        if !self.take(bracket) {
            return Err(self.fault(what));
        }
        self.levels = self.levels.checked_sub(1).ok_or(Fault::TooDeep)?;
        self.space();
        Ok(!self.close(closing))
    }

    /// After something in it. Whether more must follow.
    #[inline(always)]
    fn next(&mut self, closing: &str, what: &'static str) -> Result<bool, Fault> {
        self.space();
        let more = self.take(",");
        if more || self.close(closing) { Ok(more) } else { Err(self.fault(what)) }
    }

    #[inline(always)]
    fn close(&mut self, bracket: &str) -> bool {
        let hit = self.take(bracket);
        self.levels += usize::from(hit);
        hit
    }

    /// Takes `token` if it stands here.
    #[inline(always)]
    pub(crate) fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The byte here; NUL, which no value starts with, at the end.
    #[inline(always)]
    pub(super) fn peek(&self) -> u8 {
        self.rest.as_bytes().first().copied().unwrap_or(0)
    }

    #[inline(always)]
    pub(crate) fn space(&mut self) {
        if self.peek() <= b' ' {
            *self = self.local().after_space();
        }
    }

    #[cold]
    #[inline(never)]
    fn after_space(self) -> Self {
        Self { rest: self.rest.trim_start_matches([' ', '\n', '\r', '\t']), ..self }
    }

    /// What was read between here and `end`.
    #[inline(always)]
    pub(super) fn until(&self, end: &Self) -> Option<&'a str> {
        self.rest.get(..self.rest.len() - end.rest.len())
    }

    /// The scanner behind the first `len` bytes of `text`.
    fn after(self, text: &'a str, len: usize) -> Self {
        Self { rest: text.get(len..).unwrap_or_default(), ..self }
    }

    #[cold]
    #[inline(never)]
    pub(crate) const fn fault(&self, what: &'static str) -> Fault {
        Fault::Syntax { at: self.len - self.rest.len(), what }
    }
}

/// An escape whose second character stands at `at`. Where the text goes on.
fn escape(bytes: &[u8], at: usize) -> Result<usize, &'static str> {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => match bytes.get(at + 1..at + 5) {
            Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
            _ => Err("expected four hex digits"),
        },
        _ => Err("unknown escape"),
    }
}
