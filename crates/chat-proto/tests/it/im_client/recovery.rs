//! What a session of topic chat does when things go wrong in the middle of something.

use super::*;

use chat_proto::error::Rejection;

const GROUP: &str = "grpA";

impl Rig {
    fn subscribe(&mut self, topic: &str, head: u64) {
        self.session.subscribe(&topic.into(), Subscribe::default(), self.now).unwrap();
        self.answer(200, "{}", topic);
        self.head(topic, head);
        self.events();
    }

    fn publish(&mut self, topic: &str) -> RequestId {
        self.session.publish(&topic.into(), Publish::text("x"), self.now).unwrap()
    }

    fn set_credentials(&mut self) {
        let credentials = Credentials::password("102", "pbx.example.com", "demo-102");
        self.session.set_credentials(credentials, self.now);
    }
}

/// The id of the one frame that holds `word`.
fn id_of(written: &[String], word: &str) -> String {
    let mut found = written.iter().filter(|frame| frame.contains(word));
    let frame: serde_json::Value = serde_json::from_str(found.next().unwrap()).unwrap();
    assert!(found.next().is_none(), "{written:?}");
    let (_, body) = frame.as_object().unwrap().iter().next().unwrap();
    body["id"].as_str().unwrap().to_owned()
}

fn is_lost(events: &[ImEventOf]) -> bool {
    events.iter().any(|event| matches!(event, Event::Lost { .. }))
}

