//! Servers that were trusted on first use.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

/// The largest file that is read, in bytes: some ten thousand servers.
const MAX_FILE: u64 = 1 << 20;

/// SHA-256 of a certificate's DER. Prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate.as_ref()).into())
    }

    /// From 64 hexadecimal digits, with or without colons between bytes, as `openssl x509
    /// -fingerprint -sha256` prints them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = text.bytes().filter(|byte| *byte != b':');
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let mut digit = || char::from(digits.next()?).to_digit(16);
            *byte = u8::try_from(digit()? << 4 | digit()?).ok()?;
        }
        digits.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A store of what servers showed first. A server is `name:port`, or `[address]:port`.
///
/// Called in the middle of handshakes: answers come from memory or a small file.
pub trait KnownServers: fmt::Debug + Send + Sync + 'static {
    /// The certificates that are accepted of a server; empty for one that was never met.
    ///
    /// # Errors
    ///
    /// The store cannot be read; the connection fails.
    fn known(&self, server: &str) -> io::Result<Vec<Fingerprint>>;

    /// Remembers a server that was met for the first time.
    ///
    /// # Errors
    ///
    /// The store cannot be written, or knows another certificate by now; the connection fails.
    fn remember(&self, server: &str, fingerprint: Fingerprint) -> io::Result<()>;
}

/// A text file of lines `SERVER FINGERPRINT`, where a line that begins with `#` is a remark. It is
/// read anew for each connection, so lines can be removed, or added for a certificate that is to
/// come, while programs run.
#[derive(Debug)]
pub struct KnownServersFile {
    path: PathBuf,
    writing: Mutex<()>,
}

impl KnownServersFile {
    /// The file need not exist; it and its folder are made when the first server is met.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writing: Mutex::new(()) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> io::Result<String> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(self.named(&error)),
        };
        let mut text = String::new();
        let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
        let read = read.map_err(|error| self.named(&error))?;
        if read as u64 > MAX_FILE {
            return Err(self.broken("the file is too large"));
        }
        Ok(text)
    }

    /// A line that cannot be read is an error: it may be the one that matters.
    fn find(&self, text: &str, server: &str) -> io::Result<Vec<Fingerprint>> {
        let mut found = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let read = line
                .split_once(char::is_whitespace)
                .and_then(|(name, digits)| Some((name, Fingerprint::parse(digits.trim())?)));
            let Some((name, fingerprint)) = read else {
                return Err(self.broken(format_args!("line {} is not understood", index + 1)));
            };
            if name == server {
                found.push(fingerprint);
            }
        }
        Ok(found)
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }

    fn broken(&self, what: impl fmt::Display) -> io::Error {
        let text = format!("{}: {what}", self.path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

impl KnownServers for KnownServersFile {
    fn known(&self, server: &str) -> io::Result<Vec<Fingerprint>> {
        self.find(&self.read()?, server)
    }

    fn remember(&self, server: &str, fingerprint: Fingerprint) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let text = self.read()?;
        let known = self.find(&text, server)?;
        if known.contains(&fingerprint) {
            return Ok(());
        }
        if !known.is_empty() {
            return Err(self.broken(format_args!("{server} has shown another certificate")));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| self.named(&error))?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(|error| self.named(&error))?;
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        // One write, so that two programs that append do not mix their lines.
        let line = format!("{gap}{server} {fingerprint}\n");
        file.write_all(line.as_bytes()).map_err(|error| self.named(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_printed() {
        let fingerprint = Fingerprint(std::array::from_fn(|n| n as u8 * 7));
        let text = fingerprint.to_string();
        assert_eq!(Fingerprint::parse(&text), Some(fingerprint));
        let pairs: Vec<_> = text.as_bytes().chunks(2).map(|p| str::from_utf8(p).unwrap()).collect();
        assert_eq!(Fingerprint::parse(&pairs.join(":").to_uppercase()), Some(fingerprint));
        for wrong in ["", "00", &text[1..], &format!("{text}0"), &text.replace('0', "g")] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_remembers_and_keeps_what_stands_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/known_servers");
        let (one, two) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        let file = KnownServersFile::new(&path);
        assert_eq!(file.known("a:1").unwrap(), []);
        file.remember("a:1", one).unwrap();
        file.remember("a:1", one).unwrap();
        file.remember("a:2", two).unwrap();
        assert_eq!(file.known("a:1").unwrap(), [one]);
        let error = file.remember("a:1", two).unwrap_err();
        assert!(error.to_string().contains("known_servers: a:1 has shown another"), "{error}");

        // By hand: a remark, a second certificate, no end of line.
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("a:1 {one}\na:2 {two}\n"));
        fs::write(&path, format!("{text}# soon\n a:1  {two}")).unwrap();
        assert_eq!(file.known("a:1").unwrap(), [one, two]);
        file.remember("b:1", one).unwrap();
        assert_eq!(file.known("b:1").unwrap(), [one]);

        fs::write(&path, "a:1 0123\n").unwrap();
        let error = file.known("b:1").unwrap_err();
        assert!(error.to_string().ends_with("line 1 is not understood"), "{error}");
        assert!(file.remember("b:1", one).is_err());
    }
}
