//! Order chat's pictures: up once, down for anybody.

use std::time::Duration;

use bytes::Bytes;
use chat_hub::HubConfig;
use chat_proto::c2c::ImageInfo;
use chat_proto::c2c::rest::{UploadSlot, download};
use http::{Request, Response, StatusCode};

use crate::c2c_front::{Front, api};

const PICTURE: &[u8] = b"\xFF\xD8\xFF\xC0\0\x08\x08\0\x06\0\x08\x03";

fn ask(front: &mut Front, name: &str, file: &str) -> Response<Bytes> {
    let request = api(name).pre_signed_url(file, front.at()).into_request();
    front.http(request)
}

fn slot(front: &mut Front) -> UploadSlot {
    UploadSlot::read(&ask(front, "merchant", "receipt.jpg")).unwrap()
}

fn put(front: &mut Front, slot: &UploadSlot) -> u16 {
    let request = slot.put(Bytes::from_static(PICTURE), "image/jpeg").unwrap().into_request();
    front.http(request).status().as_u16()
}

#[test]
fn c2c_rule_078_079_080_081_088_a_picture_goes_up_once_and_comes_down_for_anybody() {
    let mut front = Front::new();
    let slot = slot(&mut front);
    let start = "https://images.example.com/client_upload/c2c/chat/20240426/";
    let name = slot.image_url.strip_prefix(start).unwrap();
    let hex = name.strip_suffix("_20240426120643.jpg").unwrap();
    assert!(hex.len() == 32 && hex.bytes().all(|it| it.is_ascii_hexdigit()), "{hex}");

    let info = ImageInfo::sniff(PICTURE).unwrap();
    assert_eq!((info.width, info.height), (8, 6));
    assert_eq!(front.http(download(&slot.image_url).unwrap().into_request()).status(), 404);
    let elsewhere = |from: &str, to: &str| {
        let uri = slot.upload_url.expose().replace(from, to);
        Request::put(uri).body(Bytes::from_static(PICTURE)).unwrap()
    };
    assert_eq!(front.http(elsewhere("Signature=", "Signature=0")).status(), 403);
    assert_eq!(front.http(elsewhere("c2c-upload/", "c2c-upload/0")).status(), 403);
    let request = slot.put(Bytes::from_static(PICTURE), "image/jpeg").unwrap().into_request();
    assert!(request.headers().keys().all(|name| name == "content-length"), "{request:?}");
    let response = front.http(request);
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
    assert_eq!(put(&mut front, &slot), 403, "once");

    let get = download(&slot.image_url).unwrap().into_request();
    assert!(get.headers().is_empty());
    let response = front.http(get);
    assert_eq!(response.body(), PICTURE);
    assert_eq!(response.headers()["content-type"], "image/jpeg");
}

#[test]
fn c2c_rule_078_the_upload_url_has_one_of_two_names() {
    for (faults, name) in [("{}", "uploadUrl"), (r#"{"pre_signed_name":true}"#, "preSignedUrl")] {
        let mut front = Front::with_faults(faults);
        let response = ask(&mut front, "merchant", "a.jpg");
        assert!(UploadSlot::read(&response).is_ok());
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(body.contains(&format!("\"{name}\":")), "{body}");
    }
}

#[test]
fn c2c_rule_082_a_picture_that_cannot_be_stored_leaves_the_place_free() {
    let mut front = Front::new();
    let slot = slot(&mut front);
    front.broken = true;
    assert_eq!(put(&mut front, &slot), 500);
    assert_eq!(front.files(), 0, "no bytes are left");
    assert_eq!(front.http(download(&slot.image_url).unwrap().into_request()).status(), 404);
    front.broken = false;
    assert_eq!(put(&mut front, &slot), 200);
    assert_eq!(put(&mut front, &slot), 403, "once");
    assert_eq!(front.http(download(&slot.image_url).unwrap().into_request()).status(), 200);
}

#[test]
fn c2c_rule_082_places_that_are_taken_do_not_count() {
    let mut front = Front::with("{}", HubConfig { max_uploads: 2, ..HubConfig::default() });
    let first = slot(&mut front);
    slot(&mut front);
    assert_eq!(ask(&mut front, "merchant", "a.jpg").status(), 400);
    assert_eq!(put(&mut front, &first), 200);
    assert_eq!(ask(&mut front, "merchant", "a.jpg").status(), 200);
}

#[test]
fn c2c_rule_083_what_may_be_said_of_the_type() {
    for (rule, [none, right, wrong]) in
        [("any", [200, 200, 200]), ("signed", [403, 200, 403]), ("none", [200, 403, 403])]
    {
        for (kind, expected) in
            [(None, none), (Some("image/jpeg"), right), (Some("text/plain"), wrong)]
        {
            let mut front = Front::with_faults(&format!(r#"{{"upload_type":"{rule}"}}"#));
            let slot = slot(&mut front);
            let mut request = Request::put(slot.upload_url.expose());
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            let status = front.http(request.body(Bytes::from_static(PICTURE)).unwrap()).status();
            assert_eq!(status, expected, "{rule} {kind:?}");
            // Our own client does what the URL says.
            if expected == 403 {
                assert_eq!(put(&mut front, &slot), 200, "{rule}");
            }
        }
    }
}

#[test]
fn c2c_rule_084_places_close_after_a_while() {
    for (faults, open_for) in [("{}", 300), (r#"{"upload_expiry_secs":10}"#, 10)] {
        let mut front = Front::with_faults(faults);
        let (first, second) = (slot(&mut front), slot(&mut front));
        front.pass(Duration::from_millis(open_for * 1000 - 1));
        assert_eq!(put(&mut front, &first), 200);
        front.pass(Duration::from_millis(1));
        assert_eq!(put(&mut front, &second), 403);
    }
}

#[test]
fn c2c_rule_085_an_account_gets_so_many_a_minute() {
    let mut front = Front::new();
    for _ in 0..36 {
        assert_eq!(ask(&mut front, "merchant", "a.png").status(), 200);
        front.pass(Duration::from_secs(1));
    }
    let refused = ask(&mut front, "merchant", "a.png");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "24");
    assert_eq!(ask(&mut front, "buyer", "a.png").status(), 200, "for each user");
    front.pass(Duration::from_secs(24));
    assert_eq!(ask(&mut front, "merchant", "a.png").status(), 200);
    assert_eq!(ask(&mut front, "merchant", "a.png").status(), 429, "one at a time comes back");
}

#[test]
fn c2c_rule_086_names_are_those_of_pictures() {
    let mut front = Front::new();
    let long = format!("{}.jpg", "x".repeat(252));
    for name in ["", "a", ".jpg", "a.html", "a.svg", "../a.exe", &long] {
        assert_eq!(ask(&mut front, "merchant", name).status(), StatusCode::BAD_REQUEST, "{name}");
    }
    for name in ["a.JPG", "b.jpeg", "c.d.png", "\u{4f60}.webp", "../a.gif"] {
        assert_eq!(ask(&mut front, "merchant", name).status(), StatusCode::OK, "{name}");
    }
}

#[test]
fn c2c_rule_087_uploads_fail_on_purpose() {
    let mut front = Front::with_faults(r#"{"upload_status":503}"#);
    let slot = slot(&mut front);
    assert_eq!(put(&mut front, &slot), 503);
    front.fault("{}");
    assert_eq!(put(&mut front, &slot), 200);
}
