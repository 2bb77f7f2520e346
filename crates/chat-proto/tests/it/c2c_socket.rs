//! One socket per account: tickets, takeovers, refusals, recycling.

use std::time::Duration;

use chat_proto::c2c::client::{C2cConfig, C2cEvent, Since};
use chat_proto::client::{Event, Phase};
use chat_proto::error::Lost;
use chat_proto::machine::LinkFailure;
use chat_proto::{Action, ConnId, Input, Machine};

use crate::c2c_desk::{Desk, Happened, ORDER, credential, echo, item, page};

const MINUTE: Duration = Duration::from_secs(60);

fn lost(events: &[Happened]) -> Option<(&Lost, Option<Duration>)> {
    events.iter().find_map(|event| match event {
        Event::Lost { reason, retry_in } => Some((reason, *retry_in)),
        _ => None,
    })
}

#[test]
fn the_third_takeover_parks_the_session_until_it_is_told_to_connect() {
    let mut desk = Desk::ready();
    for token in ["TOKEN2", "TOKEN3"] {
        desk.bye();
        let events = desk.events();
        let (reason, retry_in) = lost(&events).unwrap();
        assert_eq!(reason, &Lost::TakenOver);
        assert!(retry_in.unwrap() >= 5 * MINUTE);
        desk.reconnect(token);
    }
    desk.bye();
    assert_eq!(lost(&desk.events()), Some((&Lost::TakenOver, None)), "and this is visible");
    assert_eq!(desk.session.phase(), Phase::Waiting);
    desk.run(1000 * MINUTE);
    assert!(desk.quiet());
    desk.reconnect("TOKEN4");
    assert_eq!(desk.session.phase(), Phase::Ready);
}

#[test]
fn a_long_peace_lets_takeovers_be_forgotten_and_the_limit_is_a_setting() {
    let mut desk = Desk::ready();
    for n in 0..6 {
        // Twenty minutes of peace; something is heard now and then.
        for _ in 0..21 {
            desk.run(MINUTE);
            desk.receive("{}");
            while desk.session.poll_transmit().is_some() {}
        }
        desk.bye();
        let events = desk.events();
        assert!(lost(&events).unwrap().1.is_some(), "{n}");
        desk.reconnect("T");
    }
    let first = C2cConfig { taken_over_limit: Some(1), ..C2cConfig::default() };
    let mut desk = Desk::ready_with(first);
    desk.bye();
    assert_eq!(lost(&desk.events()), Some((&Lost::TakenOver, None)));
    let never = C2cConfig { taken_over_limit: None, ..C2cConfig::default() };
    let mut desk = Desk::ready_with(never);
    for _ in 0..10 {
        desk.bye();
        assert!(lost(&desk.events()).unwrap().1.is_some());
        desk.run(MINUTE);
        desk.reconnect("T");
    }
}

/// Two processes with one key: whoever dials throws the other out.
#[test]
fn two_processes_with_one_key_come_to_rest() {
    let mut desks = [Desk::ready(), Desk::ready()];
    // The second has dialled, so the first is out.
    desks[0].bye();
    let (mut exchanges, mut parked) = (1, None);
    for _ in 0..20 {
        for me in 0..2 {
            let events = desks[me].events();
            if let Some((Lost::TakenOver, None)) = lost(&events) {
                parked = Some(me);
            }
            if desks[me].session.phase() != Phase::Waiting || parked == Some(me) {
                continue;
            }
            // The pause, while the other hears something now and then.
            while desks[me].session.phase() == Phase::Waiting {
                for desk in &mut desks {
                    desk.pass(Duration::from_secs(10));
                    if desk.session.phase() == Phase::Ready {
                        desk.receive("{}");
                    }
                    desk.session.handle_input(Input::Timeout, desk.now);
                }
            }
            assert_eq!(desks[me].session.phase(), Phase::Preparing);
            desks[me].dial("T");
            desks[me].open();
            let other = &mut desks[1 - me];
            assert_eq!(other.session.phase(), Phase::Ready);
            other.bye();
            exchanges += 1;
        }
    }
    let parked = parked.expect("one gives up");
    assert_eq!(exchanges, 5, "three takeovers of one, two of the other");
    assert_eq!(desks[1 - parked].session.phase(), Phase::Ready);
    assert_eq!(desks[parked].session.phase(), Phase::Waiting);
}

