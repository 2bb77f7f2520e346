//! A single pass over the text of a frame.
//!
//! A small vocabulary: [`Scanner::predict`] the member that comes next, read a
//! [`string`](Scanner::string), an [`integer`](Scanner::integer), a [`boolean`](Scanner::boolean),
//! [`skip`](Scanner::skip) any value. It takes exactly the JSON that serde_json takes, but for depth
//! (see [`Fault::TooDeep`]), and allocates nothing.

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
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    max_depth: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at the front of `text`; `max_depth` is cut to 128.
    #[must_use]
    pub const fn new(text: &'a str, max_depth: usize) -> Self {
        let max_depth = if max_depth > MAX_DEPTH { MAX_DEPTH } else { max_depth };
        Self { text, at: 0, depth: 0, max_depth }
    }

    /// Nothing but white space may be left.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.fault("nothing more may follow")) }
    }

    /// An object opens. Whether it has members.
    pub(crate) fn object(&mut self) -> Result<bool, Fault> {
        self.space();
        if self.peek() != b'{' {
            return Err(self.fault("expected an object"));
        }
        self.descend()?;
        self.space();
        match self.peek() {
            b'"' => Ok(true),
            b'}' => {
                self.ascend();
                Ok(false)
            }
            _ => Err(self.fault("expected a member or `}`")),
        }
    }

    /// Takes `member`, a name in quotes and a colon, if it stands here, and one space after it.
    #[inline]
    pub(crate) fn predict(&mut self, member: &str) -> bool {
        let hit = self.rest().starts_with(member.as_bytes());
        if hit {
            self.at += member.len();
            self.one_space();
        }
        hit
    }

    /// The name of the next member, whatever it is.
    pub(crate) fn name(&mut self) -> Result<(&'a str, bool), Fault> {
        let name = self.string()?;
        self.space();
        self.expect(b':', "expected `:`")?;
        Ok(name)
    }

    /// After a member's value. Whether another member follows.
    #[inline]
    pub(crate) fn more(&mut self) -> Result<bool, Fault> {
        let comma = self.peek() == b',';
        if comma {
            self.at += 1;
            self.one_space();
            if self.peek() == b'"' {
                return Ok(true);
            }
        } else if self.peek() == b'}' {
            self.ascend();
            return Ok(false);
        }
        self.more_spaced(comma)
    }

    /// The same with white space anywhere. The comma may have been taken.
    #[cold]
    fn more_spaced(&mut self, comma: bool) -> Result<bool, Fault> {
        self.space();
        if !comma {
            if self.peek() == b'}' {
                self.ascend();
                return Ok(false);
            }
            self.expect(b',', "expected `,` or `}`")?;
            self.space();
        }
        if self.peek() == b'"' { Ok(true) } else { Err(self.fault("expected a member")) }
    }

    /// An array opens. Whether it has elements.
    pub(crate) fn array(&mut self) -> Result<bool, Fault> {
        self.space();
        if self.peek() != b'[' {
            return Err(self.fault("expected an array"));
        }
        self.descend()?;
        self.space();
        if self.peek() == b']' {
            self.ascend();
            return Ok(false);
        }
        Ok(true)
    }

    /// After an element. Whether another follows.
    pub(crate) fn another(&mut self) -> Result<bool, Fault> {
        self.space();
        match self.peek() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            b']' => {
                self.ascend();
                Ok(false)
            }
            _ => Err(self.fault("expected `,` or `]`")),
        }
    }

    /// Takes `null` if it stands here.
    #[inline]
    pub(crate) fn null(&mut self) -> bool {
        self.space();
        let hit = self.peek() == b'n' && self.rest().starts_with(b"null");
        if hit {
            self.at += 4;
        }
        hit
    }

    /// Whether a string stands here.
    pub(crate) fn is_string(&mut self) -> bool {
        self.space();
        self.peek() == b'"'
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        self.space();
        let rest = self.rest();
        let (value, len) = match rest.first() {
            Some(b't') if rest.starts_with(b"true") => (true, 4),
            Some(b'f') if rest.starts_with(b"false") => (false, 5),
            _ => return Err(self.fault("expected `true` or `false`")),
        };
        self.at += len;
        Ok(value)
    }

    /// A whole number: sign and magnitude.
    pub(crate) fn integer(&mut self) -> Result<(bool, u64), Fault> {
        self.space();
        let negative = self.peek() == b'-';
        self.at += usize::from(negative);
        let start = self.at;
        let mut value = 0u64;
        while let digit @ b'0'..=b'9' = self.peek() {
            let sum = value.checked_mul(10).and_then(|it| it.checked_add(u64::from(digit - b'0')));
            value = sum.ok_or_else(|| self.fault("the number is too large"))?;
            self.at += 1;
        }
        let digits = self.at - start;
        let leading_zero = digits > 1 && self.text.as_bytes()[start] == b'0';
        if digits == 0 || leading_zero || matches!(self.peek(), b'.' | b'e' | b'E') {
            self.at = start;
            return Err(self.fault("expected a whole number"));
        }
        Ok((negative, value))
    }

    /// A string: what stands between the quotes, and whether it has escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<(&'a str, bool), Fault> {
        self.space();
        if self.peek() != b'"' {
            return Err(self.fault("expected a string"));
        }
        let from = self.at + 1;
        let to = find_special(self.text.as_bytes(), from);
        if self.text.as_bytes().get(to) == Some(&b'"') {
            self.at = to + 1;
            return Ok((&self.text[from..to], false));
        }
        self.string_with_escapes(from, to).map(|to| (&self.text[from..to], true))
    }

    /// Goes on at a byte that is neither plain nor the end. Where the string ends.
    #[cold]
    fn string_with_escapes(&mut self, from: usize, mut at: usize) -> Result<usize, Fault> {
        let bytes = self.text.as_bytes();
        loop {
            self.at = at;
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(at);
                }
                Some(b'\\') => at = self.escape(at + 1)?,
                Some(_) => return Err(self.fault("control characters must be escaped")),
                None => {
                    self.at = from - 1;
                    return Err(self.fault("the string does not end"));
                }
            }
            at = find_special(bytes, at);
        }
    }

    /// An escape whose second character stands at `at`. Where the text goes on.
    fn escape(&self, at: usize) -> Result<usize, Fault> {
        let bytes = self.text.as_bytes();
        match bytes.get(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
            Some(b'u') => match bytes.get(at + 1..at + 5) {
                Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
                _ => Err(self.fault("expected four hex digits")),
            },
            _ => Err(self.fault("unknown escape")),
        }
    }

    /// Any value, untouched.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<&'a str, Fault> {
        self.space();
        let from = self.at;
        if self.peek() == b'"' {
            self.string()?;
        } else {
            self.skip_other()?;
        }
        Ok(&self.text[from..self.at])
    }

    fn skip_other(&mut self) -> Result<(), Fault> {
        match self.peek() {
            b'{' | b'[' => self.skip_nested(),
            b't' | b'f' => self.boolean().map(drop),
            b'n' if self.null() => Ok(()),
            b'-' | b'0'..=b'9' => self.skip_number(),
            _ => Err(self.fault("expected a value")),
        }
    }

    /// An array or object. One bit a level remembers which of the two is open.
    fn skip_nested(&mut self) -> Result<(), Fault> {
        let outside = self.depth;
        let mut objects = 0u128;
        loop {
            // Here stands a value.
            match self.peek() {
                open @ (b'{' | b'[') => {
                    let is_object = open == b'{';
                    objects = objects << 1 | u128::from(is_object);
                    if if is_object { self.object()? } else { self.array()? } {
                        if is_object {
                            self.name()?;
                        }
                        self.space();
                        continue;
                    }
                    objects >>= 1;
                }
                b'"' => drop(self.string()?),
                _ => self.skip_other()?,
            }
            // Behind a value: go on, or close what was open.
            loop {
                if self.depth == outside {
                    return Ok(());
                }
                let is_object = objects & 1 == 1;
                if if is_object { self.more()? } else { self.another()? } {
                    if is_object {
                        self.name()?;
                    }
                    break;
                }
                objects >>= 1;
            }
            self.space();
        }
    }

    fn skip_number(&mut self) -> Result<(), Fault> {
        self.at += usize::from(self.peek() == b'-');
        let start = self.at;
        let digits = self.digits();
        if digits == 0 || (digits > 1 && self.text.as_bytes()[start] == b'0') {
            return Err(self.fault("not a number"));
        }
        if self.peek() == b'.' {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.fault("not a number"));
            }
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            if self.digits() == 0 {
                return Err(self.fault("not a number"));
            }
        }
        Ok(())
    }

    /// Takes digits; how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    fn descend(&mut self) -> Result<(), Fault> {
        if self.depth == self.max_depth {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    const fn ascend(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.peek() == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(self.fault(what))
        }
    }

    /// The byte here; NUL, which no value starts with, at the end.
    #[inline]
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// One space is what many writers put behind `:` and `,`.
    #[inline]
    fn one_space(&mut self) {
        self.at += usize::from(self.peek() == b' ');
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[cold]
    pub(crate) const fn fault(&self, what: &'static str) -> Fault {
        Fault::Syntax { at: self.at, what }
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
