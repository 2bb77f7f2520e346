//! Where a run of plain text in a string ends.

/// Where the first quote, backslash or control character is; the length if there is none.
///
/// Most strings end within the first words; only long ones pay for the wide loop. A function of its
/// own: a call costs less than a copy of this at each member of each frame.
#[inline(never)]
pub(crate) fn find_special(bytes: &[u8]) -> usize {
    let (mut rest, mut at) = (bytes, 0);
    while at < 64 {
        let Some((word, behind)) = rest.split_first_chunk() else { return at + find_byte(rest) };
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return at + place(hits);
        }
        (rest, at) = (behind, at + 8);
    }
    at + find_far(rest)
}

/// The same for what is left of a long string, 64 bytes at a time without a branch inside, which
/// becomes vector instructions.
#[inline(never)]
fn find_far(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk::<64>() {
        if block.iter().fold(0, |hits, byte| hits | u8::from(is_special(*byte))) != 0 {
            break;
        }
        rest = behind;
    }
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return bytes.len() - rest.len() + place(hits);
        }
        rest = behind;
    }
    bytes.len() - rest.len() + find_byte(rest)
}

#[inline(always)]
fn find_byte(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len())
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
            }
        }
        assert_eq!(find_special(&[0x20, 0x7f, 0x80, 0xff, 0x21, 0x23, 0x5b, 0x5d, 0x1]), 8);
    }
}
