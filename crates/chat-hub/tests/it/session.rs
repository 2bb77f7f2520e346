//! Rules 25, 34, 37, 39, 41, 42: who a session is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chat_proto::machine::{CloseFrame, ConnId, Message};
use http::Request;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, DOMAIN, Lab, Store, ctrl, of, only, usr};

fn secret(number: &str, token: &str) -> String {
    STANDARD.encode(format!("{number}@{DOMAIN}:{token}"))
}

fn login(number: &str, token: &str) -> Value {
    json!({"login": {"id": "l", "scheme": "access_token", "secret": secret(number, token)}})
}

#[test]
fn rule_025_a_pbx_that_cannot_be_asked_is_503() {
    let mut lab = Lab::new();
    let (_, file_token) = lab.session_at("101", DOMAIN);
    let token = lab.token("101", DOMAIN);
    let conn = lab.connect();
    let mut faults = chat_hub::world::Faults::default();
    faults.pbx_unavailable = true;
    lab.hub.set_faults(faults.clone(), lab.now).unwrap();
    for number in ["101", "999"] {
        let said = only(&lab.ask(conn, login(number, &token)), "ctrl");
        assert_eq!((&said["code"], &said["text"]), (&json!(503), &json!("service unavailable")));
    }
    // What is malformed need not be asked about, and a token of ours is ours to judge.
    let malformed = json!({"login": {"id": "l", "scheme": "access_token", "secret": "eA=="}});
    assert_eq!(lab.code(conn, malformed), 400);
    let other = lab.connect();
    let ours = json!({"login": {"id": "l", "scheme": "token", "secret": file_token}});
    assert_eq!(lab.code(other, ours), 200);
    faults.pbx_unavailable = false;
    lab.hub.set_faults(faults, lab.now).unwrap();
    assert_eq!(lab.code(conn, login("101", &token)), 200);
}

#[test]
fn rule_034_041_a_second_login_changes_nothing() {
    let mut lab = Lab::new();
    let ann = lab.session("101");
    let own = lab.token("101", DOMAIN);
    let others = lab.token("102", DOMAIN);
    for frame in [login("101", &own), login("102", &others), login("102", "nonsense")] {
        let said = only(&lab.ask(ann, frame), "ctrl");
        assert_eq!((&said["code"], &said["text"]), (&json!(409), &json!("already authenticated")));
    }
    // Still Ann: her own number is refused as a topic.
    assert_eq!(ctrl(&lab.sub(ann, &usr(ANN)))["code"], 403);
    // There is no verb to log out with.
    assert_eq!(lab.code(ann, json!({"logout": {"id": "1"}})), 400);
    assert_eq!(lab.code(ann, json!({"login": {"id": "2"}})), 409);
    assert_eq!(ctrl(&lab.sub(ann, &usr(BOB)))["code"], 200);
    let bob = lab.connect();
    assert_eq!(lab.code(bob, login("102", &others)), 200);
    assert_eq!(ctrl(&lab.sub(bob, &usr(BOB)))["code"], 403);
}

#[test]
fn rule_037_042_a_login_is_the_first_frame_and_needs_no_id() {
    let mut lab = Lab::new();
    let token = lab.token("101", DOMAIN);
    let conn = lab.connect();
    let mut frame = login("101", &token);
    frame["login"].as_object_mut().unwrap().remove("id");
    let frames = lab.ask(conn, frame);
    let said = only(&frames, "ctrl");
    assert_eq!(said["code"], 200);
    assert_eq!(said["params"]["user"], usr(ANN));
    assert!(said.get("id").is_none(), "{said}");
    let conn = lab.connect();
    assert!(only(&lab.ask(conn, json!({"login": {"scheme": "x"}})), "ctrl").get("id").is_none());
}

