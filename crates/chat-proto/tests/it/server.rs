//! One connection as the server sees it.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::machine::{CloseFrame, ConnId, Message, Text};
use chat_proto::server::{Incoming, Lane, Phase, Rate, ServerConfig, ServerSession, Stimulus};
use chat_proto::time::{Now, UnixMillis};
use proptest::prelude::*;

use crate::{same_cases_each_run, some_instant};

fn start() -> Now {
    Now { mono: some_instant(), unix: UnixMillis::new(1_700_000_000_000) }
}

fn session(config: ServerConfig, now: Now) -> ServerSession {
    ServerSession::new(config, ConnId::new(1), now)
}

fn code(message: Option<Message>) -> u16 {
    match message {
        Some(Message::Close(Some(CloseFrame { code, .. }))) => code,
        other => panic!("no close: {other:?}"),
    }
}

#[test]
fn the_whole_table_of_phases() {
    let mut table = String::new();
    for phase in Phase::ALL {
        for stimulus in Stimulus::ALL {
            let after = phase.after(stimulus);
            let line = if after == phase { "·".to_owned() } else { format!("{after:?}") };
            table.push_str(&format!("{phase:?} {stimulus:?} → {line}\n"));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_guest_has_so_long() {
    let now = start();
    let mut guest = session(ServerConfig::default(), now);
    let by = guest.poll_timeout().unwrap();
    assert_eq!(by - now.mono, Duration::from_millis(49_500));
    let late = now.after(Duration::from_secs(60));
    let _ = guest.received(Message::Pong(Bytes::new()), now.after(Duration::from_secs(30)));
    guest.handle_timeout(late);
    assert_eq!(guest.phase(), Phase::Closing);
    assert_eq!(code(guest.poll_transmit()), 1008);
    guest.handle_timeout(late.after(Duration::from_secs(5)));
    assert!(guest.is_finished());
    assert_eq!(guest.poll_timeout(), None);
    let mut user = session(ServerConfig::default(), now);
    user.authenticated();
    let _ = user.received(Message::Pong(Bytes::new()), now.after(Duration::from_secs(30)));
    user.handle_timeout(late);
    assert_eq!(user.phase(), Phase::Live);
}

#[test]
fn closing_flushes_what_is_queued_and_says_why_once() {
    let now = start();
    let mut it = session(ServerConfig { auth_within: None, ..ServerConfig::default() }, now);
    assert_eq!(it.phase(), Phase::Live);
    it.deliver(Lane::Live, Text::from("a"), now).unwrap();
    it.close(1001, "first", now);
    it.close(1002, "second", now);
    it.deliver(Lane::Live, Text::from("b"), now).unwrap();
    assert_eq!(it.poll_transmit(), Some(Message::text("a")));
    assert_eq!(code(it.poll_transmit()), 1001);
    assert_eq!(it.poll_transmit(), None);
    assert_eq!(it.received(Message::text("late"), now), None);
    let _ = it.received(Message::Close(None), now);
    assert!(it.is_finished());
}

#[test]
fn lanes_have_their_own_limits() {
    let now = start();
    let config = ServerConfig { max_queued: 2, max_answers: 32, ..ServerConfig::default() };
    let mut it = session(config, now);
    for _ in 0..2 {
        it.deliver(Lane::Live, Text::from("l"), now).unwrap();
        it.deliver(Lane::Answer, Text::from("a"), now).unwrap();
    }
    assert!(it.wants_input(0));
    assert!(!it.wants_input(1), "an answer that is held back counts");
    it.deliver(Lane::Answer, Text::from("a"), now).unwrap();
    assert!(!it.wants_input(0));
    assert_eq!(it.deliver(Lane::Live, Text::from("l"), now).unwrap_err().queued, 2);
    assert_eq!(code(it.poll_transmit()), 1013);
    assert!(it.wants_input(9), "the peer's close must be read");
}

#[test]
fn the_rate_is_earned_back() {
    let now = start();
    let rate = Some(Rate { burst: 3, per: Duration::from_secs(2) });
    let mut it = session(ServerConfig { rate, ..ServerConfig::default() }, now);
    let mut admitted = |millis| {
        let at = now.after(Duration::from_millis(millis));
        matches!(it.received(Message::text("x"), at), Some(Incoming::Frame(_)))
    };
    let taken = [0, 0, 0, 0, 1_999, 2_000, 2_000, 8_000, 8_000, 8_000, 8_000].map(&mut admitted);
    assert_eq!(taken, [true, true, true, false, false, true, false, true, true, true, false]);
}

#[test]
fn the_probe_is_of_topic_chat_only() {
    let now = start();
    let mut it = session(ServerConfig { probe: false, ..ServerConfig::default() }, now);
    assert!(matches!(it.received(Message::text("1"), now), Some(Incoming::Frame(_))));
}

proptest! {
    #![proptest_config(same_cases_each_run())]

    /// After a timeout the next one is later, and a queue never grows past its limits.
    #[test]
    fn time_moves_on_and_queues_are_bounded(steps in prop::collection::vec((0..6u8, 0..70_000u64), 1..60)) {
        let mut now = start();
        let config = ServerConfig { max_queued: 4, max_answers: 16, ..ServerConfig::default() };
        let mut it = session(config, now);
        for (step, millis) in steps {
            now = now.after(Duration::from_millis(millis));
            match step {
                0 => drop(it.received(Message::text("x"), now)),
                1 => drop(it.deliver(Lane::Live, Text::from("l"), now)),
                2 => drop(it.deliver(Lane::Answer, Text::from("a"), now)),
                3 => it.authenticated(),
                4 => drop(it.poll_transmit()),
                _ => {
                    it.handle_timeout(now);
                    // One call does one thing; the rest is due at once and done by the next.
                    it.handle_timeout(now);
                    prop_assert!(it.poll_timeout().is_none_or(|at| at > now.mono));
                }
            }
        }
        let mut queued = 0;
        while it.poll_transmit().is_some() {
            queued += 1;
        }
        prop_assert!(queued <= 4 + 16 + 3);
        prop_assert!(!it.has_transmit());
    }
}
