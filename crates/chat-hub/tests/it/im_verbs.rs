//! Every verb of the client against the hub, and what it looks like from the other side.

use std::time::Duration;

use chat_hub::HubConfig;
use chat_proto::Now;
use chat_proto::client::{Event, RequestId, Session};
use chat_proto::error::{CallError, RequestError};
use chat_proto::im::client::{
    Answer, HistoryQuery, ImEvent, PresenceKind, Publish, Query, ReceiptKind, Section, SetRequest,
    Subscribe, TypingKind,
};
use chat_proto::im::{AccessMode, Flavor, Im, TopicName, UserId};
use chat_proto::json::Raw;

use crate::im_pair::{ANN_NUMBER, BOB_NUMBER, Pair};

const CAT_NUMBER: &str = "103";
const ALL: [&str; 3] = [ANN_NUMBER, BOB_NUMBER, CAT_NUMBER];

/// Three users and a group of Ann's.
struct Room {
    pair: Pair,
    group: TopicName,
    users: [UserId; 3],
}

fn mode(text: &str) -> AccessMode {
    AccessMode::parse_lenient(text)
}

impl Room {
    fn new(flavor: Flavor) -> Self {
        let mut pair = Pair::of(&ALL, flavor, HubConfig::default(), false);
        let users = ALL.map(|number| pair.client(number).session.user().unwrap().clone());
        let mut room = Self { pair, group: TopicName::me(), users };
        let how = Subscribe::default()
            .public(Raw::from_text("Team"))
            .private(Raw::from_text("mine"))
            .default_access(mode("JRWPS"), AccessMode::NONE)
            .tags(["team".to_owned()])
            .fetch(&[Section::Desc]);
        let answer = room.done(ANN_NUMBER, |im, now| im.create_group(how, now));
        let Answer::Subscribed(answer) = answer else { panic!("{answer:?}") };
        assert_eq!(answer.access.unwrap().mode(), AccessMode::ALL);
        assert_eq!(answer.meta.desc.unwrap().public, Some(Raw::from_text("Team")));
        room.group = answer.topic;
        room.clear();
        room
    }

    /// Bob and Cat are members and attached.
    fn full(flavor: Flavor) -> Self {
        let mut room = Self::new(flavor);
        let group = room.group.clone();
        for number in [BOB_NUMBER, CAT_NUMBER] {
            room.done(number, |im, now| im.subscribe(&group, Subscribe::default(), now));
        }
        room.clear();
        room
    }

    fn clear(&mut self) {
        self.pair.run(Duration::from_secs(1));
        for number in ALL {
            self.pair.events(number);
        }
    }

    fn call(
        &mut self,
        number: &str,
        verb: impl FnOnce(&mut Session<Im>, Now) -> Result<RequestId, CallError>,
    ) -> Result<Answer, RequestError> {
        let now = self.pair.lab.now;
        let id = verb(&mut self.pair.client(number).session, now).unwrap();
        self.pair.settle();
        let client = self.pair.client(number);
        let at = client
            .events
            .iter()
            .position(|event| matches!(event, Event::Completed { id: of, .. } if *of == id));
        match client.events.remove(at.expect("an answer")) {
            Event::Completed { result, .. } => result,
            _ => unreachable!("that was the completion"),
        }
    }

    fn done(
        &mut self,
        number: &str,
        verb: impl FnOnce(&mut Session<Im>, Now) -> Result<RequestId, CallError>,
    ) -> Answer {
        self.call(number, verb).unwrap()
    }

    fn publish(&mut self, number: &str, text: &str) -> Result<Answer, RequestError> {
        let group = self.group.clone();
        self.call(number, |im, now| im.publish(&group, Publish::text(text), now))
    }

    /// Events of the service a client got; those before are forgotten.
    fn told(&mut self, number: &str) -> Vec<ImEvent> {
        self.pair.settle();
        let events = self.pair.events(number);
        let told = events.into_iter().filter_map(|event| match event {
            Event::Service(event) => Some(event),
            _ => None,
        });
        told.collect()
    }

