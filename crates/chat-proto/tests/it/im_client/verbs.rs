//! What each verb writes, and what ends it.

use super::*;

use chat_proto::error::CallError;
use chat_proto::im::client::{Changed, Receipt, SetRequest};
use chat_proto::im::up::Cred;
use chat_proto::im::{AccessMode, UserId};
use chat_proto::json::Raw;
use serde_json::{Value, json};

const GROUP: &str = "grpA";

fn mode(text: &str) -> AccessMode {
    AccessMode::parse_lenient(text)
}

/// What a verb writes, its id left out.
fn writes(
    rig: &mut Rig,
    verb: impl FnOnce(&mut Session, Now) -> Result<RequestId, CallError>,
) -> Value {
    verb(&mut rig.session, rig.now).unwrap();
    let mut frame = rig.frames().pop().unwrap();
    for (name, body) in frame.as_object_mut().unwrap() {
        if name != "extra" {
            body.as_object_mut().unwrap().remove("id").unwrap();
        }
    }
    frame
}

#[test]
fn every_verb_is_the_frame_of_the_documentation() {
    let mut rig = Rig::subscribed(9);
    let rig = &mut rig;
    let (peer, group, user) = (TopicName::from(PEER), TopicName::from(GROUP), UserId::from("usr5"));
    let name = || Raw::from_text("name");

    let how = Subscribe::default()
        .public(name())
        .private(name())
        .default_access(mode("JRWP"), AccessMode::NONE)
        .mode(mode("JRWPASDO"))
        .tags(["a".to_owned()])
        .fetch(&[Section::Desc, Section::Sub]);
    assert_eq!(
        writes(rig, |im, now| im.create_group(how, now)),
        json!({"sub": {
            "topic": "new",
            "set": {
                "desc": {"defacs": {"auth": "JRWP", "anon": "N"}, "public": "name", "private": "name"},
                "sub": {"mode": "JRWPASDO"},
                "tags": ["a"]
            },
            "get": {"what": "desc sub"}
        }})
    );
    assert_eq!(
        writes(rig, |im, now| im.unsubscribe(&group, now)),
        json!({"leave": {"topic": GROUP, "unsub": true}})
    );
    assert_eq!(
        writes(rig, |im, now| im.leave(&group, now)),
        json!({"leave": {"topic": GROUP, "unsub": false}})
    );
    let message = Publish::content(Raw::from_value(&json!({"a": 1})).unwrap())
        .head(Raw::from_value(&json!({"mime": "x"})).unwrap())
        .attachments(["f1".to_owned()])
        .without_echo();
    assert_eq!(
        writes(rig, |im, now| im.publish(&peer, message, now)),
        json!({
            "pub": {"topic": PEER, "noecho": true, "head": {"mime": "x"}, "content": {"a": 1}},
            "extra": {"attachments": ["f1"]}
        })
    );
    assert_eq!(
        writes(rig, |im, now| im.describe(&peer, now)),
        json!({"get": {"topic": PEER, "what": "desc"}})
    );
    assert_eq!(
        writes(rig, |im, now| im.subscriptions(&peer, now)),
        json!({"get": {"topic": PEER, "what": "sub"}})
    );
    let query = Query::of(&[Section::Sub, Section::Tags, Section::Cred, Section::Aux])
        .only(&user)
        .changed_after("2024-01-03T07:38:56.304Z")
        .limit(7);
    assert_eq!(
        writes(rig, |im, now| im.get(&peer, &query, now)),
        json!({"get": {
            "topic": PEER,
            "what": "sub tags cred aux",
            "sub": {"ims": "2024-01-03T07:38:56.304Z", "user": "usr5", "limit": 7}
        }})
    );
    let query = HistoryQuery::newest(20).since(3).before(9).only(4..=6);
    assert_eq!(
        writes(rig, |im, now| im.history(&peer, query, now)),
        json!({"get": {"topic": PEER, "what": "data", "data":
            {"since": 3, "before": 9, "limit": 20, "ranges": [{"low": 4, "hi": 7}]}}})
    );
    let set = SetRequest::default()
        .clear_public()
        .private(name())
        .default_access(mode("JR"), mode("N"))
        .own_mode(mode("JRWP"))
        .tags(["a".to_owned(), "b".to_owned()])
        .aux(Raw::from_value(&json!({"k": 1})).unwrap());
    assert_eq!(
        writes(rig, |im, now| im.set(&group, set, now)),
        json!({"set": {
            "topic": GROUP,
            "desc": {"defacs": {"auth": "JR", "anon": "N"}, "public": "\u{2421}", "private": "name"},
            "sub": {"mode": "JRWP"},
            "tags": ["a", "b"],
            "aux": {"k": 1}
        }})
    );
    for (mode, expected) in [
        (None, json!({"user": "usr5"})),
        (Some(mode("JRW")), json!({"user": "usr5", "mode": "JRW"})),
    ] {
        assert_eq!(
            writes(rig, |im, now| im.invite(&group, &user, mode, now)),
            json!({"set": {"topic": GROUP, "sub": expected}})
        );
    }
    assert_eq!(
        writes(rig, |im, now| im.ban(&group, &user, now)),
        json!({"set": {"topic": GROUP, "sub": {"user": "usr5", "mode": "N"}}})
    );
    assert_eq!(
        writes(rig, |im, now| im.transfer_ownership(&group, &user, now)),
        json!({"set": {"topic": GROUP, "sub": {"user": "usr5", "mode": "JRWPASDO"}}})
    );
    assert_eq!(
        writes(rig, |im, now| im.remove_member(&group, &user, now)),
        json!({"del": {"topic": GROUP, "what": "sub", "user": "usr5"}})
    );
    assert_eq!(
        writes(rig, |im, now| im.delete_topic(&group, now)),
        json!({"del": {"topic": GROUP, "what": "topic"}})
    );
    assert_eq!(
        writes(rig, |im, now| im.hide_messages(&peer, 3, now)),
        json!({"del": {"topic": PEER, "what": "msg", "delseq": [{"low": 3}]}})
    );
    assert_eq!(
        writes(rig, |im, now| im.delete_messages(&peer, 3..=5, now)),
        json!({"del": {"topic": PEER, "what": "msg", "delseq": [{"low": 3, "hi": 6}], "hard": true}})
    );
    let cred = Cred { meth: "tel".into(), val: "+1".into(), ..Cred::default() };
    assert_eq!(
        writes(rig, |im, now| im.delete_credential(cred, now)),
        json!({"del": {"topic": "me", "what": "cred", "cred": {"meth": "tel", "val": "+1"}}})
    );
    for refused in [
        rig.session.accept_ownership(&group, rig.now),
        rig.session.get(&group, &Query::default(), rig.now),
        rig.session.set(&group, SetRequest::default(), rig.now),
        rig.session.delete_messages(&peer, 0, rig.now),
    ] {
        assert!(matches!(refused, Err(CallError::Invalid(_))), "{refused:?}");
    }
}

