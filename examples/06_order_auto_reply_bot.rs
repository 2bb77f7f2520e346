//! Answers what the other side of an order writes, once: also when it is killed and started again at
//! any point.
//!
//! ```text
//! cargo run -p chat-cli -- serve --ca target/ca.pem          # in another terminal
//! export CHAT_C2C_URL=https://127.0.0.1:8887 CHAT_C2C_CA_FILE=target/ca.pem
//! export CHAT_C2C_API_KEY=demo-merchant-key CHAT_C2C_SECRET=demo-merchant-secret
//! cargo run -p chat-examples --bin 06_order_auto_reply_bot -- 20476365073825144832 bot.json
//! ```
//!
//! Two things make it once. The file holds how far the order is dealt with, and is written after
//! the reply, so that nothing is skipped. And a reply's id on the wire is made of the id of what it
//! answers, so that after a restart history shows what was answered already. What no program can rule
//! out: a reply that was on its way when it was killed, and arrives after history was read.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a few events matter here")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;

use runtime_tokio::c2c::{
    self, C2cClient, C2cEvent, Checkpoint, Config, Event, Incoming, SendOptions, Since, Up, View,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, order, file] = &args[..] else {
        return Err("usage: 06_order_auto_reply_bot ORDER FILE".into());
    };
    let since = match fs::read(file) {
        Ok(stored) => Since::Checkpoint(serde_json::from_slice(&stored)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Since::Start,
        Err(error) => return Err(error.into()),
    };

    let chat = c2c::connect(Config::from_env()?).await?;
    let mut events = chat.events();
    chat.watch(order, since).await?;
    println!("watching");

    // Until history was read it is not known which questions were answered before.
    let mut caught_up = false;
    let mut questions: Vec<Incoming> = Vec::new();
    let mut answered = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Event::Service(C2cEvent::Push(message)) if message.push.order_no == order.as_str() => {
                if message.push.self_ == Some(true) {
                    answered.insert(message.push.uuid.decode().into_owned());
                } else if !caught_up {
                    questions.push(message);
                } else {
                    answer(&chat, order, &message).await?;
                    if let Some(checkpoint) = message.checkpoint() {
                        store(file, &checkpoint)?;
                    }
                }
            }
            Event::Service(C2cEvent::Backfilled { checkpoint, .. }) => {
                for message in std::mem::take(&mut questions) {
                    if !answered.contains(&reply_id(&message)) {
                        answer(&chat, order, &message).await?;
                    }
                }
                answered.clear();
                store(file, &checkpoint)?;
                caught_up = true;
                println!("up to date");
            }
            Event::Lost { reason, retry_in } => {
                if retry_in.is_none() {
                    return Err(reason.into());
                }
                // What comes next is read from history first.
                caught_up = false;
            }
            Event::CredentialsNeeded { why } => return Err(why.into()),
            _ => {}
        }
    }
    Err("the session has ended".into())
}

fn reply_id(question: &Incoming) -> String {
    format!("reply-{}", question.push.id)
}

/// Answers a text of a person; everything else needs none.
async fn answer(chat: &C2cClient, order: &str, question: &Incoming) -> Result<(), Box<dyn Error>> {
    let View::Text(text) = question.view() else { return Ok(()) };
    let reply = match text.to_lowercase() {
        text if text.contains("paid") => "Thank you. I look at my account and release the coins.",
        text if text.contains("how") => "Please pay to the account on the order's page.",
        _ => "I will be with you in a minute.",
    };
    let options = SendOptions { uuid: Some(reply_id(question)), ..SendOptions::default() };
    let frame = Up::text("", order.to_owned(), reply, 0);
    chat.send_frame(order, frame, &options).await?;
    println!("{text} -> {reply}");
    Ok(())
}

/// In place of the old one at once, so that a crash leaves one of the two.
fn store(file: &str, checkpoint: &Checkpoint) -> Result<(), Box<dyn Error>> {
    let new = format!("{file}.new");
    fs::write(&new, serde_json::to_vec(checkpoint)?)?;
    fs::rename(new, file)?;
    Ok(())
}
