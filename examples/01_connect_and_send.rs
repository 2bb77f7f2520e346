//! Connects, sends one message and waits for its echo.
//!
//! ```text
//! cargo run -p chat-cli -- serve --ca target/ca.pem          # in another terminal
//! export CHAT_IM_URL=https://127.0.0.1:8887 CHAT_IM_CA_FILE=target/ca.pem
//! export CHAT_IM_USER=101 CHAT_IM_DOMAIN=pbx.example.com CHAT_IM_PASSWORD=demo-101
//! cargo run -p chat-examples --bin 01_connect_and_send -- usr804252613548703744 "Hello, Bob"
//! ```
//!
//! On async-std or smol it is the same program: depend on `runtime-async-std`, say
//! `runtime_async_std::im` or `runtime_async_std::smol::im`, and start it with `block_on`.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::error::Error;
use std::time::Duration;

use runtime_tokio::im::{self, Config, Event, ImEvent, Publish, Subscribe, TopicName};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, topic, text] = &args[..] else {
        return Err("usage: 01_connect_and_send TOPIC TEXT".into());
    };
    let topic = TopicName::new(topic.as_str());

    let im = im::connect(Config::from_env()?).await?;
    let mut events = im.events();
    im.subscribe(&topic, Subscribe::default()).await?;
    let receipt = im.publish(&topic, Publish::text(text)).await?;
    println!("stored as message {} of {}", receipt.seq, receipt.topic);

    while let Some(event) = events.next().await {
        if let Event::Service(ImEvent::Message(message)) = event
            && message.seq() == receipt.seq.get()
        {
            println!("echo from {}: {:?}", message.from(), message.content());
            break;
        }
    }
    println!("closed: {:?}", im.close(Duration::from_secs(5)).await);
    Ok(())
}
