//! Just enough of Rust's lexical grammar to tell code from comments and literals.

/// What a stretch of source text is, where it is not plain code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Comment,
    /// A string literal of any sort, its quotes included, its prefix not.
    Str,
    Char,
    /// `r#name`: an identifier, never a keyword.
    RawIdent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Everything in `text` that is not plain code, in order. Unterminated stretches end with the text.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match not_code(bytes, at) {
            Some((kind, end)) => {
                spans.push(Span { kind, start: at, end });
                at = end;
            }
            None => at += 1,
        }
    }
    spans
}

/// `text` with everything that is not plain code blanked out: the same length, the same lines.
pub(super) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    for span in spans(text) {
        code.push_str(&text[at..span.start]);
        code.extend(
            text.as_bytes()[span.start..span.end]
                .iter()
                .map(|byte| if *byte == b'\n' { '\n' } else { ' ' }),
        );
        at = span.end;
    }
    code.push_str(&text[at..]);
    code
}

/// The line of a byte offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Offsets at which `needle` stands in `code` as a word or path of its own.
pub(super) fn words<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(needle).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).map(|index| bytes[index]);
        let after = bytes.get(at + needle.len()).copied();
        !before.is_some_and(is_ident) && !after.is_some_and(is_ident)
    })
}

fn is_ident(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The stretch that begins exactly at `at`, if it is not code.
fn not_code(bytes: &[u8], at: usize) -> Option<(Kind, usize)> {
    let rest = &bytes[at..];
    let starts_token = at == 0 || !is_ident(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => Some((Kind::Comment, at + line_length(rest))),
        [b'/', b'*', ..] => Some((Kind::Comment, at + block_length(rest))),
        [b'"', ..] => Some((Kind::Str, at + string_length(rest))),
        [b'\'', ..] => char_length(rest).map(|length| (Kind::Char, at + length)),
        // `br"…"` and `cr"…"`: the quote of a raw string is found from its `r`.
        [b'r', b'"' | b'#', ..] if starts_token || is_raw_prefix(bytes, at) => raw(rest, at),
        _ => None,
    }
}

fn is_raw_prefix(bytes: &[u8], r: usize) -> bool {
    matches!(bytes[r - 1], b'b' | b'c') && (r < 2 || !is_ident(bytes[r - 2]))
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

/// Block comments nest.
fn block_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `None` for a lifetime or a loop label.
fn char_length(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'\\' => {
            // The escaped byte is skipped: it may be a quote.
            let close = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
            Some(close + 4)
        }
        first => {
            let width = match first {
                0..=0x7f => 1,
                0xf0..=0xff => 4,
                0xe0..=0xef => 3,
                _ => 2,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
        }
    }
}

/// A raw string from its `r`, or a raw identifier.
fn raw(rest: &[u8], at: usize) -> Option<(Kind, usize)> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    let body = 1 + hashes;
    if rest.get(body) == Some(&b'"') {
        let mut close = vec![b'"'];
        close.extend(std::iter::repeat_n(b'#', hashes));
        let length = rest[body + 1..]
            .windows(close.len())
            .position(|window| window == close)
            .map_or(rest.len(), |found| body + 1 + found + close.len());
        return Some((Kind::Str, at + length));
    }
    let name = rest[body..].iter().take_while(|byte| is_ident(**byte)).count();
    (hashes == 1 && name > 0).then_some((Kind::RawIdent, at + body + name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_async(text: &str) -> bool {
        words(&code_only(text), "async").next().is_some()
    }

    #[test]
    fn keywords_in_code_are_seen() {
        for text in [
            "async fn f() {}",
            "fn f() { let x = async move { 1 }; }",
            "/* nested /* async */ comment */ async fn f() {}",
            "let s = \"quoted \\\" \"; async {}",
            "let c = '\"'; async {}",
            "let c = '\\''; async {}",
            "let c = 'é'; async {}",
            "fn f<'a>(x: &'a str) { async {} }",
            "let s = r#\"raw \" string\"#; async {}",
            "let s = br\"\\\"; async {}",
            "let r = 1; async {}",
        ] {
            assert!(has_async(text), "{text}");
        }
    }

    #[test]
    fn keywords_elsewhere_are_not() {
        for text in [
            "// async fn",
            "/// an async caller",
            "/* async /* async */ async */ fn f() {}",
            "let s = \"async\";",
            "let s = \"a \\\" async\";",
            "let s = r\"async\";",
            "let s = r##\"a \"# async\"##;",
            "let s = b\"async\";",
            "let s = br#\"async \" async\"#;",
            "let asynchronous = 1; let not_async = 2; let async_ = 3;",
            "let r#async = 1;",
            "use runtime_async_std;",
        ] {
            assert!(!has_async(text), "{text}");
        }
    }

    #[test]
    fn blanking_keeps_lines_and_length() {
        let text = "a // é\n/* x\ny */ b \"s\nt\" 'c'\n";
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn broken_sources_do_not_panic() {
        for text in ["\"open", "/* open", "r#\"open", "'", "'\\", "r", "r#", "br", "\"\\", "é'é"]
        {
            let _ = code_only(text);
        }
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!(line_of("a\nb\nc", 0), 1);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
