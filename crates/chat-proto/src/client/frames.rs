//! The texts of frames that are written.

use std::mem;

use bytes::BytesMut;

use crate::machine::Text;

/// Bytes that small texts share.
const BLOCK: usize = 2 * 1024;

/// Longer texts have a buffer of their own, so that a block holds a few at least.
const SMALL: usize = BLOCK / 4;

/// Makes texts of what was encoded. Small ones are cut out of a block, which is used again as soon as
/// nobody holds any of them: a request that is answered before the next block is full costs no
/// allocation. One that is kept keeps its block.
#[derive(Debug)]
pub(super) struct Frames {
    /// Where frames are encoded. Empty, and never large.
    scratch: Vec<u8>,
    block: BytesMut,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { scratch: Vec::new(), block: BytesMut::new() }
    }

    /// An empty buffer to encode a frame into.
    pub(super) fn scratch(&mut self) -> Vec<u8> {
        let mut scratch = mem::take(&mut self.scratch);
        scratch.reserve(256);
        scratch
    }

    /// A text of an encoded frame.
    pub(super) fn text(&mut self, mut frame: Vec<u8>) -> Text {
        let bytes = if frame.len() > SMALL {
            frame.into()
        } else {
            if self.block.capacity() < frame.len() {
                self.block.reserve(BLOCK);
            }
            self.block.extend_from_slice(&frame);
            frame.clear();
            self.scratch = frame;
            self.block.split().freeze()
        };
        Text::from_utf8(bytes).expect("the writer copies UTF-8 and adds ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(frames: &mut Frames, what: &str) -> Text {
        let mut out = frames.scratch();
        assert!(out.is_empty());
        out.extend_from_slice(what.as_bytes());
        frames.text(out)
    }

    #[test]
    fn texts_are_what_was_encoded_however_many_are_held() {
        let mut frames = Frames::new();
        let lengths = (0..60).chain([SMALL - 1, SMALL, SMALL + 1, BLOCK, 5 * BLOCK]);
        let texts: Vec<_> = lengths.cycle().take(500).map(|len| "aé→𝄞".repeat(len / 10)).collect();
        let held: Vec<_> = texts.iter().map(|it| (it, text(&mut frames, it))).collect();
        assert!(held.iter().all(|(it, text)| text.as_str() == *it));
    }

    #[test]
    fn a_block_that_nobody_holds_is_used_again() {
        let mut frames = Frames::new();
        let first = text(&mut frames, &"x".repeat(SMALL)).as_str().as_ptr();
        let others: Vec<_> =
            (0..40).map(|_| text(&mut frames, &"y".repeat(SMALL)).as_str().as_ptr()).collect();
        assert_eq!(others.iter().filter(|at| **at == first).count(), 10);
    }

    #[test]
    fn the_scratch_stays_small() {
        let mut frames = Frames::new();
        for len in [10, 100 * BLOCK, SMALL, 10] {
            text(&mut frames, &"x".repeat(len));
            assert!(frames.scratch.capacity() <= 2 * SMALL);
        }
    }
}
