//! Answers and notices that look alike and mean different things, and what one of them changes.

use super::*;

const GROUP: &str = "grpA";

impl Rig {
    fn is_followed(&self, topic: &str) -> bool {
        self.session.topic(&topic.into()).is_some_and(|it| it.is_attached())
    }
}

#[test]
fn only_a_205_takes_a_topic_away() {
    for (frame, taken) in [
        // A receipt that is refused names the topic and no request.
        (
            format!(r#"{{"ctrl":{{"topic":"{PEER}","code":409,"text":"must attach first"}}}}"#),
            false,
        ),
        (format!(r#"{{"ctrl":{{"topic":"{PEER}","code":200,"text":"ok"}}}}"#), false),
        (format!(r#"{{"ctrl":{{"id":"zz","topic":"{PEER}","code":205,"text":"reset"}}}}"#), false),
        (r#"{"ctrl":{"code":205,"text":"evicted"}}"#.to_owned(), false),
        (format!(r#"{{"ctrl":{{"topic":"{PEER}","code":205,"text":"evicted"}}}}"#), true),
    ] {
        let mut rig = Rig::subscribed(5);
        rig.receive(&frame);
        let told = told(rig.events());
        let [event] = &told[..] else { panic!("{told:?}") };
        assert_eq!(matches!(event, ImEvent::Detached { .. }), taken, "{frame}");
        assert_eq!(matches!(event, ImEvent::Notice(_)), !taken, "{frame}");
        assert_eq!(rig.is_followed(PEER), !taken, "{frame}");
    }
}

#[test]
fn a_deletion_is_done_or_refused_and_a_deleted_topic_is_followed_no_more() {
    for (code, done) in [(200, true), (403, false)] {
        let mut rig = Rig::subscribed(5);
        let id = rig.session.delete_messages(&PEER.into(), 3..=5, rig.now).unwrap();
        rig.answer(code, "{}", PEER);
        let events = rig.events();
        assert_eq!(matches!(completion(&events, id), Ok(Answer::Done(_))), done, "{events:?}");
        assert!(rig.is_followed(PEER));
        let id = rig.session.delete_topic(&PEER.into(), rig.now).unwrap();
        rig.answer(code, "{}", PEER);
        let events = rig.events();
        assert_eq!(matches!(completion(&events, id), Ok(Answer::Done(_))), done, "{events:?}");
        assert_eq!(rig.is_followed(PEER), !done);
        if !done {
            assert!(matches!(completion(&events, id), Err(RequestError::Rejected(_))));
        }
    }
}

/// The number in the answer closes the hole, so what waited behind it waits no longer.
#[test]
fn an_own_message_without_an_echo_lets_out_what_came_before_its_answer() {
    let mut rig = Rig::subscribed(5);
    rig.session.publish(&PEER.into(), Publish::text("quiet").without_echo(), rig.now).unwrap();
    let wire = rig.last_id();
    rig.data(PEER, 7);
    assert_eq!(seqs(&rig.events()), Vec::<u64>::new());
    let page = rig.last_id();
    rig.ctrl(&wire, 202, r#"{"seq":6}"#, PEER);
    assert_eq!(seqs(&rig.events()), [7]);
    rig.ctrl(&page, 204, r#"{"what":"data"}"#, PEER);
    assert_eq!(rig.events(), [], "nothing is missing");
}

#[test]
fn a_topic_that_goes_while_the_list_is_awaited_lets_no_other_in() {
    let mut rig = Rig::subscribed(5);
    rig.session.subscribe(&GROUP.into(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, r#"{"seq":0}"#, GROUP);
    rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
    rig.attach(5);
    rig.lose();
    rig.session.connect(rig.now);
    rig.open();
    rig.accept_login();
    let frames = rig.frames();
    assert!(frames.len() == 1 && frames[0]["sub"]["topic"] == "me", "{frames:?}");
    rig.ctrl(&text(&frames[0]["sub"]["id"]), 200, "{}", "me");
    let list = rig.last_id();
    rig.pres(GROUP, "gone", "");
    assert_eq!(rig.frames(), Vec::<serde_json::Value>::new(), "the list is not there yet");
    let rows = format!(r#"{{"meta":{{"id":"{list}","topic":"me","sub":[{{"topic":"{PEER}"}}]}}}}"#);
    rig.receive(&rows);
    let frames = rig.frames();
    assert!(frames.len() == 1 && frames[0]["sub"]["topic"] == PEER, "{frames:?}");
}

#[test]
fn a_query_says_since_when_in_each_section() {
    let mut rig = Rig::subscribed(5);
    let ims = "2024-10-24T08:00:00Z";
    for (sections, desc, sub) in [
        (vec![Section::Desc], true, false),
        (vec![Section::Sub], false, true),
        (vec![Section::Desc, Section::Sub], true, true),
    ] {
        let query = Query::of(&sections).changed_after(ims);
        rig.session.get(&PEER.into(), &query, rig.now).unwrap();
        let frame = rig.frames().remove(0);
        for (name, asked) in [("desc", desc), ("sub", sub)] {
            let expected = if asked { ims.into() } else { serde_json::Value::Null };
            assert_eq!(frame["get"][name]["ims"], expected, "{sections:?} {frame}");
        }
    }
}

#[test]
fn the_next_timer_has_a_name_and_is_the_time_to_wake_up() {
    let mut rig = Rig::new(|_| {});
    assert_eq!(rig.session.next_timer(), None);
    rig.session.connect(rig.now);
    rig.give_tokens("A1", 1800);
    rig.open();
    rig.accept_login();
    let named = |rig: &Rig| {
        let (at, name) = rig.session.next_timer().expect("a live session has one");
        assert_eq!(Some(at), rig.session.poll_timeout());
        name
    };
    assert_ne!(named(&rig), "request");
    rig.session.describe(&PEER.into(), rig.now).unwrap();
    assert_eq!(named(&rig), "request", "no other is as soon");
}

#[test]
fn a_page_that_reached_the_start_of_what_was_asked_for_has_none_before_it() {
    for (first, more) in [(10, false), (11, true)] {
        let mut rig = Rig::subscribed(20);
        let query = HistoryQuery::newest(10).since(10_u64);
        let id = rig.session.history(&PEER.into(), query.clone(), rig.now).unwrap();
        let wire = rig.last_id();
        rig.data(PEER, 12);
        rig.data(PEER, first);
        rig.ctrl(&wire, 208, r#"{"what":"data","count":2}"#, PEER);
        let events = rig.events();
        let Ok(Answer::History(page)) = completion(&events, id) else { panic!("{events:?}") };
        let expected = more.then(|| query.clone().before(first));
        assert_eq!(page.older(), expected);
    }
}

/// What comes too early waits in a bounded place; what finds none is asked for when its turn comes.
#[test]
fn no_more_than_the_limit_waits_for_a_hole_to_be_filled() {
    let mut rig = Rig::ready_with(|config| config.max_held = 2);
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(5);
    rig.events();
    rig.data(PEER, 8);
    let page = rig.last_id();
    for seq in [9, 10, 11] {
        rig.data(PEER, seq);
    }
    rig.data(PEER, 7);
    rig.data(PEER, 6);
    rig.ctrl(&page, 208, r#"{"what":"data","count":2}"#, PEER);
    assert_eq!(seqs(&rig.events()), [6, 7, 8, 9]);
    let asked = rig.frames().remove(0);
    assert_eq!(asked["get"]["data"]["since"], 10, "{asked}");
    rig.data(PEER, 11);
    rig.data(PEER, 10);
    rig.ctrl(&text(&asked["get"]["id"]), 208, r#"{"what":"data","count":2}"#, PEER);
    assert_eq!(seqs(&rig.events()), [10, 11]);
}

#[test]
fn what_came_already_is_not_asked_for_when_the_oldest_part_is_given_up() {
    let mut rig = Rig::ready_with(|config| config.max_fill = 10);
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(5);
    rig.events();
    rig.data(PEER, 100);
    let told = told(rig.events());
    assert!(
        matches!(&told[..], [ImEvent::Gap { from, to, .. }] if (from.get(), to.get()) == (6, 90)),
        "{told:?}"
    );
    let asked = rig.frames().remove(0);
    let page = &asked["get"]["data"];
    assert_eq!((&page["since"], &page["before"]), (&91.into(), &100.into()), "{asked}");
}
