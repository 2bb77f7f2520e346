//! What an operation costs when there is much beside it. The baseline is the same operation with
//! nothing beside it, so a ratio of 0.5 means: twice the cost.

use std::hint::black_box;

use chat_proto::client::Session;
use chat_proto::im::client::{Publish, Subscribe};
use chat_proto::im::{Im, Prepared, TopicName};

use super::session::{Rig, c2c, im};
use super::{Built, Case, fan_out};
use crate::contender::Contender;
use crate::samples;

/// Much.
const MANY: usize = 10_000;

pub(super) fn cases() -> Vec<Case> {
    let case = |name, build: fn(usize) -> Box<dyn FnMut()>| {
        Case::new("growth", name, move || {
            let grown = |name, size| {
                let run = build(size);
                Contender::new(name, run)
            };
            Built { bytes: 0, contenders: vec![grown("ours", MANY), grown("one", 1)] }
        })
    };
    vec![
        case("message, 10000 topics", topics),
        case("request and answer, 10000 pending", pending),
        // As many as are remembered unless configured.
        case("order message, 4096 seen", seen),
        case("view of a message, 10000 recipients", recipients),
    ]
}

/// A message of one topic, while so many are followed.
fn topics(size: usize) -> Box<dyn FnMut()> {
    let mut rig = im();
    for number in 1..size {
        let topic = TopicName::from(format!("grp{:011}", number * 7919 % MANY));
        rig.session.subscribe(&topic, Subscribe::default(), rig.now).expect("the session is ready");
        let id = rig.request_id();
        rig.receive(samples::ctrl_for(&id, r#"{"seq":0}"#));
        rig.events();
    }
    let mut seq = 0;
    Box::new(move || {
        seq += 1;
        rig.receive(samples::data_numbered(seq, "\"hello\""));
        assert_eq!(rig.events(), 1, "one message, one event");
    })
}

/// A message is published and confirmed, while so many are not.
fn pending(size: usize) -> Box<dyn FnMut()> {
    let mut rig = im();
    let publish = |rig: &mut Rig<Session<Im>>| {
        let (topic, text) = (TopicName::from("grpAbCdEfGhIjK"), Publish::text("hello"));
        rig.session.publish(&topic, text, rig.now).expect("the session is ready");
        rig.request_id()
    };
    for _ in 1..size {
        publish(&mut rig);
    }
    let mut seq = 0;
    Box::new(move || {
        let id = publish(&mut rig);
        seq += 1;
        rig.receive(samples::ctrl_for(&id, &format!(r#"{{"seq":{seq}}}"#)));
        assert_eq!(rig.events(), 1, "one request, one completion");
    })
}

/// A message of an order, when as many were seen as are remembered.
fn seen(size: usize) -> Box<dyn FnMut()> {
    let mut rig = c2c();
    let mut number = 0;
    let mut receive = move || {
        number += 1;
        rig.receive(samples::c2c_text_numbered(number));
        assert_eq!(rig.events(), 1, "one message, one event");
    };
    (1..size).for_each(|_| receive());
    Box::new(receive)
}

/// One recipient's view of a message, of so many that were made before.
fn recipients(size: usize) -> Box<dyn FnMut()> {
    let (_, frame, _) = fan_out::message();
    let prepared = Prepared::data(frame);
    let mut views: Vec<_> = (0..size).map(|at| prepared.for_topic(&format!("usr{at}"))).collect();
    let mut next = 0;
    Box::new(move || {
        next = (next + 1) % views.len();
        views[next] = prepared.for_topic(black_box("usr100000000000000001"));
    })
}
