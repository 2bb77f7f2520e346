//! Uploads whose body is streamed by the runtime: everything but the file's bytes is known here.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, header};

use crate::machine::{HttpRequest, Redacted};
use crate::rng::Rng;

/// A `multipart/form-data` body under construction: text parts first, one file last.
///
/// ```
/// use chat_proto::rest::{FilePart, Multipart};
///
/// let form = Multipart::new(7).text("id", "1");
/// let upload = form.file("file", &FilePart::new("a.txt", 5), http::Request::post("/up"))?;
/// let request = upload.with_body(b"hello")?;
/// assert_eq!(upload.content_length(), request.request().body().len() as u64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    body: Vec<u8>,
}

/// The file of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// Its name, without folders.
    pub filename: String,
    /// Its media type; `None` says `application/octet-stream`.
    pub content_type: Option<HeaderValue>,
    /// Its length in bytes.
    pub len: u64,
}

impl FilePart {
    /// A file of `len` bytes without a media type.
    #[must_use]
    pub fn new(filename: impl Into<String>, len: u64) -> Self {
        Self { filename: filename.into(), content_type: None, len }
    }

    /// The same file with a media type.
    #[must_use]
    pub fn with_content_type(self, content_type: HeaderValue) -> Self {
        Self { content_type: Some(content_type), ..self }
    }
}

impl Multipart {
    /// An empty form. The boundary is drawn from `seed`, which a peer must not be able to guess
    /// before it chooses the file: who knows the boundary can write parts of its own.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let boundary = format!("chat-{:016x}{:016x}", rng.next_u64(), rng.next_u64());
        Self { boundary, body: Vec::new() }
    }

    /// Appends a text part. The value travels as it is.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.open(name);
        self.body.extend_from_slice(b"\r\n\r\n");
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Appends the file and closes the form. `request` brings method, URL and further headers;
    /// `Content-Type` and `Content-Length` are added.
    ///
    /// # Errors
    ///
    /// `request` is not valid.
    pub fn file(
        mut self,
        name: &str,
        file: &FilePart,
        request: http::request::Builder,
    ) -> Result<Upload, http::Error> {
        self.open(name);
        self.body.extend_from_slice(b"; filename=\"");
        escape_into(&file.filename, &mut self.body);
        self.body.extend_from_slice(b"\"\r\nContent-Type: ");
        let media_type = file.content_type.as_ref().map_or(OCTETS, HeaderValue::as_bytes);
        self.body.extend_from_slice(media_type);
        self.body.extend_from_slice(b"\r\n\r\n");
        let suffix = format!("\r\n--{}--\r\n", self.boundary);
        let form_type = format!("multipart/form-data; boundary={}", self.boundary);
        let request = request.header(header::CONTENT_TYPE, form_type);
        Upload::new(request, self.body.into(), file.len, suffix.into())
    }

    fn open(&mut self, name: &str) {
        self.body.extend_from_slice(b"--");
        self.body.extend_from_slice(self.boundary.as_bytes());
        self.body.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
        escape_into(name, &mut self.body);
        self.body.push(b'"');
    }
}

const OCTETS: &[u8] = b"application/octet-stream";

/// Quotes a name as the HTML standard says: `"`, CR and LF as `%22`, `%0D`, `%0A` and the rest as it
/// is, backslashes too; other control characters, which no header may hold, likewise as `%XX`.
fn escape_into(name: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in name.as_bytes() {
        if byte == b'"' || byte.is_ascii_control() {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'%', high, low]);
        } else {
            out.push(byte);
        }
    }
}

/// A request whose body is [`prefix`](Self::prefix), the file, [`suffix`](Self::suffix), so that the
/// file can be streamed.
///
/// `Debug` hides headers, query and body.
#[derive(Clone)]
pub struct Upload {
    head: http::Request<()>,
    prefix: Bytes,
    file_len: u64,
    suffix: Bytes,
}

impl Upload {
    /// An upload of the bare file, e.g. by `PUT`; adds `Content-Length`.
    ///
    /// # Errors
    ///
    /// `request` is not valid.
    pub fn bare(request: http::request::Builder, file_len: u64) -> Result<Self, http::Error> {
        Self::new(request, Bytes::new(), file_len, Bytes::new())
    }

