//! One topic's messages in order, each once.

use std::time::{Duration, Instant};

use super::delivered::Delivered;
use super::mirror::Info;
use super::notes::Notes;
use crate::im::AccessMode;
use crate::table::Table;

/// What is known of a topic's numbers.
///
/// Messages that come early are held until those before them were fetched. A message is handed on
/// when everything before it was handed on or is known to be missing.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Last number handed on; `None` until anything is known.
    last: Option<u64>,
    /// Highest number seen anywhere.
    head: u64,
    /// The head was asked for and told since the topic was attached.
    head_known: bool,
    /// Last number handed on before the topic was attached again.
    base: Option<u64>,
    /// The highest number of which it is not known whose message it is.
    blind: u64,
    /// Early messages; `None` for one's own without an echo.
    held: Table<u64, Option<Delivered>>,
    /// Attached on the live link.
    pub(super) attached: bool,
    /// The server refused for the moment to attach the topic or to send a page: ask again then.
    pub(super) again: Option<Instant>,
    /// When that is looked at: then, or earlier.
    pub(super) queued: Option<Instant>,
    /// How often in a row.
    pub(super) refusals: u8,
    /// The topic was attached again because the server seemed to have let go of it.
    pub(super) repaired: bool,
    /// The page under way: its first number and the one past its last.
    page: Option<(u64, u64)>,
    /// The lowest number it brought so far.
    page_low: Option<u64>,
    /// Pages that ended early, the newest messages first, as servers send them: everything from the
    /// first number to before the second was looked for.
    searched: Option<(u64, u64)>,
    /// What the mirror shows.
    pub(super) info: Info,
    /// Receipts and typing.
    pub(super) notes: Notes,
}

/// After so many refusals in a row the server means it.
const MAX_REFUSALS: u8 = 5;
/// Before what was refused for the moment is asked for again; then twice as long, up to eight times.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// Why the server did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It never will.
    Final,
    /// It cannot just now. `patient` when nothing is held up by waiting.
    Busy { patient: bool },
    /// It said nothing.
    Unanswered,
}

impl Refusal {
    /// What the code of an answer means.
    pub(super) const fn of(code: u32, patient: bool) -> Self {
        match code {
            408 | 429 | 500.. => Self::Busy { patient },
            _ => Self::Final,
        }
    }
}

/// What to tell the application, in order.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Message(Delivered),
    Gap { from: u64, to: u64 },
}

/// The next messages to fetch: `since` inclusive, `before` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) since: u64,
    pub(super) before: u64,
}

impl Track {
    /// Of a topic of which this is known already.
    pub(super) fn of(info: Info) -> Self {
        Self { info, ..Self::default() }
    }

    pub(super) const fn last(&self) -> Option<u64> {
        self.last
    }

    /// Highest number seen anywhere.
    pub(super) const fn head(&self) -> u64 {
        self.head
    }

    /// Whether everything up to the end of the topic was handed on.
    pub(super) fn is_settled(&self) -> bool {
        let done = self.last.is_some_and(|last| last >= self.head);
        self.attached && self.head_known && self.again.is_none() && self.page.is_none() && done
    }

    /// Whether the server told how far the topic goes, since it was attached.
    pub(super) const fn has_head(&self) -> bool {
        self.head_known
    }

    /// Whether there is something to fetch.
    pub(super) fn is_behind(&self) -> bool {
        self.page.is_none() && self.last.is_none_or(|last| last < self.head)
    }

    /// Whether the page under way has brought everything.
    pub(super) fn is_page_full(&self) -> bool {
        self.page.is_some_and(|(_, before)| self.last.is_some_and(|last| last >= before - 1))
    }

    /// Whose message has this number is not known.
    pub(super) fn blind(&mut self, seq: u64) {
        self.blind = self.blind.max(seq);
    }

    /// Whether of every message after this one it is known whose it is.
    pub(super) const fn has_seen_all_after(&self, seq: u64) -> bool {
        self.blind <= seq
    }

    /// Takes the next message, when it is that and nothing is held: the common case.
    pub(super) fn take_next(&mut self, seq: u64) -> bool {
        let last = *self.last.get_or_insert(seq.saturating_sub(1));
        let is_next = self.held.is_empty() && seq > last && seq - last == 1;
        if is_next {
            self.last = Some(seq);
            self.head = self.head.max(seq);
        }
        is_next
    }

    /// The server says how far the topic goes, after it was attached. `true` when that is before what
    /// was told on an earlier link: the numbers start over.
    pub(super) fn learn_fresh_head(&mut self, head: u64) -> bool {
        let access = self.info.access.map(|access| access.mode().has(AccessMode::READ));
        // Who may not read is not told; unless the access is known, that may be the reason.
        if head == 0 && self.head > 0 && access != Some(true) {
            return false;
        }
        let rewound = self.base.take().is_some_and(|base| head < base);
        if rewound {
            (self.last, self.head, self.blind) = (Some(head), head, head);
            self.held.clear();
            self.page_failed();
            self.info.rewind(head);
            self.notes.limit(head);
        }
        self.learn_head(head);
        self.head_known = head >= self.head;
        rewound
    }

