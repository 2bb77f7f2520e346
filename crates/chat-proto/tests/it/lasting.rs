//! Failures that time does not mend: a server that is not trusted, a proxy that wants a login. The
//! session tells why and waits for the application, whichever of its connections it was.

use std::time::Duration;

use chat_proto::c2c::client::C2cConfig;
use chat_proto::client::{Event, Phase};
use chat_proto::error::Lost;
use chat_proto::im::client::{Credentials, ImConfig};
use chat_proto::machine::{HttpFailure, LinkFailure};
use chat_proto::rest::BaseUrl;
use chat_proto::{Action, ConnId, Input, Machine, Now, Session, UnixMillis};

use crate::c2c_desk::Desk;

const WHY: &str = "certificate expired";

/// Everything that a failed connection can be reported as, and the same of an exchange.
fn lasting() -> [(LinkFailure, HttpFailure); 2] {
    [
        (LinkFailure::Untrusted(WHY.into()), HttpFailure::Untrusted(WHY.into())),
        (LinkFailure::ProxyLogin(WHY.into()), HttpFailure::ProxyLogin(WHY.into())),
    ]
}

#[test]
fn order_chat_waits_for_the_application() {
    for (link, http) in lasting() {
        // The ticket's exchange is the first to meet it.
        let mut desk = Desk::new(C2cConfig::default());
        desk.session.connect(desk.now);
        let id = desk.http().id;
        desk.session.handle_input(Input::Response { id, result: Err(http) }, desk.now);
        let waits = |desk: &mut Desk| {
            let told = Event::Lost { reason: Lost::Link(link.clone()), retry_in: None };
            assert_eq!(desk.events(), [told]);
            assert_eq!(desk.session.phase(), Phase::Waiting);
            desk.run(Duration::from_secs(24 * 60 * 60));
            assert!(desk.session.poll_action().is_none(), "nobody asked for another attempt");
        };
        waits(&mut desk);

        // Something was changed; now it is the socket.
        desk.session.connect(desk.now);
        desk.dial("TOKEN1");
        let lost = Input::Lost { conn: desk.conn, failure: link.clone() };
        desk.session.handle_input(lost, desk.now);
        assert!(matches!(desk.session.poll_action(), Some(Action::Drop { .. })));
        waits(&mut desk);

        desk.session.connect(desk.now);
        desk.dial("TOKEN2");
        desk.open();
        assert_eq!(desk.session.phase(), Phase::Ready);
    }
}

#[test]
fn topic_chat_waits_for_the_application() {
    for (link, http) in lasting() {
        let base = BaseUrl::parse("https://pbx.example.com").unwrap();
        let credentials = Credentials::password("101", "pbx.example.com", "demo-101");
        let mut now = Now { mono: crate::some_instant(), unix: UnixMillis::new(1_730_000_000_000) };
        let mut im = Session::im(ImConfig::new(&base, credentials).unwrap(), 7, now);
        im.connect(now);
        let Some(Action::Http { id, .. }) = im.poll_action() else { panic!("no tokens") };
        im.handle_input(Input::Response { id, result: Err(http.clone()) }, now);
        let told = Event::Lost { reason: Lost::Link(link.clone()), retry_in: None };
        assert_eq!(im.poll_event(), Some(told.clone()));

        now = now.after(Duration::from_secs(24 * 60 * 60));
        im.handle_input(Input::Timeout, now);
        assert!(im.poll_action().is_none() && im.poll_event().is_none());
        im.connect(now);
        let Some(Action::Http { id, .. }) = im.poll_action() else { panic!("no tokens") };
        let body = r#"{"access_token":"A","expires_in":1800,"refresh_token":"R"}"#;
        let tokens = http::Response::new(body.into());
        im.handle_input(Input::Response { id, result: Ok(tokens) }, now);
        let Some(Action::Dial { conn, .. }) = im.poll_action() else { panic!("no dial") };
        assert_eq!(conn, ConnId::new(1));
        im.handle_input(Input::Lost { conn, failure: link }, now);
        let events: Vec<_> = std::iter::from_fn(|| im.poll_event()).collect();
        assert_eq!(events.last(), Some(&told));
        assert_eq!(im.phase(), Phase::Waiting);
    }
}

#[test]
fn what_may_pass_is_tried_again() {
    let mut desk = Desk::new(C2cConfig::default());
    desk.session.connect(desk.now);
    let id = desk.http().id;
    let broken = Err(HttpFailure::Tls("the peer speaks no TLS".into()));
    desk.session.handle_input(Input::Response { id, result: broken }, desk.now);
    let events = desk.events();
    let [Event::Lost { reason: Lost::Prepare(_), retry_in: Some(pause) }] = events[..] else {
        panic!("{events:?}")
    };
    desk.run(pause);
    assert!(matches!(desk.session.poll_action(), Some(Action::Http { .. })));
}
