//! Receipts and typing, not more often than is polite.

use std::time::Instant;

use super::event::TypingKind;
use super::state::{Alarm, ImState};
use crate::client::{Cx, Phase};
use crate::error::CallError;
use crate::im::up::{Note, Up, Verb};
use crate::im::{Im, Seq, TopicName};

/// Receipts and typing of one topic.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What the application has acknowledged.
    recv: u64,
    read: u64,
    /// What the server has been told.
    told_recv: u64,
    told_read: u64,
    /// Not before this.
    next: Option<Instant>,
    /// In the queue for this time.
    queued: Option<Instant>,
    /// When typing was last told.
    typed: Option<Instant>,
}

impl Notes {
    const fn is_due(&self) -> bool {
        self.read > self.told_read || self.recv > self.told_recv
    }

    /// What was written last may not have arrived.
    pub(super) const fn detach(&mut self) {
        (self.told_recv, self.told_read) = (0, 0);
        (self.next, self.queued, self.typed) = (None, None, None);
    }

    /// The server says what it knows.
    pub(super) fn learn(&mut self, read: u64, recv: u64) {
        self.told_read = self.told_read.max(read);
        self.told_recv = self.told_recv.max(recv).max(read);
    }

    /// No further than the topic goes.
    pub(super) fn limit(&mut self, head: u64) {
        self.recv = self.recv.min(head);
        self.read = self.read.min(head);
    }
}

/// A receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Received,
    Read,
}

impl ImState {
    /// Takes a receipt of the application.
    pub(super) fn mark(
        &mut self,
        topic: &TopicName,
        mark: Mark,
        seq: Seq,
        cx: &mut Cx<'_, Im>,
    ) -> Result<(), CallError> {
        let Some(track) = self.topics.get_mut(topic) else {
            return Err(CallError::Invalid("the topic is not subscribed to"));
        };
        let notes = &mut track.notes;
        match mark {
            Mark::Received => notes.recv = notes.recv.max(seq.get()),
            Mark::Read => notes.read = notes.read.max(seq.get()),
        }
        self.flush_notes(topic, cx);
        Ok(())
    }

    /// Writes the receipts of a topic, or plans to.
    pub(super) fn flush_notes(&mut self, topic: &TopicName, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic) else { return };
        if track.last().is_some() {
            // The server ignores what it has not sent, and would never hear of it again.
            track.notes.limit(track.head());
            track.info.see_recv(track.notes.recv);
            track.info.see_read(track.notes.read);
        }
        if cx.phase() != Phase::Ready || !track.attached || !track.notes.is_due() {
            return;
        }
        let now = cx.now().mono;
        let notes = &mut track.notes;
        let busy = cx.backlog() >= cx.config().max_requests;
        let pause = cx.later(self.config.receipt_interval);
        let at = if busy { Some(pause) } else { notes.next.filter(|next| *next > now) };
        if let Some(at) = at {
            if notes.queued.is_none() {
                notes.queued = Some(at);
                self.note_queue.add_key((at, topic.clone()));
                self.plan_notes(cx);
            }
            return;
        }
        notes.next = Some(pause);
        // Reading implies receiving. (tinode-code)
        if notes.read > notes.told_read {
            notes.learn(notes.read, 0);
            cx.send(&note(topic, "read", notes.read));
        }
        if notes.recv > notes.told_recv {
            notes.learn(0, notes.recv);
            cx.send(&note(topic, "recv", notes.recv));
        }
    }

    fn plan_notes(&self, cx: &mut Cx<'_, Im>) {
        if let Some((at, _)) = self.note_queue.first() {
            cx.set_alarm(Alarm::Notes, at.saturating_duration_since(cx.now().mono));
        }
    }

    pub(super) fn on_notes_alarm(&mut self, cx: &mut Cx<'_, Im>) {
        let now = cx.now().mono;
        while self.note_queue.first().is_some_and(|(at, _)| *at <= now)
            && let Some(((_, topic), ())) = self.note_queue.pop_first()
        {
            if let Some(track) = self.topics.get_mut(&topic) {
                track.notes.queued = None;
                self.flush_notes(&topic, cx);
            }
        }
        self.plan_notes(cx);
    }

    /// Tells that the user is typing; not when the topic is not attached or it was told just now.
    pub(super) fn typing(&mut self, topic: &TopicName, what: TypingKind, cx: &mut Cx<'_, Im>) {
        let Some(track) = self.topics.get_mut(topic).filter(|track| track.attached) else { return };
        let now = cx.now().mono;
        let interval = self.config.typing_interval;
        let too_soon = |at: Instant| now.saturating_duration_since(at) < interval;
        let busy = cx.backlog() >= cx.config().max_requests;
        if cx.phase() == Phase::Ready && !busy && !track.notes.typed.is_some_and(too_soon) {
            track.notes.typed = Some(now);
            cx.send(&note(topic, what.name(), 0));
        }
    }
}

fn note(topic: &TopicName, what: &'static str, seq: u64) -> Up<'static> {
    let note = Note { topic: topic.to_str(), what: what.into(), seq, ..Note::default() };
    Up::new(Verb::Note(note))
}
