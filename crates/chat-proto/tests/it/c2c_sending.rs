//! Sending: what is proven lost, what is sent again, and what never is.

use std::time::Duration;

use chat_proto::c2c::client::{Answer, C2cConfig, Progress, Resend, SendOptions};
use chat_proto::c2c::{Loose, Up};
use chat_proto::client::RequestId;
use chat_proto::error::{CallError, RequestError};
use chat_proto::machine::HttpFailure;
use chat_proto::{Input, Machine};

use crate::c2c_desk::{Desk, ORDER, START, echo, end_of, item, page, steps};

const SECOND: Duration = Duration::from_secs(1);

fn resending() -> Desk {
    let config = C2cConfig { resend: Resend::WhenProvenLost, ..hasty() };
    Desk::ready_with(config)
}

/// Sends again as soon as the lookups are over.
fn hasty() -> C2cConfig {
    C2cConfig { resend_after: Duration::ZERO, ..C2cConfig::default() }
}

/// Lets the time for the echo pass and answers each lookup with a page.
fn look_up(desk: &mut Desk, pages: [&str; 3]) {
    desk.run(5 * SECOND);
    for body in pages {
        let asked = desk.http();
        desk.answer(&asked, body);
        desk.run(SECOND);
    }
}

fn accepted(result: Option<Result<Answer, RequestError>>) -> bool {
    matches!(result, Some(Ok(Answer::Accepted(_))))
}

