//! Uploads a file with its progress, tells a peer about it, and downloads what the message names.
//!
//! ```text
//! cargo run -p chat-examples --bin 05_file_up_and_down -- usr804252613548703744 photo.png copy.png
//! ```
//!
//! Settings as for 01_connect_and_send. Neither way holds the file in memory; a download that breaks off
//! goes on where it stopped.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::error::Error;
use std::time::Duration;

use chat_proto::im::rest::FileUrl;
use runtime_tokio::files::{DownloadOptions, Progress, Source, UploadOptions};
use runtime_tokio::im::{self, Config, Event, ImEvent, Publish, Raw, Subscribe, TopicName};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, topic, from, to] = &args[..] else {
        return Err("usage: 05_file_up_and_down TOPIC FILE COPY".into());
    };
    let topic = TopicName::new(topic.as_str());

    let im = im::connect(Config::from_env()?).await?;
    let mut events = im.events();
    im.subscribe(&topic, Subscribe::default()).await?;

    let source = Source::open(from).await?;
    let (name, length) = (source.name().to_owned(), source.len());
    let options = UploadOptions::default().with_max_bytes(64 << 20).on_progress(show("up"));
    let url = im.upload_file(source, options).await?;
    let told = Raw::from_value(&[name.as_str(), url.as_str()])?;
    im.publish(&topic, Publish::content(told).attachments([url.as_str().to_owned()])).await?;
    println!("{name} is there, {length} bytes");

    // The peer's part, played by the echo: what to fetch stands in the message.
    while let Some(event) = events.next().await {
        let Event::Service(ImEvent::Message(message)) = event else { continue };
        let content = message.content().ok_or("a message without content")?;
        let [_, url]: [String; 2] = content.parse()?;
        let options = DownloadOptions::default().with_max_bytes(64 << 20).on_progress(show("down"));
        let done = im.download_file(&FileUrl::new(url), to, options).await?;
        println!("{to} has {} bytes", done.bytes);
        break;
    }
    println!("closed: {:?}", im.close(Duration::from_secs(5)).await);
    Ok(())
}

/// Tells at each tenth of the way.
fn show(way: &'static str) -> impl FnMut(Progress) + Send + 'static {
    let mut told = 0;
    move |progress| {
        let tenths = progress.total.map_or(0, |total| progress.done * 10 / total.max(1));
        if tenths > told {
            told = tenths;
            println!("{way} {}0 %", tenths);
        }
    }
}