#[test]
fn tinode_hands_a_group_over_in_two_steps() {
    let mut rig = Rig::new(|config| {
        let base = BaseUrl::parse("https://pbx.example.com:8887").unwrap();
        config.host = chat_proto::im::rest::ImHost::tinode(base, &"key".into()).unwrap();
    });
    assert!(rig.session.accept_ownership(&GROUP.into(), rig.now).is_ok());
}

#[test]
fn each_part_of_a_change_is_answered_on_its_own() {
    let changed = |events: &[ImEventOf], id| -> Changed {
        let Ok(Answer::Changed(changed)) = completion(events, id) else { panic!("{events:?}") };
        (**changed).clone()
    };
    let both = || SetRequest::default().public(Raw::from_text("x")).tags(["a".to_owned()]);
    let mut rig = Rig::subscribed(0);
    // Done and refused.
    let id = rig.session.set(&PEER.into(), both(), rig.now).unwrap();
    let wire = rig.last_id();
    rig.ctrl(&wire, 403, "{}", PEER);
    assert!(rig.events().is_empty(), "the other part may still be done");
    rig.ctrl(&wire, 200, "{}", PEER);
    let answer = changed(&rig.events(), id);
    assert_eq!((answer.done.len(), answer.refused[0].code.as_str()), (1, "403"));
    // Refused altogether.
    let id = rig.session.set(&PEER.into(), both(), rig.now).unwrap();
    let wire = rig.last_id();
    rig.ctrl(&wire, 403, "{}", PEER);
    rig.ctrl(&wire, 405, "{}", PEER);
    assert!(
        matches!(completion(&rig.events(), id), Err(RequestError::Rejected(why)) if why.code == "403")
    );
    // Refused before any part was looked at.
    let id = rig.session.set(&PEER.into(), both(), rig.now).unwrap();
    rig.answer(503, "{}", PEER);
    assert!(
        matches!(completion(&rig.events(), id), Err(RequestError::Rejected(why)) if why.code == "503")
    );
    // Done, and then nothing, or no link.
    for lost in [false, true] {
        let id = rig.session.set(&PEER.into(), both(), rig.now).unwrap();
        rig.answer(200, "{}", PEER);
        if lost {
            rig.lose();
        } else {
            rig.wait(Duration::from_secs(10));
        }
        let answer = changed(&rig.events(), id);
        assert_eq!((answer.done.len(), answer.unanswered), (1, 1));
    }
    // Nothing at all.
    let mut rig = Rig::subscribed(0);
    let id = rig.session.set(&PEER.into(), both(), rig.now).unwrap();
    rig.written();
    rig.lose();
    assert_eq!(completion(&rig.events(), id), &Err(RequestError::Unknown));
}

