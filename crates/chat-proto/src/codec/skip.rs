//! Values that are passed on as they stand.

use super::scan::{Fault, Scanner, Then};

impl<'a> Scanner<'a> {
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
    pub(super) fn number(mut self) -> Then<'a, ()> {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::scan::MAX_DEPTH;
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
