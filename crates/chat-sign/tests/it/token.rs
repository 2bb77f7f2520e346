//! Tokens of the service.

use base64::{Engine, engine::general_purpose as forms};
use chat_sign::{FileToken, MIN_TOKEN_KEY_LEN, TokenClaims, TokenError, TokenKey};
use proptest::prelude::*;

const CLAIMS: TokenClaims = TokenClaims {
    user_id: 804_252_613_548_777_777,
    tenant_id: 901_636_310_534_455_296,
    expires_at: 1_700_086_400,
    auth_level: 20,
    serial: 3,
    features: 1,
};

fn key() -> TokenKey {
    TokenKey::new(&[7; MIN_TOKEN_KEY_LEN]).expect("long enough")
}

#[test]
fn valid_until_the_second_it_expires() {
    let token = key().issue(&CLAIMS);
    let expiry = u64::from(CLAIMS.expires_at);
    assert_eq!(key().verify(token.expose(), 0), Ok(CLAIMS));
    assert_eq!(key().verify(token.expose(), expiry - 1), Ok(CLAIMS));
    assert_eq!(key().verify(token.expose(), expiry), Err(TokenError::Expired));
    assert_eq!(key().verify(token.expose(), u64::MAX), Err(TokenError::Expired));
}

/// The expected text was computed by another implementation.
#[test]
fn the_format_does_not_change_unnoticed() {
    assert_eq!(
        key().issue(&CLAIMS).expose(),
        "MSFBrH1HKQsAAACGckGDDIBCVWUUAAMAAQAcgLejMkIsH3trlef5VnW7a9M84Yw0aGOB863t0/Ie0g=="
    );
}

#[test]
fn fits_the_header_of_file_calls() {
    let token = key().issue(&CLAIMS);
    assert_eq!(token.expose().len(), 80);
    assert!(FileToken::new(token).is_ok());
}

#[test]
fn read_in_all_forms() {
    let token = key().issue(&CLAIMS);
    let bytes = forms::STANDARD.decode(token.expose()).unwrap();
    for text in [
        forms::STANDARD.encode(&bytes),
        forms::STANDARD_NO_PAD.encode(&bytes),
        forms::URL_SAFE.encode(&bytes),
        forms::URL_SAFE_NO_PAD.encode(&bytes) + "\n",
    ] {
        assert_eq!(key().verify(&text, 0), Ok(CLAIMS));
    }
}

#[test]
fn every_flipped_bit_is_forged() {
    let bytes = forms::STANDARD.decode(key().issue(&CLAIMS).expose()).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let text = forms::STANDARD.encode(&changed);
            assert_eq!(key().verify(&text, 0), Err(TokenError::Forged));
        }
    }
}

#[test]
fn another_key_or_another_length() {
    let token = key().issue(&CLAIMS);
    let other = TokenKey::new(&[8; MIN_TOKEN_KEY_LEN]).unwrap();
    assert_eq!(other.verify(token.expose(), 0), Err(TokenError::Forged));

    let bytes = forms::STANDARD.decode(token.expose()).unwrap();
    let longer = [bytes.as_slice(), &[0]].concat();
    for wrong in [&bytes[..0], &bytes[..26], &bytes[..57], &longer] {
        let text = forms::STANDARD.encode(wrong);
        assert_eq!(key().verify(&text, 0), Err(TokenError::Malformed));
    }
    for wrong in ["!", &"A".repeat(129), &"A".repeat(100_000)] {
        assert_eq!(key().verify(wrong, 0), Err(TokenError::Malformed));
    }
}

#[test]
fn a_short_key_is_refused() {
    let short = TokenKey::new(&[7; MIN_TOKEN_KEY_LEN - 1]);
    assert_eq!(short.err(), Some(TokenError::KeyTooShort));
}

proptest! {
    #![proptest_config(crate::same_cases_each_run())]

    #[test]
    fn claims_round_trip(
        user_id in any::<u64>(),
        tenant_id in any::<u64>(),
        expires_at in 1..=u32::MAX,
        auth_level in any::<u16>(),
        serial in any::<u16>(),
        features in any::<u16>(),
    ) {
        let claims = TokenClaims { user_id, tenant_id, expires_at, auth_level, serial, features };
        let token = key().issue(&claims);
        prop_assert_eq!(key().verify(token.expose(), u64::from(expires_at) - 1), Ok(claims));
    }

    #[test]
    fn any_text_gets_an_answer(text in any::<String>(), bytes in any::<[u8; 32]>()) {
        prop_assert!(key().verify(&text, 0).is_err());
        let body = [bytes.as_slice(), &bytes[..26]].concat();
        prop_assert!(key().verify(&forms::STANDARD.encode(body), 0).is_err());
    }
}
