//! One message for many recipients.

use std::hint::black_box;

use bytes::Bytes;
use chat_proto::codec::Wire;
use chat_proto::im::{Down, Prepared, down};
use chat_proto::machine::Text;
use serde_json::Value;

use super::{Built, Case};
use crate::contender::Contender;
use crate::{samples, shapes};

const RECIPIENTS: usize = 1000;

/// What somebody would have who derives serde.
pub(super) type Owned = shapes::Down<String, Value>;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("fan-out", "group of 1000", group),
        Case::new("fan-out", "1000 P2P views", views),
    ]
}

/// The sample, as text, as a frame of ours and as one that serde derives.
pub(super) fn message() -> (&'static str, down::Data<'static>, Owned) {
    const READS: &str = "the sample is a frame";
    let text = samples::data(&samples::short_content()).leak();
    let Down::Data(frame) = Down::decode(text).expect(READS) else { panic!("{READS}") };
    (text, frame, serde_json::from_str(text).expect(READS))
}

pub(super) fn with_serde(frame: &Owned) -> Bytes {
    serde_json::to_vec(black_box(frame)).expect("writing to memory does not fail").into()
}

/// Everybody in a group gets the same text: it is encoded once and shared.
fn group() -> Built {
    let (text, frame, owned) = message();
    let each = Down::Data(frame.clone());
    let (mut queue, mut owned_queue, mut each_queue) = (Vec::new(), Vec::new(), Vec::new());
    let contenders = vec![
        Contender::new("ours", move || {
            queue.clear();
            let prepared = Prepared::data(black_box(&frame).clone());
            queue.extend((0..RECIPIENTS).map(|_| prepared.text()));
            black_box(&queue).len()
        }),
        Contender::new("encode each, serde", move || {
            owned_queue.clear();
            owned_queue.extend((0..RECIPIENTS).map(|_| with_serde(&owned)));
            black_box(&owned_queue).len()
        }),
        Contender::new("encode each, ours", move || {
            each_queue.clear();
            each_queue.extend((0..RECIPIENTS).map(|_| black_box(&each).encode()));
            black_box(&each_queue).len()
        }),
    ];
    Built { bytes: text.len(), contenders }
}

/// Each recipient has a name of its own for the topic: the rest is copied.
fn views() -> Built {
    let (text, frame, owned) = message();
    let names: Vec<_> = (0..RECIPIENTS).map(|at| format!("usr{}", 100_000_000 + at)).collect();
    let (each, each_names, owned_names) = (frame.clone(), names.clone(), names.clone());
    let shapes::Down::Data(mut owned) = owned else { panic!("the sample is a message") };
    let (mut queue, mut owned_queue, mut each_queue) = (Vec::new(), Vec::new(), Vec::new());
    let contenders = vec![
        Contender::new("ours", move || {
            queue.clear();
            let prepared = Prepared::data(black_box(&frame).clone());
            queue.extend(names.iter().map(|name| prepared.for_topic(name)));
            black_box(&queue).len()
        }),
        Contender::new("encode each, serde", move || {
            owned_queue.clear();
            for name in &owned_names {
                owned.topic.clone_from(name);
                let frame = Enveloped { data: black_box(&owned) };
                let bytes = serde_json::to_vec(&frame).expect("writing to memory does not fail");
                owned_queue.push(Bytes::from(bytes));
            }
            black_box(&owned_queue).len()
        }),
        Contender::new("encode each, ours", move || {
            each_queue.clear();
            each_queue.extend(each_names.iter().map(|name| -> Text {
                let topic = name.as_str().into();
                Down::Data(down::Data { topic, ..black_box(&each).clone() }).encode()
            }));
            black_box(&each_queue).len()
        }),
    ];
    Built { bytes: text.len(), contenders }
}

/// What [`shapes::Down`] writes for a message, by reference.
#[derive(serde::Serialize)]
struct Enveloped<'a> {
    data: &'a shapes::Data<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_what_serde_writes() {
        let (_, frame, owned) = message();
        let shapes::Down::Data(mut owned) = owned else { panic!("the sample is a message") };
        owned.topic = "usr7".to_owned();
        let text = serde_json::to_string(&Enveloped { data: &owned }).unwrap();
        assert_eq!(Prepared::data(frame).for_topic("usr7").as_str(), text);
    }
}