    fn mode_of(&mut self, number: &str) -> Option<String> {
        let group = self.group.clone();
        let view = self.pair.client(number).session.topic(&group)?;
        view.access().map(|access| access.mode().to_string())
    }
}

/// The one event that `pick` knows.
fn find<T>(events: &[ImEvent], pick: impl Fn(&ImEvent) -> Option<T>) -> T {
    let found = events.iter().find_map(pick);
    found.unwrap_or_else(|| panic!("not among {events:?}"))
}

const FLAVORS: [Flavor; 2] = [Flavor::PortSip, Flavor::Tinode];

#[test]
fn an_invitation_is_told_and_its_access_holds() {
    for flavor in FLAVORS {
        let mut room = Room::new(flavor);
        let (group, [ann, bob, cat]) = (room.group.clone(), room.users.clone());
        room.done(ANN_NUMBER, |im, now| im.invite(&group, &bob, None, now));
        let joined = find(&room.told(BOB_NUMBER), |event| match event {
            ImEvent::Joined(change) => Some(change.clone()),
            _ => None,
        });
        assert_eq!((&joined.topic, &joined.user, joined.by.as_ref()), (&group, &bob, Some(&ann)));
        assert_eq!(room.mode_of(BOB_NUMBER).unwrap(), "JRWPS", "the mirror knows it");
        room.done(ANN_NUMBER, |im, now| im.invite(&group, &cat, Some(mode("JRP")), now));
        room.done(CAT_NUMBER, |im, now| im.subscribe(&group, Subscribe::default(), now));
        let refused = room.publish(CAT_NUMBER, "x");
        assert!(matches!(refused, Err(RequestError::Rejected(why)) if why.code == "403"));
        room.clear();
        // More is given.
        let answer =
            room.done(ANN_NUMBER, |im, now| im.invite(&group, &cat, Some(mode("JRWPS")), now));
        let Answer::Changed(changed) = answer else { panic!("{answer:?}") };
        assert_eq!(changed.user.as_ref(), Some(&cat));
        find(&room.told(CAT_NUMBER), |event| match event {
            ImEvent::Access(change) if change.user == cat => change.access,
            _ => None,
        });
        let own = SetRequest::default().own_mode(mode("JRWPS"));
        room.done(CAT_NUMBER, |im, now| im.set(&group, own, now));
        assert_eq!(room.mode_of(CAT_NUMBER).unwrap(), "JRWPS");
        assert!(room.publish(CAT_NUMBER, "x").is_ok());
    }
}

#[test]
fn typing_and_receipts_arrive() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let (group, bob) = (room.group.clone(), room.users[1].clone());
        room.publish(ANN_NUMBER, "one").unwrap();
        room.publish(ANN_NUMBER, "two").unwrap();
        room.clear();
        let now = room.pair.lab.now;
        let session = &mut room.pair.client(BOB_NUMBER).session;
        session.note_typing(&group, TypingKind::Text, now);
        session.note_received(&group, 2, now).unwrap();
        session.note_read(&group, 1, now).unwrap();
        room.pair.run(Duration::from_secs(2));
        let events = room.told(ANN_NUMBER);
        find(&events, |event| match event {
            ImEvent::Typing(it) => (it.user == bob && it.topic == group).then_some(()),
            _ => None,
        });
        for (kind, seq) in [(ReceiptKind::Received, 2), (ReceiptKind::Read, 1)] {
            find(&events, |event| match event {
                ImEvent::Receipt(it) => {
                    (it.user == bob && it.what == kind && it.seq == seq).then_some(())
                }
                _ => None,
            });
        }
    }
}

