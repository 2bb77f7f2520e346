//! One type for every stream of bytes.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_core::inlet::{Arrival, Inlet};
use runtime_core::outlet::Outlet;
use runtime_core::{Below, WsConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of bytes: TCP, TLS over it, or what a server hands over after an upgrade. One indirect
/// call an operation, next to a system call.
pub struct TokioStream {
    io: Box<dyn Duplex>,
    /// Below a client's WebSocket.
    inlet: Option<Inlet>,
    outlet: Option<Outlet>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl TokioStream {
    /// Wraps any stream.
    #[must_use]
    pub fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { io: Box::new(io), inlet: None, outlet: None }
    }

    /// The same below a WebSocket whose handshake comes next.
    pub(crate) fn below_websocket(self, config: &WsConfig) -> Self {
        Self { inlet: Some(Inlet::new(config)), outlet: Some(Outlet::new(config)), ..self }
    }
}

impl Below for TokioStream {
    #[inline]
    fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        let Self { io, inlet, .. } = self;
        match inlet {
            Some(inlet) => inlet.poll_text(|bytes| fill(io, cx, bytes)),
            None => Poll::Ready(Arrival::Other { fresh: false }),
        }
    }

    fn has_more(&self) -> bool {
        self.inlet.as_ref().is_some_and(Inlet::has_more)
    }

    #[inline]
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, outlet, .. } = self;
        match outlet {
            Some(outlet) => outlet.poll_room(|bytes| Pin::new(&mut *io).poll_write(cx, bytes)),
            None => Poll::Ready(Ok(())),
        }
    }

    #[inline]
    fn send_text(&mut self, text: &str) -> bool {
        self.outlet.as_mut().is_some_and(|outlet| outlet.put_text(text))
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.inlet = None;
        fill(&mut self.io, cx, &mut [0; 8192])
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
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
        let Self { io, inlet, .. } = &mut *self;
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
        let Self { io, outlet, .. } = &mut *self;
        let mut write = |bytes: &[u8]| Pin::new(&mut *io).poll_write(cx, bytes);
        match outlet {
            Some(outlet) => outlet.poll_write(write, bytes),
            None => write(bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, outlet, .. } = &mut *self;
        if let Some(outlet) = outlet {
            ready!(outlet.poll_drain(|bytes| Pin::new(&mut *io).poll_write(cx, bytes)))?;
        }
        Pin::new(io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.outlet.is_none() {
            return Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        }
        let part = parts.iter().find(|part| !part.is_empty());
        self.poll_write(cx, part.map_or(&[], |part| part))
    }

    fn is_write_vectored(&self) -> bool {
        self.outlet.is_none() && self.io.is_write_vectored()
    }
}

impl fmt::Debug for TokioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokioStream")
    }
}
