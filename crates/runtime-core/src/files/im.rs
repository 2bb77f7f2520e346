//! Files of a PBX's IM service, and of Tinode.

use std::path::PathBuf;

use chat_proto::im::rest::{FileUrl, ImHost, check_download, upload_answer};
use chat_proto::machine::HttpRequest;
use chat_proto::rest::FilePart;
use chat_sign::FileToken;
use futures_util::io::AsyncWrite;

use super::download::Downloaded;
use super::error::TransferError;
use super::options::{DownloadOptions, UploadOptions};
use super::source::Source;
use crate::runtime::Runtime;

/// Uploads a file under the request id `id`, as the form that the service wants; gives the reference
/// to put into a message. (seed)
///
/// Cancel safety: dropping the future closes the connection; the service may have stored the file. It
/// can be called again with another source.
///
/// # Errors
///
/// [`TransferError::Im`] says what the service said: after
/// [`Unauthorized`](chat_proto::im::rest::FileError::Unauthorized) a new login gives a new token. The
/// rest is as for [`upload`](super::upload()).
pub async fn upload<R: Runtime>(
    runtime: &R,
    host: &ImHost,
    token: &FileToken,
    id: &str,
    source: Source,
    options: UploadOptions,
) -> Result<FileUrl, TransferError> {
    let mut part = FilePart::new(source.name(), source.len());
    part.content_type = source.content_type().cloned();
    let upload = host.upload(token, id, &part, runtime.seed());
    let answer = super::upload(runtime, upload, source, options).await?;
    Ok(upload_answer(&answer)?)
}

/// Downloads a file into the file `path`. The token goes to the service's own host only. See
/// [`download`](super::download()) for the temporary file and for what happens when a link is lost.
///
/// Cancel safety: as [`download`](super::download()).
///
/// # Errors
///
/// The reference cannot be used, or what the service said ([`TransferError::Im`]); the rest is as for
/// [`download`](super::download()).
pub async fn download<R: Runtime>(
    runtime: &R,
    host: &ImHost,
    token: &FileToken,
    file: &FileUrl,
    path: impl Into<PathBuf>,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    let request = request(host, token, file)?;
    super::download(runtime, request, path, options).await.map_err(refusal)
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
    host: &ImHost,
    token: &FileToken,
    file: &FileUrl,
    writer: &mut W,
    options: DownloadOptions,
) -> Result<Downloaded, TransferError> {
    let request = request(host, token, file)?;
    super::download_into(runtime, request, writer, options).await.map_err(refusal)
}

fn request(host: &ImHost, token: &FileToken, file: &FileUrl) -> Result<HttpRequest, TransferError> {
    Ok(host.download(&host.locate(file)?, token))
}

/// What the service says with its refusal.
fn refusal(error: TransferError) -> TransferError {
    if let TransferError::Refused(answer) = &error
        && let Err(said) = check_download(answer.response())
    {
        return said.into();
    }
    error
}
