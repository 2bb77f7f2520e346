//! Building queries.

use core::fmt;

use chat_sign::{HmacSigner, Query, Secret, Sign};
use proptest::prelude::*;

#[test]
fn only_unreserved_characters_stay() {
    for byte in 0..=0x7f_u8 {
        let text = char::from(byte).to_string();
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let expected =
            if unreserved { format!("{text}={text}") } else { format!("%{byte:02X}=%{byte:02X}") };
        assert_eq!(Query::new().with(&text, &text).as_str(), expected);
    }
}

#[test]
fn order_is_kept_and_nothing_is_sorted() {
    let mut query = Query::new();
    assert!(query.is_empty());
    query.push("z", 1).push("a", "").push("m", true);
    assert!(!query.is_empty());
    assert_eq!(query.as_str(), "z=1&a=&m=true");
    assert_eq!(query.into_string(), "z=1&a=&m=true");
}

#[test]
fn a_display_in_pieces_is_encoded_whole() {
    struct Pieces;
    impl fmt::Display for Pieces {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a&")?;
            write!(f, "{:>3}", "é")
        }
    }
    assert_eq!(Query::new().with("x", Pieces).as_str(), "x=a%26%20%20%C3%A9");
}

#[test]
fn an_empty_query_is_signed_over_the_two_times() {
    let signer = HmacSigner::new(&Secret::new("key"));
    let signed = signer.sign_query(Query::new(), 1, 2);
    let mac = signer.sign_hex(b"recvWindow=2&timestamp=1");
    assert_eq!(signed.as_str(), format!("recvWindow=2&timestamp=1&signature={mac}"));
}

#[test]
fn a_signer_can_be_an_object() {
    let signer: Box<dyn Sign> = Box::new(HmacSigner::new(&Secret::new("key")));
    let signed = signer.sign_query(Query::new(), 1, 2);
    assert!(signed.as_str().contains("&signature="));
}

proptest! {
    #![proptest_config(crate::same_cases_each_run())]

    #[test]
    fn any_text_becomes_visible_ascii(name in any::<String>(), value in any::<String>()) {
        let query = Query::new().with(&name, &value);
        prop_assert!(query.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(query.as_str().matches('=').count(), 1);
        prop_assert!(!query.as_str().contains(['&', '+', '?', '#']));
    }
}
