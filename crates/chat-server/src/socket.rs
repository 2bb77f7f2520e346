//! One TCP connection: TLS, requests, perhaps an upgrade, a decent end.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime_tokio::TokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::front;
use crate::link;
use crate::patience::Patient;
use crate::server::Shared;
use crate::upgrade::{Slot, Upgraded};
use crate::wire::Faulty;

/// The buffer of one connection, which also bounds the head of a request.
const BUFFER_BYTES: usize = 64 << 10;

/// Serves a connection until it is gone.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    mut stopping: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let is_local = stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback());
    let stream = match tls {
        None => TokioStream::new(stream),
        Some(tls) => {
            let within = shared.limits.handshake_within;
            tokio::select! {
                result = timeout(within, tls.accept(stream)) => match result {
                    Ok(Ok(stream)) => TokioStream::new(stream),
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "TLS handshake failed");
                        return;
                    }
                    Err(_) => {
                        tracing::debug!("TLS handshake not done in time");
                        return;
                    }
                },
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    };
    let slot = Slot::default();
    let (mut stream, early) = requests(&shared, stream, is_local, slot.clone(), stopping).await;
    match slot.take() {
        Some(Upgraded { offer, is_c2c }) => {
            let stream = Rewound { early, stream };
            let socket = if is_c2c {
                let stream = Faulty::new(stream, shared.wire.clone());
                runtime_tokio::server_socket(stream, &shared.ws).await
            } else {
                runtime_tokio::server_socket(stream, &shared.ws).await
            };
            link::run(&shared, socket, offer).await;
        }
        None => linger(&mut stream, shared.limits.linger).await,
    }
}

/// Answers requests until the client leaves, the server stops or the protocol changes. Gives the
/// stream back, with what was read of it and not used.
async fn requests(
    shared: &Arc<Shared>,
    stream: TokioStream,
    is_local: bool,
    slot: Slot,
    mut stopping: watch::Receiver<bool>,
) -> (TokioStream, Bytes) {
    let service = service_fn(|request| {
        let (shared, slot) = (shared.clone(), slot.clone());
        Box::pin(async move { front::serve(shared, request, is_local, &slot).await })
    });
    let stream = Patient::new(stream, shared.limits.stalled_after);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.head_within)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopped = pin!(async move {
        // An error means that the server is gone, which is the same.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    });
    let mut told = false;
    let end = poll_fn(|cx| {
        if !told && stopped.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    if let Err(error) = end {
        tracing::debug!(%error, "requests ended");
    }
    let parts = connection.into_parts();
    (parts.io.into_inner().into_inner(), parts.read_buf)
}

/// Closes so that the client can read the last answer: a socket that is closed while bytes wait
/// unread is reset.
async fn linger(stream: &mut TokioStream, within: Duration) {
    let _ = timeout(within, async {
        stream.shutdown().await?;
        let mut scratch = [0; 8192];
        while stream.read(&mut scratch).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// A stream some bytes of which were read too early.
struct Rewound {
    early: Bytes,
    stream: TokioStream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = self.early.len().min(buf.remaining());
        buf.put_slice(&self.early[..count]);
        self.early.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
