//! One message for many recipients.

use std::hint::black_box;

use bytes::Bytes;
use chat_proto::codec::Wire;
use chat_proto::im::Down;
use chat_proto::machine::Text;
use serde_json::Value;

use super::{Built, Case};
use crate::contender::Contender;
use crate::{samples, shapes};

const RECIPIENTS: usize = 1000;

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("fan-out", "group of 1000", group)]
}

/// Everybody in a group gets the same text: it is encoded once and shared.
fn group() -> Built {
    let text = samples::data(&samples::short_content()).leak();
    let frame = Down::decode(text).expect("the sample is a frame");
    let (each, mut queue, mut each_queue) = (frame.clone(), Vec::new(), Vec::new());
    let owned: shapes::Down<String, Value> =
        serde_json::from_str(text).expect("the sample is a frame");
    let mut owned_queue: Vec<Bytes> = Vec::new();
    let contenders = vec![
        Contender::new("ours", move || {
            queue.clear();
            let text: Text = black_box(&frame).encode();
            queue.extend(std::iter::repeat_n(text, RECIPIENTS));
            black_box(&queue).len()
        }),
        Contender::new("encode each, serde", move || {
            owned_queue.clear();
            owned_queue.extend((0..RECIPIENTS).map(|_| {
                let bytes = serde_json::to_vec(black_box(&owned));
                Bytes::from(bytes.expect("writing to memory does not fail"))
            }));
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
