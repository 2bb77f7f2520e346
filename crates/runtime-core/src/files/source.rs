//! What goes up.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::io::AsyncRead;
use futures_util::{Stream, StreamExt};
use http::HeaderValue;

use super::error::TransferError;
use super::worker::{Reply, Worker};
use crate::http::BodyError;

/// Bytes read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A file to upload: its bytes, their exact number, and what is said about them.
pub struct Source {
    kind: Kind,
    len: u64,
    name: String,
    content_type: Option<HeaderValue>,
}

enum Kind {
    Bytes(Bytes),
    File(Arc<Worker<OnDisk>>, Arc<Path>),
    Once(Option<Pieces>),
}

/// The bytes of a source, once, in pieces.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, TransferError>> + Send>>;

impl Source {
    /// A regular file. Its length and name are taken now; when it is read it must not have become
    /// shorter or longer. Reading happens in a thread of its own.
    ///
    /// Cancel safety: dropping the future closes the file.
    ///
    /// # Errors
    ///
    /// [`TransferError::File`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, TransferError> {
        let path: Arc<Path> = path.into().into();
        let failed = |error| TransferError::file("read", &*path, error);
        let worker = Worker::start(OnDisk(None)).map_err(failed)?;
        let opening = path.clone();
        let len = worker.begin(move |disk| disk.open(&opening)).await.map_err(failed)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let kind = Kind::File(Arc::new(worker), path);
        Ok(Self { kind, len, name, content_type: None })
    }

    /// What is in memory.
    #[must_use]
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let len = bytes.len() as u64;
        Self::new(Kind::Bytes(bytes), len)
    }

    /// Reads `len` bytes and no more. A reader that ends before is an error. It is read once, so an
    /// upload of it cannot follow a redirect.
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, len: u64) -> Self {
        let pieces = Reading { reader, left: len, buffer: BytesMut::new() };
        Self::stream(pieces, len)
    }

    /// Pieces of together `len` bytes, neither more nor less. They are taken once, so an upload of them
    /// cannot follow a redirect.
    #[must_use]
    pub fn stream<S, E>(pieces: S, len: u64) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BodyError>,
    {
        let pieces = pieces.map(|piece| piece.map_err(|e| TransferError::Source(e.into())));
        let counted = Counted { pieces: Box::pin(pieces), said: len, left: len };
        Self::new(Kind::Once(Some(Box::pin(counted))), len)
    }

    const fn new(kind: Kind, len: u64) -> Self {
        Self { kind, len, name: String::new(), content_type: None }
    }

    /// The same under another name. It is a file's own name unless set, otherwise empty.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with a media type.
    #[must_use]
    pub fn with_content_type(mut self, content_type: HeaderValue) -> Self {
        self.content_type = Some(content_type);
        self
    }

    /// Its length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a length known before, not a collection")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Its name, without folders; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its media type, where one was set.
    #[must_use]
    pub const fn content_type(&self) -> Option<&HeaderValue> {
        self.content_type.as_ref()
    }

    /// The bytes from the start; [`TransferError::NotRepeatable`] when they cannot be had again.
    pub(crate) fn pieces(&mut self) -> Result<Pieces, TransferError> {
        Ok(match &mut self.kind {
            Kind::Bytes(bytes) => {
                let bytes = bytes.clone();
                Box::pin(futures_util::stream::once(async move { Ok(bytes) }))
            }
            Kind::File(worker, path) => Box::pin(FromDisk {
                worker: worker.clone(),
                path: path.clone(),
                said: self.len,
                begun: 0,
                has_begun: false,
                next: None,
            }),
            Kind::Once(pieces) => pieces.take().ok_or(TransferError::NotRepeatable)?,
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.name, self.len)
    }
}

/// An open file, in its thread.
struct OnDisk(Option<File>);

/// What a read gave.
enum Outcome {
    Piece(Bytes),
    Shrank,
    Grew,
}

impl OnDisk {
    fn open(&mut self, path: &Path) -> io::Result<u64> {
        // Opening a pipe would wait for its other end: look before.
        let about = std::fs::metadata(path)?;
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        self.0 = Some(file);
        Ok(len)
    }

    /// `len` bytes from `at` on; after the `last` of them the file must end.
    fn read(&mut self, at: u64, len: usize, last: bool) -> io::Result<Outcome> {
        let Some(file) = &mut self.0 else { return Err(io::ErrorKind::NotFound.into()) };
        // Each time: a read that was begun for a body that is gone may have come between.
        file.seek(SeekFrom::Start(at))?;
        let mut piece = Vec::with_capacity(len);
        file.take(len as u64).read_to_end(&mut piece)?;
        if piece.len() < len {
            return Ok(Outcome::Shrank);
        }
        // Looked at before the last piece goes out: afterwards the server has a whole body.
        if last && file.read(&mut [0])? > 0 {
            return Ok(Outcome::Grew);
        }
        Ok(Outcome::Piece(piece.into()))
    }
}

/// A file in pieces, the next one being read while one is on its way.
struct FromDisk {
    worker: Arc<Worker<OnDisk>>,
    path: Arc<Path>,
    said: u64,
    /// How many bytes are read or being read.
    begun: u64,
    has_begun: bool,
    next: Option<Reply<Outcome>>,
}

impl FromDisk {
    fn begin(&mut self) {
        let left = self.said - self.begun;
        // Even of an empty file one read is made, to see that it still is.
        if left == 0 && self.has_begun {
            return;
        }
        self.has_begun = true;
        let len = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let (at, last) = (self.begun, len as u64 == left);
        self.begun += len as u64;
        self.next = Some(self.worker.begin(move |disk| disk.read(at, len, last)));
    }
}

impl Stream for FromDisk {
    type Item = Result<Bytes, TransferError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if !this.has_begun {
            this.begin();
        }
        let Some(next) = &mut this.next else { return Poll::Ready(None) };
        let read = ready!(Pin::new(next).poll(cx));
        this.next = None;
        let failed = |error| Poll::Ready(Some(Err(error)));
        match read {
            Ok(Outcome::Piece(piece)) => {
                this.begin();
                Poll::Ready(Some(Ok(piece)))
            }
            Ok(Outcome::Shrank) => {
                failed(TransferError::SourceLength { said: this.said, grew: false })
            }
            Ok(Outcome::Grew) => {
                failed(TransferError::SourceLength { said: this.said, grew: true })
            }
            Err(error) => failed(TransferError::file("read", &*this.path, error)),
        }
    }
}

/// A reader in pieces, never past the end.
struct Reading<R> {
    reader: R,
    left: u64,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Stream for Reading<R> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let len = usize::try_from(this.left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        this.buffer.resize(len, 0);
        let read = ready!(Pin::new(&mut this.reader).poll_read(cx, &mut this.buffer));
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(read) => {
                this.left -= read as u64;
                Some(Ok(this.buffer.split_to(read).freeze()))
            }
            Err(error) => Some(Err(error)),
        })
    }
}

/// Pieces that must be as many bytes as was said.
struct Counted {
    pieces: Pieces,
    said: u64,
    left: u64,
}

impl Stream for Counted {
    type Item = Result<Bytes, TransferError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let wrong =
            |grew| Poll::Ready(Some(Err(TransferError::SourceLength { said: this.said, grew })));
        match ready!(this.pieces.as_mut().poll_next(cx)) {
            Some(Ok(piece)) => match this.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    this.left = left;
                    Poll::Ready(Some(Ok(piece)))
                }
                None => wrong(true),
            },
            None if this.left > 0 => wrong(false),
            other => Poll::Ready(other),
        }
    }
}
