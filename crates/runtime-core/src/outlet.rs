//! What a client's socket is going to write, behind its WebSocket.
//!
//! Most of what a session sends are whole texts. Those are framed and masked here, straight into the
//! bytes that go out, and never pass through the WebSocket, which takes longer for them.
//! Everything else does: the request for an upgrade, pings and their answers, close frames, binaries.
//! Its bytes are put behind those that wait; whole frames at a time, so that none is torn by another.

use std::io;
use std::task::{Poll, ready};

use crate::options::WsConfig;

/// The longest text that is framed here. What is longer would be copied twice for nothing.
const LONGEST: usize = 64 * 1024;

/// The first byte of a text that goes in one frame, without an extension (RFC 6455, section 5.2).
const WHOLE_TEXT: u8 = 0x81;

/// The bit of the second byte that every client sets (RFC 6455, section 5.3).
const MASKED: u8 = 0x80;

/// Masks that are drawn at once.
const KEYS: usize = 16;

/// The longest frame in front of a text: two bytes, eight for the length, four for the key.
const HEADER: usize = 14;

/// Sits between a client's WebSocket and its stream: an adapter's stream writes through it, see
/// [`Outlet::poll_write`] and [`Outlet::poll_drain`], and the driver gives it texts first, see
/// [`Below::send_text`].
///
/// [`Below::send_text`]: crate::Below::send_text
#[derive(Debug)]
pub struct Outlet {
    /// Whole frames.
    buffer: Vec<u8>,
    /// How many of those bytes the stream has taken.
    taken: usize,
    /// With so many bytes waiting there is no room.
    cork: usize,
    /// The longest text.
    longest: usize,
    /// Masks that were not used yet: whoever draws them asks for several at once.
    keys: Vec<[u8; 4]>,
}

impl Outlet {
    /// For a stream on which the request for an upgrade goes out next.
    #[must_use]
    pub fn new(config: &WsConfig) -> Self {
        let cork = config.cork_bytes.max(1);
        // The WebSocket says what is wrong with one that is larger than may wait.
        let longest = config.max_write_bytes.min(LONGEST);
        Self { buffer: Vec::new(), taken: 0, cork, longest, keys: Vec::new() }
    }

    /// Whether there is room, made by writing to the stream where too much waits. Pending when the
    /// stream is.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    #[inline]
    pub fn poll_room(
        &mut self,
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while self.buffer.len() - self.taken >= self.cork {
            ready!(self.write_once(&mut write))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes everything that waits. Pending when the stream is.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    #[inline]
    pub fn poll_drain(
        &mut self,
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            ready!(self.write_once(&mut write))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what the WebSocket writes: all of it at once, for it has whole frames whenever it starts to
    /// write. Pending, and nothing is taken, when there is no room.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn poll_write(
        &mut self,
        write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
        frames: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_room(write))?;
        self.buffer.extend_from_slice(frames);
        Poll::Ready(Ok(frames.len()))
    }

    /// Adds a text, with a mask of its own. False when it is too long: it is for the WebSocket then.
    #[inline]
    #[must_use]
    pub fn put_text(&mut self, text: &str) -> bool {
        // Whoever wrote the text must not foresee the mask (RFC 6455, section 10.3).
        text.len() <= self.longest && {
            let key = self.key();
            self.frame(text.as_bytes(), key);
            true
        }
    }

    /// The next mask.
    #[inline]
    fn key(&mut self) -> [u8; 4] {
        if self.keys.is_empty() {
            let drawn: [u8; 4 * KEYS] = rand::random();
            self.keys.extend_from_slice(drawn.as_chunks().0);
        }
        self.keys.pop().unwrap_or_else(rand::random)
    }

    fn frame(&mut self, text: &[u8], key: [u8; 4]) {
        self.buffer.reserve(HEADER + text.len());
        match text.len() {
            len @ 0..=125 => self.buffer.extend([WHOLE_TEXT, MASKED | len as u8]),
            len @ 126..=0xffff => {
                let [high, low] = (len as u16).to_be_bytes();
                self.buffer.extend([WHOLE_TEXT, MASKED | 126, high, low]);
            }
            len => {
                self.buffer.extend([WHOLE_TEXT, MASKED | 127]);
                self.buffer.extend((len as u64).to_be_bytes());
            }
        }
        self.buffer.extend(key);
        let start = self.buffer.len();
        self.buffer.extend_from_slice(text);
        mask(&mut self.buffer[start..], key);
    }

    fn write_once(
        &mut self,
        write: &mut impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(write(&self.buffer[self.taken..]))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.taken += count;
        if self.taken == self.buffer.len() {
            self.taken = 0;
            self.buffer.clear();
            // One large frame of the WebSocket is no reason to keep as much.
            self.buffer.shrink_to(self.cork + HEADER + self.longest);
        } else if self.taken >= self.cork {
            // A stream that is always behind may never take the last byte.
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        Poll::Ready(Ok(()))
    }
}

/// Masks bytes, as many at a time as goes.
fn mask(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (blocks, rest) = bytes.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests;
