//! One type for every stream of bytes.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::io::{AsyncRead, AsyncWrite};
use runtime_core::inlet::{Arrival, Inlet};

/// A stream of bytes: TCP, or TLS over another one. One indirect call an operation, next to a
/// system call.
///
/// Closing it must end the writing half: TCP has to send its FIN.
pub struct IoStream {
    io: Box<dyn Duplex>,
    /// Below a client's WebSocket.
    inlet: Option<Inlet>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl IoStream {
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
            Some(inlet) => inlet.poll_text(|bytes| Pin::new(&mut *io).poll_read(cx, bytes)),
            None => Poll::Ready(Arrival::Other { fresh: false }),
        }
    }

    /// Reads bytes and throws them away.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inlet = None;
        Pin::new(&mut self.io).poll_read(cx, &mut [0; 8192])
    }
}

impl AsyncRead for IoStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { io, inlet } = &mut *self;
        match inlet {
            Some(inlet) => inlet.poll_read(|bytes| Pin::new(&mut *io).poll_read(cx, bytes), buf),
            None => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for IoStream {
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

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }
}

impl fmt::Debug for IoStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IoStream")
    }
}

/// A TCP stream as both families must have it.
///
/// Its flush does nothing, as TCP keeps nothing back; smol's own forgets who waits to write. Its close
/// sends a FIN: async-std's own does nothing.
pub(crate) struct Tcp<T> {
    stream: T,
    shutdown: fn(&T, Shutdown) -> io::Result<()>,
}

impl<T> Tcp<T> {
    pub(crate) const fn new(stream: T, shutdown: fn(&T, Shutdown) -> io::Result<()>) -> Self {
        Self { stream, shutdown }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Tcp<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Tcp<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready((self.shutdown)(&self.stream, Shutdown::Write))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}
