//! Messages whose answer was lost with the link: accepted, proven lost, or unknown.

use super::*;

const ME: &str = "usr804252613548777777";

impl Rig {
    /// A message was written, and the link is lost before the answer.
    fn in_doubt(&mut self) -> (RequestId, String) {
        let id = self.session.publish(&PEER.into(), Publish::text("once"), self.now).unwrap();
        let frames = self.frames();
        assert_eq!(frames.last().unwrap()["pub"]["content"], "once");
        (id, text(&frames.last().unwrap()["pub"]["id"]))
    }

    fn return_to(&mut self, head: u64) {
        self.lose();
        self.session.connect(self.now);
        self.open();
        self.accept_login();
        self.attach(head);
    }

    /// The page of history the session asked for.
    fn asked_page(&mut self) -> String {
        let at = self.kept.iter().position(|frame| frame["get"]["what"] == "data");
        text(&self.kept.remove(at.expect("a page is asked for"))["get"]["id"])
    }

    fn end_page(&mut self, id: &str) {
        self.ctrl(id, 208, r#"{"what":"data","count":1}"#, PEER);
        let frames = self.frames();
        self.kept.extend(frames);
    }

    /// Ids of the messages written since.
    fn published(&mut self) -> Vec<String> {
        let frames = self.frames();
        self.kept.extend(frames);
        let frames = std::mem::take(&mut self.kept);
        frames.iter().filter_map(|frame| Some(text(frame.get("pub")?.get("id")?))).collect()
    }
}

fn receipt(events: &[ImEventOf], id: RequestId) -> u64 {
    let Ok(Answer::Published(receipt)) = completion(events, id) else { panic!("{events:?}") };
    receipt.seq.get()
}

#[test]
fn a_message_found_in_history_was_accepted() {
    let mut rig = Rig::subscribed(5);
    let (id, wire) = rig.in_doubt();
    rig.return_to(7);
    let page = rig.asked_page();
    rig.data_of(PEER, 7, PEER, "other");
    rig.data_of(PEER, 6, ME, &wire);
    rig.end_page(&page);
    let events = rig.events();
    assert_eq!(receipt(&events, id), 6);
    assert_eq!(seqs(&events), [6, 7], "told once, as a message");
    assert_eq!(rig.published(), Vec::<String>::new());
}

#[test]
fn a_message_that_history_does_not_hold_is_sent_again_under_its_id() {
    // Nothing new at all, and something new of somebody else.
    for head in [5, 6] {
        let mut rig = Rig::subscribed(5);
        let (id, wire) = rig.in_doubt();
        rig.return_to(head);
        if head == 6 {
            let page = rig.asked_page();
            assert_eq!(rig.published(), Vec::<String>::new(), "not before it is proven");
            rig.data_of(PEER, 6, PEER, "");
            rig.end_page(&page);
        }
        assert_eq!(rig.published(), [wire.as_str()]);
        rig.ctrl(&wire, 202, &format!(r#"{{"seq":{}}}"#, head + 1), PEER);
        assert_eq!(receipt(&rig.events(), id), head + 1);
    }
}

#[test]
fn a_message_is_not_sent_again_while_it_may_be_one_of_those_in_history() {
    // One of this user without an id, one of nobody, and a hole.
    for (from, reqid) in [(ME, ""), ("", ""), ("", "-")] {
        let mut rig = Rig::subscribed(5);
        let (id, _) = rig.in_doubt();
        rig.return_to(6);
        let page = rig.asked_page();
        if reqid.is_empty() {
            rig.data_of(PEER, 6, from, reqid);
        }
        rig.end_page(&page);
        assert_eq!(rig.published(), Vec::<String>::new());
        assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    }
}

#[test]
fn what_was_seen_before_the_loss_counts() {
    // The echo overtook the answer.
    let mut rig = Rig::subscribed(5);
    let (id, wire) = rig.in_doubt();
    rig.data_of(PEER, 6, ME, &wire);
    rig.lose();
    assert_eq!(receipt(&rig.events(), id), 6);
    // So does one of this user that names no `pub`: it may be the one.
    let mut rig = Rig::subscribed(5);
    let (id, _) = rig.in_doubt();
    rig.data_of(PEER, 6, ME, "");
    rig.return_to(6);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    // What was there before the message was written cannot be it.
    let mut rig = Rig::subscribed(5);
    rig.data_of(PEER, 6, ME, "");
    let (_, wire) = rig.in_doubt();
    rig.return_to(6);
    assert_eq!(rig.published(), [wire]);
}

#[test]
fn an_answer_that_never_comes_is_replaced_by_the_echo() {
    let mut rig = Rig::subscribed(5);
    let (id, wire) = rig.in_doubt();
    rig.data_of(PEER, 6, ME, &wire);
    assert!(!rig.events().iter().any(|event| matches!(event, Event::Completed { .. })));
    rig.wait(Duration::from_secs(10));
    assert_eq!(receipt(&rig.events(), id), 6);
}

#[test]
fn later_messages_wait_for_the_earlier_ones() {
    let mut rig = Rig::subscribed(5);
    let (_, first) = rig.in_doubt();
    let (_, second) = rig.in_doubt();
    rig.lose();
    rig.session.publish(&PEER.into(), Publish::text("third"), rig.now).unwrap();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.attach(6);
    rig.session.publish(&PEER.into(), Publish::text("fourth"), rig.now).unwrap();
    let page = rig.asked_page();
    assert_eq!(rig.published(), Vec::<String>::new());
    rig.data_of(PEER, 6, ME, &first);
    rig.end_page(&page);
    let frames = std::mem::take(&mut rig.kept);
    let sent: Vec<_> = frames.iter().map(|frame| text(&frame["pub"]["content"])).collect();
    assert_eq!(sent, ["once", "third", "fourth"]);
    assert_eq!(frames[0]["pub"]["id"], second);
}

#[test]
fn the_same_again_is_proven_again() {
    let mut rig = Rig::subscribed(5);
    let (id, wire) = rig.in_doubt();
    for _ in 0..3 {
        rig.return_to(5);
        assert_eq!(rig.published(), [wire.as_str()]);
    }
    rig.return_to(6);
    let page = rig.asked_page();
    rig.data_of(PEER, 6, ME, &wire);
    rig.end_page(&page);
    assert_eq!(receipt(&rig.events(), id), 6);
    assert_eq!(rig.published(), Vec::<String>::new());
}

#[test]
fn a_server_that_knows_repetitions_is_simply_asked_again() {
    let mut rig = Rig::ready_with(|config| config.server_deduplicates = true);
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(5);
    let (id, wire) = rig.in_doubt();
    rig.return_to(5);
    assert_eq!(rig.published(), [wire.as_str()]);
    rig.ctrl(&wire, 202, r#"{"seq":6}"#, PEER);
    assert_eq!(receipt(&rig.events(), id), 6);
}

/// The first may be on its way still, on a link that is dead for us only.
#[test]
fn what_becomes_of_the_second_copy_says_nothing_about_the_first() {
    for server_deduplicates in [false, true] {
        let mut rig = Rig::ready_with(|config| config.server_deduplicates = server_deduplicates);
        rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
        rig.attach(5);
        let (id, wire) = rig.in_doubt();
        rig.return_to(5);
        assert_eq!(rig.published(), [wire.as_str()]);
        rig.ctrl(&wire, 403, "{}", PEER);
        assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
        // Given up before it is written.
        let (id, _) = rig.in_doubt();
        rig.lose();
        rig.session.cancel(id, rig.now);
        assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    }
}

#[test]
fn doubts_end() {
    // With their time.
    let mut rig = Rig::subscribed(5);
    let (id, _) = rig.in_doubt();
    rig.lose();
    rig.events();
    rig.wait(Duration::from_secs(60));
    assert_eq!(rig.session.waiting(), 1);
    rig.wait(Duration::from_secs(61));
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    // With their topic.
    let mut rig = Rig::subscribed(5);
    let (id, _) = rig.in_doubt();
    rig.lose();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.answer(403, "{}", PEER);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    // When the server does not say how far the topic goes.
    let mut rig = Rig::subscribed(5);
    let (id, _) = rig.in_doubt();
    rig.lose();
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.answer(200, "{}", PEER);
    // Not just now, perhaps a little later.
    rig.answer(500, "{}", PEER);
    assert_eq!(rig.session.waiting(), 1);
    rig.wait(Duration::from_secs(6));
    rig.answer(403, "{}", PEER);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    // When the application gives up, and what waited goes out.
    let mut rig = Rig::subscribed(5);
    let (id, _) = rig.in_doubt();
    rig.return_to(6);
    rig.session.publish(&PEER.into(), Publish::text("later"), rig.now).unwrap();
    assert_eq!(rig.published(), Vec::<String>::new());
    rig.session.cancel(id, rig.now);
    assert_eq!(rig.published().len(), 1);
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
}

#[test]
fn what_cannot_be_looked_for_is_unknown_as_soon_as_the_link_is_lost() {
    // The topic went while the answer was awaited.
    let mut rig = Rig::subscribed(5);
    let (id, _) = rig.in_doubt();
    rig.pres(PEER, "gone", "");
    rig.lose();
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
    // It was written before anybody said how far the topic goes.
    let mut rig = Rig::ready();
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", PEER);
    let (id, _) = rig.in_doubt();
    rig.lose();
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
}

#[test]
fn a_message_to_a_topic_nobody_follows_cannot_be_looked_for() {
    let mut rig = Rig::ready();
    let id = rig.session.publish(&"sys".into(), Publish::text("x"), rig.now).unwrap();
    rig.written();
    rig.lose();
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
}

#[test]
fn what_the_server_refused_because_it_let_go_of_the_topic_is_sent_once_it_is_attached() {
    let mut rig = Rig::subscribed(5);
    let (id, wire) = rig.in_doubt();
    rig.ctrl(&wire, 409, "{}", PEER);
    let frames = rig.frames();
    assert!(frames.len() == 1 && frames[0]["sub"]["topic"] == PEER, "{frames:?}");
    rig.ctrl(&text(&frames[0]["sub"]["id"]), 200, "{}", PEER);
    assert_eq!(rig.published(), [wire.as_str()]);
    rig.ctrl(&wire, 409, "{}", PEER);
    let events = rig.events();
    assert!(
        matches!(completion(&events, id), Err(RequestError::Rejected(why)) if why.code == "409")
    );
}

#[test]
fn numbers_that_went_backwards_prove_nothing_and_are_told() {
    let mut rig = Rig::subscribed(50);
    rig.data(PEER, 51);
    let (id, _) = rig.in_doubt();
    rig.return_to(20);
    let events = rig.events();
    assert_eq!(completion(&events, id), &Err(RequestError::Unknown));
    let rewound = ImEvent::Rewound { topic: PEER.into(), told: 51.into(), head: 20.into() };
    assert!(events.contains(&Event::Service(rewound)), "{events:?}");
    rig.data(PEER, 21);
    assert_eq!(seqs(&rig.events()), [21], "not taken for an old one");
    assert_eq!(rig.session.topic(&PEER.into()).unwrap().seq(), 21);
    // Who may not read is not told how far the topic goes: that is no way back.
    rig.return_to(0);
    assert!(!rig.events().iter().any(|it| matches!(it, Event::Service(ImEvent::Rewound { .. }))));
}
