//! Writes everything that was said in a topic to a file, oldest first: a line a message, each the frame
//! as the service sent it.
//!
//! ```text
//! cargo run -p chat-examples --bin 04_history_export -- usr804252613548703744 history.jsonl
//! ```
//!
//! Settings as for 01_connect_and_send.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Duration;

use chat_proto::codec::Wire;
use chat_proto::im::Down;
use runtime_tokio::im::{self, Config, HistoryQuery, Subscribe, TopicName};

/// Messages a page; each page is one question.
const PAGE: u64 = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, topic, file] = &args[..] else {
        return Err("usage: 04_history_export TOPIC FILE".into());
    };
    let topic = TopicName::new(topic.as_str());

    let im = im::connect(Config::from_env()?).await?;
    im.subscribe(&topic, Subscribe::default()).await?;
    // Pages come newest first.
    let mut pages = Vec::new();
    let mut query = Some(HistoryQuery::newest(PAGE));
    while let Some(wanted) = query {
        let page = im.history(&topic, wanted).await?;
        if !page.complete {
            return Err("the service did not send the whole page".into());
        }
        query = page.older();
        pages.push(page.messages);
    }

    let mut out = BufWriter::new(File::create(file)?);
    let mut count = 0;
    for message in pages.into_iter().rev().flatten() {
        writeln!(out, "{}", Down::Data(message).encode().as_str())?;
        count += 1;
    }
    out.flush()?;
    println!("{count} messages");
    println!("closed: {:?}", im.close(Duration::from_secs(5)).await);
    Ok(())
}
