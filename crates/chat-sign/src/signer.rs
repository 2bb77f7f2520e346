//! Signing a request.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::encoding::hex;
use crate::{Query, Secret, SignedQuery};

/// The default validity of a signed request, in milliseconds (published documentation).
pub const DEFAULT_RECV_WINDOW_MS: u32 = 5_000;
/// The longest validity the service accepts, in milliseconds (published documentation).
pub const MAX_RECV_WINDOW_MS: u32 = 60_000;

/// A key that signs requests.
///
/// A trait because the service also takes Ed25519 and RSA keys (published documentation; not
/// shown for C2C), whose signatures have another form in the query.
pub trait Sign: fmt::Debug + Send + Sync {
    /// The signature of `payload` in the form a query carries: percent-encoded if it needs to be.
    fn signature(&self, payload: &[u8]) -> String;

    /// Appends `recvWindow`, `timestamp` and, last, `signature`.
    ///
    /// Both times are in milliseconds; `timestamp_ms` counts from the Unix epoch *by the
    /// service's clock*. `recvWindow` is always sent, because the documentation names two
    /// defaults. A body in JSON is not part of what is signed.
    fn sign_query(&self, query: Query, timestamp_ms: u64, recv_window_ms: u32) -> SignedQuery {
        let query = timed(query, timestamp_ms, recv_window_ms);
        let signature = self.signature(query.as_str().as_bytes());
        query.seal(&signature)
    }
}

fn timed(query: Query, timestamp_ms: u64, recv_window_ms: u32) -> Query {
    query.with_number("recvWindow", recv_window_ms.into()).with_number("timestamp", timestamp_ms)
}

/// HMAC-SHA256 with a key prepared once and cloned for each use.
///
/// A usual request signed through [`Sign::sign_query`] allocates once, for the query.
/// `Debug` shows nothing of the key; its memory is wiped on drop.
///
/// ```
/// use chat_sign::{HmacSigner, Query, Secret, Sign};
///
/// let signer = HmacSigner::new(&Secret::new("demo-merchant-secret"));
/// let signed = signer.sign_query(Query::new().with("page", 1), 1_700_000_000_000, 5_000);
/// assert!(signed.as_str().starts_with("page=1&recvWindow=5000&timestamp=1700000000000&signature="));
/// ```
#[derive(Clone)]
pub struct HmacSigner {
    keyed: Hmac<Sha256>,
}

impl HmacSigner {
    /// Prepares the key. Every length works, an empty key too.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self::from_bytes(secret.expose().as_bytes())
    }

    /// Prepares a key that is not text.
    #[must_use]
    pub fn from_bytes(key: &[u8]) -> Self {
        Self { keyed: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") }
    }

    /// The MAC of `payload` as 64 lower-case hex digits.
    #[must_use]
    pub fn sign_hex(&self, payload: &[u8]) -> String {
        text(&hex(&self.sign(&[payload]))).to_owned()
    }

    /// Whether `hex` is the MAC of `payload`. Hex digits may be of either case (published
    /// documentation); the comparison of the MAC takes constant time.
    #[must_use]
    pub fn verify_hex(&self, payload: &[u8], hex: &[u8]) -> bool {
        parse_hex(hex).is_some_and(|mac| self.verify(&[payload], &mac))
    }

    /// The MAC of `parts` joined.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.fed(parts).finalize().into_bytes().into()
    }

    /// Whether `mac` is the MAC of `parts` joined, in constant time.
    pub(crate) fn verify(&self, parts: &[&[u8]], mac: &[u8; 32]) -> bool {
        self.fed(parts).verify_slice(mac).is_ok()
    }

    fn fed(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

impl Sign for HmacSigner {
    fn signature(&self, payload: &[u8]) -> String {
        self.sign_hex(payload)
    }

    // Without a string of its own for the signature.
    fn sign_query(&self, query: Query, timestamp_ms: u64, recv_window_ms: u32) -> SignedQuery {
        let query = timed(query, timestamp_ms, recv_window_ms);
        let signature = hex(&self.sign(&[query.as_str().as_bytes()]));
        query.seal(text(&signature))
    }
}

impl fmt::Debug for HmacSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSigner([REDACTED])")
    }
}

fn text(hex: &[u8; 64]) -> &str {
    core::str::from_utf8(hex).expect("hex digits are ASCII")
}

fn parse_hex(hex: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = parse_hex_pair(pair[0], pair[1])?;
    }
    Some(bytes)
}

/// The byte that two hex digits of either case stand for.
pub(crate) fn parse_hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}
