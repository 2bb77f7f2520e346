//! A single pass over the text of a frame.
//!
//! A small vocabulary: [`Scanner::predict`] the member that comes next, read a
//! [`string`](Scanner::string), an [`integer`](Scanner::integer), a [`boolean`](Scanner::boolean),
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
    levels: usize,
    /// Length of the whole text.
    len: usize,
}

/// A result of an operation that took the scanner by value.
type Then<'a, T> = Result<(T, Scanner<'a>), Fault>;

impl<'a> Scanner<'a> {
    /// Starts at the front of `text`; `max_depth` is cut to 128.
    #[must_use]
    pub const fn new(text: &'a str, max_depth: usize) -> Self {
        let levels = if max_depth > MAX_DEPTH { MAX_DEPTH } else { max_depth };
        Self { rest: text, levels, len: text.len() }
    }

    /// Goes on where `operation` leaves off.
    #[inline(always)]
    fn then<T>(&mut self, operation: impl FnOnce(Self) -> Then<'a, T>) -> Result<T, Fault> {
        let (value, scanner) = operation(self.local())?;
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
    #[inline(always)]
    pub(crate) fn is_last(mut self) -> bool {
        self.more() == Ok(false) && self.end().is_ok()
    }

    /// Nothing but white space may be left.
    #[inline(always)]
    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { self.end_spaced() }
    }

