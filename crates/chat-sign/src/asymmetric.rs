//! What keys in two halves have in common.

use base64::{Engine, engine::general_purpose::STANDARD};

/// The longest PEM text that is read, in bytes: twice what the largest RSA key takes (choice).
pub(crate) const MAX_PEM_LEN: usize = 16 * 1024;

/// Why a private key cannot be used. Nothing of the key is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateKeyError {
    /// Not a PEM text with an unencrypted private key in a form that is read here.
    #[error("not a private key in PEM, or an encrypted one")]
    Pem,
    /// A key of another algorithm, or one whose numbers do not fit together.
    #[error("not a key of this algorithm, or a damaged one")]
    Key,
}

/// A signature as a query carries it: standard base64 with padding, then percent-encoded
/// (published documentation).
pub(crate) fn for_query(signature: &[u8]) -> String {
    let text = STANDARD.encode(signature);
    let mut encoded = String::with_capacity(text.len() + 32);
    for letter in text.chars() {
        match letter {
            '+' => encoded.push_str("%2B"),
            '/' => encoded.push_str("%2F"),
            '=' => encoded.push_str("%3D"),
            _ => encoded.push(letter),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_base64_has_beyond_letters_and_digits_is_escaped() {
        assert_eq!(for_query(&[0xFB, 0xEF, 0xBF, 0xFF]), "%2B%2B%2B%2F%2Fw%3D%3D");
    }
}
