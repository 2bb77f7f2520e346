//! What the server tells without being asked becomes events of the domain, with their frames.

use super::*;

use chat_proto::im::client::{PresenceKind, ReceiptKind, UpdatedKind};
use chat_proto::im::{AccessMode, Dacs, Down};

const ME: &str = "usr804252613548777777";
const GROUP: &str = "grpA";

fn one(rig: &mut Rig, frame: &str) -> ImEvent {
    rig.receive(frame);
    let mut events = told(rig.events());
    assert_eq!(events.len(), 1, "{frame}: {events:?}");
    events.remove(0)
}

fn pres(rig: &mut Rig, members: &str) -> ImEvent {
    one(rig, &format!(r#"{{"pres":{{{members}}}}}"#))
}

#[test]
fn presence_says_who_and_where() {
    let mut rig = Rig::subscribed(0);
    for (frame, topic, user, what) in [
        (
            format!(r#""topic":"me","src":"{PEER}","what":"on","ua":"x""#),
            PEER,
            Some(PEER),
            PresenceKind::Online,
        ),
        (
            format!(r#""topic":"me","src":"{PEER}","what":"off""#),
            PEER,
            Some(PEER),
            PresenceKind::Offline,
        ),
        (
            format!(r#""topic":"me","src":"{PEER}","what":"ua","ua":"y""#),
            PEER,
            Some(PEER),
            PresenceKind::UserAgent,
        ),
        (format!(r#""topic":"me","src":"{GROUP}","what":"on""#), GROUP, None, PresenceKind::Online),
        (
            format!(r#""topic":"{GROUP}","src":"usr5","what":"on""#),
            GROUP,
            Some("usr5"),
            PresenceKind::Online,
        ),
    ] {
        let ImEvent::Presence(event) = pres(&mut rig, &frame) else { panic!("{frame}") };
        assert_eq!(event.topic, *topic, "{frame}");
        assert_eq!(event.user, user.map(Into::into), "{frame}");
        assert_eq!(event.what, what, "{frame}");
        assert!(!event.frame.what.is_empty());
    }
}

#[test]
fn members_come_and_go_and_their_access_changes() {
    let mut rig = Rig::subscribed(0);
    let joined = format!(
        r#""topic":"{GROUP}","src":"usr5","what":"acs","act":"usr6","dacs":{{"want":"JRWPS","given":"JRWP"}}"#
    );
    let ImEvent::Joined(event) = pres(&mut rig, &joined) else { panic!() };
    assert_eq!((event.topic.as_str(), event.user.as_str()), (GROUP, "usr5"));
    assert_eq!(event.by.unwrap().as_str(), "usr6");
    assert_eq!(event.access.unwrap().mode().to_string(), "JRWP");
    // On `me` the source is the topic, and the target the member.
    let joined = format!(
        r#""topic":"me","src":"{GROUP}","tgt":"usr5","what":"acs","dacs":{{"want":"JR","given":"JR"}}"#
    );
    let ImEvent::Joined(event) = pres(&mut rig, &joined) else { panic!() };
    assert_eq!((event.topic.as_str(), event.user.as_str()), (GROUP, "usr5"));
    let left =
        format!(r#""topic":"{GROUP}","src":"usr5","what":"acs","dacs":{{"want":"N","given":"N"}}"#);
    let ImEvent::Left(event) = pres(&mut rig, &left) else { panic!() };
    assert_eq!((event.user.as_str(), event.access), ("usr5", Some(Default::default())));
    let changed =
        format!(r#""topic":"{GROUP}","src":"usr5","what":"acs","dacs":{{"given":"+A-S"}}"#);
    let ImEvent::Access(event) = pres(&mut rig, &changed) else { panic!() };
    assert_eq!((event.want, event.access), (None, None), "what it was is not known");
    assert_eq!(event.given, Some(Dacs::Change(AccessMode::APPROVE, AccessMode::SHARE)));
    // One's own: the sample of an ownership transfer.
    let own = format!(r#""topic":"{GROUP}","what":"acs","dacs":{{"want":"-ADO","given":"-ADO"}}"#);
    rig.session.subscribe(&GROUP.into(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, r#"{"acs":{"want":"JRWPASDO","given":"JRWPASDO"}}"#, GROUP);
    rig.events();
    let ImEvent::Access(event) = pres(&mut rig, &own) else { panic!() };
    assert_eq!(event.user.as_str(), ME);
    assert_eq!(event.access.unwrap().mode().to_string(), "JRWPS");
    // An invitation is one's own joining.
    let invited = r#""topic":"me","src":"grpB","act":"usr5","what":"acs","dacs":{"want":"JRWPS","given":"JRWPS"}"#;
    let ImEvent::Joined(event) = pres(&mut rig, invited) else { panic!() };
    assert_eq!((event.topic.as_str(), event.user.as_str()), ("grpB", ME));
}

#[test]
fn receipts_and_typing_say_who_and_how_far() {
    let mut rig = Rig::subscribed(9);
    for (frame, who, what) in [
        (
            format!(r#"{{"info":{{"topic":"{PEER}","from":"{PEER}","what":"read","seq":7}}}}"#),
            PEER,
            ReceiptKind::Read,
        ),
        (
            format!(
                r#"{{"info":{{"topic":"me","src":"{PEER}","from":"{PEER}","what":"recv","seq":7}}}}"#
            ),
            PEER,
            ReceiptKind::Received,
        ),
        (
            format!(r#"{{"pres":{{"topic":"me","src":"{PEER}","what":"read","seq":7}}}}"#),
            ME,
            ReceiptKind::Read,
        ),
        (
            format!(r#"{{"pres":{{"topic":"me","src":"{PEER}","what":"recv","seq":7}}}}"#),
            ME,
            ReceiptKind::Received,
        ),
    ] {
        let ImEvent::Receipt(event) = one(&mut rig, &frame) else { panic!("{frame}") };
        assert_eq!((event.topic.as_str(), event.user.as_str()), (PEER, who), "{frame}");
        assert_eq!((event.what, event.seq.get()), (what, 7), "{frame}");
        assert!(matches!(*event.frame, Down::Info(_) | Down::Pres(_)));
    }
    for (word, what) in
        [("kp", TypingKind::Text), ("kpa", TypingKind::Audio), ("kpv", TypingKind::Video)]
    {
        let frame = format!(r#"{{"info":{{"topic":"{PEER}","from":"{PEER}","what":"{word}"}}}}"#);
        let ImEvent::Typing(event) = one(&mut rig, &frame) else { panic!("{frame}") };
        assert_eq!((event.what, event.user.as_str()), (what, PEER));
    }
    let call = format!(r#"{{"info":{{"topic":"{PEER}","from":"{PEER}","what":"call","seq":7}}}}"#);
    assert!(matches!(one(&mut rig, &call), ImEvent::Info(_)));
}

#[test]
fn deletions_updates_and_activity_are_told() {
    let mut rig = Rig::subscribed(9);
    let deleted = format!(
        r#""topic":"{PEER}","what":"del","clear":3,"delseq":[{{"low":2,"hi":5}},{{"low":7}}]"#
    );
    let ImEvent::Deleted(event) = pres(&mut rig, &deleted) else { panic!() };
    assert_eq!((event.seqs.to_string().as_str(), event.clear), ("2-4 7", 3));
    for (what, kind) in
        [("upd", UpdatedKind::Description), ("tags", UpdatedKind::Tags), ("aux", UpdatedKind::Aux)]
    {
        let frame = format!(r#""topic":"{GROUP}","src":"usr5","what":"{what}""#);
        let ImEvent::Updated(event) = pres(&mut rig, &frame) else { panic!() };
        assert_eq!((event.what, event.user.unwrap().as_str()), (kind, "usr5"));
    }
    let activity = format!(r#""topic":"me","src":"{GROUP}","what":"msg","seq":4,"act":"usr5""#);
    let ImEvent::Activity(event) = pres(&mut rig, &activity) else { panic!() };
    assert_eq!((event.seq.get(), event.by.unwrap().as_str()), (4, "usr5"));
    let newer = format!(r#""topic":"me","src":"{GROUP}","what":"moon""#);
    let ImEvent::Other(other) = pres(&mut rig, &newer) else { panic!() };
    assert!(matches!(*other, Down::Pres(_)), "{other:?}");
}

#[test]
fn activity_in_a_topic_that_should_be_attached_is_fetched_and_the_topic_attached_again() {
    let mut rig = Rig::subscribed(5);
    rig.pres(PEER, "msg", r#","seq":6"#);
    assert!(matches!(told(rig.events())[..], [ImEvent::Activity(_)]));
    let frames = rig.frames();
    assert_eq!(frames[0]["get"]["what"], "data", "{frames:?}");
    rig.ctrl(&text(&frames[0]["get"]["id"]), 403, "{}", PEER);
    rig.attach(6);
    let page = rig.kept.pop().unwrap();
    rig.data(PEER, 6);
    rig.ctrl(&text(&page["get"]["id"]), 208, r#"{"what":"data","count":1}"#, PEER);
    let events = told(rig.events());
    assert!(matches!(&events[..], [ImEvent::Message(data)] if data.seq() == 6), "{events:?}");
}

/// A topic that was let go of is attached again unless its access forbids.
#[test]
fn an_eviction_without_the_end_of_the_subscription_is_mended() {
    let evicted = format!(
        r#"{{"ctrl":{{"topic":"{PEER}","params":{{"unsub":false}},"code":205,"text":"evicted","ts":"2024-10-24T01:06:38Z"}}}}"#
    );
    let mut rig = Rig::subscribed(5);
    let event = one(&mut rig, &evicted);
    assert!(matches!(event, ImEvent::Detached { cause, .. } if matches!(*cause, Down::Ctrl(_))));
    assert!(!rig.session.topic(&PEER.into()).unwrap().is_attached());
    rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
    rig.session.describe(&PEER.into(), rig.now).unwrap();
    assert_eq!(rig.written().len(), 0, "not at once, and what would be refused waits");
    rig.wait(Duration::from_secs(5));
    rig.attach(6);
    let kept = std::mem::take(&mut rig.kept);
    assert!(kept.iter().any(|frame| frame["pub"]["content"] == "x"), "{kept:?}");
    let page = kept.iter().find(|frame| frame["get"]["what"] == "data").unwrap();
    rig.data(PEER, 6);
    rig.ctrl(&text(&page["get"]["id"]), 208, r#"{"what":"data","count":1}"#, PEER);
    assert_eq!(seqs(&rig.events()), [6], "and what was missed is fetched");

    // A ban: the server says so, or refuses.
    rig.receive(&evicted);
    rig.wait(Duration::from_secs(5));
    rig.answer(403, "{}", PEER);
    assert!(matches!(told(rig.events())[..], [.., ImEvent::AttachRefused { .. }]));
    let mut rig = Rig::ready();
    rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
    rig.answer(200, r#"{"acs":{"want":"JRW","given":"JRW"}}"#, PEER);
    rig.head(PEER, 5);
    // Another session of this user gave up joining: attaching would take that back.
    rig.receive(&format!(r#"{{"pres":{{"topic":"{PEER}","what":"acs","dacs":{{"want":"-J"}}}}}}"#));
    rig.receive(&evicted);
    rig.wait(Duration::from_secs(5));
    assert!(matches!(told(rig.events())[..], [.., ImEvent::AttachRefused { .. }]));
    assert_eq!(rig.written().len(), 0);
}
