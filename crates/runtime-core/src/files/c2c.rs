//! Pictures of an order chat.

use std::path::PathBuf;

use chat_proto::c2c::rest::{Download, DownloadRules, UploadSlot};
use chat_proto::rest::Upload;
use futures_util::io::AsyncWrite;
use http::header;

use super::download::Downloaded;
use super::error::{Answer, TransferError};
use super::options::{DownloadOptions, UploadOptions};
use super::source::Source;
use crate::runtime::Runtime;

/// Puts a picture where the service has made room for it: the bare bytes, with their exact length and
/// without credentials. (seed)
///
/// Cancel safety: dropping the future closes the connection; the picture may be there. It can be
/// called again with another source, while the place lasts.
///
/// # Errors
///
/// [`TransferError::Refused`] when the answer is no success; the rest is as for
/// [`upload`](super::upload()).
pub async fn put<R: Runtime>(
    runtime: &R,
    slot: &UploadSlot,
    media_type: &'static str,
    source: Source,
    options: UploadOptions,
) -> Result<(), TransferError> {
    let (head, ()) = slot.head(source.len(), media_type)?.into_parts();
    let mut request = http::Request::builder().method(head.method).uri(head.uri);
    if let Some(kind) = head.headers.get(header::CONTENT_TYPE) {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let upload = Upload::bare(request, source.len()).expect("a checked URL makes a request");
    let answer = super::upload(runtime, upload, source, options).await?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(TransferError::Refused(Answer::new(answer)))
}

/// Downloads a picture into the file `path`, without credentials and only from where `rules` allow,
/// redirects included. The smaller of both limits counts, and one redirect is followed at most.
///
/// Cancel safety: as [`download`](super::download()).
///
/// # Errors
///
/// [`TransferError::Picture`] where the rules forbid it; the rest is as for
/// [`download`](super::download()).
pub async fn download<R: Runtime>(
    runtime: &R,
    image_url: &str,
    rules: &DownloadRules,
    path: impl Into<PathBuf>,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    let download = Download::new(image_url, rules.clone())?;
    super::download(runtime, download.request(), path, restricted(options, rules)).await
}

/// The same into a writer.
///
/// Cancel safety: as [`download_into`](super::download_into()).
///
/// # Errors
///
/// As [`download`] and [`download_into`](super::download_into()).
pub async fn download_into<R: Runtime, W: AsyncWrite + Send + Unpin>(
    runtime: &R,
    image_url: &str,
    rules: &DownloadRules,
    writer: &mut W,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    let download = Download::new(image_url, rules.clone())?;
    super::download_into(runtime, download.request(), writer, restricted(options, rules)).await
}

fn restricted(mut options: DownloadOptions, rules: &DownloadRules) -> DownloadOptions {
    options.max_bytes = options.max_bytes.min(rules.max_bytes);
    let (rules, also) = (rules.clone(), options.allow.take());
    options.allow_redirect(move |to| {
        let known =
            rules.max_redirects > 0 && Download::new(&to.to_string(), rules.clone()).is_ok();
        known && also.as_ref().is_none_or(|allow| allow(to))
    })
}
