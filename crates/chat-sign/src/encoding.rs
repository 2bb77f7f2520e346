//! Base64: strict in what is written, tolerant in what is read.

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