    #[cold]
    fn end_spaced(mut self) -> Result<(), Fault> {
        self.space();
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault("nothing more may follow")) }
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
        self.space();
        self.open("{", "expected an object")?;
        self.space();
        let closed = self.close("}");
        Ok((!closed, self))
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
        self.space();
        let more = self.take(",");
        if more || self.close("}") {
            Ok((more, self))
        } else {
            Err(self.fault("expected `,` or `}`"))
        }
    }

    /// An array opens. Whether it has elements.
    #[inline(always)]
    pub(crate) fn array(&mut self) -> Result<bool, Fault> {
        self.space();
        self.open("[", "expected an array")?;
        self.space();
        Ok(!self.close("]"))
    }

    /// After an element. Whether another must follow.
    #[inline(always)]
    pub(crate) fn another(&mut self) -> Result<bool, Fault> {
        self.space();
        let more = self.take(",");
        if more || self.close("]") { Ok(more) } else { Err(self.fault("expected `,` or `]`")) }
    }

    /// Takes `null` if it stands here.
    #[inline(always)]
    pub(crate) fn null(&mut self) -> bool {
        self.space();
        self.take("null")
    }

    /// Whether this byte stands right here.
    #[inline(always)]
    pub(crate) fn is_at(&self, byte: u8) -> bool {
        self.rest.as_bytes().first() == Some(&byte)
    }

    /// Whether a string stands here.
    #[inline(always)]
    pub(crate) fn is_string(&mut self) -> bool {
        self.space();
        self.is_at(b'"')
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        self.space();
        match self.plain_boolean() {
            Some(value) => Ok(value),
            None => Err(self.fault("expected `true` or `false`")),
        }
    }

    /// The same if it stands right here.
    #[inline(always)]
    pub(crate) fn plain_boolean(&mut self) -> Option<bool> {
        let value = self.take("true");
        (value || self.take("false")).then_some(value)
    }

    /// A whole number: sign and magnitude.
    pub(crate) fn integer(&mut self) -> Result<(bool, u64), Fault> {
        self.space();
        let mut scanner = *self;
        let negative = scanner.take("-");
        let digits = scanner.digits();
        if digits.is_empty()
            || (digits.len() > 1 && digits.starts_with('0'))
            || matches!(scanner.peek(), b'.' | b'e' | b'E')
        {
            return Err(self.fault("expected a whole number"));
        }
        let value = digits.parse().map_err(|_| self.fault("the number is too large"))?;
        *self = scanner;
        Ok((negative, value))
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
        let scanner = self.after(inside, at + 1);
        Ok(((&inside[..at], escaped), scanner))
    }

    /// Any value, untouched.
    #[inline(always)]
    pub(crate) fn skip(&mut self) -> Result<&'a str, Fault> {
        self.then(Self::any_value)
    }

    /// A value that stands right here: a string without escapes, an array or an object. `None` also
    /// where an array or object has a fault.
    #[inline(always)]
    pub(crate) fn plain_value(&mut self) -> Option<&'a str> {
        let from = *self;
        match self.peek() {
            b'"' => drop(self.plain_string()?),
            b'{' | b'[' => *self = self.local().nested().ok()?,
            _ => return None,
        }
        from.until(self)
    }

    #[inline(never)]
    fn any_value(self) -> Then<'a, &'a str> {
        let mut scanner = self.local();
        scanner.space();
        let from = scanner;
        match scanner.peek() {
            b'{' | b'[' => scanner = scanner.local().nested()?,
            _ => scanner.flat()?,
        }
        Ok((from.until(&scanner).unwrap_or_default(), scanner))
    }

    /// A value that is no array and no object.
    #[inline(always)]
    fn flat(&mut self) -> Result<(), Fault> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => match self.plain_digits() {
                Some(_) => Ok(()),
                None => self.then(Self::number),
            },
            _ if self.take("null") || self.plain_boolean().is_some() => Ok(()),
            _ => Err(self.fault("expected a value")),
        }
    }

    /// An array or object. One bit a level remembers which of the two is open.
    #[inline(never)]
    fn nested(self) -> Result<Self, Fault> {
        let mut scanner = self.local();
        let mut objects = 0u128;
        loop {
            // Here stands a value, perhaps behind white space.
            scanner.space();
            match scanner.peek() {
                b'{' => {
                    if scanner.object()? {
                        objects = objects << 1 | 1;
                        scanner.name()?;
                        continue;
                    }
                }
                b'[' => {
                    if scanner.array()? {
                        objects <<= 1;
                        continue;
                    }
                }
                _ => scanner.flat()?,
            }
            // Behind a value: go on, or close what was open.
            loop {
                if scanner.levels == self.levels {
                    return Ok(scanner);
                }
                if objects & 1 == 1 {
                    if scanner.more()? {
                        scanner.name()?;
                        break;
                    }
                } else if scanner.another()? {
                    break;
                }
                objects >>= 1;
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn number(mut self) -> Then<'a, ()> {
        self.take("-");
        let whole = self.digits();
        let mut valid = !whole.is_empty() && (whole.len() == 1 || !whole.starts_with('0'));
        if valid && self.take(".") {
            valid = !self.digits().is_empty();
        }
        if valid && (self.take("e") || self.take("E")) {
            let _sign = self.take("+") || self.take("-");
            valid = !self.digits().is_empty();
        }
        if valid { Ok(((), self)) } else { Err(self.fault("not a number")) }
    }

    /// Takes digits, perhaps none.
    #[inline(always)]
    fn digits(&mut self) -> &'a str {
        let bytes = self.rest.as_bytes();
        let mut len = 0;
        while bytes.get(len).is_some_and(u8::is_ascii_digit) {
            len += 1;
        }
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        digits
    }

    #[inline(always)]
    fn open(&mut self, bracket: &str, what: &'static str) -> Result<(), Fault> {
        if !self.take(bracket) {
            return Err(self.fault(what));
        }
        self.levels = self.levels.checked_sub(1).ok_or(Fault::TooDeep)?;
        Ok(())
    }

    #[inline(always)]
    fn close(&mut self, bracket: &str) -> bool {
        let hit = self.take(bracket);
        self.levels += usize::from(hit);
        hit
    }

    /// Takes `token` if it stands here.
    #[inline(always)]
    fn take(&mut self, token: &str) -> bool {
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
    fn peek(&self) -> u8 {
        self.rest.as_bytes().first().copied().unwrap_or(0)
    }

    #[inline(always)]
    fn space(&mut self) {
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
    fn until(&self, end: &Self) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skip(text: &str) -> Result<&str, Fault> {
        let mut scanner = Scanner::new(text, MAX_DEPTH);
        let value = scanner.skip()?;
        scanner.end()?;
        Ok(value)
    }

    fn agrees(text: &str) {
        let serde = serde_json::from_str::<&serde_json::value::RawValue>(text);
        match (skip(text), serde) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs.get()),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{text:?}: {ours:?}, serde_json says {theirs:?}"),
        }
    }

    #[test]
    fn takes_what_serde_json_takes() {
        for text in [
            "null",
            "nul",
            "nulls",
            "true",
            "truefalse",
            "false ",
            " 1",
            "01",
            "-0",
            "-",
            "1.",
            "1.5e",
            "1.5e+3",
            "1e999",
            "+1",
            ".5",
            "0x1",
            "1 2",
            "\"\"",
            "\"a",
            "\"\\q\"",
            "\"\\u12\"",
            "\"\\u12G4\"",
            "\"\\ud83d\"",
            "\"\t\"",
            "\"\u{7f}\"",
            "[]",
            "[,]",
            "[1,]",
            "[1 , 2]",
            "[1 2]",
            "{}",
            "{,}",
            "{\"a\":1,}",
            "{\"a\" : 1 , \"b\":[ ] }",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":}",
            "[{\"a\":[{}]},[]]",
            "[[]",
            "[]]",
            "{\"a\":{]}}",
            "",
            " ",
            "\u{feff}1",
            "'a'",
            "{\"a\":1, }",
            "{\"a\":1,\"b\"}",
            "[1,\n2]",
            "{\"a\":1,\n\"b\":2\n}",
            "{\"\\u0061\":1}",
        ] {
            agrees(text);
        }
    }

    #[test]
    fn depth_is_limited_everywhere() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let skip = |levels, limit| Scanner::new(&nested(levels), limit).skip().map(drop);
        assert_eq!(skip(100, 100), Ok(()));
        assert_eq!(skip(101, 100), Err(Fault::TooDeep));
        assert_eq!(skip(MAX_DEPTH, usize::MAX), Ok(()));
        assert_eq!(skip(MAX_DEPTH + 1, usize::MAX), Err(Fault::TooDeep));
    }

    #[test]
    fn long_strings_end_where_they_end() {
        for len in 0..300 {
            for special in ["\"", "\\\"\"", "\\n\""] {
                let text = format!("\"{}{special}", "ü".repeat(len));
                agrees(&text);
                agrees(&format!("{text} "));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..crate::same_cases_each_run() })]

        #[test]
        fn agrees_with_serde_json_on_json_like_text(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"b\":", "1", "-0.5e3", "0", "true",
                    "null", " ", "\n", "u0041", "é", "\u{1}", "\"\\n\"", "{}", "[]", "\"k\":[1,{\"x\":null}]",
                ]),
                0..14,
            ),
        ) {
            agrees(&pieces.concat());
        }

        #[test]
        fn agrees_with_serde_json_on_any_text(text in any::<String>()) {
            agrees(&text);
        }
    }
}
