//! No credential shows in what is printed.

use core::fmt::Debug;

use chat_sign::{
    AuthHeader, BasicSecret, FileToken, HmacSigner, LoginSecret, Query, RedactedQuery, Secret,
    Sign, TokenClaims, TokenKey, verify_query,
};

/// Every secret of this test holds it.
const MARK: &str = "hunter2";

#[track_caller]
fn shows_nothing(value: &dyn Debug, secrets: &[&str]) -> String {
    let shown = format!("{value:?}\n{value:#?}");
    for secret in secrets.iter().chain([&MARK]) {
        assert!(!shown.contains(secret), "{shown}");
    }
    shown
}

#[test]
fn debug_of_every_type() {
    let secret = Secret::new(format!("{MARK}-{}", "x".repeat(32)));
    assert_eq!(shows_nothing(&secret, &[]), "[REDACTED]\n[REDACTED]");

    let signer = HmacSigner::new(&secret);
    let shown = shows_nothing(&signer, &[]);
    assert!(shown.starts_with("HmacSigner([REDACTED])"), "{shown}");
    let object: &dyn Sign = &signer;
    shows_nothing(&object, &[]);

    let query = Query::new()
        .with("orderNo", "2047")
        .with("token", secret.expose())
        .with("listenToken", secret.expose());
    let shown = shows_nothing(&query, &[]);
    assert!(shown.contains("orderNo=2047"), "{shown}");

    let signed = signer.sign_query(query, 1_700_000_000_000, 5_000);
    let (_, signature) = signed.as_str().rsplit_once('=').unwrap();
    let shown = shows_nothing(&signed, &[signature]);
    assert!(shown.starts_with("SignedQuery(") && shown.contains("orderNo=2047"), "{shown}");
    shows_nothing(&RedactedQuery(signed.as_str()), &[signature]);
    let printed = RedactedQuery(signed.as_str()).to_string();
    assert!(!printed.contains(MARK) && !printed.contains(signature), "{printed}");

    let raw = signed.as_str().as_bytes();
    let verified = verify_query(raw, &signer, 1_700_000_000_000).unwrap();
    let shown = shows_nothing(&verified, &[signature]);
    assert!(shown.contains("2047"), "{shown}");
    shows_nothing(&verify_query(raw, &signer, 0).unwrap_err(), &[signature]);

    let login = LoginSecret::new("101", "pbx.test", secret.clone()).unwrap();
    let encoded = login.encode();
    let shown = shows_nothing(&login, &[encoded.expose()]);
    assert!(shown.contains("pbx.test"), "{shown}");
    shows_nothing(&encoded, &[encoded.expose()]);

    let basic = BasicSecret::new("alice", secret.clone()).unwrap();
    shows_nothing(&basic, &[]);
    shows_nothing(&basic.encode(), &[basic.encode().expose()]);

    let file_token = FileToken::new(secret.clone()).unwrap();
    shows_nothing(&file_token, &[]);
    shows_nothing(&file_token.to_header_value(), &[]);
    let header = AuthHeader::parse(file_token.to_header_value().expose()).unwrap();
    let shown = shows_nothing(&header, &[]);
    assert!(shown.contains("token"), "{shown}");

    let key = TokenKey::new(secret.expose().as_bytes()).unwrap();
    let shown = shows_nothing(&key, &[]);
    assert!(shown.starts_with("TokenKey([REDACTED])"), "{shown}");
    let claims = TokenClaims {
        user_id: 1,
        tenant_id: 2,
        expires_at: 3,
        auth_level: 20,
        serial: 0,
        features: 0,
    };
    let token = key.issue(&claims);
    shows_nothing(&token, &[token.expose()]);
    shows_nothing(&claims, &[token.expose()]);
}

#[test]
fn errors_quote_nothing() {
    let key = HmacSigner::new(&Secret::new("k"));
    let mut errors: Vec<Box<dyn core::error::Error>> = Vec::new();
    for raw in [
        "hunter2&signature=0",
        "a=%zzhunter2&signature=0",
        "timestamp=hunter2&signature=0",
        "a=hunter2&a=hunter2&signature=0",
        "timestamp=1&signature=hunter2",
        "timestamp=1&signature=hunter2&a=1",
        "timestamp=1&a=hunter2",
    ] {
        errors.push(Box::new(verify_query(raw.as_bytes(), &key, 1).unwrap_err()));
    }
    // `aHVudGVyMg` is the mark in base64.
    for text in ["hunter2!", "aHVudGVyMg", "aHVudGVyMjo="] {
        errors.push(Box::new(LoginSecret::decode(text).unwrap_err()));
        errors.push(Box::new(BasicSecret::decode(text).unwrap_err()));
    }
    errors.push(Box::new(LoginSecret::new("u", "d", "hunter2:").unwrap_err()));
    errors.push(Box::new(FileToken::new("hunter2 ").unwrap_err()));
    errors.push(Box::new(AuthHeader::parse("hunter2").unwrap_err()));
    errors.push(Box::new(AuthHeader::parse("hunter2, x").unwrap_err()));
    let tokens = TokenKey::new(&[0; 32]).unwrap();
    errors.push(Box::new(tokens.verify("hunter2", 0).unwrap_err()));
    for error in errors {
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(MARK) && !shown.contains("aHVudGVyMg"), "{shown}");
        }
    }
}

#[test]
fn redacted_queries_keep_their_shape() {
    for (query, shown) in [
        ("", ""),
        ("a=1", "a=1"),
        ("TOKEN=1&b", "TOKEN=[REDACTED]&b"),
        ("a=1&signature=x=y", "a=1&signature=[REDACTED]"),
        ("&&token", "&&token"),
    ] {
        assert_eq!(RedactedQuery(query).to_string(), shown);
    }
}

#[test]
fn secrets_compare_by_their_text() {
    assert_eq!(Secret::new("a"), Secret::from("a".to_owned()));
    assert_ne!(Secret::new("a"), Secret::new("b"));
    assert_ne!(Secret::new("a"), Secret::new("aa"));
    assert!(Secret::new("").is_empty());
    assert!(!Secret::new("a").is_empty());
    // A buffer with room to spare takes the copying path.
    let mut roomy = String::with_capacity(64);
    roomy.push_str("abc");
    let secret = Secret::new(roomy);
    assert_eq!(secret.expose(), "abc");
    assert_eq!(secret.clone(), secret);
}
