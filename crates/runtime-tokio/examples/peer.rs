//! A chat client that does what it is told on its standard input, a line at a time, and says what
//! happens on its standard output. It marks as read what it receives.
//!
//! ```text
//! cargo run -p chat-cli -- serve          # in another terminal; prints URL and CA file
//! cargo run -p runtime-tokio --example peer -- portsip https://127.0.0.1:8887 103 demo-103 CA.pem
//! subscribe usr804252613548777777
//! publish usr804252613548777777 Hello from Rust
//! quit
//! ```
//!
//! The first argument is `portsip` or `tinode`, and without the last one the platform's roots are
//! trusted.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a few events matter here")]

use chat_proto::client::Event;
use chat_proto::im::TopicName;
use chat_proto::im::client::{
    Answer, Credentials, ImConfig, ImEvent, Publish, Subscribe, TypingKind,
};
use chat_proto::im::rest::ImHost;
use chat_proto::{Session, rest::BaseUrl};
use runtime_tokio::{Connection, Options, Runtime, TlsPolicy, TokioRuntime};
use tokio::sync::mpsc;

const DOMAIN: &str = "pbx.example.com";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (flavor, url, user, password, ca) = match &args[..] {
        [_, flavor, url, user, password] => (flavor, url, user, password, None),
        [_, flavor, url, user, password, ca] => (flavor, url, user, password, Some(ca)),
        _ => return Err("usage: peer portsip|tinode URL USER PASSWORD [CA.pem]".into()),
    };
    let tls = match ca {
        Some(ca) => TlsPolicy::only_ca_pem(std::fs::read(ca)?)?,
        None => TlsPolicy::platform(),
    };
    let (runtime, host) = (TokioRuntime::new(tls), BaseUrl::parse(url)?);
    let mut config = ImConfig::new(&host, Credentials::password(user, DOMAIN, password.as_str()))?;
    if flavor == "tinode" {
        config.host = ImHost::tinode(host, &"any".into())?;
    }
    let mut im = Session::im(config, runtime.seed(), runtime.now());
    im.connect(runtime.now());
    let mut chat = Connection::new(im, runtime, Options::default());
    let mut lines = lines();
    loop {
        tokio::select! {
            event = chat.next() => match event {
                Some(event) => happened(&mut chat, event),
                None => return Ok(()),
            },
            line = lines.recv() => match line {
                Some(line) => told(&mut chat, &line)?,
                None => told(&mut chat, "quit")?,
            },
        }
    }
}

type Chat = Connection<Session<chat_proto::im::Im>, TokioRuntime>;

fn happened(chat: &mut Chat, event: Event<ImEvent, Answer>) {
    let (im, now) = chat.machine();
    match event {
        Event::Ready { resumed } => println!("ready {resumed}"),
        Event::Lost { .. } => println!("lost"),
        Event::CredentialsNeeded { why } => println!("refused {why}"),
        Event::Completed { result: Ok(Answer::Published(receipt)), .. } => {
            println!("published {} {}", receipt.topic.as_str(), receipt.seq);
        }
        Event::Completed { result: Ok(Answer::Subscribed(it)), .. } => {
            println!("subscribed {}", it.topic.as_str());
        }
        Event::Completed { result: Ok(_), .. } => println!("done"),
        Event::Completed { result: Err(why), .. } => println!("failed {why}"),
        Event::Service(ImEvent::Message(data)) => {
            let (topic, from) = (data.topic(), data.from());
            let (topic, from, content) = (topic.decode(), from.decode(), data.content());
            let content = content.as_ref().map_or("null", |content| content.as_str());
            println!("message {topic} {from} {} {content}", data.seq());
            if im.user().is_some_and(|me| *from != *me.as_str()) {
                drop(im.note_read(&TopicName::new(&*topic), data.seq(), now));
            }
        }
        _ => {}
    }
}

fn told(chat: &mut Chat, line: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (im, now) = chat.machine();
    match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
        ["subscribe", topic] => {
            im.subscribe(&TopicName::new(topic), Subscribe::default(), now)?;
        }
        ["publish", topic, text] => {
            im.publish(&TopicName::new(topic), Publish::text(text), now)?;
        }
        ["typing", topic] => im.note_typing(&TopicName::new(topic), TypingKind::Text, now),
        ["leave", topic] => drop(im.leave(&TopicName::new(topic), now)?),
        ["quit"] => im.close(now),
        _ => println!("failed what is `{line}`?"),
    }
    Ok(())
}

/// Lines of the standard input, from a thread: a terminal is not read without blocking.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}
