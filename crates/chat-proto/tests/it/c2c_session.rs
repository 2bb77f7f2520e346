//! A session of order chat, fed by hand under virtual time.

use std::time::Duration;

use bytes::Bytes;
use chat_proto::c2c::Checkpoint;
use chat_proto::c2c::client::{Answer, C2cConfig, C2cEvent, Progress, Rest, Since};
use chat_proto::c2c::frame::ImageRef;
use chat_proto::c2c::rest::HistoryQuery;
use chat_proto::client::{CredentialsProblem, Event, Phase};
use chat_proto::error::{CallError, CloseReason, Lost, RequestError};
use chat_proto::machine::{CloseFrame, HttpFailure, LinkFailure};
use chat_proto::{Action, Input, Machine, Message};

use crate::c2c_desk::{
    Asked, Desk, Happened, ORDER, START, contents, credential, echo, gateway, item, page,
};

#[test]
fn a_fresh_ticket_then_ready_when_the_socket_opens() {
    let mut desk = Desk::new(C2cConfig::default());
    assert!(desk.quiet());
    desk.session.connect(desk.now);
    assert_eq!(desk.session.phase(), Phase::Preparing);
    desk.dial("TOKEN1");
    desk.open();
    assert_eq!(desk.session.phase(), Phase::Ready);
    assert!(desk.written().is_empty(), "there is no opening frame");
}

#[test]
fn the_echo_accepts_a_text_and_is_not_repeated() {
    let mut desk = Desk::ready();
    let (id, uuid) = desk.send("hello");
    let written = desk.written();
    assert_eq!(
        written,
        [format!(
            r#"{{"type":"text","uuid":"{uuid}","orderNo":"{ORDER}","content":"hello","self":true,"clientType":"web","createTime":{START},"sendStatus":0}}"#
        )]
    );
    // The other side may use the same uuid: that is no echo.
    desk.receive(&echo(&uuid).replace("\"self\":true", "\"self\":false"));
    assert_eq!(contents(&desk.events()), ["hello"]);
    desk.receive(&echo(&uuid));
    desk.receive(&echo(&uuid));
    let events = desk.events();
    let [Event::Completed { id: done, result: Ok(Answer::Accepted(accepted)) }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*done, id);
    assert_eq!((accepted.uuid.as_str(), accepted.from_history), (uuid.as_str(), false));
    assert_eq!(accepted.message_id.as_ref().unwrap(), &"1009649847000000002");
    assert_eq!(accepted.create_time, Some(1_700_000_000_123));
    assert_eq!(desk.session.waiting(), 0);
}

