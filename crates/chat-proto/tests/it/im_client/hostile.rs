//! Servers that mean harm, or do not know better: bounded memory, clear events, an end to everything.

use super::*;

use chat_proto::im::Down;

impl Rig {
    /// Bytes the events since the last look keep alive, at least.
    fn drain(&mut self) -> usize {
        self.events().len()
    }
}

#[test]
fn history_without_an_end_is_cut_off() {
    let mut rig = Rig::subscribed(5);
    let id = rig.session.history(&PEER.into(), HistoryQuery::newest(10), rig.now).unwrap();
    rig.written();
    for round in 0..300 {
        for seq in 1..=50 {
            rig.data(PEER, seq % 6);
        }
        assert_eq!(rig.drain(), 0, "round {round}: old messages are no news");
    }
    rig.wait(Duration::from_secs(10));
    let events = rig.events();
    let Ok(Answer::History(page)) = completion(&events, id) else { panic!("{events:?}") };
    let seqs: Vec<_> = page.messages.iter().map(|message| message.seq).collect();
    assert_eq!((seqs, page.complete), (vec![1, 2, 3, 4, 5], false));
    // Nothing at all.
    let id = rig.session.history(&PEER.into(), HistoryQuery::newest(10), rig.now).unwrap();
    rig.wait(Duration::from_secs(10));
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::TimedOut));
    // With an end: no more than was asked for.
    let id = rig.session.history(&PEER.into(), HistoryQuery::newest(10), rig.now).unwrap();
    let wire = rig.last_id();
    for seq in 1..=5000 {
        rig.data("grpOther", seq);
        rig.data(PEER, 6 + seq);
        rig.events();
    }
    rig.ctrl(&wire, 208, r#"{"what":"data","count":18446744073709551615}"#, PEER);
    let events = rig.events();
    let Ok(Answer::History(page)) = completion(&events, id) else { panic!() };
    assert_eq!(page.messages.len(), 10);
}

#[test]
fn a_topic_that_runs_away_is_followed_in_bounded_steps() {
    let mut rig = Rig::ready_with(|config| {
        config.max_fill = 50;
        config.max_held = 20;
    });
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(0);
    rig.events();
    // Each message is far ahead of the former, and no page ever ends.
    let mut gaps = 0;
    for turn in 1..=2000_u64 {
        rig.data(PEER, turn * 1000);
        let events = rig.events();
        gaps +=
            events.iter().filter(|it| matches!(it, Event::Service(ImEvent::Gap { .. }))).count();
        assert!(events.len() <= 25, "{}", events.len());
        assert!(rig.written().len() <= 1, "one page at a time");
    }
    assert!(gaps <= 2000);
    let lost = |event: &ImEventOf| matches!(event, Event::Lost { .. });
    let silent = (0..30).any(|_| {
        rig.wait(Duration::from_secs(1));
        rig.events().iter().any(lost)
    });
    assert!(silent, "nothing comes any more");
}

#[test]
fn numbers_that_go_backwards_on_a_link_are_doubles() {
    let mut rig = Rig::subscribed(100);
    for seq in (0..=100).rev() {
        rig.data(PEER, seq);
    }
    assert_eq!(rig.drain(), 0);
    rig.data(PEER, 101);
    assert_eq!(seqs(&rig.events()), [101]);
}

