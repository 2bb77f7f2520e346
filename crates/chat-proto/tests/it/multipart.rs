//! The multipart encoder against a decoder that is not ours.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use chat_proto::rest::{FilePart, Multipart, Upload};
use futures_util::stream;
use proptest::prelude::*;

use crate::same_cases_each_run;

/// Runs a future that never waits.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // multer yields between parts, so it is asked again, but not for ever.
    for _ in 0..10_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("the stream is at hand, so the future ends")
}

#[derive(Debug, PartialEq)]
struct Part {
    name: Option<String>,
    filename: Option<String>,
    content_type: Option<String>,
    body: Vec<u8>,
}

fn decode(upload: &Upload, file: &[u8], chunk: usize) -> Vec<Part> {
    let content_type = upload.head().headers()["content-type"].to_str().unwrap();
    let boundary = multer::parse_boundary(content_type).unwrap();
    let body = upload.with_body(file).unwrap().into_request().into_body();
    assert_eq!(body.len() as u64, upload.content_length());
    let chunks: Vec<Result<Bytes, std::io::Error>> =
        body.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    now_or_never(async {
        let mut form = multer::Multipart::new(stream::iter(chunks), boundary);
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await.unwrap() {
            parts.push(Part {
                name: field.name().map(str::to_owned),
                filename: field.file_name().map(str::to_owned),
                content_type: field.content_type().map(ToString::to_string),
                body: field.bytes().await.unwrap().to_vec(),
            });
        }
        parts
    })
}

fn upload(seed: u64, id: &str, file: &FilePart) -> Upload {
    let request = http::Request::post("https://h/im/file");
    Multipart::new(seed).text("id", id).file("file", file, request).unwrap()
}

#[test]
fn a_decoder_sees_the_parts() {
    let file =
        FilePart::new("holiday \"1\".png", 8).with_content_type("image/png".parse().unwrap());
    let parts = decode(&upload(1, "42", &file), b"\x89PNG\r\n--", 7);
    let part = |name: &str, filename: Option<&str>, content_type: Option<&str>, body: &[u8]| Part {
        name: Some(name.to_owned()),
        filename: filename.map(str::to_owned),
        content_type: content_type.map(str::to_owned),
        body: body.to_owned(),
    };
    assert_eq!(
        parts,
        [
            part("id", None, None, b"42"),
            part("file", Some("holiday %221%22.png"), Some("image/png"), b"\x89PNG\r\n--"),
        ]
    );
}

#[test]
fn an_empty_file_is_a_file() {
    let parts = decode(&upload(1, "", &FilePart::new("empty", 0)), b"", 1000);
    assert_eq!(parts[0].body, b"");
    assert_eq!(parts[1].filename.as_deref(), Some("empty"));
    assert_eq!(parts[1].content_type.as_deref(), Some("application/octet-stream"));
    assert_eq!(parts[1].body, b"");
}

proptest! {
    #![proptest_config(same_cases_each_run())]

    #[test]
    fn any_file_comes_through(
        seed: u64,
        id in "[a-z0-9-]{0,36}",
        filename: String,
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "(\r\n|-|--|chat-|[a-f0-9]){0,60}".prop_map(String::into_bytes),
        ],
        chunk in 1usize..64,
    ) {
        let upload = upload(seed, &id, &FilePart::new(filename, body.len() as u64));
        let parts = decode(&upload, &body, chunk);
        prop_assert_eq!(parts.len(), 2);
        prop_assert_eq!(&parts[0].body, id.as_bytes());
        prop_assert_eq!(&parts[1].body, &body);
        prop_assert_eq!(parts[1].name.as_deref(), Some("file"));
    }

    #[test]
    fn no_file_name_writes_a_header_of_its_own(filename in any::<String>()) {
        let upload = upload(1, "1", &FilePart::new(filename, 0));
        let text = std::str::from_utf8(upload.prefix()).unwrap();
        let line = text.lines().find(|line| line.contains("filename=")).unwrap();
        let (_, quoted) = line.split_once("filename=\"").unwrap();
        prop_assert_eq!(quoted.find('"'), Some(quoted.len() - 1));
        prop_assert!(!text.bytes().any(|b| b.is_ascii_control() && b != b'\r' && b != b'\n'));
        prop_assert_eq!(text.lines().count(), 8);
    }
}
