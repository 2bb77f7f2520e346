//! Files from the client to the disk.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chat_hub::{FileKey, UploadBody, UploadError, Uploaded};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use multer::{Field, Multipart};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;

use crate::answer;
use crate::files::Partial;
use crate::front::closing;
use crate::hub_task::HubGone;
use crate::server::Shared;
use crate::sniff::{SNIFFED_BYTES, media_type};

/// Parts of a form. (choice)
const MAX_PARTS: usize = 16;
/// Bytes of a part that is not the file. (choice)
const MAX_VALUE_BYTES: usize = 16 << 10;
/// Bytes between two parts, or before the first: headers. A read of the socket must fit. (choice)
const MAX_HEAD_BYTES: u64 = 256 << 10;

/// How an upload failed.
enum Failure {
    /// Tell the client.
    Refused(UploadError),
    /// Nobody is there to be told.
    Gone,
    /// The client sends nothing any more.
    Stalled,
}

/// Takes the body of an upload and gives the answer to it.
pub(crate) async fn receive(
    shared: Arc<Shared>,
    head: Request<()>,
    body: Incoming,
    key: FileKey,
    form: UploadBody,
    max_bytes: u64,
) -> Result<Response<Bytes>, HubGone> {
    let upload = Upload { shared: &shared, key: &key, max_bytes };
    let stream = OneByOne { body: BodyDataStream::new(body), rest: false };
    let result = match form {
        UploadBody::Raw => upload.raw(head.headers(), stream).await,
        UploadBody::Multipart => upload.form(head.headers(), stream).await,
    };
    let result = match result {
        Ok(uploaded) => Ok(uploaded),
        Err(Failure::Refused(error)) => Err(error),
        Err(failure @ (Failure::Gone | Failure::Stalled)) => {
            shared.hub.abort_upload(key).await?;
            let (status, why) = match failure {
                Failure::Stalled => (StatusCode::REQUEST_TIMEOUT, "the upload made no progress"),
                Failure::Gone | Failure::Refused(_) => {
                    (StatusCode::BAD_REQUEST, "the upload did not come whole")
                }
            };
            return Ok(closing(answer::errors(status, "UPLOAD_FAILED", why)));
        }
    };
    match &result {
        Ok(uploaded) => tracing::debug!(bytes = uploaded.size, "file stored"),
        Err(error) => tracing::debug!(%error, "upload refused"),
    }
    let is_whole = result.is_ok();
    let response = shared.hub.finish_upload(key, result).await?;
    Ok(if is_whole { response } else { closing(response) })
}

struct Upload<'a> {
    shared: &'a Shared,
    key: &'a FileKey,
    max_bytes: u64,
}

impl Upload<'_> {
    /// The body is the file.
    async fn raw(&self, headers: &HeaderMap, mut stream: OneByOne) -> Result<Uploaded, Failure> {
        let said = text(headers, header::CONTENT_TYPE);
        let length = text(headers, header::CONTENT_LENGTH).parse::<u64>().ok();
        if length.is_some_and(|length| length > self.max_bytes) {
            return Err(Failure::Refused(UploadError::TooLarge));
        }
        let mut sink = self.create().await?;
        let result = async {
            loop {
                match self.patient(stream.next()).await? {
                    Some(Ok(bytes)) => sink.write(&bytes, self.max_bytes).await?,
                    Some(Err(_)) => return Err(Failure::Gone),
                    None => return Ok(Uploaded::default()),
                }
            }
        };
        let result = result.await;
        sink.end(result, said).await
    }

    /// The file is the part `file` of a form.
    async fn form(&self, headers: &HeaderMap, stream: OneByOne) -> Result<Uploaded, Failure> {
        let boundary = multer::parse_boundary(text(headers, header::CONTENT_TYPE));
        let boundary = boundary.map_err(|_| Failure::Refused(UploadError::Malformed))?;
        let mut file = None;
        let result = self.parts(boundary, stream, &mut file).await;
        match file {
            // A form is whole when its end is: the file is kept only then.
            Some((sink, said)) => sink.end(result, &said).await,
            None => Err(result.err().unwrap_or(Failure::Refused(UploadError::Malformed))),
        }
    }

    /// Reads a form to its end. `file` gets the bytes of the file and what the client says of its
    /// type.
    async fn parts(
        &self,
        boundary: String,
        stream: OneByOne,
        file: &mut Option<(Sink, String)>,
    ) -> Result<Uploaded, Failure> {
        let budget = Arc::new(AtomicU64::new(0));
        let mut form = Multipart::new(Budgeted { stream, budget: budget.clone() }, boundary);
        let mut uploaded = Uploaded::default();
        for _ in 0..MAX_PARTS {
            budget.store(MAX_HEAD_BYTES, Ordering::Relaxed);
            let Some(mut field) = self.patient(form.next_field()).await?.map_err(of_form)? else {
                return Ok(uploaded);
            };
            budget.store(u64::MAX, Ordering::Relaxed);
            match field.name() {
                Some("file") if file.is_none() => {
                    uploaded.name = field.file_name().map(file_name).unwrap_or_default();
                    let said = field.content_type().map(ToString::to_string).unwrap_or_default();
                    let (sink, _) = file.insert((self.create().await?, said));
                    while let Some(bytes) = self.patient(field.chunk()).await?.map_err(of_form)? {
                        sink.write(&bytes, self.max_bytes).await?;
                    }
                }
                Some("file") => break,
                Some("id") => uploaded.form_id = self.value(field).await?,
                Some(_) | None => drop(self.value(field).await?),
            }
        }
        Err(Failure::Refused(UploadError::Malformed))
    }

    /// The text of a small part.
    async fn value(&self, mut field: Field<'_>) -> Result<String, Failure> {
        let mut value = Vec::new();
        while let Some(bytes) = self.patient(field.chunk()).await?.map_err(of_form)? {
            if value.len() + bytes.len() > MAX_VALUE_BYTES {
                return Err(Failure::Refused(UploadError::Malformed));
            }
            value.extend_from_slice(&bytes);
        }
        String::from_utf8(value).map_err(|_| Failure::Refused(UploadError::Malformed))
    }

    async fn create(&self) -> Result<Sink, Failure> {
        let partial = self.shared.files.create(self.key).await.map_err(of_disk)?;
        Ok(Sink { partial, first: Vec::new() })
    }

    async fn patient<T>(&self, step: impl Future<Output = T>) -> Result<T, Failure> {
        let patience: Duration = self.shared.limits.stalled_after;
        timeout(patience, step).await.map_err(|_| Failure::Stalled)
    }
}

