//! Rules 231 to 247: who may send and fetch files.

use chat_hub::{FileKey, Transfer, UploadBody, UploadError, Uploaded};
use http::Request;
use serde_json::{Value, json};

use crate::lab::{DOMAIN, Lab, Store};

fn upload(auth: Option<&str>) -> Request<()> {
    let mut head =
        Request::post("/im/file").header("content-type", "multipart/form-data; boundary=b");
    if let Some(auth) = auth {
        head = head.header("authorization", auth);
    }
    head.body(()).unwrap()
}

fn get(path: &str, auth: Option<&str>) -> Request<()> {
    let mut head = Request::get(path);
    if let Some(auth) = auth {
        head = head.header("authorization", auth);
    }
    head.body(()).unwrap()
}

fn status(transfer: Transfer) -> u16 {
    match transfer {
        Transfer::Answer(response) => {
            let body: Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(body["ctrl"]["code"], response.status().as_u16());
            response.status().as_u16()
        }
        other => panic!("{other:?}"),
    }
}

fn received(transfer: Transfer) -> FileKey {
    match transfer {
        Transfer::Receive { key, body, max_bytes } => {
            assert_eq!((body, max_bytes), (UploadBody::Multipart, 100 << 20));
            key
        }
        other => panic!("{other:?}"),
    }
}

fn file(name: &str, mime: &str, size: u64) -> Uploaded {
    Uploaded { form_id: "93db".into(), name: name.into(), mime: mime.into(), size }
}

fn store(lab: &mut Lab, auth: &str, uploaded: Uploaded) -> (FileKey, Value) {
    let key = received(lab.hub.begin_transfer(&upload(Some(auth)), lab.now));
    let id = lab.next_id();
    lab.hub.finish_upload(id, &key, Ok(uploaded), lab.now);
    lab.pump();
    let response = lab.answers.remove(&id.get()).unwrap();
    assert_eq!(response.status(), 200);
    (key, serde_json::from_slice(response.body()).unwrap())
}

#[test]
fn rule_231_232_up_and_down() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    let auth = format!("token {token}");
    let (key, body) = store(&mut lab, &auth, file("a.png", "image/png", 5));
    let ctrl = &body["ctrl"];
    assert_eq!(
        (&ctrl["id"], &ctrl["code"], &ctrl["text"]),
        (&json!("93db"), &json!(200), &json!("ok"))
    );
    let url = ctrl["params"]["url"].as_str().unwrap();
    assert_eq!((url, url.len()), (key.as_str(), 32));
    let (_, other) = lab.session_at("102", DOMAIN);
    let head = get(&format!("/im/file/{url}"), Some(&format!("Token {other}")));
    let Transfer::Send(download) = lab.hub.begin_transfer(&head, lab.now) else { panic!() };
    assert_eq!((download.key, download.size, download.attachment), (key, 5, false));
    assert_eq!((download.name.as_str(), download.mime.as_str()), ("a.png", "image/png"));
}

#[test]
fn rule_233_234_235_238_239_refusals() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    for (auth, code) in [
        (None, 401),
        (Some("token AAAA".to_owned()), 400),
        (Some("token ***".to_owned()), 400),
        (Some(format!("magic {token}")), 400),
        (Some("token".to_owned()), 400),
        (Some(format!("token {}", "A".repeat(token.len() - 4) + "AA==")), 401),
    ] {
        let transfer = lab.hub.begin_transfer(&upload(auth.as_deref()), lab.now);
        assert_eq!(status(transfer), code, "{auth:?}");
    }
    let auth = format!("token {token}");
    let transfer = lab.hub.begin_transfer(&get("/im/file", Some(&auth)), lab.now);
    assert_eq!(status(transfer), 405);
    let transfer = lab.hub.begin_transfer(&get("/im/file/AAAA", Some(&auth)), lab.now);
    assert_eq!(status(transfer), 404);
    let transfer = lab.hub.begin_transfer(&get("/im/file/AAAA", None), lab.now);
    assert_eq!(status(transfer), 401);
    let transfer = lab.hub.begin_transfer(&get("/im/file/..%2f", Some(&auth)), lab.now);
    assert_eq!(status(transfer), 404);
    let head = Request::post("/im/file").header("authorization", &auth).body(()).unwrap();
    assert_eq!(status(lab.hub.begin_transfer(&head, lab.now)), 400);
    let mut head = upload(Some(&auth));
    head.headers_mut().insert("content-length", (200u64 << 20).into());
    assert_eq!(status(lab.hub.begin_transfer(&head, lab.now)), 413);
    assert!(matches!(lab.hub.begin_transfer(&get("/other", None), lab.now), Transfer::NotMine));
    // Rule 234: it expires.
    lab.wait(24 * 60 * 60 * 1000);
    assert_eq!(status(lab.hub.begin_transfer(&upload(Some(&auth)), lab.now)), 401);
}

