//! One client and one server without a network.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::C2c;
use chat_proto::c2c::client::{C2cConfig, Since};
use chat_proto::client::{Event, Phase, Session};
use chat_proto::rng::Rng;
use chat_testkit::host::{Commit, Host};
use chat_testkit::pair::{Heard, Said, Scripted, Served, play};
use chat_testkit::{Pair, people};

fn trader() -> Session<C2c> {
    Session::c2c(C2cConfig::default(), people::api(0), 7, crate::start())
}

fn with_hub() -> Pair<C2c, Served> {
    let host = Host::new(people::config(), people::world(), crate::start());
    let mut pair = Pair::new(trader(), Served { host, held: false }, crate::start());
    pair.call(|it, now| it.watch(people::ORDERS[0], Since::Start, now)).expect("it can be watched");
    pair.call(Session::connect);
    pair.settle();
    assert_eq!(pair.session().phase(), Phase::Ready);
    pair
}

fn ended(events: &[chat_testkit::laws::EventOf<C2c>]) -> usize {
    events.iter().filter(|it| matches!(it, Event::Completed { result: Ok(_), .. })).count()
}

#[test]
fn a_client_and_the_hub() {
    let mut pair = with_hub();
    pair.ask(|it, now| it.send_text(people::ORDERS[0], "hi", now)).expect("it can be sent");
    pair.settle();
    assert_eq!((ended(&pair.events()), pair.waiting()), (1, 0));
    // Pings go both ways, so that an idle link stays.
    pair.run(Duration::from_secs(600));
    assert!(!pair.events().iter().any(|it| matches!(it, Event::Lost { .. })));
    pair.cut(true);
    pair.run(Duration::from_secs(60));
    assert_eq!(pair.session().phase(), Phase::Ready);
}

#[test]
fn one_step_at_a_time() {
    let mut pair = with_hub();
    pair.far.held = true;
    pair.ask(|it, now| it.send_text(people::ORDERS[0], "hi", now)).expect("it can be sent");
    assert!(pair.write() && !pair.write());
    assert!(pair.deliver_up() && !pair.deliver_up());
    // Nothing is said before it is stored.
    while pair.listen() {}
    assert!(!pair.deliver_down());
    let (now, stored) = (pair.now(), pair.far.host.stored().len());
    assert!(!pair.far.commit(Commit::Stored, now).is_empty());
    assert!(pair.far.host.stored().len() > stored);
    assert!(pair.listen() && pair.deliver_down());
    while pair.hear() {}
    assert_eq!(ended(&pair.events()), 1);
}

#[test]
fn a_scripted_server() {
    let mut asked = 0;
    let refuse = |heard| match heard {
        Heard::Request(id, request) => {
            asked += 1;
            assert!(request.uri().path().starts_with("/sapi/"), "{}", request.uri().path());
            let mut response = http::Response::new(Bytes::from_static(b"<html>no</html>"));
            *response.status_mut() = http::StatusCode::FORBIDDEN;
            vec![Said::Answer(id, Ok(response))]
        }
        Heard::Opened(_) | Heard::Message(..) | Heard::Lost(_) => Vec::new(),
    };
    let mut pair = Pair::new(trader(), Scripted::new(refuse), crate::start());
    pair.call(Session::connect);
    pair.run(Duration::from_secs(600));
    assert_ne!(pair.session().phase(), Phase::Ready);
    let lost = pair.events().iter().filter(|it| matches!(it, Event::Lost { .. })).count();
    drop(pair);
    assert!(lost > 1 && asked >= lost, "{lost} of {asked}");
}

/// Every decision from bytes; a model judges.
#[test]
fn whatever_the_bytes_are() {
    let mut rng = Rng::new(0x9A12);
    for _ in 0..400 {
        let len = rng.below(300);
        let bytes: Vec<u8> = (0..len).map(|_| rng.next_u64().to_le_bytes()[0]).collect();
        let played = std::panic::catch_unwind(|| play(&bytes, crate::start()));
        assert!(played.is_ok(), "{bytes:?}");
    }
}
