//! Snapshot tests of what a program writes. Sessions read no clock and no entropy, so the same calls
//! write the same bytes, and a test needs no server, no socket and no mock: call the verbs, take the
//! frames, compare them with a file that a person has read once.
//!
//! ```text
//! cargo run -p chat-examples --bin 09_snapshots                        # prints the frames
//! cargo test -p chat-examples --bin 09_snapshots                       # compares them
//! INSTA_UPDATE=always cargo test -p chat-examples --bin 09_snapshots   # writes the files anew
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use chat_proto::c2c::client::C2cConfig;
use chat_proto::c2c::frame::ImageRef;
use chat_proto::c2c::{Api, C2c};
use chat_proto::codec::Wire;
use chat_proto::im::up::{Pub, Up, Verb};
use chat_proto::json::Raw;
use chat_proto::{Action, Input, Machine, Message, Now, Session, UnixMillis};

fn main() -> Result<(), Box<dyn Error>> {
    for frame in order_chat()? {
        println!("{frame}");
    }
    println!("{}", announcement("Lunch?")?);
    Ok(())
}

/// The program under test: what a merchant says about an order.
fn replies(chat: &mut Session<C2c>, order_no: &str, now: Now) -> Result<(), Box<dyn Error>> {
    chat.send_text(order_no, "Paid? Then press \"Paid\" — thank you.", now)?;
    let receipt = ImageRef {
        url: "https://images.example.com/receipt.png".into(),
        image_type: "png".into(),
        width: 640,
        height: 480,
    };
    chat.send_image(order_no, receipt, now)?;
    Ok(())
}

/// Another: a message with a format of its own, in topic chat. Here one frame is encoded alone.
fn announcement(text: &str) -> Result<String, Box<dyn Error>> {
    let content = Raw::from_value(&[text, "strong"])?;
    let head = Raw::new(r#"{"mime":"text/x-demo"}"#)?;
    let frame = Pub {
        id: "1".into(),
        topic: "grpDemo".into(),
        head: Some(head),
        content: Some(content),
        ..Pub::default()
    };
    Ok(Up::new(Verb::Pub(frame)).encode().as_str().to_owned())
}

/// Every frame that goes out, in order. The service's part, up to the open socket, is two inputs.
fn order_chat() -> Result<Vec<String>, Box<dyn Error>> {
    let now = Now { mono: Instant::now(), unix: UnixMillis::new(1_730_000_000_000) };
    let api = Api::new(&"key".into(), &"secret".into())?;
    let mut chat = Session::c2c(C2cConfig::default(), api, 1, now);
    chat.connect(now);
    while let Some(action) = chat.poll_action() {
        match action {
            Action::Http { id, .. } => {
                let ticket = r#"{"code":"000000","message":"success","data":{"chatWssUrl":"wss://chat.example.com/chat","listenKey":"c2c_key","listenToken":"TOKEN"},"success":true}"#;
                let result = Ok(http::Response::new(Bytes::from_static(ticket.as_bytes())));
                chat.handle_input(Input::Response { id, result }, now);
            }
            Action::Dial { conn, .. } => chat.handle_input(Input::Opened { conn }, now),
            Action::Drop { .. } | Action::AbortHttp { .. } => {}
        }
    }
    replies(&mut chat, "20476365073825144832", now)?;
    // Messages are written at intervals, as the service asks: time is moved, nobody waits.
    let mut frames = Vec::new();
    let mut later = now;
    for _ in 0..2 {
        while let Some(transmit) = chat.poll_transmit() {
            if let Message::Text(text) = transmit.message {
                frames.push(text.as_str().to_owned());
            }
        }
        if let Some(at) = chat.poll_timeout() {
            later = later.after(at.saturating_duration_since(later.mono));
            chat.handle_input(Input::Timeout, later);
        }
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_merchant_says_about_an_order() {
        let frames = order_chat().expect("the calls are right");
        insta::assert_snapshot!(frames.join("\n"));
    }

    #[test]
    fn the_same_calls_write_the_same_bytes() {
        assert_eq!(order_chat().expect("as above"), order_chat().expect("as above"));
    }

    #[test]
    fn an_announcement() {
        let frame = announcement("Lunch?").expect("the content is JSON");
        insta::assert_snapshot!(frame);
    }
}
