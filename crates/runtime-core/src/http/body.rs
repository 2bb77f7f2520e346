//! Bodies in both directions.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use chat_proto::machine::HttpFailure;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{BodyError, Exchange, broken};

/// A request body that is there as a whole.
#[derive(Clone, Debug, Default)]
pub struct FullBody(Option<Bytes>);

impl FullBody {
    /// From bytes.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { None } else { Some(bytes) })
    }
}

impl Body for FullBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// A request body that comes in pieces and whose length is known before.
///
/// A stream that gives more or less than its length fails the exchange.
pub struct SizedBody<S> {
    pieces: S,
    length: u64,
    left: u64,
    progress: Option<Box<dyn FnMut(u64) + Send>>,
}

impl<S> SizedBody<S> {
    /// `length` bytes, to come from `pieces`.
    #[must_use]
    pub fn new(pieces: S, length: u64) -> Self {
        Self { pieces, length, left: length, progress: None }
    }

    /// Calls `report` with the number of bytes taken so far, after each piece.
    #[must_use]
    pub fn on_progress(mut self, report: impl FnMut(u64) + Send + 'static) -> Self {
        self.progress = Some(Box::new(report));
        self
    }
}

impl<S, E> Body for SizedBody<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let piece = match ready!(Pin::new(&mut this.pieces).poll_next(cx)) {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None if this.left == 0 => return Poll::Ready(None),
            None => return Poll::Ready(Some(Err("the body is shorter than its length".into()))),
        };
        let Some(left) = this.left.checked_sub(piece.len() as u64) else {
            return Poll::Ready(Some(Err("the body is longer than its length".into())));
        };
        this.left = left;
        if let Some(report) = &mut this.progress {
            report(this.length - left);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl<S> fmt::Debug for SizedBody<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SizedBody({} of {} bytes left)", self.left, self.length)
    }
}

/// The body of an answer, still on its way. Reading it drives the connection; dropping it closes
/// the connection. A peer that is not read from has to wait.
pub struct ResponseBody {
    incoming: Incoming,
    connection: Exchange,
}

impl ResponseBody {
    pub(super) fn new(incoming: Incoming, connection: Exchange) -> Self {
        Self { incoming, connection }
    }

    /// The length, where the server named it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next piece; `None` at the end. A body that breaks off is a failure, not an end.
    ///
    /// Cancel safe: a piece is either returned or still there.
    ///
    /// # Errors
    ///
    /// [`HttpFailure::Io`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpFailure> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await;
            match frame {
                // Trailers carry nothing here.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(failure)) => return Err(failure),
                None => return Ok(None),
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`HttpFailure::TooBig`] past `limit` bytes, as soon as that is known.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, HttpFailure> {
        let too_big = HttpFailure::TooBig { limit };
        if self.length().is_some_and(|length| length > limit as u64) {
            return Err(too_big);
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_big);
        }
        // Most answers are one piece, which is not copied.
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(piece) = next {
            if piece.len() > limit - whole.len() {
                return Err(too_big);
            }
            whole.extend_from_slice(&piece);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = HttpFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpFailure>>> {
        self.connection.poll(cx);
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| broken(self.connection.failure.as_ref().unwrap_or(&error)))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseBody({:?} bytes)", self.length())
    }
}
