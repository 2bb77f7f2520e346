//! Faults of the wire: WebSocket messages in pieces, or nothing at all.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use chat_hub::world::Faults;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Opcode of the second and later pieces of a message (RFC 6455, section 5.2).
const CONTINUATION: u8 = 0;
/// The last piece of a message.
const FIN: u8 = 0x80;

/// What is wrong with the wire now; the hub's task sets it, sockets read it.
#[derive(Debug, Default)]
pub(crate) struct WireFaults {
    fragment_bytes: AtomicU32,
    is_dead: AtomicBool,
}

impl WireFaults {
    pub(crate) fn set(&self, faults: &Faults) {
        self.fragment_bytes.store(faults.fragment_bytes, Ordering::Relaxed);
        self.is_dead.store(faults.dead_links, Ordering::Relaxed);
    }
}

/// The server's end of a WebSocket, with the faults of the wire. It looks at what is written, frame
/// by frame, and holds a frame until it is whole.
pub(crate) struct Faulty<S> {
    stream: S,
    faults: Arc<WireFaults>,
    /// Written to us, and not yet a whole frame.
    part: BytesMut,
    /// Frames for the stream.
    out: BytesMut,
}

impl<S> Faulty<S> {
    pub(crate) fn new(stream: S, faults: Arc<WireFaults>) -> Self {
        Self { stream, faults, part: BytesMut::new(), out: BytesMut::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.part.extend_from_slice(bytes);
        while let Some(head) = Head::of(&self.part) {
            let Some(len) = head.len.checked_add(head.payload).filter(|it| *it <= self.part.len())
            else {
                return;
            };
            let mut frame = self.part.split_to(len);
            if self.faults.is_dead.load(Ordering::Relaxed) {
                continue;
            }
            let most = self.faults.fragment_bytes.load(Ordering::Relaxed) as usize;
            if most == 0 || head.payload <= most || head.is_control() || head.first & FIN == 0 {
                self.out.extend_from_slice(&frame);
                continue;
            }
            frame.advance(head.len);
            let mut opcode = head.first & !FIN;
            while frame.len() > most {
                piece(&mut self.out, opcode, &frame.split_to(most));
                opcode = CONTINUATION;
            }
            piece(&mut self.out, FIN | CONTINUATION, &frame);
        }
    }
}

impl<S: AsyncWrite + Unpin> Faulty<S> {
    /// Ready when the stream has taken everything.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Faulty<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Faulty<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What waits stays within one write and one frame.
        ready!(self.poll_drain(cx))?;
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The beginning of a frame that is not masked, as a server sends them.
struct Head {
    first: u8,
    /// Its own length.
    len: usize,
    /// Length of what follows.
    payload: usize,
}

impl Head {
    /// `None` when it is not whole.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (first, short) = (*bytes.first()?, usize::from(*bytes.get(1)?));
        let long = |len: usize| {
            let digits = bytes.get(2..len)?.iter();
            Some((len, digits.fold(0, |sum, byte| sum << 8 | usize::from(*byte))))
        };
        let (len, payload) = match short {
            126 => long(4)?,
            127 => long(10)?,
            _ => (2, short),
        };
        Some(Self { first, len, payload })
    }

    const fn is_control(&self) -> bool {
        self.first & 8 != 0
    }
}

/// Writes a piece of a message as a frame.
fn piece(out: &mut BytesMut, first: u8, payload: &[u8]) {
    out.put_u8(first);
    match u16::try_from(payload.len()) {
        Ok(len @ ..=125) => out.put_u8(len.to_le_bytes()[0]),
        Ok(len) => {
            out.put_u8(126);
            out.put_u16(len);
        }
        Err(_) => {
            out.put_u8(127);
            out.put_u64(payload.len() as u64);
        }
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(fragment_bytes: u32, is_dead: bool) -> Faulty<()> {
        let faults = WireFaults { fragment_bytes: fragment_bytes.into(), is_dead: is_dead.into() };
        Faulty::new((), Arc::new(faults))
    }

    #[test]
    fn c2c_rule_106_a_message_comes_in_pieces_and_a_ping_whole() {
        let mut wire = faulty(2, false);
        wire.take(b"\x81\x05hello\x89\x03abc");
        assert_eq!(&wire.out[..], b"\x01\x02he\x00\x02ll\x80\x01o\x89\x03abc");
    }

    #[test]
    fn frames_are_found_however_they_are_written() {
        let text = vec![b'x'; 70_000];
        let mut written = BytesMut::new();
        piece(&mut written, 0x81, &text);
        piece(&mut written, 0x81, &text[..300]);
        let mut wire = faulty(0, false);
        for chunk in written.chunks(7) {
            wire.take(chunk);
        }
        assert_eq!(wire.out, written);
        assert!(wire.part.is_empty());
        let mut wire = faulty(60_000, false);
        wire.take(&written);
        assert_eq!(wire.out[..4], [1, 126, 0xea, 0x60]);
        assert_eq!(wire.out.len(), written.len() - 10 + 4 + 4);
    }

    #[test]
    fn c2c_rule_107_a_dead_wire_swallows_whole_frames() {
        let mut wire = faulty(0, true);
        wire.take(b"\x81\x05hel");
        wire.take(b"lo\x81\x02");
        wire.faults.set(&Faults::default());
        wire.take(b"hi");
        assert_eq!(&wire.out[..], b"\x81\x02hi");
    }
}