#[test]
fn deletions_are_told_and_history_lacks_them() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let group = room.group.clone();
        for n in 1..=6 {
            room.publish(ANN_NUMBER, &format!("no {n}")).unwrap();
        }
        room.clear();
        room.done(ANN_NUMBER, |im, now| im.delete_messages(&group, 2..=3, now));
        let seqs = find(&room.told(BOB_NUMBER), |event| match event {
            ImEvent::Deleted(it) => Some(it.seqs.to_string()),
            _ => None,
        });
        assert_eq!(seqs, "2-3");
        room.done(BOB_NUMBER, |im, now| im.hide_messages(&group, 5, now));
        for (number, expected) in [(BOB_NUMBER, vec![1, 4, 6]), (CAT_NUMBER, vec![1, 4, 5, 6])] {
            let mut query = Some(HistoryQuery::newest(2));
            let mut all = Vec::new();
            while let Some(asked) = query {
                let answer = room.done(number, |im, now| im.history(&group, asked, now));
                let Answer::History(page) = answer else { panic!("{answer:?}") };
                all.splice(0..0, page.messages.iter().map(|message| message.seq));
                query = page.older();
            }
            // A hard deletion leaves a stub without content in some servers.
            all.retain(|seq| expected.contains(seq) || !(2..=3).contains(seq));
            assert_eq!(all, expected, "{number}");
        }
        let query = Query::of(&[Section::Del]);
        let answer = room.done(BOB_NUMBER, |im, now| im.get(&group, &query, now));
        let Answer::Meta(meta) = answer else { panic!("{answer:?}") };
        assert!(meta.del.unwrap().delseq.is_some());
    }
}

#[test]
fn descriptions_tags_and_defaults_change() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let group = room.group.clone();
        let set = SetRequest::default()
            .public(Raw::from_text("Crew"))
            .default_access(mode("JRP"), AccessMode::NONE)
            .tags(["crew".to_owned()]);
        let answer = room.done(ANN_NUMBER, |im, now| im.set(&group, set, now));
        let Answer::Changed(changed) = answer else { panic!("{answer:?}") };
        assert_eq!((changed.done.len(), changed.refused.len(), changed.unanswered), (2, 0, 0));
        find(&room.told(BOB_NUMBER), |event| match event {
            ImEvent::Updated(it) => (it.topic == group).then_some(()),
            _ => None,
        });
        let view = room.pair.client(BOB_NUMBER).session.topic(&group).unwrap();
        assert_eq!(view.public(), Some(&Raw::from_text("Crew")), "read again by itself");
        let query = Query::of(&[Section::Desc, Section::Tags]);
        let answer = room.done(ANN_NUMBER, |im, now| im.get(&group, &query, now));
        let Answer::Meta(meta) = answer else { panic!("{answer:?}") };
        assert_eq!(meta.tags.unwrap(), ["crew"]);
        // One part is the owner's, the other one's own.
        let set = SetRequest::default().private(Raw::from_text("note")).tags(["mine".to_owned()]);
        let answer = room.done(BOB_NUMBER, |im, now| im.set(&group, set, now));
        let Answer::Changed(changed) = answer else { panic!("{answer:?}") };
        assert_eq!((changed.done.len(), changed.refused[0].code.as_str()), (1, "403"));
        let set = SetRequest::default().clear_public();
        room.done(ANN_NUMBER, |im, now| im.set(&group, set, now));
        room.pair.settle();
        let view = room.pair.client(BOB_NUMBER).session.topic(&group).unwrap();
        assert_eq!(view.public(), None);
    }
}

#[test]
fn a_ban_holds_and_is_undone() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let (group, cat) = (room.group.clone(), room.users[2].clone());
        room.done(ANN_NUMBER, |im, now| im.ban(&group, &cat, now));
        room.pair.run(Duration::from_secs(20));
        let events = room.told(CAT_NUMBER);
        find(&events, |event| match event {
            ImEvent::AttachRefused { topic, .. } => (*topic == group).then_some(()),
            _ => None,
        });
        let again =
            room.call(CAT_NUMBER, |im, now| im.subscribe(&group, Subscribe::default(), now));
        assert!(matches!(again, Err(RequestError::Rejected(why)) if why.code == "403"));
        room.done(ANN_NUMBER, |im, now| im.invite(&group, &cat, Some(mode("JRWPS")), now));
        room.done(CAT_NUMBER, |im, now| im.subscribe(&group, Subscribe::default(), now));
    }
}

