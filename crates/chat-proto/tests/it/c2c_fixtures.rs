//! Every fixture of order chat decodes, and comes out byte for byte once white space is removed.
//!
//! `up/text.json` and `rest/retrieveChatCredential.json` are the published samples. Exceptions:
//! * the published text has the placeholder `{{timestamp}}`, which is no JSON: a number stands there;
//! * `rest/pre-signed-url-published.json` is written with the spelling `uploadUrl`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chat_proto::c2c::answer::{
    CredentialData, Envelope, TimeData, UploadData, classify, data, page,
};
use chat_proto::c2c::frame::{ImageRef, KINDS};
use chat_proto::c2c::{Down, Kind, Push, SystemContent, Up};
use chat_proto::codec::Wire;
use chat_proto::json::Encode;
use chat_proto::machine::Text;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/c2c").join(name)
}

/// Name and text without white space outside strings, by name.
fn fixtures(name: &str) -> Vec<(String, String)> {
    let mut found: Vec<_> = std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, compact(&text))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn fixture(path: &str) -> String {
    compact(&std::fs::read_to_string(folder(path)).unwrap())
}

fn compact(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    text.chars()
        .filter(|&c| {
            let inside = in_string;
            match c {
                _ if escaped => escaped = false,
                '\\' if in_string => escaped = true,
                '"' => in_string = !in_string,
                _ => {}
            }
            inside || !c.is_whitespace()
        })
        .collect()
}

fn encode(value: &impl Encode) -> String {
    let mut out = Vec::new();
    value.encode(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn frames_come_out_as_they_came_in() {
    let mut shown = String::new();
    for (name, text) in fixtures("up") {
        let frame = Up::decode(&text).unwrap();
        assert_eq!(Wire::encode(&frame).as_str(), text, "up/{name}");
        let shared = Wire::share(frame.clone(), &Text::from(text.as_str()));
        assert_eq!(shared, frame, "up/{name}");
        writeln!(shown, "up/{name}: {:?} {}", frame.kind(), brief(&text)).unwrap();
    }
    for (name, text) in fixtures("down") {
        let frame = Down::decode(&text).unwrap();
        assert_eq!(Wire::encode(&frame).as_str(), text, "down/{name}");
        let shared = frame.clone().share(&Text::from(text.as_str()));
        assert_eq!(shared, frame, "down/{name}");
        let [push] = frame.pushes() else { panic!("down/{name}") };
        writeln!(
            shown,
            "down/{name}: {:?} order={:?} id={:?} counterparty={} extra={:?}",
            push.kind(),
            push.order(),
            push.id.as_i64(),
            push.is_from_counterparty(),
            push.extra
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}

fn brief(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Who compares written frames relies on the order of their members.
#[test]
fn the_wire_form_of_every_kind_is_stable() {
    let mut up = String::new();
    for (name, text) in fixtures("up") {
        let written = Wire::encode(&Up::decode(&text).unwrap());
        writeln!(up, "{name}\n  {}", written.as_str()).unwrap();
    }
    let image = ImageRef {
        url: "https://bin.example.com/1.jpg".into(),
        image_type: "jpg".into(),
        width: 720,
        height: 1600,
    };
    let order = "22000000000000000001";
    for (name, frame) in [
        ("made: text", Up::text("u-1", order, "a \"b\"\n", 1_700_000_000_000)),
        ("made: image", Up::image("u-2", order, image, 1_700_000_000_000)),
        ("made: ping", Up::ping()),
        ("made: pong", Up::pong()),
    ] {
        writeln!(up, "{name}\n  {}", Wire::encode(&frame).as_str()).unwrap();
    }
    insta::assert_snapshot!("c2c_up_wire", up);

    let mut down = String::new();
    for (name, text) in fixtures("down") {
        let written = Wire::encode(&Down::decode(&text).unwrap());
        writeln!(down, "{name}\n  {}", written.as_str()).unwrap();
    }
    insta::assert_snapshot!("c2c_down_wire", down);
}

#[test]
fn every_kind_has_a_fixture() {
    let have: BTreeSet<Kind> = fixtures("down")
        .iter()
        .map(|(_, text)| Down::decode(text).unwrap().pushes()[0].kind())
        .collect();
    for name in KINDS {
        assert!(have.contains(&Kind::parse(name)), "{name}");
    }
    assert!(have.contains(&Kind::Other));
}

#[test]
fn the_published_text_is_what_we_write() {
    let text = fixture("up/text.json");
    let frame = Up::text("1682102167020", "20476365073825144832", "xxxxxx", 1_682_102_167_020);
    assert_eq!(Wire::encode(&frame).as_str(), text);
}

#[test]
fn answers_come_out_as_they_came_in() {
    for (name, text) in fixtures("rest") {
        if name == "time" {
            let time: TimeData<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(encode(&time), text);
            continue;
        }
        let envelope: Envelope<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(encode(&envelope), text, "rest/{name}");
        let response = http::Response::new(Bytes::from(text.clone()));
        assert_eq!(classify(&response).is_err(), name.starts_with("error"), "rest/{name}");
    }
    let response = |name: &str| http::Response::new(Bytes::from(fixture(name)));

    let credential = response("rest/retrieveChatCredential.json");
    let credential: CredentialData<'_> = data(&credential).unwrap();
    assert!(fixture("rest/retrieveChatCredential.json").contains(&encode(&credential)));

    for (name, spelling) in [("", "uploadUrl"), ("-published", "preSignedUrl")] {
        let path = format!("rest/pre-signed-url{name}.json");
        let answer = response(&path);
        let upload: UploadData<'_> = data(&answer).unwrap();
        let written = encode(&upload).replace("uploadUrl", spelling);
        assert!(fixture(&path).contains(&written));
    }

    let path = "rest/retrieveChatMessagesWithPagination.json";
    let answer = response(path);
    let page = page(&answer).unwrap();
    assert_eq!(page.total, Some(2));
    assert!(fixture(path).contains(&encode(&page.items)));
    let ids: Vec<_> = page.items.iter().map(|item| item.id.as_i64()).collect();
    assert_eq!(ids, [Some(1_009_649_847_000_000_003), Some(1_009_649_847_000_000_001)]);
    // The two spellings of the name end up in one member.
    let push = Push::from(page.items[0].clone());
    assert_eq!(push.from_nickname.unwrap(), "my-shop");
}

#[test]
fn system_content_is_read() {
    let mut shown = String::new();
    for (name, text) in fixtures("down").iter().filter(|(name, _)| name.starts_with("system")) {
        let frame = Down::decode(text).unwrap();
        let content = frame.pushes()[0].content_text().unwrap().into_owned();
        let parsed = SystemContent::parse(&content);
        let event = parsed.as_ref().map(SystemContent::event);
        if let Some(parsed) = &parsed {
            assert_eq!(sorted(&encode(parsed)), sorted(&content));
        }
        writeln!(shown, "{name}: {event:?}").unwrap();
    }
    insta::assert_snapshot!(shown);
}

fn sorted(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}
