//! Files from the disk to the client (RFC 9110, sections 13 and 14).

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use chat_hub::Download;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runtime_tokio::Runtime as _;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};

use crate::answer::{self, AnswerBody};
use crate::server::Shared;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// What RFC 8187 allows unencoded in a file name, of what is not a letter or digit.
const IN_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Answers with a stored file, or a part of it.
pub(crate) async fn send(
    shared: &Shared,
    head: &Request<()>,
    download: Download,
) -> Response<AnswerBody> {
    let mut response = match open(shared, head, &download).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a stored file cannot be read");
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let now = shared.runtime.now().unix;
            return answer::ctrl(status, "the file cannot be read", now).map(Into::into);
        }
    };
    if head.method() == Method::HEAD {
        let length = http_body::Body::size_hint(response.body()).exact().unwrap_or_default();
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = Bytes::new().into();
    }
    response
}

async fn open(
    shared: &Shared,
    head: &Request<()>,
    download: &Download,
) -> io::Result<Response<AnswerBody>> {
    let tag = format!("\"{}\"", download.key.as_str());
    let headers = head.headers();
    let mut response = Response::new(AnswerBody::from(Bytes::new()));
    let about = response.headers_mut();
    about.insert(header::ETAG, HeaderValue::try_from(&tag).map_err(io::Error::other)?);
    about.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if is_known(headers, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let (mut file, size) = shared.files.read(&download.key).await?;
    describe(about, download);
    let range = match range(headers, &tag, size) {
        Asked::Whole => 0..size,
        Asked::Part(range) => {
            let shown = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            about.insert(
                header::CONTENT_RANGE,
                HeaderValue::try_from(shown).map_err(io::Error::other)?,
            );
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            range
        }
        Asked::Nothing => {
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let now = shared.runtime.now().unix;
            let mut response = answer::ctrl(status, "range not satisfiable", now).map(Into::into);
            let shown =
                HeaderValue::try_from(format!("bytes */{size}")).map_err(io::Error::other)?;
            response.headers_mut().insert(header::CONTENT_RANGE, shown);
            return Ok(response);
        }
    };
    if head.method() == Method::GET && range.start > 0 {
        file.seek(io::SeekFrom::Start(range.start)).await?;
    }
    *response.body_mut() = AnswerBody::File(FileBody::new(file, range.end - range.start));
    Ok(response)
}

fn describe(headers: &mut HeaderMap, download: &Download) {
    let mime = HeaderValue::try_from(&download.mime)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, mime);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Somebody else's file must not act as a page of this host.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    let mut shown = String::from(if download.attachment { "attachment" } else { "inline" });
    if !download.name.is_empty() {
        let name = utf8_percent_encode(&download.name, IN_NAME);
        let _ = write!(shown, "; filename*=UTF-8''{name}");
    }
    let shown = HeaderValue::try_from(shown).expect("percent-encoded text is visible ASCII");
    headers.insert(header::CONTENT_DISPOSITION, shown);
}

/// Whether the client has the file already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|it| it.trim())
        .any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag)
}

/// What part of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Nothing,
}

/// One range is served; several, or what cannot be read, count as none, which the RFC allows.
fn range(headers: &HeaderMap, tag: &str, size: u64) -> Asked {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|it| it != tag) {
        return Asked::Whole;
    }
    let Some((unit, spec)) = text(header::RANGE).and_then(|it| it.split_once('=')) else {
        return Asked::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Asked::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Asked::Whole,
    };
    if part.is_empty() { Asked::Nothing } else { Asked::Part(part) }
}

/// A part of a file, read as the client takes it.
pub(crate) struct FileBody {
    file: File,
    left: u64,
    buffer: BytesMut,
}

impl FileBody {
    fn new(file: File, left: u64) -> Self {
        Self { file, left, buffer: BytesMut::new() }
    }

    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let want = usize::try_from(self.left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        self.buffer.resize(want, 0);
        let mut buf = ReadBuf::new(&mut self.buffer);
        let read = match Pin::new(&mut self.file).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => buf.filled().len(),
            Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
            Poll::Pending => return Poll::Pending,
        };
        if read == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left -= read as u64;
        Poll::Ready(Some(Ok(self.buffer.split_to(read).freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(spec: &str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(spec).unwrap());
        range(&headers, "\"k\"", 10)
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        assert_eq!(asked("bytes=0-3"), Asked::Part(0..4));
        assert_eq!(asked("bytes=4-"), Asked::Part(4..10));
        assert_eq!(asked("bytes=-3"), Asked::Part(7..10));
        assert_eq!(asked("bytes=-99"), Asked::Part(0..10));
        assert_eq!(asked("bytes=2-99999999999999999999999"), Asked::Part(2..10));
        assert_eq!(asked("bytes=10-"), Asked::Nothing);
        assert_eq!(asked("bytes=-0"), Asked::Nothing);
        for whole in ["bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-", "bytes"] {
            assert_eq!(asked(whole), Asked::Whole, "{whole}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-3"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"other\""));
        assert_eq!(range(&headers, "\"k\"", 10), Asked::Whole);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"k\""));
        assert_eq!(range(&headers, "\"k\"", 10), Asked::Part(0..4));
    }
}
