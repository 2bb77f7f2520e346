//! Connects, says hello to a peer, prints what happens and closes.
//!
//! ```text
//! cargo run --release -p chat-cli -- serve          # in another terminal; prints URL and CA file
//! cargo run -p runtime-async-std --example hello -- https://127.0.0.1:8887 CA.pem
//! cargo run -p runtime-async-std --no-default-features --features smol --example hello -- …
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]
#![expect(clippy::wildcard_enum_match_arm, reason = "two events matter here")]

use chat_proto::client::Event;
use chat_proto::im::client::{Credentials, ImConfig, ImEvent, Publish, Subscribe};
use chat_proto::im::{TopicName, UserId};
use chat_proto::{Session, rest::BaseUrl};
#[cfg(feature = "async-std")]
use runtime_async_std::AsyncStdRuntime as MyRuntime;
#[cfg(not(feature = "async-std"))]
use runtime_async_std::SmolRuntime as MyRuntime;
use runtime_async_std::{Connection, Options, Runtime, TlsPolicy};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    MyRuntime::block_on(hello())
}

async fn hello() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, url, ca] = &args[..] else { return Err("usage: hello URL CA.pem".into()) };
    let tls = TlsPolicy::only_ca_pem(std::fs::read(ca)?)?;
    let (runtime, host) = (MyRuntime::new(tls), BaseUrl::parse(url)?);
    let me = Credentials::password("101", "pbx.example.com", "demo-101");
    let peer = TopicName::p2p(&UserId::from_number(804_252_613_548_703_744));
    let mut im = Session::im(ImConfig::new(&host, me)?, runtime.seed(), runtime.now());
    im.connect(runtime.now());
    im.subscribe(&peer, Subscribe::default(), runtime.now())?;
    im.publish(&peer, Publish::text("Hello from Rust"), runtime.now())?;
    let mut chat = Connection::new(im, runtime, Options::default());
    while let Some(event) = chat.next().await {
        println!("{event:?}");
        match event {
            Event::CredentialsNeeded { why } => return Err(why.into()),
            Event::Lost { reason, retry_in: None } => return Err(reason.into()),
            Event::Service(ImEvent::Message(_)) => {
                let (im, now) = chat.machine();
                im.close(now);
            }
            _ => {}
        }
    }
    Ok(())
}
