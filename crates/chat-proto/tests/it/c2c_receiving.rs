//! Receiving: nothing missed, nothing twice, everything as it came, and checkpoints that hold it
//! together over a restart.

use std::collections::BTreeMap;

use chat_proto::Machine;
use chat_proto::c2c::client::{C2cConfig, C2cEvent, Checkpoint, Checkpoints, Incoming, Since};
use chat_proto::c2c::{OrderEvent, OrderState, Role, View};
use chat_proto::client::Event;
use chat_proto::rng::Rng;

use crate::c2c_desk::{Desk, Happened, ORDER, START, contents, item, page};

fn incoming(events: &[Happened]) -> Vec<&Incoming> {
    let pushes = events.iter().filter_map(|event| match event {
        Event::Service(C2cEvent::Push(incoming)) => Some(incoming),
        _ => None,
    });
    pushes.collect()
}

/// An item with its own time.
fn at(id: i64, millis: u64) -> String {
    let shown = (START + u64::try_from(id).unwrap()).to_string();
    item(id, ORDER, false).replace(&shown, &millis.to_string())
}

fn watching(since: Since) -> Desk {
    let mut desk = Desk::ready();
    desk.session.watch(ORDER, since, desk.now).unwrap();
    desk
}

#[test]
fn times_rounded_to_seconds_neither_mix_up_the_order_nor_hide_a_message() {
    let mut desk = watching(Since::Checkpoint(Checkpoint {
        last_id: Some(10),
        last_uuid: Some("u10".into()),
        since_millis: 5_900,
    }));
    let asked = desk.http();
    // 12 is the later one, and its time was cut to the second: before that of 11 and of 10.
    desk.answer(&asked, &page(&[at(12, 5_000), at(11, 5_950), at(10, 5_900)]));
    assert_eq!(contents(&desk.events()), ["no 11", "no 12"]);
}

#[test]
fn what_came_in_this_second_is_now() {
    let mut desk = Desk::ready();
    desk.pass(std::time::Duration::from_millis(700));
    desk.session.watch(ORDER, Since::Now, desk.now).unwrap();
    let asked = desk.http();
    desk.answer(&asked, &page(&[at(2, START), at(1, START - 1_000)]));
    assert_eq!(contents(&desk.events()), ["no 2"]);
}