#[test]
fn an_error_frame_rejects_the_message_it_names() {
    let mut desk = Desk::ready();
    let image =
        ImageRef { url: "https://h/a.jpg".into(), image_type: "jpg".into(), width: 8, height: 6 };
    let id = desk.session.send_image(ORDER, image, desk.now).unwrap();
    let events = desk.events();
    let [Event::Service(C2cEvent::Sending { uuid, .. })] = &events[..] else { panic!() };
    desk.receive(&format!(r#"{{"type":"error","content":"ILLEGAL_PARAM","uuid":"{uuid}"}}"#));
    let events = desk.events();
    let [Event::Completed { id: done, result: Err(RequestError::Rejected(why)) }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*done, why.code.as_str()), (id, "ILLEGAL_PARAM"));
    // The session lives on, and an error of nobody's is shown.
    assert_eq!(desk.session.phase(), Phase::Ready);
    desk.receive(r#"{"type":"error","content":"ILLEGAL_PARAM","uuid":"else"}"#);
    assert_eq!(contents(&desk.events()), ["ILLEGAL_PARAM"]);
}

#[test]
fn without_an_echo_history_decides() {
    let mut desk = Desk::ready();
    let (id, uuid) = desk.send("hello");
    desk.run(Duration::from_secs(5));
    let events = desk.events();
    assert!(
        matches!(
            &events[..],
            [Event::Service(C2cEvent::Sending { progress: Progress::Verifying, .. })]
        ),
        "{events:?}"
    );
    let asked = desk.http();
    assert_eq!(asked.path(), "retrieveChatMessagesWithPagination");
    assert_eq!(asked.param("orderNo").as_deref(), Some(ORDER));
    // Once not there, then there.
    desk.answer(&asked, &page(&[item(5, ORDER, true)]));
    assert!(desk.quiet());
    desk.run(Duration::from_secs(1));
    let asked = desk.http();
    desk.answer(&asked, &page(&[item(6, ORDER, true).replace("u6", &uuid)]));
    let events = desk.events();
    let [Event::Completed { id: done, result: Ok(Answer::Accepted(accepted)) }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(*done == id && accepted.from_history);
    // The late echo is a repetition.
    desk.receive(&echo(&uuid));
    assert!(desk.events().is_empty());
}

#[test]
fn what_history_never_shows_is_unknown_and_not_sent_again() {
    let mut desk = Desk::ready();
    let (id, _) = desk.send("hello");
    assert_eq!(desk.written().len(), 1);
    desk.run(Duration::from_secs(5));
    for _ in 0..3 {
        let asked = desk.http();
        desk.answer(&asked, &page(&[]));
        desk.run(Duration::from_secs(1));
    }
    let last = desk.events().pop();
    assert_eq!(last, Some(Event::Completed { id, result: Err(RequestError::Unknown) }));
    desk.run(Duration::from_secs(10));
    assert!(desk.written().is_empty());
}

#[test]
fn a_history_that_cannot_be_read_says_nothing_but_ends() {
    let mut desk = Desk::ready();
    let (id, _) = desk.send("hello");
    let mut asked = 0;
    let ended = loop {
        desk.receive(r#"{"type":"pong"}"#);
        desk.tick();
        if let Some(Action::Http { id, .. }) = desk.session.poll_action() {
            asked += 1;
            let result = Err(HttpFailure::Io("reset".to_owned()));
            desk.session.handle_input(Input::Response { id, result }, desk.now);
        }
        if let Some(Event::Completed { id, result }) = desk.events().pop() {
            break (id, result);
        }
    };
    assert_eq!(ended, (id, Err(RequestError::Unknown)));
    assert_eq!(asked, 8);
}

#[test]
fn attempts_that_keep_failing_do_not_keep_a_message_waiting_for_ever() {
    let mut desk = Desk::ready();
    let id = desk.session.send_text(ORDER, "hello", desk.now).unwrap();
    desk.take();
    desk.session
        .handle_input(Input::Lost { conn: desk.conn, failure: LinkFailure::Ended }, desk.now);
    // Nothing is ever answered: each attempt ends before the exchanges do.
    for _ in 0..400 {
        desk.tick();
        let ended =
            |event: &Happened| matches!(event, Event::Completed { id: of, .. } if *of == id);
        if let Some(event) = desk.events().into_iter().find(ended) {
            assert_eq!(event, Event::Completed { id, result: Err(RequestError::Unknown) });
            return;
        }
    }
    panic!("no end");
}

#[test]
fn messages_given_up_do_not_slow_down_those_behind() {
    let mut desk = Desk::new(C2cConfig::default());
    for _ in 0..100 {
        let id = desk.session.send_text(ORDER, "x", desk.now).unwrap();
        desk.session.cancel(id, desk.now);
    }
    let id = desk.session.send_text(ORDER, "y", desk.now).unwrap();
    desk.events();
    desk.run(Duration::from_secs(6));
    assert_eq!(desk.events(), [Event::Completed { id, result: Err(RequestError::TimedOut) }]);
}

#[test]
fn a_peer_that_asks_and_never_reads_fills_no_memory() {
    let mut desk = Desk::ready();
    for _ in 0..1000 {
        let message = Message::text(r#"{"type":"ping"}"#);
        desk.session.handle_input(Input::Received { conn: desk.conn, message }, desk.now);
    }
    assert_eq!(std::iter::from_fn(|| desk.session.poll_transmit()).count(), 16);
}

#[test]
fn messages_are_paced_and_a_queue_outlives_its_wait() {
    let mut desk = Desk::ready();
    let ids: Vec<_> = (0..10)
        .map(|n| desk.session.send_text(ORDER, &format!("no {n}"), desk.now).unwrap())
        .collect();
    assert_eq!(desk.written().len(), 1);
    desk.run(Duration::from_millis(799));
    assert_eq!(desk.written().len(), 0);
    for _ in 1..10 {
        desk.run(Duration::from_millis(800));
        assert_eq!(desk.written().len(), 1);
    }
    // Those at the end waited longer than the time for an echo, which counts from the write.
    let ended = desk.events().iter().filter(|it| matches!(it, Event::Completed { .. })).count();
    assert_eq!(ended, 0);
    assert_eq!(desk.session.waiting(), ids.len());
}

#[test]
fn what_never_left_times_out_without_effect() {
    let mut desk = Desk::new(C2cConfig::default());
    let id = desk.session.send_text(ORDER, "hello", desk.now).unwrap();
    desk.run(Duration::from_secs(5));
    let events = desk.events();
    assert_eq!(events, [Event::Completed { id, result: Err(RequestError::TimedOut) }]);
    // It is not written afterwards.
    desk.session.connect(desk.now);
    desk.dial("TOKEN1");
    desk.open();
    assert!(desk.written().is_empty());
}

#[test]
fn bad_calls_are_told_at_once() {
    let mut desk = Desk::ready();
    let now = desk.now;
    assert!(matches!(desk.session.send_text("", "x", now), Err(CallError::Invalid(_))));
    let long = "7".repeat(70_000);
    assert!(matches!(desk.session.send_text(&long, "x", now), Err(CallError::Invalid(_))));
    assert!(matches!(desk.session.watch(&long, Since::Now, now), Err(CallError::Invalid(_))));
    let query = HistoryQuery::newest(long.as_str());
    assert!(matches!(desk.session.history(query, now), Err(CallError::Invalid(_))));
    assert!(matches!(desk.session.send_text(ORDER, &long, now), Err(CallError::TooLong { .. })));
    assert!(matches!(desk.session.watch("", Since::Now, now), Err(CallError::Invalid(_))));
    desk.session.close(now);
    assert_eq!(desk.session.send_text(ORDER, "x", now), Err(CallError::Closed));
}

#[test]
fn a_wrong_clock_is_corrected_by_one_probe_and_one_rebuilt_call() {
    let mut desk = Desk::new(C2cConfig::default());
    desk.session.connect(desk.now);
    let first = desk.http();
    assert_eq!(first.param("timestamp"), Some(START.to_string()));
    // A second call fails for the same reason: one probe serves both.
    let history = HistoryQuery::newest(ORDER);
    desk.session.history(history, desk.now).unwrap();
    let second = desk.http();
    desk.answer_with(&first, 400, &gateway(-1021));
    let probe = desk.http();
    assert_eq!(probe.path(), "time");
    assert!(probe.request.uri().query().is_none(), "unsigned");
    desk.answer_with(&second, 400, &gateway(-1021));
    assert!(desk.session.poll_action().is_none());
    desk.answer(&probe, &format!(r#"{{"serverTime":{}}}"#, START + 10_000));
    assert_eq!(desk.session.skew().as_millis(), 10_000);
    let rebuilt = desk.http();
    assert_eq!(rebuilt.path(), "retrieveChatCredential");
    assert_eq!(rebuilt.param("timestamp"), Some((START + 10_000).to_string()));
    assert_ne!(rebuilt.param("signature"), first.param("signature"));
    // The call is tried once more, not for ever.
    let again = desk.http();
    desk.answer_with(&again, 400, &gateway(-1021));
    let events = desk.events();
    assert!(
        matches!(
            &events[..],
            [
                Event::Service(C2cEvent::ClockCorrected { .. }),
                Event::Completed { result: Err(RequestError::Rejected(why)), .. }
            ] if why.code == "-1021"
        ),
        "{events:?}"
    );
    desk.answer(&rebuilt, &credential("TOKEN1"));
    assert!(matches!(desk.session.poll_action(), Some(Action::Dial { .. })));
}

#[test]
fn each_dial_has_its_own_ticket_and_written_messages_are_looked_up() {
    let mut desk = Desk::ready();
    let (id, uuid) = desk.send("hello");
    desk.lose();
    let events = desk.events();
    let [Event::Lost { reason: Lost::Link(LinkFailure::Ended), retry_in: Some(_) }] = &events[..]
    else {
        panic!("{events:?}")
    };
    // The lookup does not wait for the socket.
    desk.run(Duration::from_secs(2));
    let mut asked = vec![desk.http()];
    if let Some(Action::Http { id, request, .. }) = desk.session.poll_action() {
        asked.push(Asked { id, request: request.into_request() });
    }
    asked.sort_by_key(|it| it.path().contains("Credential"));
    let [lookup, ticket] = &asked[..] else { panic!("{}", asked.len()) };
    desk.answer(lookup, &page(&[item(6, ORDER, true).replace("u6", &uuid)]));
    desk.answer(ticket, &credential("TOKEN2"));
    let Some(Action::Dial { conn, request }) = desk.session.poll_action() else { panic!() };
    assert!(request.request().uri().query().unwrap().contains("token=TOKEN2"));
    assert_ne!(conn, desk.conn);
    // Inputs of the old attempt mean nothing.
    desk.open();
    assert_eq!(desk.session.phase(), Phase::Dialing);
    desk.conn = conn;
    desk.open();
    let events = desk.events();
    assert!(
        matches!(&events[..], [
        Event::Service(C2cEvent::Sending { progress: Progress::Verifying, .. }),
        Event::Completed { id: done, result: Ok(Answer::Accepted(_)) },
        Event::Ready { resumed: true },
    ] if *done == id),
        "{events:?}"
    );
    assert!(desk.written().is_empty(), "nothing is sent twice");
}

#[test]
fn after_bye_the_session_stays_away_for_long() {
    let mut desk = Desk::ready();
    let close = Message::Close(Some(CloseFrame::new(1000, "Bye")));
    desk.session.handle_input(Input::Received { conn: desk.conn, message: close }, desk.now);
    let events = desk.events();
    let [Event::Lost { reason: Lost::TakenOver, retry_in: Some(pause) }] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(*pause >= Duration::from_secs(300));
    assert!(matches!(desk.session.poll_action(), Some(Action::Drop { .. })));
    desk.run(Duration::from_secs(299));
    assert!(desk.session.poll_action().is_none());
    // Unless it is told otherwise.
    desk.session.connect(desk.now);
    assert_eq!(desk.http().path(), "retrieveChatCredential");
}

#[test]
fn messages_are_emitted_once_and_unknown_frames_as_they_came() {
    let mut desk = Desk::ready();
    let text = format!(
        r#"{{"type":"text","id":"1","uuid":"u1","orderNo":"{ORDER}","self":false,"content":"hi"}}"#
    );
    let unknown = r#"{"type":"hologram","depth":3}"#;
    for text in [&text, &text, unknown, unknown, "[1,2]", "{}", "", "<html>"] {
        desk.receive(text);
    }
    let events = desk.events();
    let [first, second, third, fourth, fifth] = &events[..] else { panic!("{events:?}") };
    let raw = |event: &Happened| match event {
        Event::Service(C2cEvent::Push(it)) => it.raw.as_str().to_owned(),
        Event::Service(C2cEvent::Raw(text)) => text.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(raw(first), text);
    assert_eq!([raw(second), raw(third)], [unknown, unknown]);
    assert_eq!([raw(fourth).as_str(), raw(fifth).as_str()], ["[1,2]", "<html>"]);
    // What has no frame around it and no order is delivered, too.
    desk.receive(r#"{"type":"text","uuid":"e","groupId":"9","self":false,"content":"ad?"}"#);
    desk.receive(r#"[{"type":"text","uuid":"f","content":"a"},{"type":"recall","uuid":"f"}]"#);
    assert_eq!(desk.events().len(), 3);
    desk.receive(r#"{"type":"ping"}"#);
    assert_eq!(desk.written(), [r#"{"type":"pong"}"#]);
}

#[test]
fn a_watched_order_is_caught_up_with_oldest_first() {
    let mut desk = Desk::ready();
    desk.session.watch(ORDER, Since::Start, desk.now).unwrap();
    let asked = desk.http();
    assert_eq!(asked.param("rows").as_deref(), Some("100"));
    assert_eq!(asked.param("id"), None);
    // A full page with messages of another order in it; a live message meanwhile.
    desk.receive(&item(250, ORDER, false));
    let foreign = item(199, "777", false);
    let mut items: Vec<_> = (101..=199).rev().map(|id| item(id, ORDER, false)).collect();
    items.insert(0, item(250, ORDER, false));
    items[1] = foreign;
    desk.answer(&asked, &page(&items));
    let asked = desk.http();
    assert_eq!(asked.param("id").as_deref(), Some("101"), "pages go back by id");
    desk.answer(&asked, &page(&[item(100, ORDER, true), item(99, ORDER, false)]));
    let events = desk.events();
    let texts = contents(&events);
    assert_eq!(texts.len(), 1 + 98 + 2);
    assert_eq!(texts[..4], ["no 250", "no 99", "no 100", "no 101"]);
    assert_eq!(texts.last().unwrap(), "no 198");
    assert_eq!(
        events.last(),
        Some(&Event::Service(C2cEvent::Backfilled {
            order_no: ORDER.to_owned(),
            count: 100,
            complete: true,
            checkpoint: desk.session.checkpoint(ORDER).unwrap().clone(),
        }))
    );
    assert_eq!(desk.session.checkpoint(ORDER).unwrap().last_id, Some(250));

    // After a loss only what is newer than the checkpoint is wanted.
    desk.lose();
    desk.events();
    desk.session.connect(desk.now);
    desk.dial("TOKEN2");
    desk.open();
    let asked = desk.http();
    desk.answer(&asked, &page(&[item(260, ORDER, false), item(250, ORDER, false)]));
    assert_eq!(contents(&desk.events()), ["no 260"]);
    assert_eq!(desk.session.unwatch(ORDER, desk.now).unwrap().last_id, Some(260));
}

#[test]
fn a_checkpoint_does_not_jump_over_a_gap() {
    let mut desk = Desk::ready();
    let start = Checkpoint { last_id: Some(10), ..Checkpoint::default() };
    desk.session.watch(ORDER, Since::Checkpoint(start.clone()), desk.now).unwrap();
    let asked = desk.http();
    desk.receive(&item(20, ORDER, false));
    desk.fail(&asked);
    assert_eq!(desk.session.checkpoint(ORDER), Some(&start), "11..19 are still missing");
    let events = desk.events();
    assert!(matches!(events.last(), Some(Event::Service(C2cEvent::BackfillFailed { .. }))));
    desk.run(Duration::from_secs(10));
    let asked = desk.http();
    let items: Vec<_> = [20, 15, 10].into_iter().map(|id| item(id, ORDER, false)).collect();
    desk.answer(&asked, &page(&items));
    assert_eq!(contents(&desk.events()), ["no 15"]);
    assert_eq!(desk.session.checkpoint(ORDER).unwrap().last_id, Some(20));
    // A stored checkpoint comes back as it was.
    let stored = serde_json::to_string(&desk.session.checkpoint(ORDER)).unwrap();
    assert_eq!(stored, r#"{"last_id":20,"last_uuid":"u20","since_millis":1700000000020}"#);
}

#[test]
fn a_server_that_ignores_the_id_is_not_asked_for_ever() {
    let mut desk = Desk::ready();
    desk.session.watch(ORDER, Since::Start, desk.now).unwrap();
    let items: Vec<_> = (1..=100).rev().map(|id| item(id, ORDER, false)).collect();
    for _ in 0..2 {
        let asked = desk.http();
        desk.answer(&asked, &page(&items));
    }
    let events = desk.events();
    assert_eq!(contents(&events).len(), 100);
    let last = events.last().unwrap();
    assert!(matches!(last, Event::Service(C2cEvent::Backfilled { complete: false, .. })));
    assert!(desk.quiet());
}

#[test]
fn history_leaves_out_messages_of_other_orders() {
    let mut desk = Desk::ready();
    let id = desk.session.history(HistoryQuery::newest(ORDER), desk.now).unwrap();
    let asked = desk.http();
    desk.answer(&asked, &page(&[item(2, ORDER, true), item(1, "777", false)]));
    let events = desk.events();
    let [Event::Completed { id: done, result: Ok(Answer::History(page)) }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*done, page.items.len(), page.foreign, page.total), (id, 1, 1, Some(7)));
}

#[test]
fn calls_survive_a_loss_of_the_link() {
    let mut desk = Desk::ready();
    let id = desk.session.mark_read(ORDER, None, desk.now).unwrap();
    let first = desk.http();
    let failure = LinkFailure::Ended;
    desk.session.handle_input(Input::Lost { conn: desk.conn, failure }, desk.now);
    let actions: Vec<_> = std::iter::from_fn(|| desk.session.poll_action()).collect();
    assert!(matches!(actions[..], [Action::Drop { .. }]), "{actions:?}");
    desk.answer(&first, r#"{"code":"000000","data":true,"success":true}"#);
    let last = desk.events().pop();
    assert_eq!(last, Some(Event::Completed { id, result: Ok(Answer::Marked) }));
}

#[test]
fn refusals_of_calls_are_told_with_their_code() {
    let mut desk = Desk::ready();
    for (call, status, body, code) in [
        (Rest::MarkUser { user_id: None }, 200, "".to_owned(), "200"),
        (Rest::PreSignedUrl { image_name: "a.jpg".into() }, 404, "<html>".to_owned(), "404"),
        (Rest::MarkUser { user_id: Some(1) }, 400, gateway(-1022), "-1022"),
        (
            Rest::RiskTips { order_no: ORDER.into(), fiat: "EUR".into(), scene: "PAY".into() },
            200,
            r#"{"code":"83229","message":"resting","success":false}"#.to_owned(),
            "83229",
        ),
    ] {
        desk.session.call(call, desk.now).unwrap();
        let asked = desk.http();
        desk.answer_with(&asked, status, &body);
        let events = desk.events();
        let [Event::Completed { result: Err(RequestError::Rejected(why)), .. }] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(why.code, code);
    }
    // A write that may have happened is unknown.
    desk.session.mark_read(ORDER, None, desk.now).unwrap();
    let asked = desk.http();
    desk.answer_with(&asked, 503, "");
    let last = desk.events().pop();
    assert!(matches!(last, Some(Event::Completed { result: Err(RequestError::Unknown), .. })));
}

#[test]
fn a_refused_key_asks_for_another_and_a_refused_call_ends_the_session() {
    let mut desk = Desk::new(C2cConfig::default());
    desk.session.connect(desk.now);
    let asked = desk.http();
    desk.answer_with(&asked, 401, &gateway(-2015));
    let events = desk.events();
    let [Event::CredentialsNeeded { why: CredentialsProblem::Refused(why) }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(why.code, "-2015");
    assert_eq!(desk.session.phase(), Phase::Waiting);
    desk.session.connect(desk.now);
    let asked = desk.http();
    desk.answer(&asked, &gateway(-31002));
    let events = desk.events();
    let [Event::Closed(CloseReason::Refused(why))] = &events[..] else { panic!("{events:?}") };
    assert_eq!(why.code, "-31002");
    assert!(desk.session.is_finished());
}

#[test]
fn without_a_ticket_the_session_waits_as_told() {
    for (status, body) in
        [(503, ""), (403, "<html>"), (200, ""), (400, r#"{"code":-1003,"msg":"x"}"#)]
    {
        let mut desk = Desk::new(C2cConfig::default());
        desk.session.connect(desk.now);
        let asked = desk.http();
        let response = http::Response::builder().status(status).header("retry-after", "90");
        let result = Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap());
        desk.session.handle_input(Input::Response { id: asked.id, result }, desk.now);
        let events = desk.events();
        let [.., Event::Lost { reason: Lost::Refused(_), retry_in: Some(pause) }] = &events[..]
        else {
            panic!("{status} {body}: {events:?}")
        };
        assert!(*pause >= Duration::from_secs(90));
    }
}

#[test]
fn a_dead_link_is_noticed_and_pings_keep_a_live_one() {
    let mut desk = Desk::ready();
    let mut pings = 0;
    while desk.session.phase() == Phase::Ready {
        desk.tick();
        pings += std::iter::from_fn(|| desk.session.poll_transmit())
            .filter(|it| matches!(it.message, Message::Ping(_)))
            .count();
    }
    assert!((2..=3).contains(&pings), "{pings}");
    let events = desk.events();
    assert!(matches!(&events[..], [Event::Lost { reason: Lost::Silent(_), .. }]), "{events:?}");
}

#[test]
fn closing_ends_every_request_by_what_is_known() {
    let mut desk = Desk::ready();
    let (written, _) = desk.send("one");
    desk.take();
    let queued = desk.session.send_text(ORDER, "two", desk.now).unwrap();
    desk.session.close(desk.now);
    let events = desk.events();
    assert_eq!(
        events,
        [
            Event::Completed { id: written, result: Err(RequestError::Unknown) },
            Event::Completed { id: queued, result: Err(RequestError::Cancelled) },
        ]
    );
}

#[test]
fn runs_replay() {
    let run = || {
        let mut desk = Desk::ready();
        (0..3)
            .map(|_| {
                desk.run(Duration::from_secs(1));
                desk.send("x").1
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
