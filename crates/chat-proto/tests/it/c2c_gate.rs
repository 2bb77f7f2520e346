//! The limits of a key: one gate for all calls, pauses the server asks for, used weights.

use std::time::Duration;

use chat_proto::c2c::Api;
use chat_proto::c2c::client::{Answer, C2cConfig, C2cEvent, Rest, Since};
use chat_proto::c2c::rest::{HistoryQuery, MarkAuth};
use chat_proto::client::{Event, Phase, RequestId};
use chat_proto::error::{Lost, RequestError};
use chat_proto::rest::Quota;
use chat_proto::{Action, Machine};

use crate::c2c_desk::{Desk, Happened, ORDER, START, end_of, gateway, item, page};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MARKED: &str = r#"{"code":"000000","data":true,"success":true}"#;

fn history(desk: &mut Desk) -> RequestId {
    desk.session.history(HistoryQuery::newest(ORDER), desk.now).unwrap()
}

fn throttled(events: &[Happened]) -> Option<(u16, Duration)> {
    events.iter().find_map(|event| match event {
        Event::Service(C2cEvent::Throttled { status, pause }) => Some((*status, *pause)),
        _ => None,
    })
}

#[test]
fn no_minute_sees_more_than_36_questions_for_an_upload() {
    let mut desk = Desk::ready();
    for n in 0..100 {
        desk.session.pre_signed_url(&format!("{n}.jpg"), desk.now).unwrap();
    }
    // Other calls do not wait behind them.
    history(&mut desk);
    let mut at = Vec::new();
    for tenth in 0..3000 {
        for asked in desk.started() {
            if asked.path() == "pre-signed-url" {
                at.push(tenth);
            } else {
                assert_eq!(tenth, 0);
            }
            desk.answer(&asked, MARKED);
        }
        desk.run(Duration::from_millis(100));
        desk.receive("{}");
        desk.events();
    }
    assert_eq!(at.len(), 100);
    assert_eq!(at.iter().filter(|at| **at == 0).count(), 6, "a few may come at once");
    for first in &at {
        let within = at.iter().filter(|at| (*first..first + 600).contains(*at)).count();
        assert!(within <= 36, "{within}");
    }
    assert!(at[99] <= 1900, "and no slower than need be: {}", at[99]);
}

#[test]
fn one_limit_holds_for_all_calls_of_the_key() {
    let calls = Quota::new(3, 10 * SECOND).burst(2);
    let mut desk = Desk::ready_with(C2cConfig { calls, ..C2cConfig::default() });
    desk.run(MINUTE);
    desk.receive("{}");
    let mark = desk.session.mark_read(ORDER, None, desk.now).unwrap();
    desk.session.watch(ORDER, Since::Start, desk.now).unwrap();
    history(&mut desk);
    desk.session.call(Rest::MarkUser { user_id: None }, desk.now).unwrap();
    let first = desk.started();
    let paths: Vec<_> = first.iter().map(|asked| asked.path()).collect();
    assert_eq!(paths, ["markOrderMessagesAsRead", "retrieveChatMessagesWithPagination"]);
    desk.answer(&first[0], MARKED);
    assert_eq!(end_of(&desk.events(), mark), Some(Ok(Answer::Marked)));
    desk.run(10 * SECOND - Duration::from_millis(1));
    assert!(desk.started().is_empty());
    desk.run(Duration::from_millis(1));
    assert_eq!(desk.started().len(), 1);
    desk.run(10 * SECOND);
    // Each is signed when it goes out, not when it was asked for.
    let last = desk.started();
    let stamp = last[0].param("timestamp").unwrap();
    assert_eq!(stamp, desk.now.unix.as_millis().to_string());
}

#[test]
fn retry_after_stops_every_call_and_the_stop_is_told() {
    for status in [429, 418] {
        let mut desk = Desk::ready();
        let refused = history(&mut desk);
        let asked = desk.http();
        let body = gateway(-1003);
        desk.answer_head(&asked, status, &[("retry-after", "40")], &body);
        let events = desk.events();
        assert_eq!(throttled(&events), Some((status, 40 * SECOND)));
        let Some(Err(RequestError::Rejected(why))) = end_of(&events, refused) else {
            panic!("{events:?}")
        };
        assert_eq!(why.retry_after, Some(40 * SECOND));
        // Every other call waits, whatever it is.
        let waits = history(&mut desk);
        desk.session.pre_signed_url("a.jpg", desk.now).unwrap();
        desk.session.watch(ORDER, Since::Start, desk.now).unwrap();
        desk.run(39 * SECOND);
        assert!(desk.quiet());
        desk.run(SECOND);
        let asked = desk.started();
        assert_eq!(asked.len(), 3);
        desk.answer(&asked[0], &page(&[]));
        assert!(matches!(end_of(&desk.events(), waits), Some(Ok(Answer::History(_)))));
    }
}

