//! A handshake over a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::ready;

use hyper::rt::{Read, ReadBuf, Write};

use super::{Handshake, Proxy, ProxyError};
use crate::runtime::{ConnectError, Target};

/// Bytes read at a time.
const PIECE: usize = 1024;

/// Turns a connection to `proxy` into one to `target`.
pub(crate) async fn open<S: Read + Write + Unpin>(
    stream: &mut S,
    proxy: &Proxy,
    target: &Target,
) -> Result<(), ConnectError> {
    let refused = |error: ProxyError| {
        let text = format!("{proxy}: {error}");
        match error {
            ProxyError::Credentials => ConnectError::ProxyLogin(text),
            ProxyError::Host
            | ProxyError::Status { .. }
            | ProxyError::Refused { .. }
            | ProxyError::Protocol { .. }
            | ProxyError::Closed => ConnectError::Proxy(text),
        }
    };
    let failed = |error: io::Error| ConnectError::Proxy(format!("{proxy}: {error}"));
    let mut handshake = Handshake::new(proxy, &target.host, target.port).map_err(refused)?;
    let mut piece = [0; PIECE];
    while !handshake.is_done() {
        write(stream, &handshake.output()).await.map_err(failed)?;
        let room = handshake.wants().min(PIECE);
        let read = read(stream, &mut piece[..room]).await.map_err(failed)?;
        handshake.receive(&piece[..read]).map_err(refused)?;
    }
    Ok(())
}

async fn write<S: Write + Unpin>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    poll_fn(|cx| {
        while !bytes.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, bytes))? {
                0 => return std::task::Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => bytes = &bytes[written..],
            }
        }
        Pin::new(&mut *stream).poll_flush(cx)
    })
    .await
}

async fn read<S: Read + Unpin>(stream: &mut S, room: &mut [u8]) -> io::Result<usize> {
    let mut room = ReadBuf::new(room);
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, room.unfilled())).await?;
    Ok(room.filled().len())
}
