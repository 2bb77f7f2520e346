//! One type for every stream of bytes.

use std::fmt;
use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_io::Async;
use futures_util::io::{AsyncRead, AsyncWrite};
use runtime_core::inlet::{Arrival, Inlet};
use runtime_core::outlet::Outlet;
use runtime_core::{Below, WsConfig};

/// A stream of bytes: TCP, or TLS over another one. One indirect call an operation, next to a
/// system call.
///
/// Closing it must end the writing half: TCP has to send its FIN.
pub struct IoStream {
    io: Box<dyn Duplex>,
    /// Below a client's WebSocket.
    inlet: Option<Inlet>,
    outlet: Option<Outlet>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl IoStream {
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

impl Below for IoStream {
    #[inline]
    fn poll_text(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        let Self { io, inlet, .. } = self;
        match inlet {
            Some(inlet) => inlet.poll_text(|bytes| Pin::new(&mut *io).poll_read(cx, bytes)),
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
        Pin::new(&mut self.io).poll_read(cx, &mut [0; 8192])
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

impl AsyncRead for IoStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { io, inlet, .. } = &mut *self;
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

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
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
}

impl fmt::Debug for IoStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IoStream")
    }
}

/// A TCP stream on async-io's reactor, the same for all families.
///
/// A read that did not fill its buffer has emptied the socket: the next one asks the reactor first,
/// which looks at the socket as it starts to wait, instead of the socket, which would say no. So each
/// message takes one read, and somebody who is woken for another reason makes no call of the system.
pub(crate) struct Tcp {
    stream: Async<TcpStream>,
    /// The socket had no more bytes when last seen.
    is_dry: bool,
}

impl Tcp {
    /// Connects, without delay (`TCP_NODELAY`).
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = Async::<TcpStream>::connect(address).await?;
        stream.get_ref().set_nodelay(true)?;
        Ok(Self { stream, is_dry: false })
    }

    fn poll_filled(
        &mut self,
        cx: &mut Context<'_>,
        len: usize,
        mut read: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.is_dry {
                ready!(self.stream.poll_readable(cx))?;
                self.is_dry = false;
            }
            match read(self.stream.get_ref()) {
                Ok(filled) => {
                    self.is_dry = filled < len;
                    return Poll::Ready(Ok(filled));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_dry = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_filled(cx, buf.len(), |mut stream| stream.read(buf))
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// Nothing: TCP keeps nothing back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.get_ref().shutdown(Shutdown::Write))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}
