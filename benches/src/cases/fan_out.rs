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

/// Each recipient has room for one message, and lets go of the former one when the next comes: as in
/// a server that runs for long, what is freed is what is needed again.
fn to_all<T: Clone + Default + 'static>(
    name: &'static str,
    mut fill: impl FnMut(&mut [T]) + 'static,
) -> Contender {
    let mut slots = vec![T::default(); RECIPIENTS];
    Contender::new(name, move || {
        fill(&mut slots);
        black_box(&slots).len()
    })
}

/// Everybody in a group gets the same text: it is encoded once and shared.
fn group() -> Built {
    let (text, frame, owned) = message();
    let each = Down::Data(frame.clone());
    let contenders = vec![
        to_all("ours", move |slots| {
            let prepared = Prepared::data(black_box(&frame).clone());
            slots.fill_with(|| prepared.text());
        }),
        to_all("encode each, serde", move |slots| slots.fill_with(|| with_serde(&owned))),
        to_all("encode each, ours", move |slots: &mut [Text]| {
            slots.fill_with(|| black_box(&each).encode());
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
    let contenders = vec![
        to_all("ours", move |slots| {
            let prepared = Prepared::data(black_box(&frame).clone());
            for (slot, name) in slots.iter_mut().zip(&names) {
                *slot = prepared.for_topic(name);
            }
        }),
        to_all("encode each, serde", move |slots| {
            for (slot, name) in slots.iter_mut().zip(&owned_names) {
                owned.topic.clone_from(name);
                let frame = Enveloped { data: black_box(&owned) };
                let bytes = serde_json::to_vec(&frame).expect("writing to memory does not fail");
                *slot = Bytes::from(bytes);
            }
        }),
        to_all("encode each, ours", move |slots| {
            for (slot, name) in slots.iter_mut().zip(&each_names) {
                let topic = name.as_str().into();
                *slot = Down::Data(down::Data { topic, ..black_box(&each).clone() }).encode();
            }
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