#[test]
fn a_group_is_never_created_twice() {
    let mut rig = Rig::ready();
    let new = TopicName::new_group();
    let id = rig.session.subscribe(&new, Subscribe::default(), rig.now).unwrap();
    rig.written();
    rig.come_back();
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    assert_eq!(rig.written(), Vec::<String>::new());
    // Neither does a server that forgets to name the group make us ask for another one.
    rig.session.subscribe(&new, Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", "");
    rig.come_back();
    assert_eq!(rig.written(), Vec::<String>::new());
}

#[test]
fn a_topic_that_may_have_been_left_is_not_joined_again() {
    for verb in [Session::leave, Session::unsubscribe, Session::delete_topic] {
        let mut rig = Rig::subscribed(3);
        let id = verb(&mut rig.session, &PEER.into(), rig.now).unwrap();
        rig.written();
        rig.come_back();
        assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
        assert_eq!(rig.written(), Vec::<String>::new());

        let mut rig = Rig::subscribed(3);
        verb(&mut rig.session, &PEER.into(), rig.now).unwrap();
        rig.wait(Duration::from_secs(11));
        rig.written();
        rig.come_back();
        assert_eq!(rig.written(), Vec::<String>::new());
    }
}

#[test]
fn a_publish_accepted_without_a_number_is_not_called_refused() {
    let mut rig = Rig::subscribed(0);
    let id = rig.publish(PEER);
    rig.answer(202, "{}", PEER);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
}

#[test]
fn what_waits_for_a_subscription_goes_out_when_that_ends_unanswered() {
    for cancelled in [false, true] {
        let mut rig = Rig::ready();
        let sub = rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
        rig.wait(Duration::from_secs(5));
        rig.publish(PEER);
        assert!(!rig.written().iter().any(|frame| frame.contains(r#"{"pub""#)));
        if cancelled {
            rig.session.cancel(sub, rig.now);
        } else {
            rig.wait(Duration::from_secs(5));
        }
        id_of(&rig.written(), r#"{"pub""#);
    }
}

#[test]
fn a_link_on_which_nothing_answers_is_lost() {
    let mut rig = Rig::subscribed(0);
    rig.data(PEER, 2);
    rig.wait(Duration::from_secs(9));
    assert!(!is_lost(&rig.events()));
    rig.wait(Duration::from_secs(1));
    assert!(is_lost(&rig.events()), "the hole would never be filled");
}

#[test]
fn a_page_that_never_ends_is_asked_for_again_and_given_up_when_the_server_talks_of_other_things() {
    let mut rig = Rig::subscribed(0);
    rig.subscribe(GROUP, 0);
    rig.data(PEER, 2);
    let (mut asked, mut live) = (0, 0);
    for _ in 0..80 {
        for frame in rig.frames() {
            asked += u32::from(frame["get"]["topic"] == PEER && frame["get"]["what"] == "data");
        }
        live += 1;
        rig.wait(Duration::from_secs(3));
        rig.data(GROUP, live);
        let events = rig.events();
        assert!(!is_lost(&events), "the server is alive");
        if events.iter().any(|event| matches!(event, Event::Service(ImEvent::Gap { .. }))) {
            assert!(seqs(&events).contains(&2), "the message after the gap");
            assert!((2..10).contains(&asked), "{asked}");
            return;
        }
    }
    panic!("the message after the hole is held for ever");
}

#[test]
fn history_that_cannot_be_read_just_now_is_no_gap() {
    let mut rig = Rig::subscribed(5);
    rig.data(PEER, 8);
    rig.answer(503, "{}", PEER);
    assert_eq!(rig.events(), []);
    assert_eq!(rig.written(), Vec::<String>::new(), "not at once");
    rig.wait(Duration::from_secs(5));
    let id = id_of(&rig.written(), r#""what":"data""#);
    rig.data(PEER, 7);
    rig.data(PEER, 6);
    rig.ctrl(&id, 208, r#"{"what":"data","count":2}"#, PEER);
    assert_eq!(seqs(&rig.events()), [6, 7, 8]);
}

#[test]
fn history_that_is_refused_again_and_again_is_a_gap() {
    let mut rig = Rig::subscribed(5);
    rig.data(PEER, 7);
    for pause in [5, 10, 20, 40, 40] {
        rig.answer(500, "{}", PEER);
        rig.receive("0");
        rig.wait(Duration::from_secs(pause - 1));
        assert_eq!(rig.written(), Vec::<String>::new(), "each time more slowly");
        rig.wait(Duration::from_secs(1));
        assert_eq!(rig.events(), []);
    }
    rig.answer(500, "{}", PEER);
    let events = rig.events();
    let gap = ImEvent::Gap { topic: PEER.into(), from: 6.into(), to: 6.into() };
    assert_eq!(events[0], Event::Service(gap));
    assert_eq!(seqs(&events), [7]);
}

#[test]
fn a_topic_is_attached_however_long_the_server_is_busy() {
    let mut rig = Rig::subscribed(5);
    rig.come_back();
    for _ in 0..50 {
        rig.answer(503, "{}", PEER);
        rig.receive("0");
        rig.wait(Duration::from_secs(40));
        assert!(
            !rig.events()
                .iter()
                .any(|it| matches!(it, Event::Service(ImEvent::AttachRefused { .. })))
        );
    }
    rig.attach(5);
    assert!(rig.session.topic(&PEER.into()).unwrap().is_attached());
}

/// One topic that was refused again and again, and waits long, holds up no other.
#[test]
fn a_topic_waits_for_its_own_time_only() {
    let mut rig = Rig::subscribed(5);
    rig.subscribe(GROUP, 3);
    rig.come_back();
    for pause in [5, 10, 20] {
        for frame in rig.frames() {
            let topic = text(&frame["sub"]["topic"]);
            let code = if topic == PEER { 503 } else { 200 };
            rig.ctrl(&text(&frame["sub"]["id"]), code, "{}", &topic);
        }
        rig.attach(3);
        rig.receive("0");
        if pause < 20 {
            rig.wait(Duration::from_secs(pause));
        }
    }
    assert!(rig.session.topic(&GROUP.into()).unwrap().is_attached());
    rig.receive(&format!(r#"{{"ctrl":{{"topic":"{GROUP}","code":205,"text":"evicted"}}}}"#));
    rig.wait(Duration::from_secs(5));
    let frames = rig.frames();
    assert!(frames.len() == 1 && frames[0]["sub"]["topic"] == GROUP, "{frames:?}");
}

#[test]
fn a_topic_that_is_locked_is_attached_a_little_later() {
    let mut rig = Rig::subscribed(5);
    rig.come_back();
    rig.answer(503, "{}", PEER);
    rig.wait(Duration::from_secs(5));
    let id = id_of(&rig.written(), r#"{"sub""#);
    rig.ctrl(&id, 403, "{}", PEER);
    let refused = |event: &ImEventOf| matches!(event, Event::Service(ImEvent::AttachRefused { why: Rejection { code, .. }, .. }) if code == "403");
    assert!(rig.events().iter().any(refused));
}

#[test]
fn the_end_of_a_page_from_before_a_detachment_ends_no_other() {
    let mut rig = Rig::subscribed(5);
    rig.data(PEER, 8);
    let stale = rig.last_id();
    rig.receive(&format!(r#"{{"pres":{{"topic":"me","src":"{PEER}","what":"term"}}}}"#));
    rig.answer(200, "{}", PEER);
    let id = id_of(&rig.written(), r#""what":"desc""#);
    rig.receive(&format!(r#"{{"meta":{{"id":"{id}","topic":"{PEER}","desc":{{"seq":8}}}}}}"#));
    let id = id_of(&rig.written(), r#""what":"data""#);
    rig.ctrl(&stale, 204, r#"{"what":"data"}"#, PEER);
    rig.data(PEER, 7);
    rig.data(PEER, 6);
    rig.ctrl(&id, 208, r#"{"what":"data","count":2}"#, PEER);
    let events = rig.events();
    assert_eq!(seqs(&events), [6, 7, 8]);
    let gap = |event: &ImEventOf| matches!(event, Event::Service(ImEvent::Gap { .. }));
    assert!(!events.iter().any(gap), "{events:?}");
}

#[test]
fn a_topic_that_went_away_leaves_nothing_to_wait_for() {
    let mut rig = Rig::subscribed(5);
    rig.data(PEER, 8);
    rig.receive(&format!(r#"{{"pres":{{"topic":"me","src":"{PEER}","what":"gone"}}}}"#));
    rig.wait(Duration::from_secs(11));
    assert!(!is_lost(&rig.events()), "nobody answers for a topic that is gone");
}

#[test]
fn a_burst_of_moves_is_one_attachment() {
    let mut rig = Rig::subscribed(5);
    for _ in 0..10_000 {
        rig.receive(&format!(r#"{{"pres":{{"topic":"me","src":"{PEER}","what":"term"}}}}"#));
    }
    assert_eq!(rig.written().len(), 1);
}

#[test]
fn a_head_at_the_end_of_all_numbers_is_not_asked_about_for_ever() {
    let mut rig = Rig::ready();
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, r#"{"seq":18446744073709541616}"#, PEER);
    rig.come_back();
    rig.answer(200, "{}", PEER);
    rig.head(PEER, u64::MAX);
    for _ in 0..200 {
        let written = rig.written();
        let Some(frame) = written.first() else { return };
        let frame: serde_json::Value = serde_json::from_str(frame).unwrap();
        rig.ctrl(frame["get"]["id"].as_str().unwrap(), 204, r#"{"what":"data"}"#, PEER);
    }
    panic!("there is no end");
}

#[test]
fn me_is_attached_first_and_not_everything_at_once() {
    let mut rig = Rig::ready();
    for at in 0..100 {
        rig.session
            .subscribe(&format!("grp{at:03}").into(), Subscribe::default(), rig.now)
            .unwrap();
        rig.answer(200, r#"{"seq":0}"#, &format!("grp{at:03}"));
    }
    rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", "me");
    rig.come_back();
    let written = rig.written();
    assert_eq!(written.len(), 1, "{written:?}");
    assert!(written[0].contains(r#""topic":"me""#), "{}", written[0]);
    rig.ctrl(&id_of(&written, "sub"), 200, "{}", "me");
    let me = rig.last_id();
    rig.ctrl(&me, 204, r#"{"what":"desc"}"#, "me");
    assert_eq!(rig.written().len(), 0, "the list of topics is not there yet");
    rig.session.publish(&"grp000".into(), Publish::text("x"), rig.now).unwrap();
    assert_eq!(rig.written().len(), 0, "not before the topic is attached");
    // Other topics need not wait for those that are attached.
    rig.publish("usr9");
    id_of(&rig.written(), r#"{"pub""#);
    let roster = format!(r#"{{"meta":{{"id":"{me}","topic":"me","sub":[{{"topic":"grp001"}}]}}}}"#);
    rig.receive(&roster);
    let mut written = rig.written();
    assert_eq!(written.len(), 64);
    let mut attached = 0;
    while let Some(frame) = written.pop() {
        let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
        if let Some(id) = frame["sub"]["id"].as_str() {
            rig.ctrl(id, 304, "{}", "");
            attached += 1;
        }
        written.extend(rig.written());
    }
    assert_eq!(attached, 100);
}

#[test]
fn messages_of_a_topic_nobody_follows_are_not_swallowed() {
    let mut rig = Rig::ready();
    rig.data(GROUP, 5);
    assert!(matches!(rig.events()[..], [Event::Service(ImEvent::Other(_))]));
}

#[test]
fn credentials_set_during_an_attempt_are_the_ones_that_count() {
    // While a token is fetched: what comes is somebody else's.
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    let (id, _) = rig.http();
    rig.set_credentials();
    rig.respond(id, 400, r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#);
    assert_eq!(rig.events(), [], "nobody refused the new ones");
    let (_, request) = rig.http();
    assert!(std::str::from_utf8(request.body()).unwrap().contains("username=102"));

    // While the socket opens: there is no token for them yet.
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    rig.give_tokens("A1", 1800);
    rig.set_credentials();
    rig.open();
    assert!(is_lost(&rig.events()));
    rig.wait(Duration::from_secs(2));
    rig.give_tokens("B1", 1800);
    rig.open();
    rig.accept_login();
    assert_eq!(rig.session.phase(), Phase::Ready);
}

#[test]
fn another_user_does_not_inherit_topics() {
    let mut rig = Rig::subscribed(3);
    rig.set_credentials();
    rig.lose();
    rig.wait(Duration::from_secs(2));
    rig.give_tokens("B1", 1800);
    rig.open();
    let id = rig.last_id();
    rig.ctrl(&id, 200, r#"{"user":"usr102"}"#, "");
    let gone = ImEvent::TopicGone { topic: PEER.into(), cause: None };
    assert!(rig.events().contains(&Event::Service(gone)));
    assert_eq!(rig.written(), Vec::<String>::new());
}

#[test]
fn a_server_that_is_busy_does_not_blame_the_password() {
    for code in [408, 409, 429, 500, 503] {
        let mut rig = Rig::new(|_| {});
        rig.session.connect(rig.now);
        rig.give_tokens("A1", 1800);
        rig.open();
        rig.answer(code, "{}", "");
        assert!(matches!(rig.events()[..], [.., Event::Lost { retry_in: Some(_), .. }]), "{code}");
    }
}

#[test]
fn tokens_that_grew_old_between_two_links_are_refreshed_after_the_login() {
    let mut rig = Rig::new(|config| config.session.backoff.floor = Duration::from_secs(200));
    rig.session.connect(rig.now);
    rig.give_tokens("A1", 1000);
    rig.open();
    rig.accept_login();
    for _ in 0..14 {
        rig.wait(Duration::from_secs(50));
        rig.receive("0");
    }
    rig.lose();
    rig.wait(Duration::from_secs(201));
    rig.open();
    rig.accept_login();
    rig.wait(Duration::from_secs(1));
    let (_, request) = rig.http();
    assert!(std::str::from_utf8(request.body()).unwrap().contains("refresh_token=R-A1"));
}

#[test]
fn a_refresh_under_way_outlives_the_link() {
    let pair =
        r#"{"access_token":"A2","expires_in":90,"refresh_token":"R2","token_type":"Bearer"}"#;
    for late in [false, true] {
        let mut rig = Rig::new(|_| {});
        rig.session.connect(rig.now);
        rig.give_tokens("A1", 40);
        rig.open();
        rig.accept_login();
        rig.wait(Duration::from_secs(32));
        let (id, _) = rig.http();
        rig.lose();
        rig.events();
        if late {
            // The old pair is dead, and its refresh token was spent: wait for what it bought.
            rig.now = rig.now.after(Duration::from_secs(8));
            rig.session.connect(rig.now);
            assert!(!rig.actions().iter().any(|action| matches!(action, Action::Http { .. })));
        }
        rig.respond(id, 200, pair);
        assert!(matches!(rig.events()[..], [Event::Service(ImEvent::Tokens(_))]));
        rig.wait(Duration::from_secs(2));
        rig.open();
        let login = &rig.written()[0];
        // 101@pbx.example.com:A2
        assert!(login.contains("MTAxQHBieC5leGFtcGxlLmNvbTpBMg=="), "{login}");
    }
}

#[test]
fn a_dead_refresh_token_is_replaced_by_the_password_at_once() {
    let mut rig = Rig::new(|_| {});
    rig.session.connect(rig.now);
    rig.give_tokens("A1", 50);
    rig.open();
    rig.accept_login();
    rig.wait(Duration::from_secs(40));
    let (id, _) = rig.http();
    rig.respond(id, 400, r#"{"errors":[{"code":"UNKNOWN","message":"no"}]}"#);
    let (_, request) = rig.http();
    assert!(std::str::from_utf8(request.body()).unwrap().contains("grant_type=password"));
    assert_eq!(rig.session.phase(), Phase::Ready);
}

#[test]
fn an_application_that_does_not_listen_is_not_the_peers_silence() {
    let mut rig = Rig::subscribed(0);
    rig.data(PEER, 1);
    // The transport stops reading while the event is stuck.
    rig.wait(Duration::from_secs(600));
    assert_eq!(rig.session.phase(), Phase::Ready);
    assert_eq!(seqs(&rig.events()), [1]);
    rig.wait(Duration::from_secs(60));
    assert!(is_lost(&rig.events()), "now it is silence");
}

#[test]
fn spans_without_an_end_are_never() {
    let mut rig = Rig::new(|config| {
        let session = &mut config.session;
        session.open_timeout = Duration::MAX;
        session.http_timeout = Duration::MAX;
        session.request_timeout = Duration::MAX;
        session.heartbeat = Duration::MAX;
        session.silence = Duration::MAX;
        session.stable = Duration::MAX;
        session.close_timeout = Duration::MAX;
        session.backoff.floor = Duration::MAX;
        session.backoff.factor = u32::MAX;
    });
    rig.session.connect(rig.now);
    rig.give_tokens("A1", u64::MAX);
    rig.open();
    rig.accept_login();
    rig.subscribe(PEER, 0);
    rig.data(PEER, 3);
    rig.publish(PEER);
    rig.wait(Duration::from_secs(3600));
    assert_eq!(rig.session.phase(), Phase::Ready);
    rig.lose();
    rig.session.connect(rig.now);
    rig.session.close(rig.now);
}

#[test]
fn a_socket_that_takes_nothing_fills_no_memory() {
    let mut rig = Rig::subscribed(0);
    for _ in 0..2000 {
        rig.session.note_typing(&PEER.into(), TypingKind::Text, rig.now);
    }
    for _ in 0..100 {
        rig.wait(Duration::from_secs(30));
        rig.receive("0");
    }
    let waiting = std::iter::from_fn(|| rig.session.poll_transmit()).count();
    assert!(waiting <= 1025, "{waiting}");
}

/// What the transport never took did not happen.
#[test]
fn what_never_left_was_not_sent() {
    let publish = |rig: &mut Rig| rig.session.publish(&PEER.into(), Publish::text("x"), rig.now);
    // Given up: it is not written any more.
    let mut rig = Rig::subscribed(1);
    rig.take();
    let id = publish(&mut rig).unwrap();
    rig.session.cancel(id, rig.now);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Cancelled));
    assert_eq!(rig.written(), Vec::<String>::new());
    // A link that takes nothing until the time is over.
    let id = publish(&mut rig).unwrap();
    let leave = rig.session.unsubscribe(&PEER.into(), rig.now).unwrap();
    rig.now = rig.now.after(Duration::from_secs(31));
    rig.session.handle_input(Input::Timeout, rig.now);
    let events = rig.events();
    assert_eq!(completion(&events, id), &Err(RequestError::TimedOut));
    assert_eq!(completion(&events, leave), &Err(RequestError::TimedOut));
    assert!(rig.session.topic(&PEER.into()).unwrap().is_followed(), "it was not left");
    // A link that is lost before it took it: the next one gets it, and nothing is in doubt.
    let mut rig = Rig::subscribed(1);
    rig.take();
    let id = publish(&mut rig).unwrap();
    let input = Input::Lost { conn: rig.conn, failure: LinkFailure::Ended };
    rig.session.handle_input(input, rig.now);
    rig.taken.clear();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.attach(1);
    assert_eq!(rig.kept.len(), 1, "{:?}", rig.kept);
    assert_eq!(rig.kept[0]["pub"]["content"], "x");
    rig.session.cancel(id, rig.now);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown), "now it left");
}

/// A server that cannot say just now how far a topic goes is asked again: what came while nobody
/// listened would not be told before the next message, or never.
#[test]
fn how_far_a_topic_goes_is_asked_again() {
    let mut rig = Rig::subscribed(1);
    rig.lose();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.answer(200, "{}", PEER);
    rig.answer(500, "{}", PEER);
    assert_eq!(rig.frames().len(), 0);
    rig.wait(Duration::from_secs(6));
    rig.head(PEER, 2);
    let frames = rig.frames();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(
        (&frames[0]["get"]["data"]["since"], &frames[0]["get"]["data"]["before"]),
        (&2.into(), &3.into())
    );
}
