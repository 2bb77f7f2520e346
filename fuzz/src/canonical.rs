//! Signatures: what the client signs the service verifies, and nothing else.

use chat_sign::{
    HmacSigner, MAX_QUERY_LEN, MAX_QUERY_PARAMS, MAX_RECV_WINDOW_MS, Query, Sign, verify_query,
};

use crate::make::Source;

/// Signer and verifier agree on every query; a flipped bit is refused, except one that only
/// changes the case of a hex digit of the signature.
///
/// # Panics
///
/// A law is broken.
pub fn canonical(data: &[u8]) {
    let mut source = Source::new(data);
    let key_len = usize::from(source.byte() % 65);
    let key = HmacSigner::from_bytes(source.take(key_len));
    received(&key, source.clone().rest());
    signed(&key, &mut source);
}

/// Bytes as they might arrive, bare and with a signature that is right for them.
fn received(key: &HmacSigner, raw: &[u8]) {
    let now = 1_700_000_000_000;
    let _ = verify_query(raw, key, now);
    let mut sealed = raw.to_vec();
    if !raw.is_empty() {
        sealed.push(b'&');
    }
    sealed.extend_from_slice(b"signature=");
    sealed.extend_from_slice(key.sign_hex(raw).as_bytes());
    if let Ok(query) = verify_query(&sealed, key, now) {
        assert!(query.recv_window_ms() <= MAX_RECV_WINDOW_MS);
        assert!(query.timestamp_ms() < now + 1000);
        assert_eq!(query.get("signature"), None);
        let named = query.params().count();
        assert!(named < MAX_QUERY_PARAMS);
        for (at, (name, value)) in query.params().enumerate() {
            assert!(query.params().skip(at + 1).all(|(other, _)| other != name), "{name} twice");
            assert_eq!(query.get(name), Some(value));
        }
    }
}

/// A query the client builds.
fn signed(key: &HmacSigner, source: &mut Source<'_>) {
    let timestamp = u64::from_le_bytes(source.array()) >> 16;
    let window = u32::from_le_bytes(source.array()) >> 15;
    let flips: [u8; 8] = source.array();
    let mut params: Vec<(String, String)> = Vec::new();
    while !source.is_empty() && params.len() < 80 {
        params.push((source.lossy(), source.lossy()));
    }
    let query =
        params.iter().fold(Query::new(), |query, (name, value)| query.with(name, value.as_str()));
    let sent = key.sign_query(query, timestamp, window);
    let sent = sent.as_str().as_bytes();
    let result = verify_query(sent, key, timestamp);
    assert_eq!(result.is_ok(), is_acceptable(&params, window, sent.len()), "{params:?}");
    let Ok(verified) = result else { return };

    let own = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    assert!(verified.params().take(params.len()).eq(own), "{params:?}");
    assert_eq!((verified.timestamp_ms(), verified.recv_window_ms()), (timestamp, window));
    // The window: not a millisecond longer on either side.
    let last = timestamp + u64::from(window);
    assert!(verify_query(sent, key, last).is_ok());
    assert!(verify_query(sent, key, last + 1).is_err());
    assert!(verify_query(sent, key, timestamp.saturating_sub(999)).is_ok());
    assert!(timestamp < 1000 || verify_query(sent, key, timestamp - 1000).is_err());

    let signature_at = sent.len() - 64;
    for pair in flips.chunks_exact(2) {
        let bits = sent.len() * 8;
        let at = usize::from(u16::from_le_bytes([pair[0], pair[1]]));
        // From both ends, so that the signature gets its share in queries of any length.
        for bit in [at % bits, bits - 1 - at % (bits.min(640))] {
            let mut flipped = sent.to_vec();
            let (at, mask) = (bit / 8, 1 << (bit % 8));
            flipped[at] ^= mask;
            let case_of_hex = at >= signature_at && mask == 0x20 && sent[at].is_ascii_alphabetic();
            assert_eq!(
                verify_query(&flipped, key, timestamp).is_ok(),
                case_of_hex,
                "bit {} of byte {at} in {}",
                bit % 8,
                String::from_utf8_lossy(sent)
            );
        }
    }
    let other = HmacSigner::from_bytes(b"another key that no input has \xFF\xFE");
    assert!(verify_query(sent, &other, timestamp).is_err());
}

/// What the documentation of the two sides promises to be taken.
fn is_acceptable(params: &[(String, String)], window: u32, len: usize) -> bool {
    let reserved = ["", "recvWindow", "timestamp", "signature"];
    let distinct = params.iter().enumerate().all(|(at, (name, _))| {
        !reserved.contains(&name.as_str()) && params[..at].iter().all(|(other, _)| other != name)
    });
    // Beside ours there are the window, the time and the signature.
    distinct
        && params.len() + 3 <= MAX_QUERY_PARAMS
        && window <= MAX_RECV_WINDOW_MS
        && len <= MAX_QUERY_LEN
}