#[test]
fn ids_are_version_4_uuids_unless_the_caller_chooses() {
    let mut desk = Desk::ready();
    let (_, uuid) = desk.send("hello");
    assert_eq!(uuid.len(), 36);
    assert_eq!((uuid.as_bytes()[14], uuid.as_bytes()[8]), (b'4', b'-'));
    assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    desk.run(SECOND);
    desk.written();
    let own = SendOptions { uuid: Some("self_1700000000123".into()), ..SendOptions::default() };
    let text = || Up::text("", "", "hi", 0);
    let id = desk.session.send_frame(ORDER, text(), &own, desk.now).unwrap();
    assert!(desk.written()[0].contains(r#""uuid":"self_1700000000123""#));
    let again = desk.session.send_frame(ORDER, text(), &own, desk.now);
    assert!(matches!(again, Err(CallError::Invalid(_))));
    for uuid in [String::new(), "x".repeat(129)] {
        let bad = SendOptions { uuid: Some(uuid), ..SendOptions::default() };
        assert!(matches!(
            desk.session.send_frame(ORDER, text(), &bad, desk.now),
            Err(CallError::Invalid(_))
        ));
    }
    desk.receive(&echo("self_1700000000123"));
    assert!(accepted(end_of(&desk.events(), id)));
}

#[test]
fn any_frame_can_be_sent_and_is_accepted_by_its_echo() {
    let mut desk = Desk::ready();
    let card = Up {
        type_name: "card".into(),
        content: Some(Loose::string(r#"{"advNo":"1"}"#)),
        ..Up::default()
    };
    let id = desk.session.send_frame(ORDER, card, &SendOptions::default(), desk.now).unwrap();
    let written = desk.written();
    let frame: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    assert_eq!((&frame["type"], &frame["orderNo"]), (&"card".into(), &ORDER.into()));
    assert!(frame.get("createTime").is_none(), "what it has not, it does not get");
    let uuid = frame["uuid"].as_str().unwrap();
    desk.receive(&echo(uuid).replace(r#""type":"text""#, r#""type":"card""#));
    assert!(accepted(end_of(&desk.events(), id)));
}

#[test]
fn what_is_proven_lost_is_sent_once_more_with_the_same_id() {
    let mut desk = resending();
    let (id, uuid) = desk.send("hello");
    let first = desk.written();
    // Short pages without it: three of them are the proof. The last message is older.
    look_up(&mut desk, [&page(&[]), &page(&[item(5, ORDER, true)]), &page(&[])]);
    let second = desk.written();
    assert_eq!(second, first, "the same frame");
    let events = desk.events();
    assert_eq!(steps(&events), [Progress::Verifying, Progress::Resending, Progress::Written]);
    assert_eq!(end_of(&events, id), None);
    desk.receive(&echo(&uuid));
    assert!(accepted(end_of(&desk.events(), id)));
    assert!(desk.written().is_empty());
}

#[test]
fn history_gets_time_to_show_a_message_before_it_counts_as_lost() {
    let config = C2cConfig { resend: Resend::WhenProvenLost, ..C2cConfig::default() };
    let mut desk = Desk::ready_with(config.clone());
    let (id, uuid) = desk.send("hello");
    desk.written();
    desk.run(5 * SECOND);
    // It shows up twelve seconds after the writing.
    for _ in 5..12 {
        let asked = desk.http();
        desk.answer(&asked, &page(&[]));
        desk.run(SECOND);
    }
    let asked = desk.http();
    desk.answer(&asked, &page(&[item(7, ORDER, true).replace("u7", &uuid)]));
    assert!(accepted(end_of(&desk.events(), id)));
    assert!(desk.written().is_empty());
    // It never does.
    let mut desk = Desk::ready_with(config);
    desk.send("hello");
    desk.written();
    desk.run(5 * SECOND);
    for second in 5..=15 {
        assert!(desk.written().is_empty(), "{second}");
        let asked = desk.http();
        desk.answer(&asked, &page(&[]));
        desk.run(SECOND);
    }
    assert_eq!(desk.written().len(), 1);
}

#[test]
fn a_refusal_of_the_second_copy_says_nothing_about_the_first() {
    let mut desk = resending();
    let (id, uuid) = desk.send("hello");
    let none = page(&[]);
    look_up(&mut desk, [&none, &none, &none]);
    assert_eq!(desk.written().len(), 2);
    desk.receive(&format!(r#"{{"type":"error","content":"ILLEGAL_PARAM","uuid":"{uuid}"}}"#));
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::Unknown)));
}

#[test]
fn it_is_not_sent_a_third_time() {
    let mut desk = resending();
    let (id, _) = desk.send("hello");
    let none = page(&[]);
    look_up(&mut desk, [&none, &none, &none]);
    look_up(&mut desk, [&none, &none, &none]);
    assert_eq!(desk.written().len(), 2);
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::Unknown)));
    desk.run(60 * SECOND);
    assert!(desk.written().is_empty());
}

#[test]
fn a_message_can_ask_for_it_or_forbid_it() {
    let none = page(&[]);
    for (mut desk, resend, times) in
        [(Desk::ready_with(hasty()), Resend::WhenProvenLost, 2), (resending(), Resend::Never, 1)]
    {
        let options = SendOptions { resend: Some(resend), ..SendOptions::default() };
        let frame = Up::text("", "", "pay to account 7", 0);
        desk.session.send_frame(ORDER, frame, &options, desk.now).unwrap();
        desk.events();
        look_up(&mut desk, [&none, &none, &none]);
        assert_eq!(desk.written().len(), times, "{resend:?}");
    }
}

/// Whether a message is sent again when the lookups show these pages.
fn is_sent_again(pages: [&str; 3]) -> bool {
    let mut desk = resending();
    let (id, _) = desk.send("no 7");
    assert_eq!(desk.written().len(), 1);
    look_up(&mut desk, pages);
    let again = !desk.written().is_empty();
    let unknown = end_of(&desk.events(), id) == Some(Err(RequestError::Unknown));
    assert_eq!(again, !unknown);
    again
}

#[test]
fn only_a_proof_counts() {
    let none = page(&[]);
    assert!(is_sent_again([&none, &none, &none]));
    // One of ours with the same content, under an id that is not ours: it may be this one.
    let twin = page(&[item(7, ORDER, true)]);
    assert!(!is_sent_again([&none, &twin, &none]));
    // The other side said the same, or we did long ago: neither is it.
    assert!(is_sent_again([&none, &page(&[item(7, ORDER, false)]), &none]));
    let old = item(7, ORDER, true).replace(&(START + 7).to_string(), &(START - 90_000).to_string());
    assert!(is_sent_again([&none, &page(&[old]), &none]));
    // A page that is full of newer messages does not reach back far enough.
    let full: Vec<_> = (100..150).map(|id| item(id, ORDER, false)).collect();
    assert!(!is_sent_again([&page(&full), &none, &none]));
    let far: Vec<_> = full
        .iter()
        .map(|item| item.replace("\"createTime\":17000", "\"createTime\":16999"))
        .collect();
    assert!(is_sent_again([&page(&far), &none, &none]));
    // Clocks may differ by a minute, and not by more.
    let at =
        |item: &String, id: u64, at: u64| item.replace(&(START + id).to_string(), &at.to_string());
    for (before, again) in [(60_000, false), (60_001, true)] {
        let edge: Vec<_> =
            full.iter().zip(100..).map(|(item, id)| at(item, id, START - before)).collect();
        assert_eq!(is_sent_again([&page(&edge), &none, &none]), again, "{before}");
        let twin = page(&[at(&item(7, ORDER, true), 7, START - before)]);
        assert_eq!(is_sent_again([&none, &twin, &none]), again, "{before}");
    }
    // An item that cannot be read may be it.
    assert!(!is_sent_again([&page(&[r#"{"id":7,"self":"yes"}"#.to_owned()]), &none, &none]));
}

#[test]
fn an_accepted_message_with_the_same_content_is_no_twin() {
    let mut desk = resending();
    let (_, first) = desk.send("no 7");
    desk.receive(&echo(&first));
    desk.run(SECOND);
    desk.events();
    let (_, _) = desk.send("no 7");
    desk.written();
    let shown = page(&[item(7, ORDER, true).replace("u7", &first)]);
    look_up(&mut desk, [&shown, &shown, &shown]);
    assert_eq!(desk.written().len(), 1, "the second one is lost all the same");
}

#[test]
fn what_was_accepted_before_the_last_one_is_no_twin_either() {
    let mut desk = resending();
    let mut accepted = Vec::new();
    for words in ["no 7", "other"] {
        let (_, uuid) = desk.send(words);
        desk.receive(&echo(&uuid));
        desk.run(SECOND);
        desk.events();
        accepted.push(uuid);
    }
    desk.send("no 7");
    desk.written();
    let shown = page(&[item(7, ORDER, true).replace("u7", &accepted[0])]);
    look_up(&mut desk, [&shown, &shown, &shown]);
    assert_eq!(desk.written().len(), 1, "it is lost, and sent again");
}

#[test]
fn a_late_echo_stops_the_second_way() {
    let mut desk = resending();
    let (id, uuid) = desk.send("hello");
    let none = page(&[]);
    desk.run(5 * SECOND);
    for _ in 0..2 {
        let asked = desk.http();
        desk.answer(&asked, &none);
        desk.run(SECOND);
    }
    // Another message has just gone out, so the second way waits for the pace.
    desk.session.send_text(ORDER, "other", desk.now).unwrap();
    assert_eq!(desk.written().len(), 2);
    let asked = desk.http();
    desk.answer(&asked, &none);
    desk.receive(&echo(&uuid));
    let events = desk.events();
    assert_eq!(steps(&events).last(), Some(&Progress::Resending));
    assert!(accepted(end_of(&events, id)));
    desk.run(2 * SECOND);
    assert!(desk.written().is_empty());
}

#[test]
fn one_that_gives_up_waiting_for_a_socket_takes_no_other_along() {
    let mut desk = Desk::ready();
    desk.lose();
    let first = desk.session.send_text(ORDER, "one", desk.now).unwrap();
    desk.run(3 * SECOND);
    let second = desk.session.send_text(ORDER, "two", desk.now).unwrap();
    desk.run(3 * SECOND);
    let events = desk.events();
    assert_eq!(end_of(&events, first), Some(Err(RequestError::TimedOut)));
    assert_eq!(end_of(&events, second), None);
    desk.reconnect("TOKEN2");
    let written = desk.written();
    assert!(written.len() == 1 && written[0].contains("two"), "{written:?}");
}

#[test]
fn what_was_lost_once_and_finds_no_socket_ends_as_unknown() {
    let mut desk = resending();
    let (id, _) = desk.send("hello");
    desk.written();
    desk.lose();
    desk.run(SECOND);
    for _ in 0..3 {
        let mut asked = desk.started();
        let lookup = asked.iter().position(|it| it.param("rows").as_deref() == Some("50"));
        let lookup = asked.swap_remove(lookup.expect("a lookup"));
        desk.answer(&lookup, &page(&[]));
        desk.run(SECOND);
    }
    assert!(steps(&desk.events()).contains(&Progress::Resending));
    desk.run(6 * SECOND);
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::Unknown)));
}

#[test]
fn one_page_answers_for_all_messages_it_shows() {
    let mut desk = Desk::ready();
    let (first, one) = desk.send("one");
    desk.run(SECOND);
    let (second, two) = desk.send("two");
    desk.run(4 * SECOND);
    let asked = desk.http();
    let items =
        [item(8, ORDER, true).replace("u8", &two), item(7, ORDER, true).replace("u7", &one)];
    desk.answer(&asked, &page(&items));
    let events = desk.events();
    assert!(accepted(end_of(&events, first)) && accepted(end_of(&events, second)));
    desk.run(10 * SECOND);
    assert!(desk.session.poll_action().is_none(), "nothing is left to look up");
}

#[test]
fn only_the_order_it_was_sent_to_can_accept_a_message() {
    let mut desk = Desk::ready();
    let (id, uuid) = desk.send("hello");
    desk.receive(&echo(&uuid).replace(ORDER, "777"));
    let events = desk.events();
    assert_eq!(end_of(&events, id), None);
    assert_eq!(crate::c2c_desk::contents(&events), ["hello"], "shown as what it is");
    desk.run(5 * SECOND);
    let asked = desk.http();
    desk.answer(&asked, &page(&[item(7, "777", true).replace("u7", &uuid)]));
    assert_eq!(end_of(&desk.events(), id), None);
    desk.receive(&echo(&uuid));
    assert!(accepted(end_of(&desk.events(), id)));
}

#[test]
fn lookups_survive_a_loss_of_the_link_and_are_not_asked_twice() {
    let mut desk = Desk::ready();
    let (id, uuid) = desk.send("hello");
    desk.run(5 * SECOND);
    let asked = desk.http();
    let failure = chat_proto::machine::LinkFailure::Ended;
    desk.session.handle_input(Input::Lost { conn: desk.conn, failure }, desk.now);
    let actions: Vec<_> = std::iter::from_fn(|| desk.session.poll_action()).collect();
    assert!(matches!(actions[..], [chat_proto::Action::Drop { .. }]), "{actions:?}");
    desk.answer(&asked, &page(&[item(7, ORDER, true).replace("u7", &uuid)]));
    assert!(accepted(end_of(&desk.events(), id)));
}

#[test]
fn tries_and_spacing_are_settings() {
    let config = C2cConfig { verify_tries: 5, verify_spacing: 3 * SECOND, ..C2cConfig::default() };
    let mut desk = Desk::ready_with(config);
    let (id, _) = desk.send("hello");
    desk.run(5 * SECOND);
    for _ in 0..4 {
        let asked = desk.http();
        desk.answer(&asked, &page(&[]));
        desk.run(3 * SECOND - Duration::from_millis(1));
        assert!(desk.session.poll_action().is_none());
        desk.run(Duration::from_millis(1));
    }
    let asked = desk.http();
    desk.answer(&asked, &page(&[]));
    assert_eq!(end_of(&desk.events(), id), Some(Err(RequestError::Unknown)));
}

#[test]
fn a_lookup_that_fails_is_no_proof_and_no_end() {
    let mut desk = resending();
    let (id, uuid) = desk.send("hello");
    desk.run(5 * SECOND);
    let asked: RequestId = id;
    for _ in 0..3 {
        let lookup = desk.http();
        let result = Err(HttpFailure::Io("reset".to_owned()));
        desk.session.handle_input(Input::Response { id: lookup.id, result }, desk.now);
        desk.run(20 * SECOND);
        desk.receive("{}");
    }
    let lookup = desk.http();
    desk.answer(&lookup, &page(&[item(7, ORDER, true).replace("u7", &uuid)]));
    assert!(accepted(end_of(&desk.events(), asked)));
}