#[test]
fn rule_236_237_246_how_an_upload_ends() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    let auth = format!("token {token}");
    for (error, code) in
        [(UploadError::TooLarge, 413), (UploadError::Malformed, 400), (UploadError::Store, 500)]
    {
        let key = received(lab.hub.begin_transfer(&upload(Some(&auth)), lab.now));
        let id = lab.next_id();
        lab.hub.finish_upload(id, &key, Err(error), lab.now);
        lab.pump();
        assert_eq!(lab.answers.remove(&id.get()).unwrap().status(), code);
    }
    store(&mut lab, &auth, file("empty", "", 0));
    let key = received(lab.hub.begin_transfer(&upload(Some(&auth)), lab.now));
    lab.hub.abort_upload(&key, lab.now);
    lab.pump();
    // Nothing was stored, so there is nothing to remove.
    assert!(lab.removed.is_empty());
    // Bytes that are stored for nobody are.
    let id = lab.next_id();
    lab.hub.finish_upload(id, &key, Ok(file("late", "", 1)), lab.now);
    lab.pump();
    assert_eq!(lab.answers[&id.get()].status(), 404);
    assert_eq!(lab.removed, [key.as_str()]);
}

#[test]
fn rule_240_credentials_in_other_places() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    let (key, _) = store(&mut lab, &format!("token {token}"), file("a", "text/html", 1));
    let path = format!("/im/file/{}", key.as_str());
    let url_safe = token.replace('+', "-").replace('/', "_");
    let head = get(&format!("{path}?auth=token&secret={url_safe}"), None);
    // Rule 243.
    assert!(matches!(lab.hub.begin_transfer(&head, lab.now), Transfer::Send(it) if it.attachment));
    let head =
        Request::get(&path).header("x-tinode-auth", format!("Token {token}")).body(()).unwrap();
    assert!(matches!(lab.hub.begin_transfer(&head, lab.now), Transfer::Send(_)));
    let head = Request::get(&path)
        .header("cookie", format!("auth=token; secret={token}"))
        .body(())
        .unwrap();
    assert!(matches!(lab.hub.begin_transfer(&head, lab.now), Transfer::Send(_)));
    let (_, eve) = lab.session_at("101", "[2001:db8::1]");
    let transfer = lab.hub.begin_transfer(&get(&path, Some(&format!("token {eve}"))), lab.now);
    assert_eq!(status(transfer), 404);
}

#[test]
fn a_file_that_cannot_be_recorded_is_removed() {
    let mut lab = Lab::new();
    let (_, token) = lab.session_at("101", DOMAIN);
    let key = received(lab.hub.begin_transfer(&upload(Some(&format!("token {token}"))), lab.now));
    lab.mode = Store::Waits;
    let id = lab.next_id();
    lab.hub.finish_upload(id, &key, Ok(file("a", "image/png", 1)), lab.now);
    lab.pump();
    assert!(lab.answers.is_empty());
    lab.fail_commit();
    assert_eq!(lab.answers[&id.get()].status(), 500);
    assert_eq!(lab.removed, [key.as_str()]);
}
