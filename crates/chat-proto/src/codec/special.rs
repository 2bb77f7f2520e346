//! Where a run of plain text in a string ends.

use std::num::NonZeroU64;

/// Where the first quote, backslash or control character is at or after `at`; the length if there is
/// none.
#[inline]
pub(crate) fn find_special(bytes: &[u8], mut at: usize) -> usize {
    // Short strings end within the first words; only long ones pay for the wide loop.
    for _ in 0..8 {
        match word_at(bytes, at) {
            Some(word) => match special(word) {
                Some(hit) => return at + hit.trailing_zeros() as usize / 8,
                None => at += 8,
            },
            None => return find_special_byte(bytes, at),
        }
    }
    find_special_far(bytes, at)
}

/// The same for what is left of a long string, 64 bytes at a time without a branch inside.
fn find_special_far(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<64>()) {
        let hits = block.iter().fold(0u8, |hits, byte| hits | u8::from(is_special(*byte)));
        if hits != 0 {
            break;
        }
        at += 64;
    }
    while let Some(word) = word_at(bytes, at) {
        match special(word) {
            Some(hit) => return at + hit.trailing_zeros() as usize / 8,
            None => at += 8,
        }
    }
    find_special_byte(bytes, at)
}

fn find_special_byte(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

#[inline]
const fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// A bit in each special byte of a word. Bytes above the first one may be marked without reason, the
/// first never: borrows run upwards.
#[inline]
const fn special(word: u64) -> Option<NonZeroU64> {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let zero = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    NonZeroU64::new((zero | control) & (ONES * 0x80))
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
            let expected = bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len());
            prop_assert_eq!(find_special(&bytes, 0), expected);
        }
    }

    #[test]
    fn each_byte_in_each_place_of_a_long_text() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for at in 0..200 {
                let mut bytes = vec![0xC3; 200];
                bytes[at] = special;
                assert_eq!(find_special(&bytes, 0), at);
            }
        }
        assert_eq!(find_special(&[0x20, 0x7f, 0x80, 0xff, 0x21, 0x23, 0x5b, 0x5d, 0x1], 0), 8);
    }
}
