//! One type for every stream of bytes.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use runtime_core::inlet::{Arrival, Inlet};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of bytes: TCP, TLS over it, or what a server hands over after an upgrade. One indirect
/// call an operation, next to a system call.
pub struct TokioStream {
    io: Box<dyn Duplex>,
    /// Below a client's WebSocket.
    inlet: Option<Inlet>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl TokioStream {
    /// Wraps any stream.
    #[must_use]
    pub fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { io: Box::new(io), inlet: None }
    }

    /// The same below a WebSocket whose handshake comes next.
    pub(crate) fn with_inlet(self, inlet: Inlet) -> Self {
        Self { inlet: Some(inlet), ..self }
    }

    /// The next text, past the WebSocket.
    #[inline]
    pub(crate) fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        let Self { io, inlet } = self;
        match inlet {
            Some(inlet) => inlet.poll_text(|bytes| fill(io, cx, bytes)),
            None => Poll::Ready(Arrival::Other { fresh: false }),
        }
    }

    /// Reads bytes and throws them away.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inlet = None;
        fill(&mut self.io, cx, &mut [0; 8192])
    }
}

fn fill(
    io: &mut Box<dyn Duplex>,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut bytes = ReadBuf::new(bytes);
    let read = Pin::new(io).poll_read(cx, &mut bytes);
    read.map_ok(|()| bytes.filled().len())
}

impl AsyncRead for TokioStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, inlet } = &mut *self;
        let Some(inlet) = inlet else { return Pin::new(io).poll_read(cx, buf) };
        let read = inlet.poll_read(|bytes| fill(io, cx, bytes), buf.initialize_unfilled());
        read.map_ok(|count| buf.advance(count))
    }
}

impl AsyncWrite for TokioStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl fmt::Debug for TokioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokioStream")
    }
}
