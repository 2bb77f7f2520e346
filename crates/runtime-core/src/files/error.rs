//! Why a file did not go up or come down.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::rest::{BadApi, DownloadError};
use chat_proto::im::rest::FileError;
use chat_proto::machine::HttpFailure;
use chat_proto::rest::UrlError;

use crate::http::BodyError;

/// Why a transfer failed, with whom to blame.
///
/// No variant prints a query, a header or a body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// This machine's disk: no such file, no permission, no room ([`io::ErrorKind::StorageFull`]).
    #[error("cannot {doing} {}: {error}", path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What is sent is not as long as was said: a file shrank or grew meanwhile, a reader ended early.
    /// The server has not got the whole body.
    #[error("the source has {} than the {said} bytes that were promised", if *grew { "more" } else { "fewer" })]
    SourceLength {
        /// The length that was promised.
        said: u64,
        /// Whether there is more than that, or less.
        grew: bool,
    },
    /// The reader or stream that was given failed.
    #[error("the source failed: {0}")]
    Source(BodyError),
    /// The writer that was given failed.
    #[error("the writer failed: {0}")]
    Writer(io::Error),
    /// The file is larger than the limit, or says that it is.
    #[error("the file is larger than the limit of {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: u64,
    },
    /// The exchange failed; of a download, after the last attempt.
    #[error(transparent)]
    Http(#[from] HttpFailure),
    /// No byte moved for so long; of a download, in the last attempt.
    #[error("the transfer has stood still for {after:?}")]
    Stalled {
        /// For how long at least.
        after: Duration,
    },
    /// The server points elsewhere, and that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// The server refused.
    #[error("the server answered with HTTP {}", .0.status())]
    Refused(Answer),
    /// The server's answer makes no sense.
    #[error("the answer of the server makes no sense: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server has another file now, or cannot go on where the link was lost, and what the writer
    /// has got cannot be taken back. Only where a download goes into a writer.
    #[error("the download cannot go on where it broke off, and the writer cannot start again")]
    Changed,
    /// The body would have to be sent again, to where a redirect points, and what it came from can be
    /// read only once.
    #[error("the upload is redirected, and its source can be read only once")]
    NotRepeatable,
    /// Another download is writing the same temporary file.
    #[error("another download is writing {}", path.display())]
    InUse {
        /// The temporary file.
        path: PathBuf,
    },
    /// What the IM service says, or a reference to a file that cannot be used.
    #[error(transparent)]
    Im(#[from] FileError),
    /// A picture that is not fetched.
    #[error(transparent)]
    Picture(#[from] DownloadError),
    /// A URL that cannot be used.
    #[error("the URL is not usable: {0}")]
    Url(#[from] UrlError),
    /// A place for an upload that cannot be used.
    #[error(transparent)]
    Api(#[from] BadApi),
}

impl TransferError {
    pub(super) fn file(doing: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::File { doing, path: path.into(), error }
    }

    /// Whether the disk, or what the writer writes to, is full.
    #[must_use]
    pub fn is_storage_full(&self) -> bool {
        matches!(
            self,
            Self::File { error, .. } | Self::Writer(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        )
    }
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// One redirect is followed, this was another.
    #[error("the server redirects more than once")]
    Twice,
    /// From `https` to `http`.
    #[error("a redirect leaves the encrypted connection")]
    Downgrade,
    /// No `Location`, or none that is an `http` or `https` URL.
    #[error("a redirect leads nowhere")]
    Nowhere,
    /// A redirect that would turn the upload into something else: only 307 and 308 keep the body.
    #[error("a redirect with HTTP {0} does not keep the upload")]
    Method(u16),
    /// The application does not allow the host.
    #[error("a redirect leads to a host that is not allowed")]
    Host,
}

/// An answer that refuses. `Debug` shows no header and no body.
#[derive(Clone)]
pub struct Answer(Box<http::Response<Bytes>>);

impl Answer {
    pub(super) fn new(answer: http::Response<Bytes>) -> Self {
        Self(Box::new(answer))
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// The whole answer; its body at most 64 KiB.
    #[must_use]
    pub fn response(&self) -> &http::Response<Bytes> {
        &self.0
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer(HTTP {}, {} bytes)", self.status(), self.0.body().len())
    }
}
