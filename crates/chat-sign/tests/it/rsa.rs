//! RSASSA-PKCS1-v1_5 with SHA-256: the example of RFC 7515, appendix A.2, and a request.

use chat_sign::{PrivateKeyError, Query, RsaSigner, Secret, Sign};

/// The key of the RFC in both forms.
const PKCS8: &str = include_str!("keys/rfc7515-pkcs8.pem");
const PKCS1: &str = include_str!("keys/rfc7515-pkcs1.pem");

const SIGNING_INPUT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
/// In base64 for URLs, without padding.
const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// A published example request.
const REQUEST: &str = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
    &recvWindow=5000&timestamp=1499827319559";

/// The same as a query without the two parameters that signing appends.
fn request() -> Query {
    let pairs = REQUEST.split('&').filter_map(|pair| pair.split_once('='));
    let own = pairs.filter(|(name, _)| !matches!(*name, "recvWindow" | "timestamp"));
    own.fold(Query::new(), |query, (name, value)| query.with(name, value))
}

#[test]
fn the_example_of_the_rfc() {
    for pem in [PKCS8, PKCS1] {
        let signer = RsaSigner::from_pem(&Secret::new(pem)).unwrap();
        let signature = signer.signature(SIGNING_INPUT.as_bytes());
        let for_urls = signature.replace("%2B", "-").replace("%2F", "_").replace("%3D", "");
        assert_eq!(for_urls, SIGNATURE);
    }
}

#[test]
fn a_request_is_signed_as_another_library_does() {
    let signer = RsaSigner::from_pem(&Secret::new(PKCS8)).unwrap();
    // Python's `cryptography` with the same key, base64, percent-encoded.
    let expected = "TgnPX3f3tkv1MwEHu8FJr2FNujukR87%2BlUOYI4MYFQlNvsUYG7AlfRRdFfYiWZzQDbBD4l2AQXLUWfTAkKL8E2NzuF0y3eWjDlanpmwYVGotHvPrMpdVh1xEa6Sfu2dPTbws5FNhETnXag6v1DvfUQztgMmf0kf4OF33fbYgiFi6sgYKVm3U%2BvSGQVrQHoU58TNTOkRV4uX%2FkJ4FAdBk6DPdo7Kcmp0BXWw9xPUWPwJKmWGdkBx9FUPjGjnq%2BRrulwr5t3EGA9pNJndK2bxC32OqYm%2BV5grlUgMxIYrSMMGeiL3nZysOB1ROHs0ILsxfRFCDdIIGr69NqI3blWzwBA%3D%3D";
    let signed = signer.sign_query(request(), 1_499_827_319_559, 5_000);
    assert_eq!(signed.as_str(), format!("{REQUEST}&signature={expected}"));
    assert!(!format!("{signed:?}").contains(expected));
    assert_eq!(format!("{signer:?}"), "RsaSigner([REDACTED])");
}

#[test]
fn other_keys_are_refused_without_a_word_of_them() {
    let error = |pem: &str| RsaSigner::from_pem(&Secret::new(pem)).unwrap_err();
    assert_eq!(error(&PKCS8[..900]), PrivateKeyError::Key);
    // A number of the key changed.
    let damaged = PKCS1.replacen("MIIEo", "MIIEp", 1).replacen('g', "h", 9);
    assert_eq!(error(&damaged), PrivateKeyError::Key);
    let long = "-----BEGIN PRIVATE KEY-----".repeat(1000);
    for pem in ["", "MIIE", "-----BEGIN ENCRYPTED PRIVATE KEY-----", long.as_str()] {
        assert_eq!(error(pem), PrivateKeyError::Pem);
    }
    // Up to 16 KiB it is read, and then found to be no key.
    let begin = "-----BEGIN PRIVATE KEY-----\n";
    let longest = format!("{begin}{}", "A".repeat(16 * 1024 - begin.len()));
    assert_eq!(error(&longest), PrivateKeyError::Key);
    assert_eq!(error(&format!("{longest}A")), PrivateKeyError::Pem);
}
