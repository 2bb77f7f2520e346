//! Base64, strict in what is written and tolerant in what is read; hex, decimal and
//! percent-encoding, written straight into the text they are for.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use zeroize::Zeroizing;

use crate::Secret;

/// Padding may be there or not; bits that stand for nothing must still be zero, so that a token
/// has one text in each alphabet.
const TOLERANT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const TOLERANT_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, TOLERANT);
const TOLERANT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, TOLERANT);

/// Padded standard base64: the one form that every peer seen so far can read.
pub(crate) fn encode(bytes: &[u8]) -> Secret {
    Secret::new(general_purpose::STANDARD.encode(bytes))
}

/// Reads both alphabets, with or without padding, and ignores white space at the end.
pub(crate) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii_end();
    let engine = if text.contains(['-', '_']) { TOLERANT_URL_SAFE } else { TOLERANT_STANDARD };
    // Room for all of it: a buffer that grew would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    engine.decode_vec(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Lower-case hex digits.
pub(crate) fn hex(mac: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(mac) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// Appends `value` in decimal.
pub(crate) fn push_decimal(mut value: u64, out: &mut String) {
    // The longest has 20 digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.push_str(core::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// What stays as it is: the unreserved characters of RFC 3986.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let it = byte as u8;
        table[byte] = it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// Appends `text` in percent-encoding: runs without anything to encode are copied whole.
pub(crate) fn push_percent_encoded(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if UNRESERVED[usize::from(*byte)] {
            continue;
        }
        // What is kept is ASCII, so both ends lie between characters.
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push('%');
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
        from = at + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    const RESERVED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn text_is_encoded_as_by_the_library(text in any::<String>()) {
            let mut out = "x=".to_owned();
            push_percent_encoded(&text, &mut out);
            prop_assert_eq!(out, format!("x={}", utf8_percent_encode(&text, RESERVED)));
        }

        #[test]
        fn numbers_are_written_as_they_print(value: u64, mac: [u8; 32]) {
            let mut out = String::new();
            push_decimal(value, &mut out);
            prop_assert_eq!(out, value.to_string());
            let digits: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(hex(&mac).to_vec(), digits.into_bytes());
        }
    }

    #[test]
    fn numbers_at_the_edge() {
        for value in [0, 9, 10, u64::MAX] {
            let mut out = String::new();
            push_decimal(value, &mut out);
            assert_eq!(out, value.to_string());
        }
    }
}