#[test]
fn history_without_numbered_ids_is_paged_by_number_and_told_once() {
    let mut desk = watching(Since::Start);
    let odd = |id: i64| item(id, ORDER, false).replace(&format!(r#""id":"{id}""#), r#""id":"""#);
    let asked = desk.http();
    assert_eq!(asked.param("page").as_deref(), Some("1"));
    let first: Vec<_> = (11..=110).rev().map(odd).collect();
    desk.answer(&asked, &page(&first));
    let asked = desk.http();
    assert_eq!((asked.param("page").as_deref(), asked.param("id")), (Some("2"), None));
    // A new message has shifted the pages: one comes again.
    let second: Vec<_> = (1..=11).rev().map(odd).collect();
    desk.answer(&asked, &page(&second));
    let texts = contents(&desk.events());
    let expected: Vec<_> = (1..=110).map(|id| format!("no {id}")).collect();
    assert_eq!(texts, expected);
}

#[test]
fn an_item_that_cannot_be_read_hides_nothing_and_is_shown_once() {
    let mut desk = watching(Since::Start);
    let broken = r#"{"id":2,"type":"text","self":"perhaps","content":"?"}"#;
    let items = [item(3, ORDER, false), broken.to_owned(), item(1, ORDER, false)];
    let asked = desk.http();
    desk.answer(&asked, &page(&items));
    let events = desk.events();
    assert_eq!(contents(&events), ["no 1", "no 3"]);
    let raw = |event: &Happened| matches!(event, Event::Service(C2cEvent::Raw(text)) if text.as_str() == broken);
    assert_eq!(events.iter().filter(|event| raw(event)).count(), 1);
    desk.lose();
    desk.events();
    desk.reconnect("TOKEN2");
    let asked = desk.http();
    desk.answer(&asked, &page(&items));
    let events = desk.events();
    assert!(contents(&events).is_empty() && !events.iter().any(raw), "{events:?}");
}

#[test]
fn the_same_message_by_both_ways_in_any_spelling_is_told_once() {
    let mut desk = watching(Since::Start);
    let asked = desk.http();
    let live = format!(
        r#"{{"type":"text","id":"1009649847000000007","uuid":1700000000123,"orderNo":20476365073825144832,"self":false,"fromNickname":"Pat***","content":"hi","createTime":"{START}"}}"#
    );
    desk.receive(&live);
    desk.receive(&live);
    let stored = format!(
        r#"{{"type":"text","id":1009649847000000007,"uuid":"1700000000123","topicId":"{ORDER}","self":false,"fromNickName":"Pat***","content":"hi","createTime":{START}}}"#
    );
    desk.answer(&asked, &page(&[stored.clone(), stored]));
    let events = desk.events();
    let [once] = incoming(&events)[..] else { panic!("{events:?}") };
    assert_eq!(once.push.order().unwrap().text(), ORDER, "every digit");
    assert_eq!(once.push.id.as_i64(), Some(1_009_649_847_000_000_007));
    assert_eq!(once.push.from_nickname.clone().unwrap(), "Pat***");
    assert!(once.push.is_from_counterparty());
}

/// Only two ids make two messages of one uuid: a push may leave the id out.
#[test]
fn a_message_that_comes_again_with_its_id_is_the_same() {
    for swapped in [false, true] {
        let mut desk = Desk::ready();
        let full = item(7, ORDER, false);
        let bare = full.replace(r#""id":"7","#, "").replace("no 7", "no seven");
        let (first, second) = if swapped { (&full, &bare) } else { (&bare, &full) };
        desk.receive(first);
        desk.receive(second);
        assert_eq!(incoming(&desk.events()).len(), 1);
    }
}

#[test]
fn what_is_told_keeps_its_text_and_the_time_it_came() {
    let mut desk = watching(Since::Start);
    let asked = desk.http();
    let live = item(9, ORDER, false);
    desk.receive(&live);
    desk.pass(std::time::Duration::from_secs(3));
    let older = item(8, ORDER, false);
    // White space and members nobody knows belong to the evidence.
    let evidence = older.replace(r#""type""#, r#" "seen" : [1] ,"type""#);
    desk.answer(&asked, &page(&[live.clone(), evidence.clone()]));
    let events = desk.events();
    let [first, second] = incoming(&events)[..] else { panic!("{events:?}") };
    assert_eq!((first.raw.as_str(), first.received.as_millis()), (live.as_str(), START));
    assert_eq!(
        (second.raw.as_str(), second.received.as_millis()),
        (evidence.as_str(), START + 3_000)
    );
    assert!(!first.is_from_history() && second.is_from_history());
}

#[test]
fn the_counterparty_is_told_strictly() {
    let mut desk = Desk::ready();
    let frame = |kind: &str, own: &str, n: u32| {
        format!(r#"{{"type":"{kind}","uuid":"x{n}","orderNo":"{ORDER}",{own}"content":"c"}}"#)
    };
    let mut n = 0;
    for (kind, own, expected) in [
        ("text", r#""self":false,"#, true),
        ("image", r#""self":false,"#, true),
        ("text", r#""self":true,"#, false),
        ("text", r#""self":null,"#, false),
        ("text", "", false),
        ("auto_reply", r#""self":false,"#, false),
        ("system", r#""self":false,"#, false),
        ("card", r#""self":false,"#, false),
        ("sticker", r#""self":false,"#, false),
    ] {
        n += 1;
        desk.receive(&frame(kind, own, n));
        let events = desk.events();
        assert_eq!(incoming(&events)[0].push.is_from_counterparty(), expected, "{kind} {own}");
    }
}

#[test]
fn orders_are_followed_by_their_events() {
    let mut desk = Desk::ready();
    let mut states: BTreeMap<String, OrderState> = BTreeMap::new();
    for (n, (order, name)) in [
        (ORDER, "seller_merchant_trading"),
        ("77", "buyer_user_trading"),
        (ORDER, "seller_payed_with_ref"),
        ("77", "buyer_cancelled"),
    ]
    .into_iter()
    .enumerate()
    {
        desk.receive(&format!(
            r#"{{"type":"system","id":"{n}","orderNo":"{order}","self":false,"content":"{{\"type\":\"{name}\"}}"}}"#
        ));
        let events = desk.events();
        let [incoming] = incoming(&events)[..] else { panic!("{events:?}") };
        let View::System { event, .. } = incoming.view() else { panic!() };
        if name.contains("payed") {
            // It reached us, the seller: the buyer has paid.
            let paid = OrderEvent::Paid { reader: Role::Seller, name_mismatch: false };
            assert_eq!((event.event, event.event.actor()), (paid, Some(Role::Buyer)));
        }
        let order = incoming.push.order().unwrap().text().into_owned();
        states.extend(event.event.order_state().map(|state| (order, state)));
    }
    assert_eq!(states[ORDER], OrderState::Paid);
    assert_eq!(states["77"], OrderState::Cancelled);
}

#[test]
fn every_other_kind_is_delivered_with_its_text() {
    let mut desk = Desk::ready();
    for (text, check) in [
        (
            r#"{"type":"text","groupId":"9","uuid":"e","self":false,"content":"is the ad still on?"}"#,
            (|it| it.push.order().is_none() && it.push.group_id == "9") as fn(&Incoming) -> bool,
        ),
        (r#"{"type":"statistics","subType":"unreadChatCount","content":"2"}"#, |it| {
            matches!(it.view(), View::Counter { value: Some(2), .. })
        }),
        (r#"{"type":"recall","id":"7","orderNo":"1"}"#, |it| {
            matches!(it.view(), View::Recall { .. })
        }),
        (
            r#"{"type":"mark","markIds":["7"],"orderNo":"1"}"#,
            |it| matches!(it.view(), View::Read(ids) if ids.len() == 1),
        ),
        (r#"{"type":"error","content":"ILLEGAL_PARAM","uuid":"nobody"}"#, |it| {
            matches!(it.view(), View::Refused { .. })
        }),
        (r#"{"type":"card","subType":"order_payment","content":"{}"}"#, |it| {
            matches!(it.view(), View::Card(_))
        }),
        (r#"{"type":"auto_reply","content":"Welcome"}"#, |it| {
            matches!(it.view(), View::AutoReply(_))
        }),
        (r#"{"type":"video","orderNo":"1","videoUrl":"https://h/v"}"#, |it| {
            matches!(it.view(), View::Other(_)) && it.push.extra.len() == 1
        }),
        (r#"{"type":"hologram","depth":3}"#, |it| matches!(it.view(), View::Other(_))),
    ] {
        desk.receive(text);
        let events = desk.events();
        let [incoming] = incoming(&events)[..] else { panic!("{text}: {events:?}") };
        assert_eq!(incoming.raw.as_str(), text);
        assert!(check(incoming), "{text}");
    }
}

#[test]
fn checkpoints_come_with_what_may_be_forgotten() {
    let mut desk = watching(Since::Start);
    let asked = desk.http();
    desk.receive(&item(9, ORDER, false));
    let events = desk.events();
    assert_eq!(incoming(&events)[0].checkpoint(), None, "what is before it was not told yet");
    desk.answer(&asked, &page(&[item(9, ORDER, false), item(8, ORDER, false)]));
    let events = desk.events();
    assert_eq!(incoming(&events)[0].checkpoint(), None, "9 is told, 8 not yet dealt with");
    let Some(Event::Service(C2cEvent::Backfilled { checkpoint, .. })) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!(checkpoint.last_id, Some(9));
    desk.receive(&item(10, ORDER, false));
    // Marks, recalls and other orders move nothing.
    desk.receive(&format!(r#"{{"type":"recall","id":"99","orderNo":"{ORDER}"}}"#));
    desk.receive(&item(11, "777", false));
    let events = desk.events();
    let stored: Vec<_> = incoming(&events).iter().map(|it| it.checkpoint()).collect();
    let expected =
        Checkpoint { last_id: Some(10), last_uuid: Some("u10".into()), since_millis: START + 10 };
    assert_eq!(stored, [Some(expected.clone()), None, None]);
    assert_eq!(desk.session.checkpoints(), Checkpoints::from([(ORDER.to_owned(), expected)]));
}

/// A service that knows one chat, and a program that is killed at any moment and started again with
/// what it had stored: every message is dealt with at least once, in order, and once only between
/// two restarts.
#[test]
fn a_program_killed_at_any_moment_misses_nothing() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut written: Vec<i64> = Vec::new();
        let mut stored: Option<String> = None;
        let mut dealt: Vec<i64> = Vec::new();
        for life in 0..5 {
            let since = match &stored {
                None => Since::Start,
                Some(text) => Since::Checkpoint(serde_json::from_str(text).unwrap()),
            };
            let mut desk = watching(since);
            let mut this_life: Vec<i64> = Vec::new();
            // Some arrive while it is away, some before history is read, some afterwards.
            let write = |written: &mut Vec<i64>, rng: &mut Rng| {
                let next = written.last().unwrap_or(&0) + 1 + i64::try_from(rng.below(3)).unwrap();
                written.push(next);
                next
            };
            for _ in 0..rng.below(150) {
                write(&mut written, &mut rng);
            }
            let mut asked = Some(desk.http());
            let steps = if life == 4 { 200 } else { rng.below(12) };
            for step in 0..steps {
                if rng.below(2) == 0 && step < 100 {
                    let next = write(&mut written, &mut rng);
                    desk.receive(&item(next, ORDER, false));
                }
                if rng.below(3) == 0
                    && let Some(question) = asked.take()
                {
                    let before = question.param("id").map(|id| id.parse::<i64>().unwrap());
                    let below = written.iter().rev().filter(|id| before.is_none_or(|it| **id < it));
                    let rows: Vec<_> = below.take(100).map(|id| item(*id, ORDER, false)).collect();
                    desk.answer(&question, &page(&rows));
                    asked = desk.started().pop();
                }
                // The program takes a few events, and stores what they allow.
                for _ in 0..rng.below(if life == 4 { 100 } else { 30 }) {
                    let checkpoint = match desk.session.poll_event() {
                        Some(Event::Service(C2cEvent::Push(it))) => {
                            this_life.push(it.push.id.as_i64().unwrap());
                            it.checkpoint()
                        }
                        Some(Event::Service(C2cEvent::Backfilled {
                            checkpoint, complete, ..
                        })) => {
                            assert!(complete);
                            Some(checkpoint)
                        }
                        _ => None,
                    };
                    if let Some(checkpoint) = checkpoint {
                        stored = Some(serde_json::to_string(&checkpoint).unwrap());
                    }
                }
            }
            let mut unique = this_life.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), this_life.len(), "{seed}: twice in one life");
            dealt.extend(this_life);
        }
        dealt.sort_unstable();
        dealt.dedup();
        assert_eq!(dealt, written, "{seed}");
    }
}

#[test]
fn the_memory_of_what_was_told_is_bounded() {
    let mut desk = Desk::ready_with(C2cConfig { max_seen: 8, ..C2cConfig::default() });
    for round in 0..3 {
        for id in 0..100 {
            desk.receive(&item(id, ORDER, false));
        }
        // The last eight are known, the others were forgotten.
        assert_eq!(contents(&desk.events()).len(), 100, "{round}");
        for id in 92..100 {
            desk.receive(&item(id, ORDER, false));
        }
        assert!(contents(&desk.events()).is_empty());
    }
}
