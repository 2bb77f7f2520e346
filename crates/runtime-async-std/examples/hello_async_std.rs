//! Connects, says hello to a peer, waits for the echo and closes.
//!
//! ```text
//! cargo run --release -p chat-cli -- serve --ca target/ca.pem       # in another terminal
//! export CHAT_IM_URL=https://127.0.0.1:8887 CHAT_IM_CA_FILE=target/ca.pem
//! export CHAT_IM_USER=101 CHAT_IM_DOMAIN=pbx.example.com CHAT_IM_PASSWORD=demo-101
//! cargo run -p runtime-async-std --example hello_async_std
//! cargo run -p runtime-async-std --no-default-features --features smol --example hello_async_std
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use std::time::Duration;

#[cfg(feature = "async-std")]
use runtime_async_std::{AsyncStdRuntime as MyRuntime, im};
#[cfg(not(feature = "async-std"))]
use runtime_async_std::{SmolRuntime as MyRuntime, smol::im};

use im::{Config, Event, ImEvent, Publish, Subscribe, TopicName, UserId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    MyRuntime::block_on(hello())
}

async fn hello() -> Result<(), Box<dyn std::error::Error>> {
    let im = im::connect(Config::from_env()?).await?;
    let peer = TopicName::p2p(&UserId::from_number(804_252_613_548_703_744));
    im.subscribe(&peer, Subscribe::default()).await?;
    println!("Published: {:?}", im.publish(&peer, Publish::text("Hello from Rust")).await?);
    let mut events = im.events();
    while let Some(event) = events.next().await {
        let Event::Service(ImEvent::Message(message)) = event else { continue };
        println!("{} says {:?}", message.from(), message.content());
        break;
    }
    println!("Closed: {:?}", im.close(Duration::from_secs(5)).await);
    Ok(())
}
