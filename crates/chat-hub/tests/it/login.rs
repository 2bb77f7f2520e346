//! Rules 27 to 45.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::lab::{ANN, DOMAIN, Lab, ctrl, usr};

fn login(secret: &str) -> serde_json::Value {
    json!({"login": {"id": "fef15fa2", "scheme": "access_token", "secret": secret}})
}

#[test]
fn rule_027_028_every_form_of_base64_logs_in() {
    let mut lab = Lab::new();
    let token = lab.token("101", DOMAIN);
    for domain in [DOMAIN, "PBX.Example.COM"] {
        let plain = format!("101@{domain}:{token}");
        for secret in [STANDARD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
            let conn = lab.connect();
            let frames = lab.ask(conn, login(&secret));
            let ctrl = ctrl(&frames);
            assert_eq!(ctrl["code"], 200);
            assert_eq!(ctrl["text"], "ok");
            assert_eq!(ctrl["id"], "fef15fa2");
            assert_eq!(ctrl["params"]["authlvl"], "auth");
            assert_eq!(ctrl["params"]["user"], usr(ANN));
            assert!(ctrl["params"]["token"].is_string());
            assert!(ctrl["params"].get("expires").is_none());
        }
    }
}

#[test]
fn rule_029_an_ipv6_domain_splits_at_the_last_colon() {
    let mut lab = Lab::new();
    lab.session_at("101", "[2001:db8::1]");
}

#[test]
fn rule_030_malformed_secrets_get_400() {
    let mut lab = Lab::new();
    let conn = lab.connect();
    for secret in ["", "101@pbx.example.com", "101:token", "@d:t", "u@:t", "u@d:"] {
        assert_eq!(lab.code(conn, login(&STANDARD.encode(secret))), 400, "{secret}");
    }
    assert_eq!(lab.code(conn, login("***")), 400);
}

#[test]
fn rule_031_032_a_failed_login_leaves_the_session_open() {
    let mut lab = Lab::new();
    let token = lab.token("101", DOMAIN);
    let conn = lab.connect();
    for wrong in [
        format!("101@{DOMAIN}:WRONG"),
        format!("102@{DOMAIN}:{token}"),
        format!("999@{DOMAIN}:{token}"),
        format!("101@elsewhere.example.com:{token}"),
    ] {
        let frames = lab.ask(conn, login(&STANDARD.encode(wrong)));
        assert_eq!(ctrl(&frames)["code"], 401);
        assert_eq!(ctrl(&frames)["text"], "authentication failed");
    }
    let frames = lab.ask(conn, json!({"login": {"id": "1", "scheme": "magic", "secret": "eA=="}}));
    assert_eq!(ctrl(&frames)["text"], "unknown authentication scheme");
    let right = STANDARD.encode(format!("101@{DOMAIN}:{token}"));
    assert_eq!(lab.code(conn, login(&right)), 200);
    // Rule 34.
    assert_eq!(lab.code(conn, login(&right)), 409);
}

#[test]
fn rule_031_an_expired_token_is_401() {
    let mut lab = Lab::new();
    let token = lab.token("101", DOMAIN);
    lab.wait(1_800_000);
    let conn = lab.connect();
    let secret = STANDARD.encode(format!("101@{DOMAIN}:{token}"));
    assert_eq!(lab.code(conn, login(&secret)), 401);
}

#[test]
fn rule_033_suspended() {
    let mut lab = Lab::new();
    let token = lab.token("109", DOMAIN);
    let conn = lab.connect();
    let secret = STANDARD.encode(format!("109@{DOMAIN}:{token}"));
    assert_eq!(lab.code(conn, login(&secret)), 403);
}

#[test]
fn rule_035_036_before_login() {
    let mut lab = Lab::new();
    let conn = lab.connect();
    for verb in ["sub", "pub", "get", "set", "del", "leave"] {
        let frames = lab.ask(conn, json!({verb: {"id": "7", "topic": "grpx"}}));
        let ctrl = ctrl(&frames);
        assert_eq!(
            (&ctrl["code"], &ctrl["id"], &ctrl["topic"]),
            (&json!(401), &json!("7"), &json!("grpx"))
        );
    }
    assert!(lab.ask(conn, json!({"note": {"topic": "me", "what": "kp"}})).is_empty());
}

#[test]
fn rule_038_the_token_of_the_reply_logs_in_again() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    let conn = lab.connect();
    assert_eq!(
        lab.code(conn, json!({"login": {"id": "1", "scheme": "Token", "secret": token}})),
        200
    );
}

#[test]
fn rule_040_the_session_outlives_its_oauth_token() {
    let mut lab = Lab::new();
    let conn = lab.session("101");
    for _ in 0..45 {
        lab.wait(48_000);
        lab.send(conn, "1");
    }
    lab.clear();
    let frames = lab.sub(conn, "me");
    assert_eq!(ctrl(&frames)["code"], 200);
}