    fn new(
        request: http::request::Builder,
        prefix: Bytes,
        file_len: u64,
        suffix: Bytes,
    ) -> Result<Self, http::Error> {
        // No file comes near the end of u64.
        let around = (prefix.len() + suffix.len()) as u64;
        let length = HeaderValue::from(around.saturating_add(file_len));
        let head = request.header(header::CONTENT_LENGTH, length).body(())?;
        Ok(Self { head, prefix, file_len, suffix })
    }

    /// Method, URL and headers, `Content-Length` among them.
    #[must_use]
    pub const fn head(&self) -> &http::Request<()> {
        &self.head
    }

    /// What goes before the file.
    #[must_use]
    pub const fn prefix(&self) -> &Bytes {
        &self.prefix
    }

    /// How many bytes of file go between.
    #[must_use]
    pub const fn file_len(&self) -> u64 {
        self.file_len
    }

    /// What goes after the file.
    #[must_use]
    pub const fn suffix(&self) -> &Bytes {
        &self.suffix
    }

    /// Length of the whole body in bytes.
    #[must_use]
    pub const fn content_length(&self) -> u64 {
        ((self.prefix.len() + self.suffix.len()) as u64).saturating_add(self.file_len)
    }

    /// The whole request, for a file that is in memory.
    ///
    /// # Errors
    ///
    /// `file` is not as long as was said.
    pub fn with_body(&self, file: &[u8]) -> Result<HttpRequest, LengthMismatch> {
        if file.len() as u64 != self.file_len {
            return Err(LengthMismatch { said: self.file_len, is: file.len() as u64 });
        }
        let body: Bytes = [&self.prefix[..], file, &self.suffix[..]].concat().into();
        Ok(HttpRequest::new(self.head.clone().map(|()| body)))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, uri) = (self.head.method(), Redacted(self.head.uri()));
        write!(f, "Upload({method} {uri}, {} bytes)", self.content_length())
    }
}

/// A file is not as long as its upload said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has {is} bytes, its upload said {said}")]
pub struct LengthMismatch {
    /// Length the upload announces.
    pub said: u64,
    /// Length of the file.
    pub is: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_what_a_browser_sends() {
        let file =
            FilePart::new("a\"b\r\n\\ü.png", 3).with_content_type("image/png".parse().unwrap());
        let upload = Multipart::new(1)
            .text("id", "4711")
            .file("file", &file, http::Request::post("https://h/im/file?token=hush"))
            .unwrap();
        let request = upload.with_body(b"PNG").unwrap().into_request();
        let text = String::from_utf8(request.body().to_vec()).unwrap();
        let boundary = "chat-910a2dec89025cc1beeb8da1658eec67";
        assert_eq!(
            text.replace("\r\n", "\n").replace(boundary, "BOUNDARY"),
            "--BOUNDARY\nContent-Disposition: form-data; name=\"id\"\n\n4711\n\
             --BOUNDARY\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"a%22b%0D%0A\\ü.png\"\nContent-Type: image/png\n\nPNG\n--BOUNDARY--\n"
        );
        assert_eq!(request.headers()["content-length"], text.len().to_string().as_str());
        assert_eq!(
            request.headers()["content-type"],
            format!("multipart/form-data; boundary={boundary}").as_str()
        );
        assert_eq!(
            format!("{upload:?}"),
            format!("Upload(POST https://h/im/file?…, {} bytes)", text.len())
        );
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let upload = Upload::bare(http::Request::put("https://h/x"), 4).unwrap();
        assert_eq!(upload.with_body(b"abc").unwrap_err(), LengthMismatch { said: 4, is: 3 });
        assert_eq!(&upload.with_body(b"abcd").unwrap().request().body()[..], b"abcd");
    }

    #[test]
    fn an_impossible_length_does_not_wrap() {
        let upload = Multipart::new(1)
            .file("file", &FilePart::new("x", u64::MAX), http::Request::post("/"))
            .unwrap();
        assert_eq!(upload.content_length(), u64::MAX);
    }
}
