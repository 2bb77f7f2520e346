//! Files under Tinode's paths, and how much of them there may be.

use chat_hub::{FileKey, HubConfig, Transfer, UploadError, Uploaded};
use chat_sign::Secret;
use http::Request;
use serde_json::Value;

use crate::lab::Lab;
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