#[test]
fn answers_to_nobodys_question_are_notices() {
    let mut rig = Rig::subscribed(5);
    let id = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
    let wire = rig.last_id();
    rig.ctrl("nobody", 200, r#"{"seq":6}"#, PEER);
    rig.receive(r#"{"meta":{"id":"nobody","topic":"me","sub":[{"topic":"grpX"}]}}"#);
    rig.receive(r#"{"meta":{"topic":"me"}}"#);
    let events = told(rig.events());
    let [ImEvent::Notice(_), ImEvent::Other(first), ImEvent::Other(second)] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(matches!((&**first, &**second), (Down::Meta(_), Down::Meta(_))), "{events:?}");
    assert!(rig.session.topic(&"grpX".into()).is_none(), "nobody asked");
    // Twice the same answer: the second is nobody's.
    rig.ctrl(&wire, 202, r#"{"seq":6}"#, PEER);
    rig.ctrl(&wire, 202, r#"{"seq":7}"#, PEER);
    let events = rig.events();
    assert!(matches!(completion(&events, id), Ok(Answer::Published(it)) if it.seq == 6));
    assert!(matches!(told(events)[..], [ImEvent::Notice(_)]));
}

#[test]
fn before_the_login_is_answered_nothing_is_asked_for() {
    let mut rig = Rig::subscribed(5);
    rig.lose();
    rig.wait(Duration::from_secs(60));
    rig.open();
    let login = rig.written();
    assert_eq!(login.len(), 1, "{login:?}");
    // Each of these makes a session that is logged in ask for something.
    rig.receive(&format!(r#"{{"ctrl":{{"topic":"{PEER}","code":205,"text":"evicted"}}}}"#));
    rig.data(PEER, 9);
    rig.pres(PEER, "upd", "");
    rig.pres(PEER, "msg", r#","seq":12"#);
    for _ in 0..5 {
        rig.wait(Duration::from_secs(1));
    }
    assert_eq!(rig.written(), [""; 0]);
    let told = told(rig.events());
    assert!(
        matches!(
            told[..],
            [ImEvent::Notice(_), ImEvent::Other(_), ImEvent::Other(_), ImEvent::Other(_)]
        ),
        "{told:?}"
    );
}

#[test]
fn answers_of_the_wrong_shape_complete_nothing_wrongly() {
    let odd = [
        "null",
        "[]",
        "5",
        r#""x""#,
        r#"{"seq":"6"}"#,
        r#"{"seq":-1}"#,
        r#"{"seq":1e3}"#,
        r#"{"acs":5,"what":7,"count":"x"}"#,
    ];
    for params in odd {
        let mut rig = Rig::subscribed(5);
        let publish = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
        let wire = rig.last_id();
        // A description is no answer to a message.
        rig.receive(&format!(r#"{{"meta":{{"id":"{wire}","topic":"{PEER}","desc":{{}}}}}}"#));
        let events = told(rig.events());
        let [ImEvent::Other(other)] = &events[..] else { panic!("{params}: {events:?}") };
        assert!(matches!(**other, Down::Meta(_)), "{params}: {events:?}");
        rig.ctrl(&wire, 202, params, PEER);
        let ended = rig.events().into_iter().find_map(|event| match event {
            Event::Completed { id, result } => Some((id, result)),
            _ => None,
        });
        if let Some((id, result)) = ended {
            assert_eq!((id, result), (publish, Err(RequestError::Unknown)), "{params}");
        }
        // A subscription is one whatever else is said.
        let sub = rig.session.subscribe(&"grpA".into(), Subscribe::default(), rig.now).unwrap();
        rig.answer(200, params, "grpA");
        let history = rig.session.history(&PEER.into(), HistoryQuery::default(), rig.now).unwrap();
        let wire = rig.last_id();
        rig.ctrl(&wire, 208, params, PEER);
        rig.wait(Duration::from_secs(10));
        let events = rig.events();
        for id in [sub, history] {
            completion(&events, id);
        }
    }
}

#[test]
fn ten_thousand_changes_at_once_are_ten_thousand_events_and_nothing_else() {
    let mut rig = Rig::subscribed(5);
    rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", "me");
    rig.answer(204, "{}", "me");
    rig.events();
    let kinds = ["on", "off", "ua", "upd", "tags", "acs", "msg", "read", "recv", "del", "moon"];
    let mut written = 0;
    for at in 0..10_000_usize {
        let (src, what) = (format!("usr{}", at % 3000), kinds[at % kinds.len()]);
        rig.pres(&src, what, r#","seq":3,"clear":2,"dacs":{"want":"+W","given":"-R"}"#);
        assert_eq!(rig.drain(), 1, "{what}");
        written += rig.written().len();
    }
    assert!(written <= 8, "{written} questions about what changed");
    assert!(rig.session.topics().count() <= 3002, "contacts are kept once each");
    assert_eq!(rig.session.phase(), Phase::Ready);
}

#[test]
fn descriptions_that_come_again_and_again_pile_up_nowhere() {
    let mut rig = Rig::subscribed(5);
    let query = Query::of(&[Section::Desc, Section::Tags]);
    let id = rig.session.get(&PEER.into(), &query, rig.now).unwrap();
    let wire = rig.last_id();
    for at in 0..5000 {
        rig.receive(&format!(
            r#"{{"meta":{{"id":"{wire}","topic":"{PEER}","desc":{{"seq":5}},"more{at}":1}}}}"#
        ));
    }
    rig.ctrl(&wire, 204, r#"{"what":"tags"}"#, PEER);
    let events = rig.events();
    let Ok(Answer::Meta(meta)) = completion(&events, id) else { panic!() };
    assert_eq!(meta.extra.len(), 64);
}

#[test]
fn a_server_that_answers_nothing_after_the_login_is_left_and_tried_again_ever_more_slowly() {
    let mut rig = Rig::subscribed(5);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        rig.lose();
        let pause = rig.events().into_iter().find_map(|event| match event {
            Event::Lost { retry_in, .. } => retry_in,
            _ => None,
        });
        pauses.push(pause.unwrap());
        rig.wait(*pauses.last().unwrap());
        rig.open();
        rig.accept_login();
        rig.written();
        rig.events();
        rig.wait(Duration::from_secs(9));
        assert_eq!(rig.session.phase(), Phase::Ready);
        rig.now = rig.now.after(Duration::from_secs(1));
    }
    assert!(pauses[5] > pauses[0] * 4, "{pauses:?}");
}

#[test]
fn a_server_that_marks_no_ends_is_caught_up_with_all_the_same() {
    let mut rig = Rig::ready_with(|config| config.fill_page = 10);
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(5);
    rig.events();
    rig.data(PEER, 46);
    let mut told = Vec::new();
    for _ in 0..5 {
        for frame in rig.frames() {
            let (since, before) = (&frame["get"]["data"]["since"], &frame["get"]["data"]["before"]);
            for seq in (since.as_u64().unwrap()..before.as_u64().unwrap()).rev() {
                rig.data(PEER, seq);
            }
        }
        let events = rig.events();
        told.extend(seqs(&events));
        rig.wait(Duration::from_secs(10));
        assert!(!rig.events().iter().any(|it| matches!(it, Event::Lost { .. })));
    }
    assert_eq!(told, (6..=46).collect::<Vec<_>>());
}

#[test]
fn attaching_that_is_never_answered_ends_for_this_topic_only() {
    let mut rig = Rig::subscribed(5);
    rig.session.subscribe(&"grpA".into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(0);
    rig.lose();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    for frame in rig.frames() {
        if frame["sub"]["topic"] == "grpA" {
            rig.ctrl(&text(&frame["sub"]["id"]), 200, "{}", "grpA");
        }
    }
    let mut live = 0;
    for _ in 0..80 {
        live += 1;
        rig.wait(Duration::from_secs(3));
        rig.data("grpA", live);
        let events = told(rig.events());
        let refused = |event: &ImEvent| matches!(event, ImEvent::AttachRefused { topic, .. } if *topic == *PEER);
        if events.iter().any(refused) {
            assert!(rig.session.topic(&"grpA".into()).unwrap().is_attached());
            return;
        }
    }
    panic!("it is asked for ever");
}