    /// The server says how far the topic goes.
    pub(super) fn learn_head(&mut self, head: u64) {
        self.head = self.head.max(head);
        if self.last.is_none() {
            self.last = Some(head);
        }
    }

    /// A message came, or (`None`) one's own was stored that will not come.
    pub(super) fn offer(&mut self, seq: u64, message: Option<Delivered>, max_held: usize) {
        let last = *self.last.get_or_insert(seq.saturating_sub(1));
        self.head = self.head.max(seq);
        // What does not fit is fetched when its turn comes: the head remembers it.
        // What was asked for always fits, or it would count as missing.
        let asked = self.page.is_some_and(|(since, before)| (since..before).contains(&seq));
        if asked {
            self.page_low = Some(self.page_low.map_or(seq, |low| low.min(seq)));
        }
        let fits = self.held.len() < max_held || asked || seq == last.saturating_add(1);
        if seq > last && fits && !self.held.contains_key(&seq) {
            self.held.insert(seq, message);
        }
    }

    /// What can be handed on now.
    pub(super) fn release(&mut self, out: &mut Vec<Step>) {
        let Some(mut last) = self.last else { return };
        while let Some(&seq) = self.held.first()
            && seq <= last.saturating_add(1)
            && let Some((_, message)) = self.held.pop_first()
        {
            if seq == last.saturating_add(1) {
                last = seq;
                out.extend(message.map(Step::Message));
            }
        }
        self.last = Some(last);
    }

    /// What to fetch next; `None` when nothing is missing, or a page is under way.
    pub(super) fn next_page(
        &mut self,
        size: u64,
        max_fill: u64,
        out: &mut Vec<Step>,
    ) -> Option<Page> {
        let last = self.last?;
        if !self.attached || self.again.is_some() || self.page.is_some() || last >= self.head {
            return None;
        }
        if self.head - last > max_fill {
            // Too far behind to fetch everything: the oldest part is announced as missing.
            let to = self.head - max_fill;
            self.blind(to);
            out.push(Step::Gap { from: last + 1, to });
            self.last = Some(to);
            self.held.retain(|seq, _| *seq > to);
            self.release(out);
            return self.next_page(size, max_fill, out);
        }
        let since = last + 1;
        let first_held = self.held.first().copied();
        let end = first_held.unwrap_or(self.head.saturating_add(1));
        let before = end.min(since.saturating_add(size.max(1)));
        if before <= since {
            // Nothing comes after the last number there is.
            self.blind(since);
            out.push(Step::Gap { from: since, to: since });
            self.last = Some(since);
            return None;
        }
        // What was looked for above this page counts only if nothing lies between.
        self.searched = self.searched.filter(|(low, _)| *low == before);
        self.page = Some((since, before));
        self.page_low = None;
        Some(Page { since, before })
    }

    /// The page under way is complete. What it did not bring is missing, but for what is below the
    /// lowest it brought: a server may send fewer than it was asked for, and the newest first, so that
    /// is asked for again.
    pub(super) fn page_done(&mut self, out: &mut Vec<Step>) {
        let Some((since, before)) = self.page.take() else { return };
        let before = self.searched.take().map_or(before, |(_, top)| top);
        self.release(out);
        let mut next = self.last.map_or(since, |last| last.saturating_add(1));
        if let Some(low) = self.page_low.take().filter(|low| *low > next) {
            self.searched = Some((low, before));
            return;
        }
        while next < before {
            let end = self.held.first().copied().unwrap_or(before).min(before);
            if end > next {
                self.blind(end - 1);
                out.push(Step::Gap { from: next, to: end - 1 });
                self.last = Some(end - 1);
            }
            self.release(out);
            next = self.last.map_or(before, |last| last.saturating_add(1));
        }
    }

    /// The page under way will not come, and that says nothing about its messages.
    pub(super) const fn page_failed(&mut self) {
        self.page = None;
        self.searched = None;
    }

    /// A refusal, if it is one for the moment only: how long to wait before another try. `None` when
    /// it is final.
    pub(super) fn refused_for_now(&mut self, why: Refusal) -> Option<Duration> {
        let tries = self.refusals;
        let again = match why {
            Refusal::Final => false,
            Refusal::Busy { patient } => patient || tries < MAX_REFUSALS,
            Refusal::Unanswered => tries < MAX_REFUSALS,
        };
        self.refusals = if again { tries.saturating_add(1) } else { 0 };
        again.then(|| AGAIN * (1 << tries.min(3)))
    }

