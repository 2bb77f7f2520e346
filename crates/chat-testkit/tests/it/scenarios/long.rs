//! A message that is longer than allowed.

use std::fmt::Write as _;

use chat_proto::ConnId;
use chat_proto::c2c::C2c;
use chat_proto::c2c::client::C2cConfig;
use chat_proto::client::Session;
use chat_proto::im::TopicName;
use chat_proto::im::client::{Credentials, ImConfig, Publish};
use chat_proto::machine::Message;
use chat_proto::rest::BaseUrl;
use chat_proto::server::{ServerConfig, ServerSession};
use chat_testkit::laws::Watched;
use chat_testkit::people;
use insta::assert_snapshot;

fn topics() -> Watched<chat_proto::im::Im> {
    let now = crate::start();
    let host = BaseUrl::parse("https://pbx.example.com:8887").expect("a constant address");
    let credentials = Credentials::password("101", people::DOMAIN, people::password(0));
    let config = ImConfig::new(&host, credentials).expect("a short address");
    Watched::new(Session::im(config, 7, now), now)
}

fn orders() -> Watched<C2c> {
    let now = crate::start();
    Watched::new(Session::c2c(C2cConfig::default(), people::api(0), 7, now), now)
}

#[test]
fn a_message_is_longer_than_the_limit() {
    let now = crate::start();
    let mut out = String::new();
    let mut im = topics();
    let group = TopicName::new("grpAAAAAAAAAAA");
    let mut c2c = orders();
    for len in [60_000, 70_000] {
        let text = "x".repeat(len);
        let topic = im.ask(now, |it, now| it.publish(&group, Publish::text(&text), now));
        let order = c2c.ask(now, |it, now| it.send_text(people::ORDERS[0], &text, now));
        let said = |result: Result<_, chat_proto::error::CallError>| match result {
            Ok(_) => "taken".to_owned(),
            Err(why) => format!("refused at once: {why}"),
        };
        writeln!(out, "Ann publishes {len} letters: {}", said(topic)).expect("a String");
        writeln!(out, "Shop sends {len} letters: {}", said(order)).expect("a String");
    }
    let (topic, order) = (im.waiting().len(), c2c.waiting().len());
    writeln!(out, "requests that wait: {topic} of Ann, {order} of Shop").expect("a String");
    im.at_rest();
    c2c.at_rest();
    assert_eq!((im.broken(), c2c.broken()), (None, None));

    let mut server = ServerSession::new(ServerConfig::default(), ConnId::new(1), now);
    for len in [128 << 10, (128 << 10) + 1] {
        let said = match server.received(Message::text("x".repeat(len)), now) {
            Some(it) => format!("takes it: {it:?}"),
            None => match server.poll_transmit() {
                Some(Message::Close(Some(frame))) => {
                    format!("closes with {}: {}", frame.code, frame.reason.as_str())
                }
                other => format!("says {other:?}"),
            },
        };
        writeln!(out, "another client writes a frame of {len} bytes: the server {said}")
            .expect("a String");
    }
    assert_snapshot!(out);
}
