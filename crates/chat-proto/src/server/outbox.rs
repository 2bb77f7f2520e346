//! What waits to be written, with limits.

use std::collections::VecDeque;
use std::fmt;

use crate::machine::{CloseFrame, Message, Text};

/// Why a frame was queued: decides which limit it counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The peer asked for it. Bounded by what the peer asks, so a history page fits.
    Answer,
    /// It was sent unasked: messages of others, presence. A peer that does not read is cut off.
    Live,
}

/// The peer reads too slowly: its queue is full and the connection is being closed with 1013.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer does not read: {queued} frames wait")]
pub struct Overflow {
    /// Frames that waited.
    pub queued: usize,
}

/// Frames in order, then at most one close frame.
#[derive(Default)]
pub(super) struct Outbox {
    frames: VecDeque<(Lane, Text)>,
    live: usize,
    control: VecDeque<Message>,
    close: Option<CloseFrame>,
}

impl Outbox {
    pub(super) fn push(&mut self, lane: Lane, text: Text, limit: usize) -> Result<(), Overflow> {
        let queued = self.queued(lane);
        if queued >= limit {
            return Err(Overflow { queued });
        }
        self.live += usize::from(lane == Lane::Live);
        self.frames.push_back((lane, text));
        Ok(())
    }

    pub(super) fn queued(&self, lane: Lane) -> usize {
        match lane {
            Lane::Live => self.live,
            Lane::Answer => self.frames.len() - self.live,
        }
    }

    /// Pings and probe answers overtake frames; one of each kind at most waits.
    pub(super) fn control(&mut self, message: Message) {
        if !self.control.contains(&message) {
            self.control.push_back(message);
        }
    }

    pub(super) fn close(&mut self, frame: CloseFrame) {
        self.control.clear();
        self.close = Some(frame);
    }

    pub(super) fn discard(&mut self) {
        self.frames = VecDeque::new();
        self.live = 0;
        self.control.clear();
    }

    pub(super) fn pop(&mut self) -> Option<Message> {
        if let Some(message) = self.control.pop_front() {
            return Some(message);
        }
        if let Some((lane, text)) = self.frames.pop_front() {
            self.live -= usize::from(lane == Lane::Live);
            return Some(Message::Text(text));
        }
        self.close.take().map(|frame| Message::Close(Some(frame)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.control.is_empty() && self.close.is_none()
    }
}

/// Counts only: a frame may carry a token.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (live, answers) = (self.queued(Lane::Live), self.queued(Lane::Answer));
        let (control, close) = (self.control.len(), &self.close);
        write!(f, "Outbox({live} live, {answers} answers, {control} control, close {close:?})")
    }
}