#[test]
fn a_refused_socket_is_not_hammered() {
    let mut desk = Desk::new(C2cConfig::default());
    desk.session.connect(desk.now);
    desk.dial("TOKEN1");
    let failure = LinkFailure::Refused { status: 403, retry_after: None };
    desk.session.handle_input(Input::Lost { conn: desk.conn, failure }, desk.now);
    let events = desk.events();
    let (_, retry_in) = lost(&events).unwrap();
    assert!(retry_in.unwrap() >= Duration::from_secs(10));
}

#[test]
fn tickets_are_limited_however_often_the_application_connects() {
    let mut desk = Desk::new(C2cConfig::default());
    let mut tickets = 0;
    for _ in 0..100 {
        desk.session.connect(desk.now);
        while let Some(action) = desk.session.poll_action() {
            if let Action::Http { id, .. } = action {
                tickets += 1;
                let result = Err(chat_proto::machine::HttpFailure::Dial("down".into()));
                desk.session.handle_input(Input::Response { id, result }, desk.now);
            }
        }
    }
    assert_eq!(tickets, 4);
    let events = desk.events();
    let Some(Event::Lost { reason: Lost::Refused(why), retry_in: Some(pause) }) = events.last()
    else {
        panic!("{events:?}")
    };
    assert_eq!(why.code, "limit");
    assert!(*pause >= why.retry_after.unwrap());
    desk.run(*pause);
    assert_eq!(desk.http().path(), "retrieveChatCredential");
}

#[test]
fn a_recycled_socket_has_a_fresh_ticket_and_misses_nothing() {
    let config = C2cConfig { recycle_after: Some(50 * MINUTE), ..C2cConfig::default() };
    let mut desk = Desk::ready_with(config);
    desk.session.watch(ORDER, Since::Start, desk.now).unwrap();
    let asked = desk.http();
    desk.answer(&asked, &page(&[item(1, ORDER, false)]));
    desk.events();
    for _ in 0..49 {
        desk.run(MINUTE);
        desk.receive("{}");
    }
    desk.run(MINUTE - Duration::from_millis(200));
    // A message is on its way: it gets its time.
    let (_, uuid) = desk.send("hello");
    desk.run(Duration::from_secs(2));
    assert_eq!(desk.session.phase(), Phase::Ready);
    desk.receive(&echo(&uuid));
    desk.run(Duration::from_secs(1));
    let events = desk.events();
    let (reason, retry_in) = lost(&events).expect("the socket is old");
    assert_eq!(reason, &Lost::Recycled);
    assert!(retry_in.unwrap() <= Duration::from_secs(1));
    assert!(matches!(desk.session.poll_action(), Some(Action::Drop { .. })), "close, then open");
    desk.run(Duration::from_secs(1));
    desk.dial("TOKEN2");
    desk.open();
    assert!(matches!(desk.events()[..], [Event::Ready { resumed: true }]));
    let asked = desk.http();
    let newer = item(1_009_649_847_000_000_003, ORDER, false);
    desk.answer(&asked, &page(&[newer, item(1, ORDER, false)]));
    let events = desk.events();
    assert!(
        matches!(events.last(), Some(Event::Service(C2cEvent::Backfilled { count: 1, .. }))),
        "{events:?}"
    );
}

#[test]
fn a_message_without_an_echo_does_not_hold_an_old_socket_for_ever() {
    let mut config = C2cConfig { recycle_after: Some(MINUTE), ..C2cConfig::default() };
    config.session.request_timeout = 10 * MINUTE;
    let mut desk = Desk::ready_with(config);
    desk.run(MINUTE - Duration::from_secs(1));
    desk.send("hello");
    desk.run(Duration::from_secs(12));
    assert!(matches!(lost(&desk.events()), Some((Lost::Recycled, _))));
}

#[test]
fn without_the_setting_a_socket_is_left_alone() {
    let mut desk = Desk::ready();
    for _ in 0..300 {
        desk.run(MINUTE);
        desk.receive("{}");
    }
    assert_eq!(desk.session.phase(), Phase::Ready);
    assert_eq!(desk.conn, ConnId::new(1));
}

#[test]
fn a_ticket_that_comes_late_is_of_no_use() {
    let mut desk = Desk::new(C2cConfig::default());
    desk.session.connect(desk.now);
    let asked = desk.http();
    desk.run(Duration::from_secs(20));
    assert!(matches!(lost(&desk.events()), Some((Lost::OpenTimedOut(_), _))));
    let aborted = desk.session.poll_action();
    assert!(matches!(aborted, Some(Action::AbortHttp { id }) if id == asked.id), "{aborted:?}");
    desk.answer(&asked, &credential("TOKEN1"));
    assert!(desk.quiet());
}
