//! Numbers of messages, and sets of them.

use std::fmt;
use std::ops::RangeInclusive;

use crate::im::up::SeqRange;

/// Number of a message within its topic, from 1; 0 stands before the first message.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// Before the first message.
    pub const START: Self = Self(0);

    /// From the number.
    #[must_use]
    pub const fn new(seq: u64) -> Self {
        Self(seq)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Seq {
    fn from(seq: u64) -> Self {
        Self(seq)
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl PartialEq<u64> for Seq {
    fn eq(&self, other: &u64) -> bool {
        self.0 == *other
    }
}

impl PartialEq<Seq> for u64 {
    fn eq(&self, other: &Seq) -> bool {
        *self == other.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A set of messages of one topic, kept as ranges: sorted, apart, never holding 0.
///
/// ```
/// use chat_proto::im::Seqs;
///
/// let seqs = Seqs::from(3..=5).and(9).and(6);
/// assert_eq!(seqs.to_string(), "3-6 9");
/// assert!(seqs.contains(4) && !seqs.contains(7));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Seqs(Vec<(u64, u64)>);

impl Seqs {
    /// With these as well.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.append(&mut more.into().0);
        self.normalised()
    }

    /// Whether the set holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the message is in the set.
    #[must_use]
    pub fn contains(&self, seq: impl Into<Seq>) -> bool {
        let seq = seq.into().0;
        let at = self.0.partition_point(|(_, last)| *last < seq);
        self.0.get(at).is_some_and(|(first, _)| *first <= seq)
    }

    /// The ranges, lowest first.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|(first, last)| *first..=*last)
    }

    /// From the ranges of a frame: `hi` is exclusive, 0 and absent mean `low` alone. What makes no
    /// sense is left out.
    #[must_use]
    pub fn from_wire(ranges: &[SeqRange]) -> Self {
        let ranges = ranges.iter().map(|range| match range.hi {
            0 => (range.low, range.low),
            hi => (range.low, hi - 1),
        });
        Self(ranges.collect()).normalised()
    }

    /// For a member of a frame.
    #[must_use]
    pub fn to_wire(&self) -> Vec<SeqRange> {
        let ranges = self.0.iter().map(|(first, last)| SeqRange {
            low: *first,
            hi: if first == last { 0 } else { last.saturating_add(1) },
            ..SeqRange::default()
        });
        ranges.collect()
    }

    fn normalised(mut self) -> Self {
        self.0.iter_mut().for_each(|(first, _)| *first = (*first).max(1));
        self.0.retain(|(first, last)| first <= last);
        self.0.sort_unstable();
        self.0.dedup_by(|next, kept| {
            let joined = next.0 <= kept.1.saturating_add(1);
            if joined {
                kept.1 = kept.1.max(next.1);
            }
            joined
        });
        self
    }
}

impl From<u64> for Seqs {
    fn from(seq: u64) -> Self {
        Self(vec![(seq, seq)]).normalised()
    }
}

impl From<Seq> for Seqs {
    fn from(seq: Seq) -> Self {
        seq.0.into()
    }
}

impl From<RangeInclusive<u64>> for Seqs {
    fn from(range: RangeInclusive<u64>) -> Self {
        Self(vec![(*range.start(), *range.end())]).normalised()
    }
}

impl FromIterator<u64> for Seqs {
    fn from_iter<I: IntoIterator<Item = u64>>(seqs: I) -> Self {
        Self(seqs.into_iter().map(|seq| (seq, seq)).collect()).normalised()
    }
}

/// `3-6 9`.
impl fmt::Display for Seqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            if first == last {
                write!(f, "{space}{first}")?;
            } else {
                write!(f, "{space}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Seqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seqs({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    #[test]
    fn ranges_that_make_no_sense_are_left_out() {
        let range = |low, hi| SeqRange { low, hi, ..SeqRange::default() };
        let seqs = Seqs::from_wire(&[range(0, 0), range(9, 3), range(5, 6), range(7, 0)]);
        assert_eq!(seqs.to_string(), "5 7");
        assert_eq!(Seqs::from(0), Seqs::default());
        assert_eq!(Seqs::from(u64::MAX).to_wire(), [range(u64::MAX, 0)]);
        assert!(Seqs::from(0..=u64::MAX).contains(u64::MAX));
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        /// A set of ranges is the set of its numbers, and so is what travels.
        #[test]
        fn a_set_is_a_set(ranges in proptest::collection::vec((0..40u64, 0..6u64), 0..8)) {
            let expected: BTreeSet<u64> =
                ranges.iter().flat_map(|(low, len)| *low..=low + len).filter(|seq| *seq > 0).collect();
            let seqs = ranges
                .iter()
                .fold(Seqs::default(), |seqs, (low, len)| seqs.and(*low..=low + len));
            for seq in 0..60 {
                prop_assert_eq!(seqs.contains(seq), expected.contains(&seq));
            }
            prop_assert_eq!(&Seqs::from_wire(&seqs.to_wire()), &seqs);
            prop_assert_eq!(expected.into_iter().collect::<Seqs>(), seqs);
        }
    }
}
