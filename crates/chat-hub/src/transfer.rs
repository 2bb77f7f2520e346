//! Files: the hub decides who may send or fetch which bytes, the front moves them.

use bytes::Bytes;
use http::Response;

/// Names the bytes of one file in the front's store: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey(String);

impl FileKey {
    /// Text that is fit to name a file: 1 to 128 letters, digits, `-` and `_`.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=128).contains(&key.len()) && key.bytes().all(plain);
        fits.then(|| Self(key.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What to do with an HTTP request that may carry or ask for a file.
#[derive(Debug)]
pub enum Transfer {
    /// No file path: give the request to [`Hub::handle_http`](crate::Hub::handle_http).
    NotMine,
    /// Answer this, without reading a body.
    Answer(Response<Bytes>),
    /// Store the body under `key`, then call
    /// [`Hub::finish_upload`](crate::Hub::finish_upload), or
    /// [`Hub::abort_upload`](crate::Hub::abort_upload) when it did not come whole. Of a body that
    /// is not stored whole keep nothing: the same key may be given out again.
    Receive {
        /// Where.
        key: FileKey,
        /// What the body is.
        body: UploadBody,
        /// A larger file ends with [`UploadError::TooLarge`].
        max_bytes: u64,
    },
    /// Send a stored file. Its bytes never change, so `key` serves as an entity tag; ranges are the
    /// front's to answer.
    Send(Download),
}

/// What the body of an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadBody {
    /// `multipart/form-data` with a part `file` and perhaps a part `id`.
    Multipart,
    /// The file itself.
    Raw,
}

/// A stored file to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Where it is.
    pub key: FileKey,
    /// The name it was uploaded with; empty where it had none.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Length in bytes.
    pub size: u64,
    /// Whether a browser must save it and not show it.
    pub attachment: bool,
}

/// What an upload held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// The part `id` of a form: the request id. Empty where there was none.
    pub form_id: String,
    /// File name as the client gave it; empty where there was none.
    pub name: String,
    /// Media type, sniffed or as the client gave it; empty where unknown.
    pub mime: String,
    /// Length in bytes.
    pub size: u64,
}

/// Why an upload failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// Larger than allowed: the client is to blame.
    #[error("the file is too large")]
    TooLarge,
    /// No form, no part `file`, or cut off: the client is to blame.
    #[error("the upload is malformed")]
    Malformed,
    /// The bytes could not be stored: our side is to blame.
    #[error("the file could not be stored")]
    Store,
}