#[test]
fn rule_039_a_user_is_on_several_sockets() {
    let mut lab = Lab::new();
    let [ann, bob, _] = lab.three();
    let second = lab.session("101");
    let group = lab.group(&[ann, bob]);
    lab.sub(second, &group);
    lab.clear();
    lab.publish(bob, &group, "one");
    for conn in [ann, second] {
        assert_eq!(only(&lab.frames(conn), "data")["seq"], 1);
    }
    lab.publish(second, &group, "two");
    assert_eq!(only(&lab.frames(ann), "data")["from"], usr(ANN));
}

/// What a session's life ends with when its token is revoked.
fn end(lab: &mut Lab, conn: ConnId) -> Option<(Value, u16)> {
    let messages = lab.messages(conn);
    let Some(Message::Close(Some(CloseFrame { code, .. }))) = messages.last() else { return None };
    let Message::Text(text) = &messages[messages.len() - 2] else { panic!("{messages:?}") };
    let frame: Value = serde_json::from_str(text.as_str()).unwrap();
    Some((frame["ctrl"].clone(), *code))
}

fn post(lab: &mut Lab, path: &str, bearer: &str, body: &str) -> Value {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {bearer}"))
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap();
    let response = lab.http(request);
    assert_eq!(response.status(), 200);
    serde_json::from_slice(response.body()).unwrap_or_default()
}

#[test]
fn rule_023_revoking_ends_the_sessions_of_the_token_and_no_others() {
    const REVOKE: &str = "/api/login/oauth/revoke";
    const TOKEN: &str = "/api/login/oauth/token";
    let mut lab = Lab::new();
    let form = format!("grant_type=password&username=101&password=demo-101&domain={DOMAIN}");
    let pair = post(&mut lab, TOKEN, "", &form);
    let access = pair["access_token"].as_str().unwrap().to_owned();
    let [one, two] = [(), ()].map(|()| lab.connect());
    assert_eq!(lab.code(one, login("101", &access)), 200);
    assert_eq!(lab.code(two, login("101", &access)), 200);
    let (other, by_file_token) = (lab.session("101"), lab.connect_as("101"));
    // A pair that took the place of another one stands for its sessions.
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        pair["refresh_token"].as_str().unwrap()
    );
    let newer = post(&mut lab, TOKEN, "", &form)["access_token"].as_str().unwrap().to_owned();
    lab.clear();
    // A revocation that is not stored ends nothing.
    lab.mode = Store::Waits;
    let request = Request::post(REVOKE)
        .header("authorization", format!("Bearer {newer}"))
        .body(Bytes::new())
        .unwrap();
    let id = lab.next_id();
    lab.hub.handle_http(id, request, lab.now);
    lab.pump();
    lab.fail_commit();
    lab.mode = Store::Works;
    assert!(lab.messages(one).is_empty());
    post(&mut lab, REVOKE, &newer, "");
    for conn in [one, two] {
        let (said, code) = end(&mut lab, conn).expect("the session ended");
        assert_eq!((&said["code"], &said["text"]), (&json!(205), &json!("evicted")));
        assert!(said.get("id").is_none() && said.get("topic").is_none());
        assert_eq!(code, 4401);
    }
    for conn in [other, by_file_token] {
        assert!(end(&mut lab, conn).is_none());
        assert_eq!(ctrl(&lab.sub(conn, "me"))["code"], 200);
    }
    // It logs nobody in.
    let conn = lab.connect();
    assert_eq!(lab.code(conn, login("101", &newer)), 401);
    assert!(of(&lab.frames(conn), "ctrl").is_empty());
}

#[test]
fn rule_040_nothing_is_said_when_the_token_expires() {
    let mut lab = Lab::new();
    let conn = lab.session("101");
    lab.sub(conn, "me");
    lab.clear();
    for _ in 0..60 {
        lab.wait(48_000);
        lab.send(conn, "1");
    }
    assert!(lab.texts(conn).iter().all(|text| text == "0"));
    assert_eq!(ctrl(&lab.sub(conn, "new"))["code"], 200);
}
