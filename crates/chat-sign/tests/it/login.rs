//! Login secrets.

use base64::{Engine, engine::general_purpose as forms};
use chat_sign::{BasicSecret, LoginSecret, LoginSecretError, MAX_LOGIN_SECRET_LEN};
use proptest::prelude::*;

/// The four forms of base64 that peers write.
fn all_forms(plain: &[u8]) -> [String; 4] {
    [
        forms::STANDARD.encode(plain),
        forms::STANDARD_NO_PAD.encode(plain),
        forms::URL_SAFE.encode(plain),
        forms::URL_SAFE_NO_PAD.encode(plain),
    ]
}

fn parts(login: &LoginSecret) -> (&str, &str, &str) {
    (login.user(), login.domain(), login.access_token().expose())
}

#[test]
fn written_as_padded_standard_base64() {
    let login = LoginSecret::new("101", "pbx.test", "TOKEN").unwrap();
    assert_eq!(login.encode().expose(), "MTAxQHBieC50ZXN0OlRPS0VO");
    // Text whose base64 needs `+`, `/` and padding.
    let login = LoginSecret::new("101", "p.test", "~~~??>").unwrap();
    assert_eq!(login.encode().expose(), "MTAxQHAudGVzdDp+fn4/Pz4=");
}

#[test]
fn all_forms_and_white_space_at_the_end_are_read() {
    for text in all_forms(b"101@p.test:~~~??>") {
        for end in ["", "\n", "\r\n", " \t"] {
            let login = LoginSecret::decode(&format!("{text}{end}")).unwrap();
            assert_eq!(parts(&login), ("101", "p.test", "~~~??>"));
        }
    }
}

#[test]
fn split_from_the_right() {
    for (plain, expected) in [
        ("u@d:t", ("u", "d", "t")),
        ("u@[2001:db8::1]:t", ("u", "[2001:db8::1]", "t")),
        ("a@b@c:t", ("a@b", "c", "t")),
        ("a:b@c:t", ("a:b", "c", "t")),
        ("Jörg@d:t", ("Jörg", "d", "t")),
    ] {
        for text in all_forms(plain.as_bytes()) {
            assert_eq!(parts(&LoginSecret::decode(&text).unwrap()), expected);
        }
    }
}

#[test]
fn what_is_not_a_login_secret() {
    let encode = |plain: &[u8]| forms::STANDARD.encode(plain);
    for (text, expected) in [
        (String::new(), LoginSecretError::MissingSeparator { separator: ':' }),
        ("!".to_owned(), LoginSecretError::NotBase64),
        ("M".to_owned(), LoginSecretError::NotBase64),
        ("MTAx QHA=".to_owned(), LoginSecretError::NotBase64),
        (" MTAx".to_owned(), LoginSecretError::NotBase64),
        ("+_+_".to_owned(), LoginSecretError::NotBase64),
        ("MTA=MTA=".to_owned(), LoginSecretError::NotBase64),
        (encode(b"u@d:\xff"), LoginSecretError::NotUtf8),
        (encode(b"u@d"), LoginSecretError::MissingSeparator { separator: ':' }),
        (encode(b"u:t"), LoginSecretError::MissingSeparator { separator: '@' }),
        (encode(b"u:t@d"), LoginSecretError::MissingSeparator { separator: '@' }),
        (encode(b"@d:t"), LoginSecretError::EmptyPart { part: "user" }),
        (encode(b"u@:t"), LoginSecretError::EmptyPart { part: "domain" }),
        (encode(b"u@d:"), LoginSecretError::EmptyPart { part: "access token" }),
        ("A".repeat(MAX_LOGIN_SECRET_LEN + 1), LoginSecretError::TooLong),
    ] {
        assert_eq!(LoginSecret::decode(&text), Err(expected), "{text}");
    }
}

#[test]
fn parts_that_the_other_side_would_split_elsewhere() {
    for (user, domain, token, expected) in [
        ("", "d", "t", LoginSecretError::EmptyPart { part: "user" }),
        ("u", "", "t", LoginSecretError::EmptyPart { part: "domain" }),
        ("u", "d", "", LoginSecretError::EmptyPart { part: "access token" }),
        ("u", "d@e", "t", LoginSecretError::HoldsSeparator { part: "domain", separator: '@' }),
        (
            "u",
            "d",
            "t:s",
            LoginSecretError::HoldsSeparator { part: "access token", separator: ':' },
        ),
    ] {
        assert_eq!(LoginSecret::new(user, domain, token), Err(expected));
    }
}

