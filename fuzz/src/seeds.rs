//! Archives of seeds: `seeds/<target>.txt`, one seed a line.
//!
//! A line is the name, a tab, and the bytes as text: what is printable UTF-8 stands for itself, `\`
//! is `\\`, anything else `\xHH`. So an archive reads, compares and merges like source. Lines whose
//! first character is `#` are comments.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// Names that packing leaves alone: inputs that once broke a law, added by hand.
pub const FOUND: &str = "found-";

/// One input and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Names it in messages: letters, digits, `-`, `_`, `.`, `/`.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// The folder of this package. Cargo sets the variable at run time, so a binary that was built before
/// the checkout moved still finds it.
#[must_use]
pub fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

/// The archive of a target.
#[must_use]
pub fn path(target: &str) -> PathBuf {
    package().join("seeds").join(format!("{target}.txt"))
}

/// Reads the archive of a target.
///
/// # Errors
///
/// The file is missing or a line is malformed; the message names it.
pub fn load(target: &str) -> Result<Vec<Seed>, String> {
    let path = path(target);
    let in_file = |error: String| format!("{}: {error}", path.display());
    read(&fs::read_to_string(&path).map_err(|error| in_file(error.to_string()))?).map_err(in_file)
}

/// Reads the text of an archive.
///
/// # Errors
///
/// A line is malformed; the message has its number.
pub fn read(archive: &str) -> Result<Vec<Seed>, String> {
    let seed = |(index, line): (usize, &str)| {
        let parsed = line
            .split_once('\t')
            .and_then(|(name, text)| Some(Seed { name: name.to_owned(), bytes: unescape(text)? }));
        parsed.ok_or_else(|| format!("line {} is no seed", index + 1))
    };
    let is_seed = |(_, line): &(usize, &str)| !line.is_empty() && !line.starts_with('#');
    archive.lines().enumerate().filter(is_seed).map(seed).collect()
}

/// Writes the text of an archive, sorted by name.
#[must_use]
pub fn write(mut seeds: Vec<Seed>) -> String {
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    let mut out = String::from(
        "# Written by `cargo xtask fuzz --pack`; it keeps lines that start with found-.\n",
    );
    for seed in seeds {
        out.push_str(&seed.name);
        out.push('\t');
        escape(&seed.bytes, &mut out);
        out.push('\n');
    }
    out
}

fn escape(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => out.push_str("\\\\"),
                // White space other than a blank would be invisible, or lost to an editor.
                ' ' => out.push(' '),
                _ if letter.is_control() || letter.is_whitespace() => {
                    escape_each(letter.encode_utf8(&mut [0; 4]).as_bytes(), out);
                }
                _ => out.push(letter),
            }
        }
        escape_each(chunk.invalid(), out);
    }
    // An editor would take it away.
    if out.ends_with(' ') {
        out.pop();
        escape_each(b" ", out);
    }
}

fn escape_each(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // A String takes every write.
        let _ = write!(out, "\\x{byte:02X}");
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        if let Some(after) = escape.strip_prefix('\\') {
            out.push(b'\\');
            rest = after;
        } else {
            let digits = escape.strip_prefix('x')?.get(..2)?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &escape[3..];
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).chain("ü\\x41\u{2028}\u{85} ".bytes()).collect();
        let seeds = vec![
            Seed { name: "b".to_owned(), bytes },
            Seed { name: "a".to_owned(), bytes: Vec::new() },
        ];
        let archive = write(seeds.clone());
        assert!(archive.lines().all(|line| !line.ends_with(' ')));
        assert_eq!(read(&archive).unwrap(), [seeds[1].clone(), seeds[0].clone()]);
    }

    #[test]
    fn a_malformed_line_is_named() {
        for line in ["no tab", "a\t\\", "a\t\\x4", "a\t\\xg1", "a\t\\n"] {
            assert_eq!(read(&format!("# x\n{line}\n")).unwrap_err(), "line 2 is no seed", "{line}");
        }
    }
}
