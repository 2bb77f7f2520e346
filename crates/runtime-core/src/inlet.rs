//! What a client's socket has read, before its WebSocket sees it.
//!
//! Most of what a server sends are whole texts: one frame, not masked, no extension. Those are cut out
//! here, of the bytes as they came, and never pass through the WebSocket, which takes several times as
//! long for them. Everything else does, frame by frame: the head of the answer, pings, close frames,
//! fragments, whatever is against the protocol, and so every rule stays where it was.

use std::io;
use std::task::{Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};

use crate::options::WsConfig;

/// The longest text that is cut out. What is longer waits in the WebSocket until it is whole.
const LONGEST: usize = 64 * 1024;

/// The bit of a frame after which its message is whole.
const FIN: u8 = 0x80;

/// The first byte of a text that comes in one frame, without an extension.
const WHOLE_TEXT: u8 = FIN | 1;

/// Bytes that a WebSocket behind an inlet reads at a time.
const BEHIND: usize = 4 * 1024;

/// Sits between a client's stream and its WebSocket: an adapter's stream reads through it, see
/// [`Inlet::poll_read`], and the driver asks it for texts first, see [`Below::poll_text`].
///
/// [`Below::poll_text`]: crate::Below::poll_text
#[derive(Debug)]
pub struct Inlet {
    /// What was read and passed on to nobody yet, then room that is filled with zeros: once, not at
    /// each read.
    buffer: BytesMut,
    /// How much of that was read.
    filled: usize,
    stage: Stage,
    /// Bytes asked of the stream at a time.
    at_a_time: usize,
    /// The longest text.
    longest: usize,
    /// Somebody asks for texts. Where nobody does, the WebSocket gets them.
    asked: bool,
    /// For the WebSocket, behind the bytes that wait.
    failure: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Of the answer to the upgrade, up to an empty line.
    Head { empty: bool },
    /// So many bytes of a frame are for the WebSocket; then the next frame starts. In between the
    /// parts of a fragmented message there is no text.
    Frames { pass: u64, parts: bool },
    /// Everything is for the WebSocket.
    Through,
}

/// What comes next.
#[derive(Debug)]
pub enum Arrival {
    /// A text, whole; whether it is UTF-8 has not been checked.
    Text(Bytes),
    /// Something that only the WebSocket understands.
    Other {
        /// Whether the WebSocket gets bytes that it did not get before.
        fresh: bool,
    },
}

/// What stands at the front of the buffer.
enum Front {
    /// A text, behind so many bytes of its header.
    Text { header: usize, len: usize },
    /// So many bytes for the WebSocket; whether parts of a message follow.
    Pass { len: u64, parts: bool },
    /// A goodbye, or what no server should send.
    Last,
    /// Not enough.
    Unknown,
}

impl Inlet {
    /// For a stream on which the request for an upgrade goes out next.
    #[must_use]
    pub fn new(config: &WsConfig) -> Self {
        Self {
            buffer: BytesMut::new(),
            filled: 0,
            stage: Stage::Head { empty: false },
            at_a_time: config.read_buffer_bytes.max(256),
            longest: config.max_message_bytes.min(LONGEST),
            asked: false,
            failure: None,
        }
    }

    /// The WebSocket's part of a configuration: what is read is read here.
    #[must_use]
    pub fn behind(config: &WsConfig) -> WsConfig {
        let read_buffer_bytes = config.read_buffer_bytes.min(BEHIND);
        WsConfig { read_buffer_bytes, ..config.clone() }
    }