/// Access tokens are often JSON Web Tokens with many claims.
#[test]
fn tokens_and_passwords_may_be_long() {
    let token = "t".repeat(12_000);
    let login = LoginSecret::new("101", "pbx.test", token.as_str()).unwrap();
    assert_eq!(
        LoginSecret::decode(login.encode().expose()).unwrap().access_token().expose(),
        token
    );
}

#[test]
fn the_longest_secret_fits_both_ways() {
    let longest = MAX_LOGIN_SECRET_LEN / 4 * 3 - "u@d:".len();
    let login = LoginSecret::new("u", "d", "t".repeat(longest)).unwrap();
    assert_eq!(login.encode().expose().len(), MAX_LOGIN_SECRET_LEN);
    assert_eq!(LoginSecret::decode(login.encode().expose()), Ok(login));
    assert_eq!(LoginSecret::new("u", "d", "t".repeat(longest + 1)), Err(LoginSecretError::TooLong));
}

#[test]
fn the_longest_basic_secret_fits_both_ways() {
    let longest = MAX_LOGIN_SECRET_LEN / 4 * 3 - "alice:".len();
    let basic = BasicSecret::new("alice", "p".repeat(longest)).unwrap();
    assert_eq!(basic.encode().expose().len(), MAX_LOGIN_SECRET_LEN);
    assert_eq!(BasicSecret::decode(basic.encode().expose()).unwrap(), basic);
    let longer = BasicSecret::new("alice", "p".repeat(longest + 1));
    assert_eq!(longer.unwrap_err(), LoginSecretError::TooLong);
}

#[test]
fn basic_splits_at_the_first_colon() {
    for text in all_forms(b"alice:pa:ss:~~~??>") {
        let basic = BasicSecret::decode(&text).unwrap();
        assert_eq!(basic.login(), "alice");
        assert_eq!(basic.password().expose(), "pa:ss:~~~??>");
    }
    let basic = BasicSecret::new("alice", "alice123").unwrap();
    assert_eq!(basic.encode().expose(), "YWxpY2U6YWxpY2UxMjM=");
}

#[test]
fn what_is_not_a_basic_secret() {
    let decode = |plain: &str| BasicSecret::decode(&forms::STANDARD.encode(plain));
    assert_eq!(decode("alice"), Err(LoginSecretError::MissingSeparator { separator: ':' }));
    assert_eq!(decode(":p"), Err(LoginSecretError::EmptyPart { part: "login" }));
    assert_eq!(decode("alice:"), Err(LoginSecretError::EmptyPart { part: "password" }));
    assert_eq!(
        BasicSecret::new("a:b", "p"),
        Err(LoginSecretError::HoldsSeparator { part: "login", separator: ':' })
    );
}

proptest! {
    #![proptest_config(crate::same_cases_each_run())]

    #[test]
    fn login_round_trips(user in "\\PC{1,20}", domain in "[^@]{1,20}", token in "[^:]{1,60}") {
        let login = LoginSecret::new(user.as_str(), domain.as_str(), token.as_str()).unwrap();
        prop_assert_eq!(&LoginSecret::decode(login.encode().expose()).unwrap(), &login);
        for text in all_forms(format!("{user}@{domain}:{token}").as_bytes()) {
            prop_assert_eq!(&LoginSecret::decode(&text).unwrap(), &login);
        }
    }

    #[test]
    fn basic_round_trips(login in "[^:]{1,20}", password in "\\PC{1,40}") {
        let basic = BasicSecret::new(login.as_str(), password.as_str()).unwrap();
        for text in all_forms(format!("{login}:{password}").as_bytes()) {
            prop_assert_eq!(&BasicSecret::decode(&text).unwrap(), &basic);
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let _ = LoginSecret::decode(&text);
        let _ = BasicSecret::decode(&text);
        for text in all_forms(&bytes) {
            if let Ok(login) = LoginSecret::decode(&text) {
                let plain = format!("{}@{}:{}", login.user(), login.domain(), login.access_token().expose());
                prop_assert_eq!(plain.as_bytes(), bytes.as_slice());
            }
        }
    }
}
