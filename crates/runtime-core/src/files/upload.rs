//! One file, from this machine to a server.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use chat_proto::rest::Upload;
use futures_util::Stream;

use super::error::{RedirectError, TransferError};
use super::meter::Meter;
use super::options::{Progress, UploadOptions};
use super::redirect;
use super::source::{Pieces, Source};
use crate::http::{SizedBody, send};
use crate::runtime::Runtime;

/// The largest answer to an upload that is read, in bytes (choice).
pub(super) const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends `source` as the file of `upload`, whose length it must have, and gives the answer whatever its
/// status. One redirect with 307 or 308 is followed; another host gets no credentials.
///
/// The answer's body may have 64 KiB at most.
///
/// Cancel safety: dropping the future closes the connection; the server may have got the whole file. It
/// can be called again.
///
/// # Errors
///
/// The file is over the limit or not as long as was said, no connection, no progress, a redirect that
/// is not followed. See [`TransferError`].
pub async fn upload<R: Runtime>(
    runtime: &R,
    upload: Upload,
    mut source: Source,
    options: UploadOptions,
) -> Result<http::Response<Bytes>, TransferError> {
    let said = upload.file_len();
    if source.len() != said {
        return Err(TransferError::SourceLength { said, grew: source.len() > said });
    }
    if said > options.max_bytes {
        return Err(TransferError::TooBig { limit: options.max_bytes });
    }
    let meter = Meter::new(options.report);
    let mut head = upload.head().clone();
    let mut redirected = false;
    loop {
        let parts = Parts {
            prefix: Some(upload.prefix().clone()),
            file: Some(source.pieces()?),
            suffix: Some(upload.suffix().clone()),
            progress: Progress { done: 0, total: Some(said) },
            meter: meter.clone(),
        };
        let body = SizedBody::new(parts, upload.content_length());
        let sending = send(runtime, head.clone().map(|()| body));
        let answer = meter.watch(runtime, options.stall_timeout, sending).await?;
        let (about, body) = answer.into_parts();
        if redirect::is_redirect(about.status) {
            if redirected {
                return Err(RedirectError::Twice.into());
            }
            redirected = true;
            head = redirect::follow(&head, about.status, &about.headers, true)?;
            continue;
        }
        let reading = body.collect(MAX_ANSWER_BYTES);
        let body = meter.watch(runtime, options.stall_timeout, reading).await?;
        return Ok(http::Response::from_parts(about, body));
    }
}

/// A body: what goes before the file, the file, what goes after.
struct Parts {
    prefix: Option<Bytes>,
    file: Option<Pieces>,
    suffix: Option<Bytes>,
    progress: Progress,
    meter: Meter,
}

/// The text that a connection makes of an error is not shown; the meter has the error itself.
const FAILED: &str = "the file cannot be read";

impl Stream for Parts {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        // Asked for another piece: there is room again.
        this.meter.step();
        if let Some(prefix) = this.prefix.take().filter(|it| !it.is_empty()) {
            return Poll::Ready(Some(Ok(prefix)));
        }
        while let Some(file) = &mut this.file {
            match ready!(file.as_mut().poll_next(cx)) {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    this.progress.done += piece.len() as u64;
                    this.meter.report(this.progress);
                    return Poll::Ready(Some(Ok(piece)));
                }
                Some(Err(error)) => {
                    this.file = None;
                    this.meter.fail(error);
                    return Poll::Ready(Some(Err(FAILED)));
                }
                None => this.file = None,
            }
        }
        Poll::Ready(this.suffix.take().filter(|it| !it.is_empty()).map(Ok))
    }
}
