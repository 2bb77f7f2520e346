//! What is remembered of a download between two calls, beside its temporary file.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use http::Uri;
use sha2::{Digest, Sha256};

use super::resume::{Known, Validator};

/// First line of a note; another version is none.
const HEAD: &str = "chat download 1";

/// The longest note that is read, in bytes.
const MAX_BYTES: u64 = 4096;

/// Of which URL and which file the bytes are. The URL as a hash, and without its query: that may hold
/// a token, which changes and is nobody's business.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) url: String,
    pub(super) known: Known,
}

impl Note {
    /// How a URL stands in a note.
    pub(super) fn url(uri: &Uri) -> String {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let scheme = uri.scheme_str().unwrap_or_default();
        let whole = format!("{scheme}://{}{}", authority.to_ascii_lowercase(), uri.path());
        hash(whole.as_bytes())
    }

    /// What tells the temporary files of two targets from one another, whose names may begin alike.
    pub(super) fn tag(name: &OsStr) -> String {
        let mut tag = hash(name.as_encoded_bytes());
        tag.truncate(16);
        tag
    }

    /// Whether a file of this length can be the beginning.
    pub(super) fn fits(&self, have: u64) -> bool {
        self.known.total.is_none_or(|total| have <= total)
    }

    /// `None` where there is none, or none that can be used.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        Self::parse(&text)
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.text())
    }

    fn text(&self) -> String {
        let total = self.known.total.map_or_else(|| "-".to_owned(), |total| total.to_string());
        format!("{HEAD}\n{}\n{total}\n{}\n", self.url, self.known.validator.as_str())
    }

    fn parse(text: &str) -> Option<Self> {
        // The last line must be whole.
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (head, url, total) = (lines.next()?, lines.next()?, lines.next()?);
        let validator = Validator::parse(lines.next()?)?;
        let total = if total == "-" { None } else { Some(total.parse().ok()?) };
        let is_whole = head == HEAD && url.len() == 64 && lines.next().is_none();
        is_whole.then(|| Self { url: url.to_owned(), known: Known { validator, total } })
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(total: Option<u64>) -> Note {
        let uri = Uri::from_static("https://H.example/f/1?token=hush");
        let validator = Validator::parse("\"a b\"").unwrap();
        Note { url: Note::url(&uri), known: Known { validator, total } }
    }

    #[test]
    fn a_note_reads_as_it_was_written() {
        for total in [None, Some(0), Some(u64::MAX)] {
            assert_eq!(Note::parse(&note(total).text()), Some(note(total)));
        }
        let text = note(Some(7)).text();
        assert!(!text.contains("hush") && !text.contains("example"), "{text}");
        assert_eq!(Note::url(&Uri::from_static("https://h.EXAMPLE/f/1")), note(None).url);
    }

    #[test]
    fn what_was_cut_or_changed_is_none() {
        let text = note(Some(7)).text();
        for end in 0..text.len() {
            assert_eq!(Note::parse(&text[..end]), None, "{end}");
        }
        for wrong in [
            text.replace("download 1", "download 2"),
            text.replace("\n7\n", "\n-7\n"),
            format!("{text}more\n"),
            text.replace("\"a b\"", "\u{7}"),
        ] {
            assert_eq!(Note::parse(&wrong), None, "{wrong}");
        }
    }
}
