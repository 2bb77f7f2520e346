//! The header of file calls.

use chat_sign::{AuthHeader, AuthHeaderError, FileToken, MAX_AUTH_HEADER_LEN};
use proptest::prelude::*;

#[test]
fn scheme_is_lower_case_and_the_value_untouched() {
    let token = FileToken::new("AAAAhnJB+/gg==").unwrap();
    assert_eq!(token.to_header_value().expose(), "token AAAAhnJB+/gg==");
    assert_eq!(token.secret().expose(), "AAAAhnJB+/gg==");
}

#[test]
fn a_token_that_would_break_the_header_is_refused() {
    for (text, expected) in [
        (String::new(), AuthHeaderError::MissingSecret),
        ("a b".to_owned(), AuthHeaderError::BadSecret),
        ("a\r\nX-Other: 1".to_owned(), AuthHeaderError::BadSecret),
        ("é".to_owned(), AuthHeaderError::BadSecret),
        ("a\0".to_owned(), AuthHeaderError::BadSecret),
        ("a".repeat(MAX_AUTH_HEADER_LEN), AuthHeaderError::TooLong),
    ] {
        assert_eq!(FileToken::new(text), Err(expected));
    }
}

#[test]
fn the_longest_token_makes_a_header_that_can_be_read() {
    assert_eq!(MAX_AUTH_HEADER_LEN, 4096);
    let longest = "a".repeat(MAX_AUTH_HEADER_LEN - "token ".len());
    let header = FileToken::new(longest.clone()).unwrap().to_header_value();
    assert_eq!(header.expose().len(), MAX_AUTH_HEADER_LEN);
    assert_eq!(AuthHeader::parse(header.expose()).unwrap().secret().expose(), longest);
    assert_eq!(FileToken::new(longest + "a"), Err(AuthHeaderError::TooLong));
}

#[test]
fn parse_takes_any_case_and_blanks() {
    for value in ["token AbC=", "Token AbC=", "TOKEN   AbC=", "  token\tAbC= "] {
        let header = AuthHeader::parse(value).unwrap();
        assert_eq!(header.scheme(), "token");
        assert_eq!(header.secret().expose(), "AbC=");
    }
    let header: AuthHeader = "Bearer ABC".parse().unwrap();
    assert_eq!(header.scheme(), "bearer");
    assert_eq!(header, AuthHeader::new("BEARER", "ABC").unwrap());
}

#[test]
fn parse_refuses() {
    for (value, expected) in [
        ("", AuthHeaderError::MissingSecret),
        ("token", AuthHeaderError::MissingSecret),
        ("token ", AuthHeaderError::MissingSecret),
        ("to,ken x", AuthHeaderError::BadScheme),
        ("tökén x", AuthHeaderError::BadScheme),
        ("token a b", AuthHeaderError::BadSecret),
        ("token a\u{1}", AuthHeaderError::BadSecret),
    ] {
        assert_eq!(AuthHeader::parse(value), Err(expected), "{value}");
    }
    let long_scheme = format!("{} x", "s".repeat(33));
    assert_eq!(AuthHeader::parse(&long_scheme), Err(AuthHeaderError::BadScheme));
    let long = format!("token {}", "x".repeat(MAX_AUTH_HEADER_LEN));
    assert_eq!(AuthHeader::parse(&long), Err(AuthHeaderError::TooLong));
    assert_eq!(AuthHeader::new("", "x"), Err(AuthHeaderError::BadScheme));
    assert_eq!(AuthHeader::new("token", ""), Err(AuthHeaderError::MissingSecret));
}

#[test]
fn the_longest_token_fits_the_header() {
    let token = FileToken::new("x".repeat(MAX_AUTH_HEADER_LEN - "token ".len())).unwrap();
    let header = AuthHeader::parse(token.to_header_value().expose()).unwrap();
    assert_eq!(header.secret(), token.secret());
}

proptest! {
    #![proptest_config(crate::same_cases_each_run())]

    #[test]
    fn header_round_trips(text in "[!-~]{1,200}") {
        let token = FileToken::new(text).unwrap();
        let header = AuthHeader::parse(token.to_header_value().expose()).unwrap();
        prop_assert_eq!(header.scheme(), "token");
        prop_assert_eq!(header.secret(), token.secret());
    }

    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        if let Ok(header) = AuthHeader::parse(&text) {
            prop_assert!(!header.scheme().is_empty() && !header.secret().is_empty());
        }
    }
}