    /// The next text, read from the stream by `fill` where none waits. Pending when the stream is.
    #[inline]
    pub fn poll_text(
        &mut self,
        mut fill: impl FnMut(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<Arrival> {
        self.asked = true;
        loop {
            let Stage::Frames { pass: 0, parts } = self.stage else {
                return Poll::Ready(Arrival::Other { fresh: false });
            };
            match self.front(parts) {
                Front::Text { header, len } => {
                    let mut text = self.buffer.split_to(header + len).freeze();
                    text.advance(header);
                    self.filled -= header + len;
                    return Poll::Ready(Arrival::Text(text));
                }
                Front::Pass { len, parts } => self.stage = Stage::Frames { pass: len, parts },
                Front::Last => self.stage = Stage::Through,
                Front::Unknown => {
                    if ready!(self.poll_fill(&mut fill)) {
                        continue;
                    }
                    self.stage = Stage::Through;
                }
            }
            return Poll::Ready(Arrival::Other { fresh: true });
        }
    }

    /// Whether there are bytes that were not passed on.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.filled > 0
    }

    /// What the WebSocket may read. Pending when the stream is, or when the next frame is not for the
    /// WebSocket.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn poll_read(
        &mut self,
        mut fill: impl FnMut(&mut [u8]) -> Poll<io::Result<usize>>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if matches!(self.stage, Stage::Frames { pass: 0, .. }) {
            if self.asked {
                return Poll::Pending;
            }
            self.stage = Stage::Through;
        }
        // A stream that has failed is not asked again before that was told.
        if self.filled == 0 && (self.failure.is_some() || !ready!(self.poll_fill(&mut fill))) {
            return Poll::Ready(self.failure.take().map_or(Ok(0), Err));
        }
        let most = self.filled.min(out.len());
        let count = match &mut self.stage {
            Stage::Head { empty } => head(&self.buffer[..most], empty),
            Stage::Frames { pass, .. } => {
                let count = usize::try_from(*pass).unwrap_or(usize::MAX).min(most);
                *pass -= count as u64;
                (count, false)
            }
            Stage::Through => (most, false),
        };
        let (count, is_whole) = count;
        if is_whole {
            self.stage = Stage::Frames { pass: 0, parts: false };
        }
        out[..count].copy_from_slice(&self.buffer[..count]);
        self.buffer.advance(count);
        self.filled -= count;
        Poll::Ready(Ok(count))
    }

    /// Reads once. False when there will be nothing more, and then [`Inlet::failure`] says why.
    fn poll_fill(
        &mut self,
        fill: &mut impl FnMut(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<bool> {
        if self.buffer.len() - self.filled < self.at_a_time / 4 {
            self.buffer.truncate(self.filled);
            self.buffer.reserve(self.at_a_time);
            self.buffer.resize(self.filled + self.at_a_time, 0);
        }
        let read = fill(&mut self.buffer[self.filled..]);
        let count = if let Poll::Ready(Ok(count)) = read { count } else { 0 };
        self.filled += count;
        read.map(|result| {
            self.failure = result.err();
            count > 0
        })
    }

    /// Looks at a frame's header (RFC 6455, section 5.2).
    #[inline]
    fn front(&self, parts: bool) -> Front {
        let bytes = &self.buffer[..self.filled];
        let &[first, second, ..] = bytes else { return Front::Unknown };
        let (header, len) = match second {
            0..=125 => (2, u64::from(second)),
            126 => {
                let Some(&[high, low]) = bytes.get(2..4) else { return Front::Unknown };
                (4, u64::from(u16::from_be_bytes([high, low])))
            }
            127 => {
                let Some(len) = bytes.get(2..10).and_then(<[u8]>::first_chunk) else {
                    return Front::Unknown;
                };
                (10, u64::from_be_bytes(*len))
            }
            // Masked, which no server may.
            _ => return Front::Last,
        };
        match first {
            WHOLE_TEXT if !parts && len <= self.longest as u64 => {
                let len = len as usize;
                if bytes.len() - header < len {
                    Front::Unknown
                } else {
                    Front::Text { header, len }
                }
            }
            // Texts, binaries and what continues them; pings and pongs between the parts.
            0x00..=0x02 | 0x80..=0x82 | 0x89 | 0x8a => {
                let is_control = first & 8 != 0;
                let parts = if is_control { parts } else { first & FIN == 0 };
                Front::Pass { len: len.saturating_add(header as u64), parts }
            }
            _ => Front::Last,
        }
    }
}

/// How many of these bytes belong to the head of an answer, and whether it ends with them. `empty`
/// says whether the line is, so far.
fn head(bytes: &[u8], empty: &mut bool) -> (usize, bool) {
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if *empty => return (at + 1, true),
            b'\n' => *empty = true,
            b'\r' => {}
            _ => *empty = false,
        }
    }
    (bytes.len(), false)
}

#[cfg(any(test, feature = "conformance"))]
pub mod told;

#[cfg(test)]
mod tests;