    /// The topic is not attached any more.
    pub(super) const fn detach(&mut self) {
        self.attached = false;
        self.again = None;
        self.page_failed();
        self.head_known = false;
        self.base = self.last;
        self.notes.detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::im::down::Data;
    use proptest::prelude::*;

    fn message(seq: u64) -> Delivered {
        Delivered::new(Data { seq, ..Data::default() })
    }

    fn attached(last: u64) -> Track {
        let mut track = Track { attached: true, ..Track::default() };
        track.learn_head(last);
        track
    }

    fn seqs(steps: &[Step]) -> Vec<u64> {
        steps
            .iter()
            .filter_map(|step| match step {
                Step::Message(data) => Some(data.seq()),
                Step::Gap { .. } => None,
            })
            .collect()
    }

    #[test]
    fn early_messages_wait_for_the_page_that_fills_the_hole() {
        let (mut track, mut out) = (attached(3), Vec::new());
        track.offer(6, Some(message(6)), 10);
        track.release(&mut out);
        assert_eq!(out, []);
        assert_eq!(track.next_page(100, 1000, &mut out), Some(Page { since: 4, before: 6 }));
        assert_eq!(track.next_page(100, 1000, &mut out), None);
        track.offer(5, Some(message(5)), 10);
        track.offer(4, Some(message(4)), 10);
        track.release(&mut out);
        track.page_done(&mut out);
        assert_eq!(seqs(&out), [4, 5, 6]);
        assert_eq!(track.next_page(100, 1000, &mut out), None);
    }

    #[test]
    fn what_a_page_does_not_bring_is_announced_before_what_follows() {
        let (mut track, mut out) = (attached(3), Vec::new());
        track.offer(9, Some(message(9)), 10);
        track.next_page(100, 1000, &mut out);
        track.offer(6, Some(message(6)), 10);
        track.page_done(&mut out);
        assert_eq!(out, [], "the page may have ended early");
        assert_eq!(track.next_page(100, 1000, &mut out), Some(Page { since: 4, before: 6 }));
        track.page_done(&mut out);
        assert_eq!(
            out,
            [
                Step::Gap { from: 4, to: 5 },
                Step::Message(message(6)),
                Step::Gap { from: 7, to: 8 },
                Step::Message(message(9)),
            ]
        );
    }

    #[test]
    fn pages_that_end_early_are_read_to_their_start() {
        let (mut track, mut out) = (attached(0), Vec::new());
        track.learn_head(30);
        let mut pages = 0;
        while let Some(page) = track.next_page(100, 1000, &mut out) {
            pages += 1;
            // Seven at a time, the newest first; 12 to 14 were deleted.
            let there = (page.since..page.before).rev().filter(|seq| !(12..15).contains(seq));
            for seq in there.take(7) {
                track.offer(seq, Some(message(seq)), 10);
            }
            track.page_done(&mut out);
        }
        let expected: Vec<_> = (1..12).chain(15..31).collect();
        assert_eq!(seqs(&out), expected);
        assert!(out.contains(&Step::Gap { from: 12, to: 14 }) && out.len() == 28, "{out:?}");
        assert_eq!(pages, 4);
    }

    #[test]
    fn a_head_far_away_is_bounded() {
        let (mut track, mut out) = (attached(0), Vec::new());
        track.learn_head(1 << 53);
        let page = track.next_page(100, 1000, &mut out);
        assert_eq!(out, [Step::Gap { from: 1, to: (1 << 53) - 1000 }]);
        assert_eq!(page.map(|page| page.before - page.since), Some(100));
    }

    #[test]
    fn numbers_at_the_edge_do_not_overflow() {
        let (mut track, mut out) = (attached(0), Vec::new());
        track.offer(u64::MAX, Some(message(u64::MAX)), 10);
        track.offer(0, Some(message(0)), 10);
        track.release(&mut out);
        let _ = track.next_page(u64::MAX, u64::MAX, &mut out);
        track.page_done(&mut out);
        assert_eq!(seqs(&out), [u64::MAX]);
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        /// Whatever order messages come in, each is told once and in order.
        #[test]
        fn every_message_once_and_in_order(
            order in Just((1..=40u64).collect::<Vec<_>>()).prop_shuffle(),
            twice in proptest::collection::vec(1..=40u64, 0..10),
            held in 1..8usize,
        ) {
            let (mut track, mut out) = (attached(0), Vec::new());
            for seq in order.into_iter().chain(twice) {
                track.offer(seq, Some(message(seq)), held);
                track.release(&mut out);
                while let Some(page) = track.next_page(7, 1000, &mut out) {
                    for seq in (page.since..page.before).rev() {
                        track.offer(seq, Some(message(seq)), 1000);
                    }
                    track.page_done(&mut out);
                }
            }
            prop_assert_eq!(seqs(&out), (1..=40).collect::<Vec<_>>());
            prop_assert_eq!(out.len(), 40);
        }
    }
}