/// Calls that were under way bring their own answers: the latest end counts.
#[test]
fn a_longer_stop_replaces_a_shorter_one_and_not_the_other_way_round() {
    for (pauses, told) in [([10, 40], true), ([40, 10], false)] {
        let mut desk = Desk::ready();
        history(&mut desk);
        history(&mut desk);
        let under_way = desk.started();
        assert_eq!(under_way.len(), 2);
        for (asked, pause) in under_way.iter().zip(pauses) {
            desk.events();
            desk.answer_head(asked, 429, &[("retry-after", &pause.to_string())], "");
        }
        let expected = told.then_some((429, 40 * SECOND));
        assert_eq!(throttled(&desk.events()), expected, "{pauses:?}");
        history(&mut desk);
        desk.run(39 * SECOND);
        assert!(desk.started().is_empty(), "{pauses:?}");
        desk.run(SECOND);
        assert_eq!(desk.started().len(), 1, "{pauses:?}");
    }
}

#[test]
fn a_ban_without_retry_after_is_obeyed_too() {
    // The text names the end, by the server's clock.
    let mut desk = Desk::ready();
    history(&mut desk);
    let asked = desk.http();
    let text = format!(r#"{{"code":-1003,"msg":"IP banned until {}."}}"#, START + 70_000);
    desk.answer_with(&asked, 418, &text);
    assert_eq!(throttled(&desk.events()), Some((418, 70 * SECOND)));
    // Nothing names it: the configured pause, twice as long for a ban.
    for (status, pause) in [(429, MINUTE), (418, 2 * MINUTE)] {
        let mut desk = Desk::ready();
        history(&mut desk);
        let asked = desk.http();
        desk.answer_with(&asked, status, "");
        assert_eq!(throttled(&desk.events()), Some((status, pause)));
    }
    // A firewall.
    let mut desk = Desk::ready();
    history(&mut desk);
    let asked = desk.http();
    desk.answer_with(&asked, 403, "<html>Request blocked</html>");
    assert_eq!(throttled(&desk.events()), Some((403, MINUTE)));
}

#[test]
fn a_pause_longer_than_a_call_may_wait_fails_it_at_once() {
    let mut desk = Desk::ready();
    history(&mut desk);
    let asked = desk.http();
    desk.answer_head(&asked, 418, &[("retry-after", "259200")], "");
    desk.events();
    let mark = desk.session.mark_read(ORDER, None, desk.now).unwrap();
    let Some(Err(RequestError::Rejected(why))) = end_of(&desk.events(), mark) else { panic!() };
    assert_eq!((why.code.as_str(), why.retry_after), ("418", Some(Duration::from_secs(259_200))));
    // A message that cannot be looked up within reason is unknown.
    let (id, _) = desk.send("hello");
    desk.run(5 * SECOND);
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::Unknown)));
}

#[test]
fn a_dial_waits_for_the_end_of_a_pause_and_says_so() {
    let mut desk = Desk::ready();
    history(&mut desk);
    let asked = desk.http();
    desk.answer_head(&asked, 429, &[("retry-after", "90")], "");
    desk.lose();
    desk.events();
    desk.run(30 * SECOND);
    let events = desk.events();
    let Some(Event::Lost { reason: Lost::Refused(why), retry_in: Some(pause) }) = events.last()
    else {
        panic!("{events:?}")
    };
    assert_eq!(why.code, "429");
    assert!(*pause >= 50 * SECOND);
    desk.run(MINUTE + 30 * SECOND);
    assert_eq!(desk.http().path(), "retrieveChatCredential");
}

#[test]
fn what_never_left_the_gate_had_no_effect() {
    let calls = Quota::new(1, 1000 * SECOND);
    let mut desk = Desk::ready_with(C2cConfig { calls, ..C2cConfig::default() });
    let mark = desk.session.mark_read(ORDER, None, desk.now).unwrap();
    let cut = desk.session.mark_read(ORDER, None, desk.now).unwrap();
    desk.session.cancel(cut, desk.now);
    assert_eq!(end_of(&desk.events(), cut), Some(Err(RequestError::Cancelled)));
    for _ in 0..10 {
        desk.run(MINUTE / 2);
        desk.receive("{}");
    }
    desk.run(SECOND);
    assert_eq!(end_of(&desk.events(), mark), Some(Err(RequestError::TimedOut)));
    // Neither takes a turn afterwards.
    for _ in 0..30 {
        desk.run(MINUTE / 2);
        desk.receive("{}");
    }
    assert!(desk.started().is_empty());
    // One that left may have had its effect.
    let mark = desk.session.mark_read(ORDER, None, desk.now).unwrap();
    assert_eq!(desk.started().len(), 1);
    for _ in 0..3 {
        desk.run(MINUTE / 2);
        desk.receive("{}");
    }
    assert_eq!(end_of(&desk.events(), mark), Some(Err(RequestError::Unknown)));
}

