//! Rules 19 to 23.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat_proto::machine::Message;
use http::Request;
use serde_json::json;

use crate::lab::{DOMAIN, Lab, Store};

const TOKEN: &str = "/api/login/oauth/token";

fn revoke(lab: &mut Lab, token: &str) -> u16 {
    let request = Request::post("/api/login/oauth/revoke")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Bytes::new())
        .unwrap();
    let response = lab.http(request);
    if response.status() == 200 {
        assert!(response.body().is_empty());
    }
    response.status().as_u16()
}

fn password(lab: &mut Lab) -> serde_json::Value {
    let (status, body) = lab.post(
        TOKEN,
        &format!("grant_type=password&username=101&password=demo-101&domain={DOMAIN}&scope=all&client_id=x"),
    );
    assert_eq!(status, 200);
    body
}

#[test]
fn rule_019_password() {
    let mut lab = Lab::new();
    let body = password(&mut lab);
    assert_eq!(body["expires_in"], 1800);
    assert_eq!(body["token_type"], "Bearer");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 48);
    assert!(token.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit()));
    assert_ne!(body["access_token"], body["refresh_token"]);
    assert!(!format!("{:?}", lab.store).contains(token), "only digests are stored");
}

#[test]
fn rule_020_wrong_password_is_400() {
    let mut lab = Lab::new();
    for form in [
        format!("grant_type=password&username=101&password=wrong&domain={DOMAIN}"),
        format!("grant_type=password&username=999&password=demo-101&domain={DOMAIN}"),
        "grant_type=password".to_owned(),
    ] {
        let (status, body) = lab.post(TOKEN, &form);
        assert_eq!(status, 400);
        assert_eq!(body["errors"][0]["code"], "UNAUTHORIZED");
        assert!(body["errors"][0]["message"].is_string());
    }
}

#[test]
fn rule_021_022_refresh_rotates() {
    let mut lab = Lab::new();
    let first = password(&mut lab);
    let refresh = first["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&client_id=x");
    let (status, second) = lab.post(TOKEN, &form);
    assert_eq!(status, 200);
    assert_ne!(first["access_token"], second["access_token"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let (status, body) = lab.post(TOKEN, &form);
    assert_eq!(status, 400);
    assert_eq!(body["errors"][0]["code"], "UNKNOWN");
    // An access token refreshes nothing.
    let access = second["access_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={access}");
    assert_eq!(lab.post(TOKEN, &form).0, 400);
}

#[test]
fn rule_023_revoke() {
    let mut lab = Lab::new();
    let pair = password(&mut lab);
    let (access, refresh) =
        (pair["access_token"].as_str().unwrap(), pair["refresh_token"].as_str().unwrap());
    assert_eq!(revoke(&mut lab, "nonsense"), 401);
    assert_eq!(revoke(&mut lab, refresh), 401);
    assert_eq!(revoke(&mut lab, access), 200);
    assert_eq!(revoke(&mut lab, access), 401);
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(lab.post(TOKEN, &form).0, 400);
}

#[test]
fn a_user_cannot_pile_up_tokens() {
    let mut lab = Lab::new();
    for _ in 0..100 {
        lab.token("101", DOMAIN);
    }
    assert_eq!(lab.hub.snapshot().len(), 64);
}

#[test]
fn other_paths_and_methods() {
    let mut lab = Lab::new();
    assert_eq!(lab.post("/nowhere", "").0, 404);
    assert_eq!(lab.post("/api/login/oauth/other", "").0, 404);
    let response = lab.http(Request::get(TOKEN).body(Bytes::new()).unwrap());
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    let head = Request::get("/elsewhere").body(()).unwrap();
    let refused = lab.hub.offer(&head, lab.now).unwrap_err();
    assert_eq!(refused.status(), 404);
    assert!(serde_json::from_slice::<serde_json::Value>(refused.body()).is_ok());
}

#[test]
fn a_hub_that_is_printed_tells_no_secret() {
    let mut lab = Lab::new();
    let token = lab.token("101", DOMAIN);
    let conn = lab.connect();
    let secret = STANDARD.encode(format!("101@{DOMAIN}:{token}"));
    // The login waits behind another's change, and its reply after that.
    lab.mode = Store::Waits;
    let form = format!("grant_type=password&username=102&password=demo-102&domain={DOMAIN}");
    let id = lab.next_id();
    let request = Request::post(TOKEN).body(Bytes::from(form)).unwrap();
    lab.hub.handle_http(id, request, lab.now);
    lab.pump();
    let login = format!(r#"{{"login":{{"scheme":"access_token","secret":"{secret}"}}}}"#);
    lab.send(conn, login);
    let waiting = format!("{:?}", lab.hub);
    lab.stuck.push(conn);
    lab.mode = Store::Works;
    lab.finish_commit();
    let action = format!("{:?}", lab.hub.poll_action());
    assert!(action.starts_with("Some(Respond"), "{action}");
    lab.pump();
    let queued = format!("{:?}", lab.hub);
    lab.stuck.clear();
    let mut file_token = String::new();
    while let Some(Message::Text(text)) = lab.hub.poll_transmit(conn) {
        let said: serde_json::Value = serde_json::from_str(text.as_str()).unwrap();
        file_token = said["ctrl"]["params"]["token"].as_str().unwrap().to_owned();
    }
    for text in [waiting, action, queued] {
        for hidden in ["demo-101", "demo-102", &token, &secret, &file_token, "access_token\":"] {
            assert!(!text.contains(hidden), "{hidden}");
        }
    }
}

#[test]
fn the_oldest_tokens_go_first_after_a_snapshot_too() {
    let mut lab = Lab::new();
    let mut tokens = Vec::new();
    for _ in 0..32 {
        lab.wait(10);
        tokens.push(lab.token("101", DOMAIN));
    }
    lab.store = lab.hub.snapshot();
    lab.restart();
    lab.token("101", DOMAIN);
    let conn = lab.connect();
    let mut login = |token: &str| {
        let secret = STANDARD.encode(format!("101@{DOMAIN}:{token}"));
        lab.code(conn, json!({"login": {"id": "L", "scheme": "access_token", "secret": secret}}))
    };
    assert_eq!(login(&tokens[0]), 401);
    assert_eq!(login(&tokens[1]), 200);
}