/// Where the bytes of the file go.
struct Sink {
    partial: Partial,
    first: Vec<u8>,
}

impl Sink {
    async fn write(&mut self, bytes: &Bytes, max_bytes: u64) -> Result<(), Failure> {
        if self.partial.size() + bytes.len() as u64 > max_bytes {
            return Err(Failure::Refused(UploadError::TooLarge));
        }
        let missing = SNIFFED_BYTES - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        self.partial.write(bytes).await.map_err(of_disk)
    }

    /// Keeps the file and completes `result`, or removes it.
    async fn end(self, result: Result<Uploaded, Failure>, said: &str) -> Result<Uploaded, Failure> {
        match result {
            Ok(uploaded) => {
                let size = self.partial.size();
                self.partial.finish().await.map_err(of_disk)?;
                Ok(Uploaded { size, mime: media_type(&self.first, said), ..uploaded })
            }
            Err(failure) => {
                self.partial.discard().await;
                Err(failure)
            }
        }
    }
}

/// The name of a file as its user knows it. Browsers escape quotes and line ends in it, Python's
/// aiohttp everything but ASCII letters and digits; some clients send the whole path.
fn file_name(said: &str) -> String {
    let plain = percent_decode_str(said).decode_utf8().unwrap_or(Cow::Borrowed(said));
    plain.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn of_disk(error: io::Error) -> Failure {
    tracing::error!(%error, "an uploaded file cannot be stored");
    Failure::Refused(UploadError::Store)
}

fn of_form(error: multer::Error) -> Failure {
    let gone = matches!(&error, multer::Error::StreamReadFailed(why) if !why.is::<HeadTooLong>());
    if gone { Failure::Gone } else { Failure::Refused(UploadError::Malformed) }
}

/// The chunks of a body, with a pause after each: a reader that takes all there is at once gets no
/// more than one.
struct OneByOne {
    body: BodyDataStream<Incoming>,
    rest: bool,
}

impl Stream for OneByOne {
    type Item = Result<Bytes, hyper::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rest) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = Pin::new(&mut self.body).poll_next(cx);
        self.rest = matches!(next, Poll::Ready(Some(_)));
        next
    }
}

/// Bounds what the form's reader may gather while it looks for the end of a part's headers.
struct Budgeted {
    stream: OneByOne,
    budget: Arc<AtomicU64>,
}

#[derive(Debug, thiserror::Error)]
#[error("the headers of a part are too long")]
struct HeadTooLong;

impl Stream for Budgeted {
    type Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.stream).poll_next(cx);
        next.map(|item| match item? {
            Ok(bytes) => {
                let left = self.budget.load(Ordering::Relaxed);
                match left.checked_sub(bytes.len() as u64) {
                    Some(left) => self.budget.store(left, Ordering::Relaxed),
                    None => return Some(Err(HeadTooLong.into())),
                }
                Some(Ok(bytes))
            }
            Err(error) => Some(Err(error.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_as_they_were_meant() {
        for (said, meant) in [
            ("a b.txt", "a b.txt"),
            ("%C3%BCn%C3%AF%20a%22.txt", "ünï a\".txt"),
            ("100%.txt", "100%.txt"),
            ("%FF.txt", "%FF.txt"),
            ("../../etc/passwd", "passwd"),
            ("..%2F..%2Fetc%2Fpasswd", "passwd"),
            ("C:\\fake\\a.png", "a.png"),
            ("folder/", ""),
        ] {
            assert_eq!(file_name(said), meant, "{said}");
        }
    }
}