#[test]
fn the_answer_to_a_transfer_tells_whether_it_is_complete() {
    let mut rig = Rig::subscribed(0);
    let user = UserId::from("usr5");
    let id = rig.session.transfer_ownership(&GROUP.into(), &user, rig.now).unwrap();
    rig.answer(
        200,
        r#"{"acs":{"want":"JRWPS","given":"JRWPASDO","mode":"JRWPS"},"user":"usr5"}"#,
        GROUP,
    );
    let events = rig.events();
    let Ok(Answer::Changed(changed)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!(changed.user.as_ref(), Some(&user));
    let access = changed.access.unwrap();
    assert!(access.given.has(AccessMode::OWNER) && !access.mode().has(AccessMode::OWNER));
}

#[test]
fn an_answer_with_a_wrong_side_tells_no_access() {
    let wrong = [
        r#"{"acs":5}"#,
        r#"{"acs":"JRWP"}"#,
        r#"{"acs":[]}"#,
        r#"{"acs":{"want":5,"given":"JRW"}}"#,
        r#"{"acs":{"want":"JRW","given":["JRW"]}}"#,
        r#"{"acs":{"want":"JRW","given":"JRW","mode":{}}}"#,
        // The last one of this name holds.
        r#"{"acs":{"want":"JRW","given":"JRW"},"acs":{"want":true}}"#,
        "[]",
        "7",
    ];
    for params in wrong {
        let mut rig = Rig::ready();
        let id = rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
        rig.answer(200, params, PEER);
        let view = rig.session.topic(&PEER.into()).unwrap();
        assert!(view.access().is_none() && view.is_attached(), "{params}");
        rig.head(PEER, 3);
        assert!(completion(&rig.events(), id).is_ok(), "{params}");
    }
    // A side may be missing, be nothing, or stand under a name with escapes.
    for params in [
        r#"{"acs":{"want":"JRW","given":"JRW","mode":null}}"#,
        r#"{"\u0061cs":{"w\u0061nt":"J\u0052W","given":"JRW","more":5}}"#,
        r#"{"acs":7,"acs":{"want":"JRW","given":"JRW"}}"#,
    ] {
        let mut rig = Rig::ready();
        rig.session.subscribe(&PEER.into(), Subscribe::default(), rig.now).unwrap();
        rig.answer(200, params, PEER);
        let view = rig.session.topic(&PEER.into()).unwrap();
        assert_eq!(view.access().unwrap().mode(), mode("JRW"), "{params}");
    }
}

#[test]
fn lone_surrogates_in_an_answer_become_replacement_characters() {
    let mut rig = Rig::subscribed(0);
    let id = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
    let wire = rig.last_id();
    rig.receive(&format!(
        r#"{{"ctrl":{{"id":"{wire}","topic":"{PEER}","code":403,"text":"no \ud83d\u0041","params":{{"why":"\ude00"}}}}}}"#
    ));
    let events = rig.events();
    let Err(RequestError::Rejected(why)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!((&*why.code, &*why.text), ("403", "no \u{fffd}A"));
    // Beside what is asked for, and in its place.
    let mut published = |params| {
        let id = rig.session.publish(&PEER.into(), Publish::text("x"), rig.now).unwrap();
        rig.answer(202, params, PEER);
        completion(&rig.events(), id).clone()
    };
    let beside = published(r#"{"seq":7,"\ud800":"\udfff"}"#);
    assert!(matches!(beside, Ok(Answer::Published(Receipt { seq, .. })) if seq == 7));
    assert_eq!(published(r#"{"seq":"\ud800"}"#), Err(RequestError::Unknown));
}

#[test]
fn giving_up_joining_ends_following() {
    let ways: [fn() -> SetRequest; 2] = [
        || SetRequest::default().own_mode(mode("RWP")),
        // This user by name.
        || SetRequest::default().member_mode(&"usr804252613548777777".into(), Some(mode("N"))),
    ];
    for give_up in ways {
        let mut rig = Rig::subscribed(0);
        rig.session.set(&PEER.into(), give_up(), rig.now).unwrap();
        rig.answer(200, "{}", PEER);
        assert!(!rig.session.topic(&PEER.into()).unwrap().is_followed());
        // It may have been done when the link was lost.
        let mut rig = Rig::subscribed(0);
        rig.session.set(&PEER.into(), give_up(), rig.now).unwrap();
        rig.written();
        rig.lose();
        rig.wait(Duration::from_secs(2));
        rig.open();
        rig.accept_login();
        assert_eq!(rig.written(), Vec::<String>::new());
    }
    // Somebody else's is not one's own.
    let mut rig = Rig::subscribed(0);
    let ban = SetRequest::default().member_mode(&"usr5".into(), Some(mode("N")));
    rig.session.set(&PEER.into(), ban, rig.now).unwrap();
    rig.answer(200, "{}", PEER);
    assert!(rig.session.topic(&PEER.into()).unwrap().is_followed());
}

#[test]
fn a_subscription_with_sections_completes_when_they_came() {
    let mut rig = Rig::ready();
    let how = Subscribe::default().fetch(&[Section::Desc, Section::Tags]);
    let id = rig.session.subscribe(&GROUP.into(), how.clone(), rig.now).unwrap();
    let wire = rig.last_id();
    rig.ctrl(&wire, 200, "{}", GROUP);
    rig.receive(&format!(r#"{{"meta":{{"id":"{wire}","topic":"{GROUP}","desc":{{"seq":3}}}}}}"#));
    assert!(rig.events().is_empty());
    rig.ctrl(&wire, 405, r#"{"what":"tags"}"#, GROUP);
    let events = rig.events();
    let Ok(Answer::Subscribed(answer)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!(answer.meta.desc.as_ref().unwrap().seq, 3);
    // The subscription is there even if the sections never come.
    let mut rig = Rig::ready();
    let id = rig.session.subscribe(&GROUP.into(), how.clone(), rig.now).unwrap();
    rig.answer(200, "{}", GROUP);
    rig.receive("0");
    rig.wait(Duration::from_secs(10));
    let events = rig.events();
    assert!(matches!(completion(&events, id), Ok(Answer::Subscribed(_))));
    // A group that was created is not created again, and not unknown either.
    let mut rig = Rig::ready();
    let id = rig.session.create_group(how, rig.now).unwrap();
    rig.answer(200, r#"{"tmpname":"new"}"#, GROUP);
    rig.lose();
    let events = rig.events();
    let Ok(Answer::Subscribed(answer)) = completion(&events, id) else { panic!("{events:?}") };
    assert_eq!(answer.topic, *GROUP);
}

#[test]
fn a_refused_section_does_not_hide_the_others() {
    let mut rig = Rig::subscribed(0);
    let query = Query::of(&[Section::Desc, Section::Tags]);
    let id = rig.session.get(&PEER.into(), &query, rig.now).unwrap();
    let wire = rig.last_id();
    rig.receive(&format!(r#"{{"meta":{{"id":"{wire}","topic":"{PEER}","desc":{{"seq":3}}}}}}"#));
    rig.ctrl(&wire, 403, "{}", PEER);
    let events = rig.events();
    let Ok(Answer::Meta(meta)) = completion(&events, id) else { panic!("{events:?}") };
    assert!(meta.desc.is_some() && meta.tags.is_none());
    let id = rig.session.get(&PEER.into(), &query, rig.now).unwrap();
    rig.answer(403, "{}", PEER);
    assert!(matches!(completion(&rig.events(), id), Err(RequestError::Rejected(_))));
}

#[test]
fn history_is_paged_back_to_the_start() {
    let mut rig = Rig::subscribed(5);
    let mut query = Some(HistoryQuery::newest(2).since(2));
    let mut all = Vec::new();
    let mut next = 6;
    while let Some(asked) = query.take() {
        let id = rig.session.history(&PEER.into(), asked, rig.now).unwrap();
        let wire = rig.last_id();
        let first = next.max(4) - 2;
        for seq in (first..next).rev() {
            rig.data(PEER, seq);
        }
        next = first;
        rig.ctrl(&wire, 208, r#"{"what":"data","count":2}"#, PEER);
        let events = rig.events();
        let Ok(Answer::History(page)) = completion(&events, id) else { panic!("{events:?}") };
        all.splice(0..0, page.messages.iter().map(|message| message.seq));
        query = page.older();
    }
    assert_eq!(all, [2, 3, 4, 5]);
    assert!(seqs(&rig.events()).is_empty(), "old messages are no news");
}
