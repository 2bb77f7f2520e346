//! Frames from arbitrary bytes: no panic, and what decodes survives being written and shared.

use bytes::Bytes;
use chat_proto::c2c::system::SystemEvent;
use chat_proto::c2c::{C2c, HistoryItem, ImageInfo, Push, SystemContent, answer};
use chat_proto::codec::{Client, Codec, Limits, Server, Wire};
use chat_proto::im::up::recover_id;
use chat_proto::im::{AccessMode, Dacs, Im, Stamp, TopicName};
use chat_proto::{Text, c2c, im};
use http::Response;

/// The laws of one frame type and of the codec that reads it.
macro_rules! laws {
    ($frame:ty, $codec:ty, $text:expr) => {{
        let text = Text::from($text);
        let decoded = <$frame>::decode(text.as_str());
        match <$codec>::new(Limits::default()).decode(text.as_str()) {
            Ok(limited) => assert_eq!(Some(&limited), decoded.as_ref().ok(), "codec: {text:?}"),
            Err(_) => assert!(
                decoded.is_err() || Limits::default().check(text.as_str()).is_err(),
                "within the limits the codec takes what the frame takes: {text:?}"
            ),
        }
        if let Ok(frame) = &decoded {
            let written = Wire::encode(frame);
            let again = <$frame>::decode(written.as_str());
            let again = again.unwrap_or_else(|error| {
                panic!("what was written is not read: {error}: {written:?} of {text:?}")
            });
            assert_eq!(&again, frame, "written as {written:?}");
            assert_eq!(Wire::encode(&again), written, "of {text:?}");
            let shared = Wire::share(frame.clone(), &text);
            assert_eq!(&shared, frame, "shared: {text:?}");
            assert_eq!(Wire::encode(&shared), written, "shared: {text:?}");
            // What logs show.
            let _ = format!("{frame:?}");
        }
    }};
}

/// Topic chat in both directions, and the small languages inside its frames.
///
/// # Panics
///
/// A law is broken.
pub fn decode_im(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    laws!(im::Up<'_>, Codec<Im, Server>, text);
    laws!(im::Down<'_>, Codec<Im, Client>, text);
    let _ = recover_id(text);
    if let Ok(frame) = im::Up::decode(text) {
        let _ = (frame.id(), frame.kind());
        small_languages(&frame.topic().decode());
    }
    if let Ok(im::Down::Data(frame)) = im::Down::decode(text) {
        let _ = (frame.ts.unix_micros(), frame.deleted.unix_millis());
    }
    small_languages(text);
}

fn small_languages(text: &str) {
    let name = TopicName::new(text);
    let _ = (name.kind(), Stamp::from(text).unix_millis());
    let lenient = AccessMode::parse_lenient(text);
    if let Ok(Some(mode)) = AccessMode::parse_request(text) {
        assert_eq!(AccessMode::parse_lenient(&mode.to_string()), mode, "{text:?}");
        let change = mode.delta(lenient);
        if !change.is_empty() {
            let change = Dacs::parse(&change).expect("a change that was written is read");
            assert_eq!(change.apply(mode), lenient, "{text:?}");
        }
    }
    if let Some(change) = Dacs::parse(text) {
        let once = change.apply(lenient);
        assert_eq!(change.apply(once), once, "{text:?}");
    }
}

/// Order chat in both directions, the content of system messages, pages of history and headers of
/// pictures.
///
/// # Panics
///
/// A law is broken.
pub fn decode_c2c(data: &[u8]) {
    if let Some(info) = ImageInfo::sniff(data) {
        assert!(info.width > 0 && info.height > 0);
    }
    for status in [200, 400, 503] {
        history_page(status, data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    laws!(c2c::Up<'_>, Codec<C2c, Server>, text);
    laws!(c2c::Down<'_>, Codec<C2c, Client>, text);
    if let Ok(frame) = c2c::Down::decode(text) {
        for push in frame.pushes() {
            read_push(push);
        }
    }
    system_content(text);
}

fn read_push(push: &Push<'_>) {
    let _ = (push.order(), push.create_millis(), push.id.as_i64());
    assert!(!push.is_from_counterparty() || push.kind().is_human());
    if let Some(content) = push.content_text() {
        system_content(&content);
    }
    // The two ways a message arrives name the same message.
    let item = HistoryItem::from(push.clone());
    assert_eq!((&item.id, &item.order_no, item.kind()), (&push.id, &push.order_no, push.kind()));
}

fn system_content(text: &str) {
    let _ = SystemEvent::parse(text);
    if let Some(content) = SystemContent::parse(text) {
        let event = content.event();
        // A name without its suffixes has none left.
        let again = SystemEvent::parse(&event.name);
        assert_eq!((&again.name, again.event), (&event.name, event.event), "{text:?}");
        assert!(!again.with_ref && !again.fiat_trade, "{text:?}");
    }
}

fn history_page(status: u16, body: &[u8]) {
    let response = Response::builder()
        .status(status)
        .body(Bytes::copy_from_slice(body))
        .expect("the status is one");
    match (answer::classify(&response), answer::page(&response)) {
        (Ok(_), Ok(page)) => {
            for item in page.items {
                let kind = item.kind();
                let push = Push::from(item);
                assert_eq!(push.kind(), kind);
                read_push(&push);
            }
        }
        (Err(refusal), page) => {
            assert!(page.is_err(), "a refused answer has no page: {body:?}");
            let _ = (refusal.is_clock(), refusal.is_limit(), refusal.is_temporary());
            // What is kept of the server's text is bounded.
            assert!(refusal.to_string().len() < 2048);
        }
        (Ok(_), Err(refusal)) => assert_eq!(refusal.reason, answer::Reason::Shape),
    }
}
