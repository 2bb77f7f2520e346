//! Messages between tungstenite's types and ours. No text is copied in either direction.

use bytes::Bytes;
use chat_proto::machine::CloseFrame;
use chat_proto::{Message, Text};
use tungstenite::Utf8Bytes;
use tungstenite::protocol::frame::coding::CloseCode;

/// Longest reason of a close frame, in bytes (RFC 6455, section 5.5).
const REASON_BYTES: usize = 123;

/// `None` for a raw frame, which is never read.
pub(crate) fn incoming(message: tungstenite::Message) -> Option<Message> {
    Some(match message {
        tungstenite::Message::Text(text) => Message::Text(ours(text)),
        tungstenite::Message::Binary(bytes) => Message::Binary(bytes),
        tungstenite::Message::Ping(bytes) => Message::Ping(bytes),
        tungstenite::Message::Pong(bytes) => Message::Pong(bytes),
        tungstenite::Message::Close(frame) => Message::Close(
            frame.map(|frame| CloseFrame { code: frame.code.into(), reason: ours(frame.reason) }),
        ),
        tungstenite::Message::Frame(_) => return None,
    })
}

pub(crate) fn outgoing(message: Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::Text(theirs(text)),
        Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        Message::Ping(bytes) => tungstenite::Message::Ping(bytes),
        Message::Pong(bytes) => tungstenite::Message::Pong(bytes),
        Message::Close(frame) => tungstenite::Message::Close(frame.map(|frame| close(&frame))),
    }
}

fn close(frame: &CloseFrame) -> tungstenite::protocol::CloseFrame {
    let reason = frame.reason.as_str();
    let mut end = reason.len().min(REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    tungstenite::protocol::CloseFrame {
        code: CloseCode::from(frame.code),
        reason: Utf8Bytes::from(&reason[..end]),
    }
}

fn ours(text: Utf8Bytes) -> Text {
    Text::from_utf8(Bytes::from(text)).expect("tungstenite gives valid UTF-8")
}

fn theirs(text: Text) -> Utf8Bytes {
    Utf8Bytes::try_from(text.into_bytes()).expect("a text is valid UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_copied() {
        let text = Text::from("a text that is long enough to live on the heap".to_owned());
        let at = text.as_str().as_ptr();
        let tungstenite::Message::Text(out) = outgoing(Message::Text(text)) else { panic!() };
        assert_eq!(out.as_str().as_ptr(), at);
        let Some(Message::Text(back)) = incoming(tungstenite::Message::Text(out)) else { panic!() };
        assert_eq!(back.as_str().as_ptr(), at);
    }

    #[test]
    fn a_long_close_reason_is_cut_between_characters() {
        let frame = CloseFrame::new(4000, "é".repeat(100));
        let tungstenite::Message::Close(Some(frame)) = outgoing(Message::Close(Some(frame))) else {
            panic!()
        };
        assert_eq!((u16::from(frame.code), frame.reason.len()), (4000, 122));
    }
}
