//! Where a run of plain text in a string ends.

/// Where the first quote, backslash or control character is; the length if there is none.
///
/// Most strings end within the first words; only long ones pay for the wide loop. A function of its
/// own: a call costs less than a copy of this at each member of each frame.
#[inline(never)]
pub(crate) fn find_special(bytes: &[u8]) -> usize {
    let (mut rest, mut at) = (bytes, 0);
    while at < 64 {
        let Some((word, behind)) = rest.split_first_chunk() else { return find_in_tail(bytes, at) };
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + place(hits);
        }
        (rest, at) = (behind, at + 8);
    }
    find_far(bytes, at)
}

/// Whether there is none: most strings of frames are short, and are looked at without a loop.
#[inline(always)]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    if bytes.len() > 32 {
        return find_special(bytes) == bytes.len();
    }
    let ends = at_ends::<16>(bytes).or_else(|| at_ends::<8>(bytes)).or_else(|| at_ends::<4>(bytes));
    !ends.unwrap_or_else(|| bytes.iter().any(|byte| is_special(*byte)))
}

/// Whether there is one in the first or last `N` bytes, if there are so many.
#[inline(always)]
fn at_ends<const N: usize>(bytes: &[u8]) -> Option<bool> {
    Some(any_special::<N>(bytes.first_chunk()?) | any_special::<N>(bytes.last_chunk()?))
}

/// Without a branch, which becomes vector instructions.
#[inline(always)]
fn any_special<const N: usize>(bytes: &[u8; N]) -> bool {
    bytes.iter().fold(0, |hits, byte| hits | u8::from(is_special(*byte))) != 0
}

/// What [`find_special`] does for the rest of a long string: 64 bytes at a time.
#[inline(never)]
fn find_far(bytes: &[u8], mut at: usize) -> usize {
    let mut rest = &bytes[at..];
    while let Some((block, behind)) = rest.split_first_chunk::<64>() {
        if any_special(block) {
            break;
        }
        (rest, at) = (behind, at + 64);
    }
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + place(hits);
        }
        (rest, at) = (behind, at + 8);
    }
    find_in_tail(bytes, at)
}

/// The same for less than a word behind `at`; there is nothing before that.
#[inline(always)]
fn find_in_tail(bytes: &[u8], at: usize) -> usize {
    let len = bytes.len();
    if let Some(word) = bytes.last_chunk() {
        // It overlaps what was looked at already.
        let hits = special(u64::from_le_bytes(*word));
        if hits == 0 { len } else { len + place(hits) - 8 }
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Two halves, which may overlap, side by side.
        let halves =
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
        match special(halves) {
            0 => len,
            hits if place(hits) < 4 => place(hits),
            // Added first: the length is less than a word.
            hits => len + place(hits) - 8,
        }
    } else {
        bytes[at..].iter().position(|byte| is_special(*byte)).unwrap_or(len - at) + at
    }
}

/// Flipping the second bit swaps the quote with the space and keeps the control characters below
/// both: so one comparison finds quote and control characters.
#[inline(always)]
const fn is_special(byte: u8) -> bool {
    ((byte ^ 2) < 0x21) | (byte == b'\\')
}

/// A bit in each special byte of a word. Bytes above the first one may be marked without reason, the
/// first never: borrows run upwards.
#[inline(always)]
const fn special(word: u64) -> u64 {
    let low = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (low | backslash) & !word & (ONES * 0x80)
}

/// The number of the first marked byte.
#[inline(always)]
const fn place(hits: u64) -> usize {
    hits.trailing_zeros() as usize / 8
}

/// One in each byte.
const ONES: u64 = u64::MAX / 255;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn finds_the_first_special_byte(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(bytes.len());
            prop_assert_eq!(find_special(&bytes), expected);
        }
    }

    #[test]
    fn each_byte_in_each_place_of_a_long_text() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for at in 0..200 {
                let mut bytes = vec![0xC3; 200];
                bytes[at] = special;
                assert_eq!(find_special(&bytes), at);
                assert!(is_plain(&bytes[..at]) && !is_plain(&bytes));
                assert!((at + 1..200).all(|len| !is_plain(&bytes[..len])));
            }
        }
        assert_eq!(find_special(&[0x20, 0x7f, 0x80, 0xff, 0x21, 0x23, 0x5b, 0x5d, 0x1]), 8);
    }
}
