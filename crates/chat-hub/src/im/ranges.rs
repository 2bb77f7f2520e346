//! Ranges of messages, with an exclusive end.

use chat_proto::im::up::SeqRange;

/// `[low, end)` of a range as it travels: no `hi`, or one not above `low`, means one message.
pub(super) fn bounds(range: &SeqRange) -> (u64, u64) {
    (range.low, range.hi.max(range.low.saturating_add(1)))
}

/// A range as it travels: one message has no `hi`.
pub(super) fn seq_range((low, end): (u64, u64)) -> SeqRange {
    SeqRange { low, hi: if end == low + 1 { 0 } else { end }, extra: Vec::new() }
}

/// Ranges sorted, those that overlap or touch joined. Ranges with a gap stay apart.
pub(super) fn normalized(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.retain(|(low, end)| low < end);
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (low, end) in ranges {
        match joined.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((low, end)),
        }
    }
    joined
}

/// What is in `ranges` and not in `cut`; both sorted and apart.
pub(super) fn without(ranges: &[(u64, u64)], cut: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    for &(mut low, end) in ranges {
        let first = cut.partition_point(|(_, cut_end)| *cut_end <= low);
        for &(cut_low, cut_end) in &cut[first..] {
            if cut_low >= end {
                break;
            }
            if low < cut_low {
                left.push((low, cut_low));
            }
            low = cut_end;
        }
        if low < end {
            left.push((low, end));
        }
    }
    left
}

/// Whether one of some sorted ranges holds `seq`.
pub(super) fn is_in(ranges: &[(u64, u64)], seq: u64) -> bool {
    let after = ranges.partition_point(|(low, _)| *low <= seq);
    after > 0 && seq < ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A gap survives, and what follows a swallowed range is not lost.
    #[test]
    fn ranges_join_without_swallowing() {
        assert_eq!(normalized(vec![(1, 4), (5, 7)]), [(1, 4), (5, 7)]);
        assert_eq!(normalized(vec![(1, 4), (2, 4), (6, 8)]), [(1, 4), (6, 8)]);
        assert_eq!(normalized(vec![(5, 6), (1, 5), (9, 9)]), [(1, 6)]);
        let ranges = normalized(vec![(1, 4), (6, 8)]);
        let inside: Vec<_> = (0..10).filter(|seq| is_in(&ranges, *seq)).collect();
        assert_eq!(inside, [1, 2, 3, 6, 7]);
    }

    proptest! {
        #[test]
        fn they_are_sets(
            one in prop::collection::vec((0..40u64, 0..40u64), 0..12),
            other in prop::collection::vec((0..40u64, 0..40u64), 0..12),
        ) {
            let set = |ranges: &[(u64, u64)]| -> BTreeSet<u64> {
                ranges.iter().flat_map(|(low, end)| *low..*end).collect()
            };
            let (all, cut) = (normalized(one.clone()), normalized(other));
            prop_assert_eq!(set(&all), set(&one));
            prop_assert!(all.windows(2).all(|two| two[0].1 < two[1].0));
            let left = without(&all, &cut);
            prop_assert_eq!(set(&left), &set(&all) - &set(&cut));
            prop_assert!(left.windows(2).all(|two| two[0].1 < two[1].0));
            prop_assert!((0..50).all(|seq| is_in(&all, seq) == set(&all).contains(&seq)));
        }
    }
}
