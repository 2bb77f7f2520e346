//! Files under Tinode's paths, and how much of them there may be.

use std::time::Duration;

use chat_hub::{FileKey, Hub, HubConfig, Transfer, UploadError, Uploaded};
use chat_sign::Secret;
use http::Request;
use serde_json::{Value, json};

use crate::lab::{ANN, BOB, Lab, usr, world};
use crate::tinode::session;

fn upload(auth: &str, length: Option<u64>) -> Request<()> {
    let head = Request::post("/v0/file/u/")
        .header("content-type", "multipart/form-data; boundary=b")
        .header("x-tinode-apikey", "one")
        .header("x-tinode-auth", auth);
    let head = match length {
        Some(length) => head.header("content-length", length),
        None => head,
    };
    head.body(()).unwrap()
}

fn begin(lab: &mut Lab, head: Request<()>) -> Result<FileKey, u16> {
    match lab.hub.begin_transfer(&head, lab.now) {
        Transfer::Receive { key, .. } => Ok(key),
        Transfer::Answer(response) => Err(response.status().as_u16()),
        other => panic!("{other:?}"),
    }
}

fn finish(lab: &mut Lab, key: &FileKey, result: Result<Uploaded, UploadError>) -> (u16, Value) {
    let id = lab.next_id();
    lab.hub.finish_upload(id, key, result, lab.now);
    lab.pump();
    let response = lab.answers.remove(&id.get()).unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn file(name: &str, size: u64) -> Uploaded {
    let (form_id, mime) = ("77".into(), "image/png".into());
    Uploaded { form_id, name: name.into(), mime, size }
}

#[test]
fn rule_231_232_up_and_down_by_path() {
    let mut lab = Lab::new();
    let (_, token) = session(&mut lab, "101");
    let auth = format!("Token {token}");
    for (name, ending) in [("a.png", ".png"), ("b", ""), ("c.tar.gz", ".gz"), ("d.p/g", "")] {
        let key = begin(&mut lab, upload(&auth, Some(500))).unwrap();
        let (status, body) = finish(&mut lab, &key, Ok(file(name, 5)));
        assert_eq!((status, &body["ctrl"]["id"]), (200, &Value::from("77")));
        // What a client reads as a time is no longer than this. (rule 259)
        assert!(body["ctrl"]["ts"].as_str().unwrap().len() <= 24);
        let url = body["ctrl"]["params"]["url"].as_str().unwrap().to_owned();
        assert_eq!(url, format!("/v0/file/s/{}{ending}", key.as_str()));
        let (_, other) = session(&mut lab, "102");
        for path in [url.clone(), format!("{url}?asatt=1")] {
            let head = Request::get(&path).header("x-tinode-auth", format!("token {other}"));
            let head = head.body(()).unwrap();
            let Transfer::Send(download) = lab.hub.begin_transfer(&head, lab.now) else { panic!() };
            assert_eq!((&download.key, download.size), (&key, 5));
            assert_eq!(download.attachment, path.ends_with('1'));
        }
    }
}

#[test]
fn rule_233_to_239_who_may() {
    let api_keys = vec![Secret::new("one")];
    let lab = &mut Lab::with(HubConfig { api_keys, ..HubConfig::default() });
    let head = Request::get("/v0/channels?apikey=one").body(()).unwrap();
    assert!(lab.hub.offer(&head, lab.now).is_ok());
    let status = |lab: &mut Lab, head: http::request::Builder| {
        begin(lab, head.body(()).unwrap()).map_or_else(|status| status, |_| 200)
    };
    let form = "multipart/form-data; boundary=b";
    let post = || Request::post("/v0/file/u/?apikey=one").header("content-type", form);
    assert_eq!(status(lab, Request::post("/v0/file/u/").header("content-type", form)), 403);
    assert_eq!(status(lab, Request::get("/v0/file/s/abc")), 403);
    assert_eq!(status(lab, post()), 401);
    assert_eq!(status(lab, post().header("x-tinode-auth", "basic MTAyOmRlbW8tMTAz")), 401);
    assert_eq!(status(lab, post().header("x-tinode-auth", "basic MTAyOmRlbW8tMTAy")), 200);
    assert_eq!(status(lab, post().header("x-tinode-auth", "magic MTAyOmRlbW8tMTAy")), 400);
    let get = |path: &str| Request::get(format!("{path}?apikey=one"));
    assert_eq!(status(lab, get("/v0/file/u/")), 405);
    assert_eq!(status(lab, get("/v0/file/s/nothing.png")), 401);
    let auth = ("x-tinode-auth", "basic MTAyOmRlbW8tMTAy");
    assert_eq!(status(lab, get("/v0/file/s/nothing.png").header(auth.0, auth.1)), 404);
    assert_eq!(status(lab, get("/v0/file/s/").header(auth.0, auth.1)), 404);
    for path in ["/v0/file/u/?apikey=one", "/v0/file/s/x?apikey=one"] {
        assert_eq!(status(lab, Request::options(path)), 204);
    }
}

#[test]
fn rule_247_a_quota_refuses_before_and_after_the_body() {
    let mut lab = Lab::with(HubConfig { file_quota: 100_000, ..HubConfig::default() });
    let (_, token) = session(&mut lab, "101");
    let auth = format!("token {token}");
    assert_eq!(begin(&mut lab, upload(&auth, Some(200_000))), Err(422));
    let one = begin(&mut lab, upload(&auth, Some(60_000))).unwrap();
    let two = begin(&mut lab, upload(&auth, None)).unwrap();
    assert_eq!(finish(&mut lab, &one, Ok(file("a", 60_000))).0, 200);
    // There was room for each of them, but not for both.
    let (status, body) = finish(&mut lab, &two, Ok(file("b", 60_000)));
    assert_eq!((status, &body["ctrl"]["text"]), (422, &Value::from("policy violation")));
    assert_eq!(lab.removed, [two.as_str()]);
    let three = begin(&mut lab, upload(&auth, None)).unwrap();
    assert_eq!(finish(&mut lab, &three, Ok(file("c", 40_000))).0, 200);
    assert_eq!(begin(&mut lab, upload(&auth, None)), Err(422));
    // Another user has a quota of their own.
    let (_, other) = session(&mut lab, "102");
    assert!(begin(&mut lab, upload(&format!("token {other}"), Some(60_000))).is_ok());
}

/// A file of `size` bytes, stored.
fn stored(lab: &mut Lab, auth: &str, size: u64) -> FileKey {
    let key = begin(lab, upload(auth, None)).unwrap();
    assert_eq!(finish(lab, &key, Ok(file("a.png", size))).0, 200);
    key
}

#[test]
fn rule_262_files_that_are_named_stay_and_others_go() {
    let day = Duration::from_secs(24 * 60 * 60);
    let config = HubConfig { unlinked_file_for: Some(day), ..HubConfig::default() };
    let mut lab = Lab::with(config.clone());
    let (conn, token) = session(&mut lab, "101");
    let auth = format!("token {token}");
    let keys: Vec<_> = (0..5).map(|_| stored(&mut lab, &auth, 5)).collect();
    let [beside, inside, avatar, portsip, forgotten] = &keys[..] else { panic!() };
    lab.sub(conn, "me");
    lab.sub(conn, &usr(BOB));
    let url = |key: &FileKey| format!("/v0/file/s/{}.png", key.as_str());
    let publish = json!({"pub": {"id": "1", "topic": usr(BOB), "content": "x"},
        "extra": {"attachments": [url(beside)]}});
    assert_eq!(lab.code(conn, publish), 202);
    let content = json!({"ent": [{"data": {"ref": url(inside)}}]});
    let publish = json!({"pub": {"id": "2", "topic": usr(BOB), "content": content}});
    assert_eq!(lab.code(conn, publish), 202);
    let public = json!({"fn": "Ann", "photo": {"ref": url(avatar)}});
    let set = json!({"set": {"id": "3", "topic": "me", "desc": {"public": public}}});
    assert_eq!(lab.code(conn, set), 200);
    let bare = lab.connect_as("102");
    lab.sub(bare, &usr(ANN));
    lab.publish(bare, &usr(ANN), portsip.as_str());
    // What is refused names nothing.
    let refused = json!({"pub": {"id": "4", "topic": "me", "content": url(forgotten)}});
    assert_eq!(lab.code(conn, refused), 403);
    lab.lose(conn);
    lab.lose(bare);
    lab.wait(23 * 60 * 60 * 1000);
    let (_, token) = session(&mut lab, "101");
    let auth = format!("token {token}");
    stored(&mut lab, &auth, 1);
    assert!(lab.removed.is_empty());
    // What is stored says the same after a restart.
    let records = lab.store.clone();
    lab.hub = Hub::new(config, &world(), [7; 32], lab.now).unwrap();
    lab.hub.restore(records);
    lab.wait(2 * 60 * 60 * 1000);
    let (_, token) = session(&mut lab, "101");
    let auth = format!("token {token}");
    stored(&mut lab, &auth, 1);
    assert_eq!(lab.removed, [forgotten.as_str()]);
    for (key, there) in [(beside, true), (forgotten, false)] {
        let head = Request::get(url(key)).header("x-tinode-auth", &auth).body(()).unwrap();
        let transfer = lab.hub.begin_transfer(&head, lab.now);
        assert_eq!(matches!(transfer, Transfer::Send(_)), there, "{transfer:?}");
    }
}