#[test]
fn calls_given_up_fill_no_memory() {
    let mut desk = Desk::ready();
    history(&mut desk);
    let asked = desk.http();
    desk.answer_head(&asked, 429, &[("retry-after", "50")], "");
    for _ in 0..5000 {
        let id = history(&mut desk);
        desk.session.cancel(id, desk.now);
    }
    desk.events();
    let last = history(&mut desk);
    desk.run(50 * SECOND);
    let asked = desk.started();
    assert_eq!(asked.len(), 1);
    desk.answer(&asked[0], &page(&[]));
    assert!(matches!(end_of(&desk.events(), last), Some(Ok(_))));
}

#[test]
fn a_pause_does_not_stop_messages_nor_lose_a_backfill() {
    let mut desk = Desk::ready();
    desk.session.watch(ORDER, Since::Start, desk.now).unwrap();
    let asked = desk.http();
    desk.answer_head(&asked, 429, &[("retry-after", "50")], "");
    let events = desk.events();
    assert!(matches!(events.last(), Some(Event::Service(C2cEvent::BackfillFailed { .. }))));
    let (_, _) = desk.send("the socket is not the key's");
    assert_eq!(desk.written().len(), 1);
    desk.run(50 * SECOND);
    let asked = desk.started();
    let fill = asked.iter().find(|it| it.param("rows").as_deref() == Some("100")).unwrap();
    desk.answer(fill, &page(&[item(1, ORDER, false)]));
    let events = desk.events();
    let filled = |event: &Happened| matches!(event, Event::Service(C2cEvent::Backfilled { .. }));
    assert!(events.iter().any(filled), "{events:?}");
}

#[test]
fn used_weights_are_shown_and_a_high_one_is_told() {
    let mut desk = Desk::ready();
    let ip = "x-sapi-used-ip-weight-1m";
    for (used, told) in
        [("12", false), ("9600", true), ("11000", false), ("3", false), ("9700", true)]
    {
        history(&mut desk);
        let asked = desk.http();
        let head = [("X-SAPI-USED-IP-WEIGHT-1M", used), ("x-mbx-used-uid-weight", "7")];
        desk.answer_head(&asked, 200, &head, &page(&[]));
        assert_eq!(desk.session.weights()[ip], used.parse::<u64>().unwrap());
        let alert = desk.events().iter().any(|event| {
            matches!(event, Event::Service(C2cEvent::WeightHigh { header, .. }) if header == ip)
        });
        assert_eq!(alert, told, "{used}");
    }
    assert_eq!(desk.session.weights()["x-mbx-used-uid-weight"], 7);
    // A hostile relay cannot fill memory with names.
    for n in 0..100 {
        history(&mut desk);
        let asked = desk.http();
        desk.answer_head(&asked, 200, &[(&format!("x-mbx-used-{n}"), "1")], &page(&[]));
        desk.run(SECOND);
        desk.receive("{}");
    }
    assert_eq!(desk.session.weights().len(), 16);
}

#[test]
fn read_marks_can_go_without_a_signature() {
    let mut desk = Desk::ready();
    let api = Api::new(&"k".into(), &"s".into()).unwrap().mark_auth(MarkAuth::KeyOnly);
    desk.session.set_api(api.base_url("https://relay.example/binance").unwrap(), desk.now);
    desk.session.mark_read(ORDER, Some(7), desk.now).unwrap();
    let asked = desk.http();
    let uri = asked.request.uri().to_string();
    assert_eq!(
        uri, "https://relay.example/binance/sapi/v1/c2c/chat/markOrderMessagesAsRead",
        "another base URL holds for all calls"
    );
}

#[test]
fn a_probe_of_the_clock_goes_first_and_counts() {
    let calls = Quota::new(2, 10 * SECOND).burst(1);
    let mut desk = Desk::new(C2cConfig { calls, ..C2cConfig::default() });
    desk.session.connect(desk.now);
    let ticket = desk.http();
    history(&mut desk);
    desk.answer_with(&ticket, 400, &gateway(-1021));
    assert!(desk.started().is_empty());
    desk.run(10 * SECOND);
    let probe = desk.http();
    assert_eq!(probe.path(), "time");
    desk.answer(&probe, &format!(r#"{{"serverTime":{}}}"#, START + 20_000));
    assert_eq!(desk.session.phase(), Phase::Preparing);
    desk.run(9 * SECOND);
    assert!(desk.session.poll_action().is_none());
    desk.run(SECOND);
    // Too late for this attempt: the dial has its own deadline, and the next one goes first again.
    let mut next = desk.session.poll_action();
    while !matches!(next, Some(Action::Http { .. })) {
        desk.run(SECOND);
        next = desk.session.poll_action();
    }
    let Some(Action::Http { request, .. }) = next else { panic!() };
    assert!(request.request().uri().path().ends_with("retrieveChatCredential"));
}
