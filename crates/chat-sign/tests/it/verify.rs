//! Verifying received queries.

use chat_sign::{
    DEFAULT_RECV_WINDOW_MS, HmacSigner, MAX_QUERY_LEN, MAX_QUERY_PARAMS, MAX_RECV_WINDOW_MS, Query,
    Secret, Sign, VerifyError, verify_query,
};
use proptest::{collection::btree_map, prelude::*};

const NOW: u64 = 1_700_000_000_000;

fn key() -> HmacSigner {
    HmacSigner::new(&Secret::new("demo-merchant-secret"))
}

/// What a client sends that signs `payload` as it stands.
fn sealed(payload: &str) -> String {
    let signature = key().sign_hex(payload.as_bytes());
    if payload.is_empty() {
        format!("signature={signature}")
    } else {
        format!("{payload}&signature={signature}")
    }
}

fn error_of(raw: &str) -> VerifyError {
    verify_query(raw.as_bytes(), &key(), NOW).expect_err(raw)
}

fn malformed(name: &str) -> VerifyError {
    VerifyError::MalformedParameter { name: name.to_owned() }
}

fn duplicate(name: &str) -> VerifyError {
    VerifyError::DuplicateParameter { name: name.to_owned() }
}

#[test]
fn a_signed_query_verifies() {
    let query = Query::new().with("orderNo", "20476365073825144832").with("note", "a+b é");
    let sent = key().sign_query(query, NOW, 60_000);
    let verified = verify_query(sent.as_str().as_bytes(), &key(), NOW + 60_000).unwrap();
    assert_eq!(verified.timestamp_ms(), NOW);
    assert_eq!(verified.recv_window_ms(), MAX_RECV_WINDOW_MS);
    assert_eq!(verified.get("orderNo"), Some("20476365073825144832"));
    assert_eq!(verified.get("note"), Some("a+b é"));
    assert_eq!(verified.get("orderno"), None);
    assert_eq!(verified.get("signature"), None);
    let names: Vec<_> = verified.params().map(|(name, _)| name).collect();
    assert_eq!(names, ["orderNo", "note", "recvWindow", "timestamp"]);
}

#[test]
fn order_case_of_hex_and_foreign_escapes_are_free() {
    let upper = {
        let raw = sealed("timestamp=1700000000000&a=1");
        let (payload, mac) = raw.rsplit_once('=').unwrap();
        format!("{payload}={}", mac.to_ascii_uppercase())
    };
    assert!(verify_query(upper.as_bytes(), &key(), NOW).is_ok());

    // Lower-case escapes, `+` for a space, needless escapes, raw punctuation.
    let raw = sealed("timestamp=1700000000000&a=%c3%a9+%41&b=x:y,z=&c=");
    let verified = verify_query(raw.as_bytes(), &key(), NOW).unwrap();
    assert_eq!(verified.get("a"), Some("é A"));
    assert_eq!(verified.get("b"), Some("x:y,z="));
    assert_eq!(verified.get("c"), Some(""));
    assert_eq!(verified.recv_window_ms(), DEFAULT_RECV_WINDOW_MS);
}

#[test]
fn the_signature_is_over_received_bytes_not_over_decoded_ones() {
    let raw = sealed("timestamp=1700000000000&a=%C3%A9");
    let recoded = raw.replace("%C3%A9", "%c3%a9");
    assert_eq!(error_of(&recoded), VerifyError::BadSignature);
}

#[test]
fn signature_must_be_there_and_last() {
    for raw in ["", "&", "timestamp=1700000000000", "signature", "a=signature=1", "Signature=00"] {
        assert_eq!(error_of(raw), VerifyError::MissingSignature, "{raw}");
    }
    let right = sealed("timestamp=1700000000000");
    for raw in [
        format!("{right}&"),
        format!("{right}&a=1"),
        format!("{right}&{right}"),
        sealed("signature=00&timestamp=1700000000000"),
        sealed("%73ignature=00&timestamp=1700000000000"),
    ] {
        assert_eq!(error_of(&raw), VerifyError::SignatureNotLast, "{raw}");
    }
}

