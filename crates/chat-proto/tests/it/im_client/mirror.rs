//! What the session knows of topics without asking.

use super::*;

use chat_proto::im::AccessMode;

const GROUP: &str = "grpA";

impl Rig {
    /// Logged in, `me` subscribed to, with this list of topics.
    fn with_roster(rows: &str) -> Self {
        let mut rig = Self::ready();
        rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
        rig.answer(200, "{}", "me");
        let id = rig.last_id();
        rig.roster(&id, "2024-10-24T08:00:00Z", rows);
        rig.events();
        rig
    }

    fn roster(&mut self, id: &str, ts: &str, rows: &str) {
        self.receive(&format!(
            r#"{{"meta":{{"id":"{id}","topic":"me","ts":"{ts}","desc":{{"public":{{"fn":"Ann"}}}}}}}}"#
        ));
        self.receive(&format!(
            r#"{{"meta":{{"id":"{id}","topic":"me","ts":"{ts}","sub":[{rows}]}}}}"#
        ));
    }
}

fn mode(text: &str) -> AccessMode {
    AccessMode::parse_lenient(text)
}

#[test]
fn a_subscription_fills_it_and_events_keep_it() {
    let mut rig = Rig::ready();
    let topic = TopicName::from(GROUP);
    assert!(rig.session.topic(&topic).is_none());
    rig.session.subscribe(&topic, Subscribe::default(), rig.now).unwrap();
    rig.answer(200, r#"{"acs":{"want":"JRWPS","given":"JRWP"}}"#, GROUP);
    let view = rig.session.topic(&topic).unwrap();
    assert_eq!(view.access().unwrap().mode(), mode("JRWP"));
    assert!(view.is_attached() && view.is_followed() && view.told().is_none());
    let id = rig.last_id();
    rig.receive(&format!(
        r#"{{"meta":{{"id":"{id}","topic":"{GROUP}","desc":{{"acs":{{"want":"JRWPS","given":"JRWPS","mode":"JRWPS"}},"seq":9,"read":4,"recv":6,"clear":2,"subcnt":3,"touched":"2024-10-24T08:24:41Z","public":{{"fn":"Team"}},"private":{{"note":"x"}}}}}}}}"#
    ));
    let view = rig.session.topic(&topic).unwrap();
    assert_eq!((view.seq().get(), view.read().get(), view.received().get()), (9, 4, 6));
    assert_eq!((view.unread(), view.members(), view.deletion()), (5, 3, 2));
    assert_eq!(view.told().unwrap(), 9);
    assert_eq!(view.access().unwrap().mode(), mode("JRWPS"));
    assert_eq!(view.public().unwrap().as_str(), r#"{"fn":"Team"}"#);
    assert_eq!(view.private().unwrap().as_str(), r#"{"note":"x"}"#);
    assert_eq!(*view.touched().as_text(), "2024-10-24T08:24:41Z");
    // Messages, own ones included, which their author has read.
    rig.data(GROUP, 10);
    assert_eq!(rig.session.topic(&topic).unwrap().unread(), 6);
    rig.data_of(GROUP, 11, "usr804252613548777777", "r");
    assert_eq!(rig.session.topic(&topic).unwrap().unread(), 0);
    // Another session of this user reads; somebody else does, which is none of our business.
    rig.data(GROUP, 12);
    rig.receive(&format!(
        r#"{{"info":{{"topic":"{GROUP}","from":"usr5","what":"read","seq":12}}}}"#
    ));
    assert_eq!(rig.session.topic(&topic).unwrap().unread(), 1);
    rig.receive(&format!(
        r#"{{"info":{{"topic":"{GROUP}","from":"usr804252613548777777","what":"read","seq":12}}}}"#
    ));
    assert_eq!(rig.session.topic(&topic).unwrap().unread(), 0);
    // Access.
    rig.receive(&format!(
        r#"{{"pres":{{"topic":"{GROUP}","what":"acs","dacs":{{"given":"-WS+A"}}}}}}"#
    ));
    let access = rig.session.topic(&topic).unwrap().access().unwrap();
    assert_eq!((access.want, access.given), (mode("JRWPS"), mode("JRPA")));
    rig.lose();
    let view = rig.session.topic(&topic).unwrap();
    assert!(!view.is_attached() && view.is_followed());
}

#[test]
fn the_list_of_topics_fills_it_too() {
    let rows = format!(
        r#"{{"topic":"{PEER}","online":true,"seq":7,"read":5,"recv":6,"acs":{{"want":"JRWPA","given":"JRWPA"}},"public":{{"fn":"Bob"}}}},{{"topic":"{GROUP}","seq":3}},{{"topic":"me"}},{{"user":"usr9"}}"#
    );
    let mut rig = Rig::with_roster(&rows);
    let names: Vec<_> = rig.session.topics().map(|view| view.name().to_string()).collect();
    assert_eq!(names, ["me", GROUP, PEER]);
    let me = rig.session.topic(&TopicName::me()).unwrap();
    assert_eq!(me.public().unwrap().as_str(), r#"{"fn":"Ann"}"#);
    let peer = PEER.into();
    let view = rig.session.topic(&peer).unwrap();
    assert!(view.is_online() && !view.is_followed() && view.told().is_none());
    assert_eq!((view.seq().get(), view.unread()), (7, 2));
    // Notifications.
    rig.pres(PEER, "off", "");
    rig.pres(PEER, "msg", r#","seq":8"#);
    rig.pres(PEER, "read", r#","seq":8"#);
    let view = rig.session.topic(&peer).unwrap();
    assert!(!view.is_online());
    assert_eq!((view.seq().get(), view.unread()), (8, 0));
    // An invitation, and the end of it.
    rig.pres("grpB", "acs", r#","act":"usr5","dacs":{"want":"JRWPS","given":"JRWPS"}"#);
    assert_eq!(rig.session.topic(&"grpB".into()).unwrap().access().unwrap().mode(), mode("JRWPS"));
    rig.pres("grpB", "gone", "");
    assert!(rig.session.topic(&"grpB".into()).is_none());
    // What is known stays when the topic is followed, and when it is not any more.
    rig.session.subscribe(&peer, Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", PEER);
    let view = rig.session.topic(&peer).unwrap();
    assert!(view.is_followed());
    assert_eq!(view.public().unwrap().as_str(), r#"{"fn":"Bob"}"#);
    rig.session.leave(&peer, rig.now).unwrap();
    rig.answer(200, "{}", PEER);
    assert!(!rig.session.topic(&peer).unwrap().is_followed());
    rig.session.subscribe(&peer, Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", PEER);
    rig.session.unsubscribe(&peer, rig.now).unwrap();
    rig.answer(200, "{}", PEER);
    assert!(rig.session.topic(&peer).is_none());
}

#[test]
fn a_description_that_changed_is_read_again_once() {
    let mut rig = Rig::with_roster(&format!(r#"{{"topic":"{PEER}"}}"#));
    for _ in 0..100 {
        rig.pres(PEER, "upd", "");
        rig.pres("usrUnknown", "upd", "");
    }
    let frames = rig.frames();
    assert!(frames.len() <= 8 && frames.iter().all(|it| it["get"]["topic"] == PEER), "{frames:?}");
    let id = text(&frames[0]["get"]["id"]);
    rig.receive(&format!(
        r#"{{"meta":{{"id":"{id}","topic":"{PEER}","desc":{{"public":"new"}}}}}}"#
    ));
    let view = rig.session.topic(&PEER.into()).unwrap();
    assert_eq!(view.public().unwrap().as_str(), r#""new""#);
}

#[test]
fn after_a_loss_only_what_changed_is_asked_for_and_what_was_left_is_not_joined_again() {
    let rows = format!(r#"{{"topic":"{PEER}","online":true}},{{"topic":"{GROUP}"}}"#);
    let mut rig = Rig::with_roster(&rows);
    for topic in [PEER, GROUP] {
        rig.session.subscribe(&topic.into(), Subscribe::default(), rig.now).unwrap();
    }
    rig.attach(0);
    rig.lose();
    assert!(!rig.session.topic(&PEER.into()).unwrap().is_online(), "nobody knows");
    rig.wait(Duration::from_secs(2));
    rig.open();
    rig.accept_login();
    rig.answer(200, "{}", "me");
    let frames = rig.frames();
    assert_eq!(frames[0]["get"]["sub"]["ims"], "2024-10-24T08:00:00Z");
    let id = text(&frames[0]["get"]["id"]);
    rig.events();
    let row = format!(r#"{{"topic":"{GROUP}","deleted":"2024-10-24T08:10:00Z"}}"#);
    rig.roster(&id, "2024-10-24T09:00:00Z", &row);
    let frames = rig.frames();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(frames[0]["sub"]["topic"], PEER);
    let events = told(rig.events());
    assert!(events.contains(&ImEvent::TopicGone { topic: GROUP.into(), cause: None }));
    assert!(events.contains(&ImEvent::Roster { rows: 1 }));
}

#[test]
fn topics_are_attached_even_without_the_list_of_topics() {
    for code in [403, 500] {
        let mut rig = Rig::with_roster("");
        rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
        rig.attach(0);
        rig.come_back();
        if code == 403 {
            // The list is refused.
            rig.answer(200, "{}", "me");
            rig.answer(code, "{}", "me");
        } else {
            // `me` is.
            rig.answer(code, "{}", "me");
        }
        let frames = rig.frames();
        assert_eq!(frames[0]["sub"]["topic"], PEER, "{frames:?}");
    }
}

#[test]
fn it_is_bounded() {
    let mut rig = Rig::ready_with(|config| {
        config.max_topics = 3;
        config.max_described = 30;
    });
    rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", "me");
    let id = rig.last_id();
    let rows: Vec<_> = (0..10)
        .map(|at| format!(r#"{{"topic":"grp{at}","seq":{at},"public":"0123456789"}}"#))
        .collect();
    rig.roster(&id, "2024-10-24T08:00:00Z", &rows.join(","));
    for at in 0..10_000 {
        rig.pres(&format!("usr{at}"), "msg", r#","seq":5"#);
        rig.events();
    }
    assert_eq!(rig.session.topics().count(), 4, "`me` and three others");
    let kept = |rig: &Rig| -> usize {
        let all = rig.session.topics().filter_map(|view| view.public().map(|it| it.as_str().len()));
        all.sum()
    };
    assert_eq!(kept(&rig), 24, "12 of `me`, and of one group");
    // Room that was given back is used again.
    rig.pres("grp0", "gone", "");
    rig.pres("grp1", "upd", "");
    let id = rig.last_id();
    rig.receive(&format!(
        r#"{{"meta":{{"id":"{id}","topic":"grp1","desc":{{"public":"0123456789"}}}}}}"#
    ));
    assert_eq!(kept(&rig), 24);
}

/// The whole list leaves out what ended, so that a session that lost its link before it ever read the
/// list must ask for what ended besides.
#[test]
fn what_ended_before_the_list_was_ever_read_is_not_joined_again() {
    let mut rig = Rig::ready();
    rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, "{}", "me");
    rig.frames();
    for topic in [PEER, GROUP] {
        rig.session.subscribe(&topic.into(), Subscribe::default(), rig.now).unwrap();
    }
    rig.attach(0);
    rig.come_back();
    rig.answer(200, "{}", "me");
    let frames = rig.frames();
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert_eq!(frames[0]["get"]["what"], "sub");
    assert_eq!(frames[0]["get"]["sub"]["ims"], "2024-10-24T08:24:41.913558Z");
    assert_eq!(frames[1]["get"]["what"], "desc sub");
    assert!(frames[1]["get"].get("sub").is_none(), "the whole list");
    rig.events();
    let ended = format!(r#"{{"topic":"{PEER}","deleted":"2024-10-24T08:30:00Z"}}"#);
    let (ended_id, list_id) = (text(&frames[0]["get"]["id"]), text(&frames[1]["get"]["id"]));
    rig.receive(&format!(
        r#"{{"meta":{{"id":"{ended_id}","topic":"me","sub":[{ended},{{"topic":"{GROUP}"}}]}}}}"#
    ));
    assert_eq!(rig.frames().len(), 0, "the list is still due");
    rig.roster(&list_id, "2024-10-24T09:00:00Z", &format!(r#"{{"topic":"{GROUP}"}}"#));
    let frames = rig.frames();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(frames[0]["sub"]["topic"], GROUP);
    let events = told(rig.events());
    assert!(events.contains(&ImEvent::TopicGone { topic: PEER.into(), cause: None }));
}

/// A server that was restarted with a clock that is behind dates what ends then before the last list:
/// as a change since that list it would not be told.
#[test]
fn a_server_whose_clock_was_set_back_is_asked_for_everything() {
    let since = |list: &str, last: &str| {
        let mut rig = Rig::ready();
        rig.session.subscribe(&TopicName::me(), Subscribe::default(), rig.now).unwrap();
        rig.answer(200, "{}", "me");
        let id = rig.last_id();
        rig.session.subscribe(&GROUP.into(), Subscribe::default(), rig.now).unwrap();
        rig.attach(0);
        if !list.is_empty() {
            rig.roster(&id, list, &format!(r#"{{"topic":"{GROUP}"}}"#));
        }
        rig.come_back();
        let id = rig.last_id();
        rig.frames();
        rig.receive(&format!(
            r#"{{"ctrl":{{"id":"{id}","topic":"me","code":200,"text":"ok","ts":"{last}"}}}}"#
        ));
        text(&rig.frames()[0]["get"]["sub"]["ims"])
    };
    let (list, ever) = ("2024-10-24T09:00:00.5Z", "1970-01-01T00:00:00Z");
    assert_eq!(since(list, "2024-10-24T09:00:00.6Z"), list);
    assert_eq!(since(list, "2024-10-24T09:00:00.5Z"), list);
    assert_eq!(since(list, "2024-10-24T09:00:00.499999Z"), ever);
    // What is no time says nothing.
    assert_eq!(since(list, "yesterday"), list);
    // The list was never read, and the topic was subscribed to at 08:24.
    assert_eq!(since("", "2024-10-24T08:30:00Z"), "2024-10-24T08:24:41.913558Z");
    assert_eq!(since("", "2024-10-24T08:20:00Z"), ever);
}

/// Giving up a request to leave does not call it back: the topic may be left, and to attach it again
/// would join it again.
#[test]
fn who_gives_up_leaving_has_left() {
    let mut rig = Rig::with_roster(&format!(r#"{{"topic":"{GROUP}"}}"#));
    rig.session.subscribe(&GROUP.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(0);
    let id = rig.session.unsubscribe(&GROUP.into(), rig.now).unwrap();
    assert_eq!(rig.frames().len(), 1);
    rig.session.cancel(id, rig.now);
    assert!(!rig.session.topic(&GROUP.into()).unwrap().is_followed());
    rig.come_back();
    rig.answer(200, "{}", "me");
    let id = rig.last_id();
    rig.roster(&id, "2024-10-24T09:00:00Z", &format!(r#"{{"topic":"{GROUP}"}}"#));
    assert_eq!(rig.frames().len(), 0);
}

/// A server that cannot list the topics just now does not say which of them ended.
#[test]
fn a_list_refused_for_now_is_asked_for_again_before_any_topic_is_attached() {
    let mut rig = Rig::with_roster(&format!(r#"{{"topic":"{GROUP}"}}"#));
    rig.session.subscribe(&GROUP.into(), Subscribe::default(), rig.now).unwrap();
    rig.attach(0);
    rig.come_back();
    rig.answer(200, "{}", "me");
    rig.events();
    for _ in 0..2 {
        let id = rig.last_id();
        rig.ctrl(&id, 500, "{}", "me");
        assert_eq!(rig.frames().len(), 0, "nothing before the list");
        rig.wait(Duration::from_secs(10));
    }
    let id = rig.last_id();
    let ended = format!(r#"{{"topic":"{GROUP}","deleted":"2024-10-24T08:30:00Z"}}"#);
    rig.roster(&id, "2024-10-24T09:00:00Z", &ended);
    assert_eq!(rig.frames().len(), 0, "it is not joined again");
    let gone = ImEvent::TopicGone { topic: GROUP.into(), cause: None };
    assert!(told(rig.events()).contains(&gone));
}

/// One that will not say is believed to have nothing to say, in the end.
#[test]
fn a_list_that_is_refused_for_good_holds_nothing_up() {
    for code in [403, 500] {
        let mut rig = Rig::with_roster(&format!(r#"{{"topic":"{GROUP}"}}"#));
        rig.session.subscribe(&GROUP.into(), Subscribe::default(), rig.now).unwrap();
        rig.attach(0);
        rig.come_back();
        rig.answer(200, "{}", "me");
        let mut refusals = 0;
        let attached = loop {
            rig.wait(Duration::from_secs(1));
            let frames = rig.frames();
            match frames.first() {
                Some(frame) if frame.get("get").is_some() => {
                    refusals += 1;
                    rig.ctrl(&text(&frame["get"]["id"]), code, "{}", "me");
                }
                Some(frame) => break text(&frame["sub"]["topic"]),
                None => {}
            }
            assert!(refusals < 10);
        };
        assert_eq!((attached.as_str(), refusals), (GROUP, if code == 500 { 6 } else { 1 }));
    }
}
