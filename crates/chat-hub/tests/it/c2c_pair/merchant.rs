//! What a merchant's program relies on when the service misbehaves.

use bytes::Bytes;
use chat_proto::c2c::View;
use chat_proto::c2c::client::{Checkpoint, Progress, Rest, SendOptions};
use chat_proto::c2c::{Resend, rest};
use chat_proto::client::Phase;
use chat_proto::machine::HttpRequest;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The merchant's session with other settings.
fn with(pair: &mut Pair, config: C2cConfig) {
    let now = pair.front.now;
    let client = pair.client("merchant");
    client.session = Session::c2c(config, api("merchant"), 9, now);
    client.session.connect(now);
    pair.settle();
    pair.events("merchant");
}

fn steps(events: &[Happened]) -> Vec<Progress> {
    let step = |event: &Happened| match event {
        Event::Service(C2cEvent::Sending { progress, .. }) => Some(*progress),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

#[test]
fn a_message_that_vanished_is_sent_again_when_asked_for_and_stands_once() {
    let mut pair = Pair::new(r#"{"drop_text":"pay"}"#, &["merchant", "buyer"]);
    with(&mut pair, C2cConfig { resend: Resend::WhenProvenLost, ..C2cConfig::default() });
    pair.send("merchant", "pay to account 7");
    pair.run(10 * SECOND);
    pair.front.fault("{}");
    pair.run(10 * SECOND);
    let events = pair.events("merchant");
    assert_eq!(completions(&events), [Ok(false)]);
    assert_eq!(
        steps(&events),
        [Progress::Written, Progress::Verifying, Progress::Resending, Progress::Written]
    );
    assert_eq!(received(&pair.events("buyer")), ["pay to account 7"]);
    assert_eq!(pair.front.stored(), 1);
}

#[test]
fn a_history_that_lags_does_not_make_a_message_stand_twice() {
    let faults = r#"{"no_echo":true,"history_lag_ms":8000}"#;
    let mut pair = Pair::new(faults, &["merchant", "buyer"]);
    with(&mut pair, C2cConfig { resend: Resend::WhenProvenLost, ..C2cConfig::default() });
    pair.send("merchant", "pay to account 7");
    pair.run(60 * SECOND);
    assert_eq!(completions(&pair.events("merchant")), [Ok(true)]);
    assert_eq!(pair.front.stored(), 1);
}

#[test]
fn no_answer_of_the_service_makes_a_message_stand_twice() {
    for faults in [
        r#"{"no_echo":true,"server_error":503}"#,
        r#"{"no_echo":true,"lost_answers":true}"#,
        r#"{"no_echo":true,"html_403":true}"#,
        r#"{"no_echo":true,"empty_200":true}"#,
        r#"{"no_echo":true,"retry_after_secs":30}"#,
        r#"{"no_echo":true,"business_code":"83229"}"#,
        r#"{"no_echo":true,"mixed_history":true,"numeric_ids":true,"null_message":true}"#,
    ] {
        let mut pair = Pair::new("{}", &["merchant", "buyer"]);
        with(&mut pair, C2cConfig { resend: Resend::WhenProvenLost, ..C2cConfig::default() });
        pair.front.fault(faults);
        pair.send("merchant", "pay to account 7");
        pair.run(60 * SECOND);
        pair.front.fault("{}");
        pair.run(900 * SECOND);
        assert_eq!(pair.front.stored(), 1, "{faults}");
        assert_eq!(completions(&pair.events("merchant")), [Ok(true)], "{faults}");
        assert_eq!(received(&pair.events("buyer")), ["pay to account 7"], "{faults}");
    }
}

/// The header of a picture, and something behind it.
fn picture() -> Bytes {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend_from_slice(&[0, 0, 0, 8, 0, 0, 0, 6, 8, 2, 0, 0, 0, 1, 2, 3]);
    bytes.into()
}

fn send_picture(pair: &mut Pair) {
    let (now, options) = (pair.front.now, SendOptions::default());
    let session = &mut pair.client("merchant").session;
    session.send_picture(ORDER, "receipt.png", picture(), options, now).unwrap();
}

#[test]
fn a_picture_arrives_whatever_the_upload_url_looks_like() {
    for faults in ["{}", r#"{"pre_signed_name":true}"#, r#"{"upload_type":"signed"}"#] {
        let mut pair = Pair::new(faults, &["merchant", "buyer"]);
        send_picture(&mut pair);
        pair.run(SECOND);
        assert_eq!(completions(&pair.events("merchant")), [Ok(false)], "{faults}");
        let events = pair.events("buyer");
        let Some(Event::Service(C2cEvent::Push(push))) = events.last() else {
            panic!("{events:?}")
        };
        let View::Image(image) = push.view() else { panic!("{push:?}") };
        assert_eq!((&*image.image_type, image.size), ("png", Some((8, 6))));
        let mut download = rest::Download::new(&image.url, rest::DownloadRules::default()).unwrap();
        let request: HttpRequest = download.request();
        let response = pair.front.http(request.into_request());
        assert_eq!(download.read(&response), Ok(Some(picture())));
    }
}

#[test]
fn an_upload_that_is_refused_leaves_no_trace_in_the_chat() {
    let mut pair = Pair::new(r#"{"upload_status":403}"#, &["merchant", "buyer"]);
    pair.events("buyer");
    send_picture(&mut pair);
    pair.run(20 * SECOND);
    let events = pair.events("merchant");
    assert!(
        matches!(&completions(&events)[..], [Err(RequestError::Rejected(why))] if why.code == "403"),
        "{events:?}"
    );
    let tries = steps(&events).iter().filter(|it| matches!(it, Progress::Preparing(_))).count();
    assert_eq!(tries, 3);
    assert!(received(&pair.events("buyer")).is_empty());
}

#[test]
fn the_limit_for_uploads_is_never_met() {
    let mut pair = Pair::new("{}", &["merchant"]);
    pair.events("merchant");
    for n in 0..120 {
        let now = pair.front.now;
        let call = Rest::PreSignedUrl { image_name: format!("{n}.png") };
        pair.client("merchant").session.call(call, now).unwrap();
    }
    pair.run(300 * SECOND);
    let events = pair.events("merchant");
    let uploads =
        |event: &&Happened| matches!(event, Event::Completed { result: Ok(Answer::Upload(_)), .. });
    assert_eq!(events.iter().filter(uploads).count(), 120);
    let throttled = |event: &Happened| matches!(event, Event::Service(C2cEvent::Throttled { .. }));
    assert!(!events.iter().any(throttled));
    assert!(!pair.client("merchant").session.weights().is_empty(), "what is used is known");
}

#[test]
fn a_ban_is_obeyed_and_then_everything_goes_on() {
    let mut pair = Pair::new("{}", &["merchant", "buyer"]);
    let now = pair.front.now;
    pair.client("merchant").session.watch(ORDER, Since::Start, now).unwrap();
    pair.settle();
    pair.events("merchant");
    pair.front.fault(r#"{"ban_secs":120,"fault_times":1}"#);
    let now = pair.front.now;
    pair.client("merchant").session.history(HistoryQuery::newest(ORDER), now).unwrap();
    pair.settle();
    let events = pair.events("merchant");
    assert!(
        matches!(
            events[..],
            [
                Event::Service(C2cEvent::Throttled { status: 418, pause }),
                Event::Completed { result: Err(RequestError::Rejected(_)), .. }
            ] if pause == 120 * SECOND
        ),
        "{events:?}"
    );
    let now = pair.front.now;
    pair.client("merchant").session.mark_read(ORDER, None, now).unwrap();
    pair.run(119 * SECOND);
    assert!(completions_of_marks(&pair.events("merchant")) == 0);
    pair.run(2 * SECOND);
    assert_eq!(completions_of_marks(&pair.events("merchant")), 1);
}

fn completions_of_marks(events: &[Happened]) -> usize {
    let marked = |it: &&Happened| matches!(it, Event::Completed { result: Ok(Answer::Marked), .. });
    events.iter().filter(marked).count()
}

#[test]
fn a_socket_that_looks_open_but_is_dead_costs_no_message() {
    let mut pair = Pair::new("{}", &["merchant", "buyer"]);
    let now = pair.front.now;
    pair.client("merchant").session.watch(ORDER, Since::Now, now).unwrap();
    pair.run(SECOND);
    pair.events("merchant");
    pair.front.fault(r#"{"dead_links":true}"#);
    pair.send("buyer", "are you there?");
    pair.run(30 * SECOND);
    pair.front.fault("{}");
    // What was said while nothing arrived is lost on the socket; this pretends it stays dead.
    pair.client("merchant").link = None;
    pair.run(80 * SECOND);
    pair.run(60 * SECOND);
    let events = pair.events("merchant");
    let silent = |it: &Happened| matches!(it, Event::Lost { reason: Lost::Silent(_), .. });
    assert!(events.iter().any(silent), "{events:?}");
    assert!(received(&events).contains(&"are you there?".to_owned()), "{events:?}");
}

#[test]
fn a_program_that_is_started_again_goes_on_where_it_was() {
    for faults in ["{}", r#"{"numeric_ids":true,"mixed_history":true}"#] {
        let mut pair = Pair::new(faults, &["merchant", "buyer"]);
        let now = pair.front.now;
        pair.client("merchant").session.watch(ORDER, Since::Start, now).unwrap();
        pair.run(SECOND);
        pair.send("buyer", "one");
        pair.run(SECOND);
        let events = pair.events("merchant");
        assert_eq!(received(&events), ["one", "Welcome!"]);
        let stored = events.iter().rev().find_map(|event| match event {
            Event::Service(C2cEvent::Push(push)) => push.checkpoint(),
            _ => None,
        });
        let stored = serde_json::to_string(&stored.unwrap()).unwrap();
        // Killed; two messages come meanwhile.
        pair.cut("merchant");
        pair.client("merchant").session =
            Session::c2c(C2cConfig::default(), api("merchant"), 77, pair.front.now);
        pair.client("merchant").events.clear();
        for text in ["two", "three"] {
            pair.send("buyer", text);
            pair.run(SECOND);
        }
        let checkpoint: Checkpoint = serde_json::from_str(&stored).unwrap();
        let now = pair.front.now;
        let session = &mut pair.client("merchant").session;
        session.watch(ORDER, Since::Checkpoint(checkpoint), now).unwrap();
        session.connect(now);
        pair.run(SECOND);
        assert_eq!(received(&pair.events("merchant")), ["two", "three"], "{faults}");
    }
}

#[test]
fn two_processes_with_one_key_come_to_rest() {
    let mut pair = Pair::new("{}", &["merchant"]);
    let session = Session::c2c(C2cConfig::default(), api("merchant"), 5, pair.front.now);
    pair.clients.insert("twin", Client { session, link: None, events: Vec::new() });
    let now = pair.front.now;
    pair.client("twin").session.connect(now);
    pair.run(24 * 3600 * SECOND);
    let mut takeovers = 0;
    let mut phases = Vec::new();
    for name in ["merchant", "twin"] {
        let taken = |it: &&Happened| matches!(it, Event::Lost { reason: Lost::TakenOver, .. });
        takeovers += pair.events(name).iter().filter(taken).count();
        phases.push(pair.client(name).session.phase());
    }
    phases.sort();
    assert_eq!(phases, [Phase::Ready, Phase::Waiting]);
    assert_eq!(takeovers, 5, "in a whole day");
}