#[test]
fn wrong_signatures() {
    let payload = "timestamp=1700000000000";
    let other = HmacSigner::new(&Secret::new("another")).sign_hex(payload.as_bytes());
    for signature in ["", "00", &"0".repeat(64), &"z".repeat(64), "%00", &other] {
        let raw = format!("{payload}&signature={signature}");
        assert_eq!(error_of(&raw), VerifyError::BadSignature, "{raw}");
    }
}

#[test]
fn parameters_are_checked_before_the_signature() {
    for (payload, expected) in [
        ("", VerifyError::MissingTimestamp),
        ("a=1", VerifyError::MissingTimestamp),
        ("Timestamp=1", VerifyError::MissingTimestamp),
        ("a=1&a=2", duplicate("a")),
        ("a=1&%61=2", duplicate("a")),
        ("timestamp=1&timestamp=1", duplicate("timestamp")),
        ("recvWindow=1&recvWindow=1", duplicate("recvWindow")),
        ("%C3%A9=1&%C3%A9=2", duplicate("")),
        ("timestamp=", malformed("timestamp")),
        ("timestamp=-1", malformed("timestamp")),
        ("timestamp=%2B1", malformed("timestamp")),
        ("timestamp=1.5", malformed("timestamp")),
        ("timestamp=1e12", malformed("timestamp")),
        ("timestamp=99999999999999999999", malformed("timestamp")),
        ("recvWindow=x", malformed("recvWindow")),
        ("recvWindow=60001", VerifyError::RecvWindowTooLarge),
        ("recvWindow=18446744073709551615", VerifyError::RecvWindowTooLarge),
        ("TOKENwithoutname", malformed("")),
        ("=1", malformed("")),
        ("&a=1", malformed("")),
        ("a=1&&b=1", malformed("")),
        ("a=%", malformed("a")),
        ("a=%4", malformed("a")),
        ("a=%zz", malformed("a")),
        ("a=%+1", malformed("a")),
        ("a=%FF", malformed("a")),
        ("a=é", malformed("a")),
        ("a=b c", malformed("a")),
        ("a=b\u{7f}", malformed("a")),
        ("%0A=%", malformed("")),
    ] {
        assert_eq!(error_of(&sealed(payload)), expected, "{payload}");
        let unsigned = format!("{payload}&signature=00");
        assert_eq!(error_of(&unsigned), expected, "{payload}");
    }
}

#[test]
fn the_window() {
    let at = |timestamp: u64, window: u32, server: u64| {
        let sent = key().sign_query(Query::new(), timestamp, window);
        verify_query(sent.as_str().as_bytes(), &key(), server).map(|_| ())
    };
    assert_eq!(at(NOW, 5_000, NOW), Ok(()));
    assert_eq!(at(NOW, 5_000, NOW + 5_000), Ok(()));
    assert_eq!(
        at(NOW, 5_000, NOW + 5_001),
        Err(VerifyError::OutsideWindow {
            timestamp_ms: NOW,
            server_time_ms: NOW + 5_001,
            recv_window_ms: 5_000
        })
    );
    assert_eq!(at(NOW + 999, 5_000, NOW), Ok(()));
    assert!(at(NOW + 1_000, 5_000, NOW).is_err());
    assert_eq!(at(NOW, 0, NOW), Ok(()));
    assert!(at(NOW, 0, NOW + 1).is_err());
    // The ends of the number line.
    assert_eq!(at(0, 5_000, 0), Ok(()));
    assert!(at(u64::MAX, 5_000, 0).is_err());
    assert!(at(0, 5_000, u64::MAX).is_err());
    assert!(at(u64::MAX, 60_000, u64::MAX).is_err());
}

#[test]
fn the_default_window_is_five_seconds() {
    let raw = sealed("timestamp=1700000000000");
    assert!(verify_query(raw.as_bytes(), &key(), NOW + 5_000).is_ok());
    assert!(verify_query(raw.as_bytes(), &key(), NOW + 5_001).is_err());
}