#[test]
fn members_leave_and_are_removed() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let (group, [_, bob, cat]) = (room.group.clone(), room.users.clone());
        room.done(BOB_NUMBER, |im, now| im.leave(&group, now));
        assert!(!room.pair.client(BOB_NUMBER).session.topic(&group).unwrap().is_followed());
        assert!(room.publish(BOB_NUMBER, "x").is_err(), "not attached");
        room.done(BOB_NUMBER, |im, now| im.subscribe(&group, Subscribe::default(), now));
        room.clear();
        room.done(BOB_NUMBER, |im, now| im.unsubscribe(&group, now));
        room.done(ANN_NUMBER, |im, now| im.remove_member(&group, &cat, now));
        let events = room.told(ANN_NUMBER);
        find(&events, |event| match event {
            ImEvent::Left(change) => (change.user == bob && change.topic == group).then_some(()),
            _ => None,
        });
        find(&room.told(CAT_NUMBER), |event| match event {
            ImEvent::TopicGone { topic, cause: Some(_) } => (*topic == group).then_some(()),
            _ => None,
        });
        for number in [BOB_NUMBER, CAT_NUMBER] {
            assert!(room.pair.client(number).session.topic(&group).is_none(), "{number}");
        }
        let answer = room.done(ANN_NUMBER, |im, now| im.subscriptions(&group, now));
        let Answer::Meta(meta) = answer else { panic!("{answer:?}") };
        assert_eq!(meta.sub.unwrap().len(), 1);
    }
}

#[test]
fn a_group_is_handed_over_in_both_ways_and_deleted() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let (group, bob) = (room.group.clone(), room.users[1].clone());
        let answer = room.done(ANN_NUMBER, |im, now| im.transfer_ownership(&group, &bob, now));
        let Answer::Changed(changed) = answer else { panic!("{answer:?}") };
        let complete = changed.access.unwrap().mode().has(AccessMode::OWNER);
        assert_eq!(complete, flavor == Flavor::PortSip);
        if flavor == Flavor::Tinode {
            assert!(room.mode_of(ANN_NUMBER).unwrap().contains('O'), "not accepted yet");
            room.done(BOB_NUMBER, |im, now| im.accept_ownership(&group, now));
        }
        room.clear();
        assert!(!room.mode_of(ANN_NUMBER).unwrap().contains('O'));
        assert!(room.mode_of(BOB_NUMBER).unwrap().contains('O'));
        room.done(BOB_NUMBER, |im, now| im.delete_topic(&group, now));
        for number in [ANN_NUMBER, CAT_NUMBER] {
            find(&room.told(number), |event| match event {
                ImEvent::TopicGone { topic, .. } => (*topic == group).then_some(()),
                _ => None,
            });
            assert!(room.pair.client(number).session.topic(&group).is_none());
        }
    }
}

#[test]
fn presence_comes_and_goes() {
    for flavor in FLAVORS {
        let mut room = Room::full(flavor);
        let (group, cat) = (room.group.clone(), room.users[2].clone());
        let to_cat = TopicName::p2p(&cat);
        let to_ann = TopicName::p2p(&room.users[0]);
        room.done(ANN_NUMBER, |im, now| im.subscribe(&to_cat, Subscribe::default(), now));
        room.done(CAT_NUMBER, |im, now| im.subscribe(&to_ann, Subscribe::default(), now));
        room.clear();
        assert!(room.pair.client(ANN_NUMBER).session.topic(&to_cat).unwrap().is_online());
        let now = room.pair.lab.now;
        room.pair.client(CAT_NUMBER).session.close(now);
        room.pair.run(Duration::from_secs(10));
        let events = room.told(ANN_NUMBER);
        for about in [&group, &to_cat] {
            find(&events, |event| match event {
                ImEvent::Presence(it) if it.what == PresenceKind::Offline => {
                    (it.topic == *about && it.user.as_ref() == Some(&cat)).then_some(())
                }
                _ => None,
            });
        }
        assert!(!room.pair.client(ANN_NUMBER).session.topic(&to_cat).unwrap().is_online());
    }
}