#[test]
fn bounds() {
    let long = sealed(&format!("timestamp=1700000000000&a={}", "x".repeat(MAX_QUERY_LEN)));
    assert_eq!(error_of(&long), VerifyError::TooLong { len: long.len() });

    let spare = MAX_QUERY_LEN - sealed("timestamp=1700000000000&a=").len();
    let sized = |len: usize| sealed(&format!("timestamp=1700000000000&a={}", "x".repeat(len)));
    assert!(verify_query(sized(10_000).as_bytes(), &key(), NOW).is_ok());
    let longest = sized(spare);
    assert_eq!(longest.len(), MAX_QUERY_LEN);
    assert!(verify_query(longest.as_bytes(), &key(), NOW).is_ok());
    let one_more = sized(spare + 1);
    assert_eq!(error_of(&one_more), VerifyError::TooLong { len: MAX_QUERY_LEN + 1 });

    let params = |count: usize| {
        let mut query = Query::new();
        for i in 0..count {
            query.push(&format!("p{i}"), i);
        }
        let sent = key().sign_query(query, NOW, 5_000);
        verify_query(sent.as_str().as_bytes(), &key(), NOW).map(|_| ())
    };
    // Three are `recvWindow`, `timestamp` and `signature`.
    assert_eq!(params(MAX_QUERY_PARAMS - 3), Ok(()));
    assert_eq!(params(MAX_QUERY_PARAMS - 2), Err(VerifyError::TooManyParameters));
}

/// Unicode names but those that signing adds.
fn params() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    let name = any::<String>().prop_filter("reserved or empty", |name| {
        !["", "recvWindow", "timestamp", "signature"].contains(&name.as_str())
    });
    btree_map(name, any::<String>(), 0..8)
}

proptest! {
    #![proptest_config(crate::same_cases_each_run())]

    #[test]
    fn what_is_signed_verifies_and_reads_the_same(
        params in params(),
        timestamp in any::<u64>().prop_map(|t| t / 2),
        window in 0..=MAX_RECV_WINDOW_MS,
        late in 0..=u64::from(MAX_RECV_WINDOW_MS),
    ) {
        let mut query = Query::new();
        for (name, value) in &params {
            query.push(name, value);
        }
        let sent = key().sign_query(query, timestamp, window);
        let late = late.min(u64::from(window));
        let verified = verify_query(sent.as_str().as_bytes(), &key(), timestamp + late).unwrap();
        for (name, value) in &params {
            prop_assert_eq!(verified.get(name), Some(value.as_str()));
        }
        prop_assert_eq!(verified.params().count(), params.len() + 2);
        prop_assert_eq!(verified.timestamp_ms(), timestamp);
        prop_assert_eq!(verified.recv_window_ms(), window);
    }

    #[test]
    fn a_changed_byte_is_refused(params in params(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut query = Query::new();
        for (name, value) in &params {
            query.push(name, value);
        }
        let mut raw = key().sign_query(query, NOW, 5_000).into_string().into_bytes();
        let at = at.index(raw.len());
        // Hex digits of the signature may be of either case.
        let in_signature = at >= raw.len() - 64;
        prop_assume!(raw[at] != byte && !(in_signature && raw[at].eq_ignore_ascii_case(&byte)));
        raw[at] = byte;
        prop_assert!(verify_query(&raw, &key(), NOW).is_err());
    }

    #[test]
    fn any_bytes_get_an_answer(raw in any::<Vec<u8>>(), now in any::<u64>()) {
        prop_assert!(verify_query(&raw, &key(), now).is_err());
    }

    #[test]
    fn any_bytes_under_a_right_signature_get_an_answer(
        payload in "(timestamp|recvWindow|a|%|%41|&|=|[0-9]|\\PC){0,24}",
        now in any::<u64>(),
    ) {
        // The outcome is open; what counts is that there is one, and that it is not the signature.
        let raw = sealed(&payload);
        let answer = verify_query(raw.as_bytes(), &key(), now);
        prop_assert!(!matches!(answer, Err(VerifyError::BadSignature | VerifyError::MissingSignature)));
    }
}

#[test]
fn every_flipped_bit_of_a_query_is_refused() {
    let query = Query::new().with("orderNo", "22000000000000000001").with("note", "a b/é");
    let raw = key().sign_query(query, NOW, 5_000).into_string().into_bytes();
    for at in 0..raw.len() {
        for bit in 0..8 {
            let mut changed = raw.clone();
            changed[at] ^= 1 << bit;
            let same_hex = at >= raw.len() - 64 && changed[at].eq_ignore_ascii_case(&raw[at]);
            let accepted = verify_query(&changed, &key(), NOW).is_ok();
            assert_eq!(accepted, same_hex, "byte {at}, bit {bit}");
        }
    }
}
