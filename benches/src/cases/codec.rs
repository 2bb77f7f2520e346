//! Frames from text and to text, beside serde and the vector readers.

mod made;
#[cfg_attr(not(feature = "peers"), path = "codec/no_peers.rs")]
mod peers;

use std::hint::black_box;

use bytes::Bytes;
use chat_proto::c2c::answer::page;
use chat_proto::codec::Wire;
use chat_proto::json::Raw;
use chat_proto::rng::Rng;
use chat_proto::{c2c, im};
use http::Response;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use self::peers::Peers;
use super::{Built, Case};
use crate::contender::Contender;
use crate::samples;
use crate::shapes::{self, BorrowedStr};

const READS: &str = "every sample is a frame of its kind";
const WRITES: &str = "writing to memory does not fail";

/// The types that all hold one family of frames.
trait Family: 'static {
    type Ours<'a>: Wire<'a> + 'a;
    type Owned: DeserializeOwned + Serialize + 'static;
    type Borrowed<'a>: Deserialize<'a> + Serialize + 'a;
}

struct Down;
struct Up;
struct Push;

impl Family for Down {
    type Ours<'a> = im::Down<'a>;
    type Owned = shapes::Down<String, Value>;
    type Borrowed<'a> = shapes::Down<BorrowedStr<'a>, &'a RawValue>;
}

impl Family for Up {
    type Ours<'a> = im::Up<'a>;
    type Owned = shapes::Up<String, Value>;
    type Borrowed<'a> = shapes::Up<BorrowedStr<'a>, &'a RawValue>;
}

impl Family for Push {
    type Ours<'a> = c2c::Down<'a>;
    type Owned = shapes::Push<String>;
    type Borrowed<'a> = shapes::Push<BorrowedStr<'a>>;
}

/// Writes the same JSON in another way.
type Respell = fn(&str) -> String;

/// A sample, and what reads and writes it.
struct Sample {
    name: &'static str,
    text: fn() -> String,
    read: fn(&'static str) -> Vec<Contender>,
    write: Option<fn(&'static str) -> Vec<Contender>>,
}

const fn sample<F: Peers>(name: &'static str, text: fn() -> String) -> Sample {
    Sample { name, text, read: readers::<F>, write: Some(writers::<F>) }
}

impl Sample {
    /// Not written often enough to count.
    const fn read_only(self) -> Self {
        Self { write: None, ..self }
    }
}

const SAMPLES: &[Sample] = &[
    sample::<Down>("data", || samples::data(&samples::short_content())),
    sample::<Down>("ctrl", samples::ctrl),
    sample::<Down>("pres", samples::pres),
    sample::<Down>("info", samples::info),
    sample::<Up>("pub", || samples::publish(&samples::short_content())),
    sample::<Up>("note", samples::note),
    sample::<Push>("c2c text", samples::c2c_text),
    sample::<Push>("c2c image", samples::c2c_image),
    sample::<Down>("meta 2", || samples::meta(2)),
    sample::<Down>("meta 1000", || samples::meta(1000)),
    Sample {
        name: "c2c history 100",
        text: || samples::c2c_history(100),
        read: page_readers,
        write: None,
    },
    sample::<Down>("data object", || samples::data(&samples::object_content())),
    sample::<Down>("data 4 KiB rich", || samples::data(&samples::rich_content())),
    sample::<Down>("data 4 KiB ascii", || samples::data(&samples::ascii_content())),
    sample::<Up>("sub", samples::sub).read_only(),
    sample::<Up>("set", samples::set).read_only(),
    sample::<Push>("c2c system", samples::c2c_system).read_only(),
];

pub(super) fn decode() -> Vec<Case> {
    let spellings: [(&str, Respell); 3] =
        [("", str::to_owned), (", spaced", samples::spaced), (", sorted", samples::sorted)];
    let mut cases = Vec::new();
    for (suffix, respell) in spellings {
        for &Sample { name, text, read, .. } in SAMPLES {
            cases.push(Case::new("decode", format!("{name}{suffix}"), move || {
                let text = respell(&text()).leak();
                Built { bytes: text.len(), contenders: read(text) }
            }));
        }
    }
    cases
}

pub(super) fn encode() -> Vec<Case> {
    let mut cases = Vec::new();
    for &Sample { name, text, write, .. } in SAMPLES {
        let Some(write) = write else { continue };
        cases.push(Case::new("encode", name, move || {
            let text = text().leak();
            Built { bytes: text.len(), contenders: write(text) }
        }));
    }
    cases.extend(made::cases());
    cases.push(Case::new("encode", "pub of a 4 KiB rich text", publish_text));
    cases.push(Case::new("encode", "id", ids));
    cases
}

fn readers<F: Peers>(text: &'static str) -> Vec<Contender> {
    assert!(F::Ours::decode(text).is_ok(), "{READS}: {text}");
    let ours = Contender::new("ours", move || F::Ours::decode(black_box(text)));
    let mut contenders = vec![ours];
    contenders.extend(serde_readers::<F::Owned, F::Borrowed<'static>>(text));
    contenders.extend(peers::readers::<F>(text));
    contenders.extend(limits(text));
    contenders
}

fn page_readers(text: &'static str) -> Vec<Contender> {
    let response = Response::new(Bytes::from_static(text.as_bytes()));
    let found = page(&response).expect(READS).items.len();
    let mut contenders = vec![Contender::new("ours", move || {
        // The page borrows from the response, which stays here.
        let page = page(black_box(&response)).map(|page| black_box(&page).items.len());
        assert_eq!(page, Ok(found));
    })];
    type Page<S> = shapes::Page<S>;
    contenders.extend(serde_readers::<Page<String>, Page<BorrowedStr<'static>>>(text));
    contenders.extend(peers::page_readers(text));
    contenders.extend(limits(text));
    contenders
}

fn serde_readers<Owned, Borrowed>(text: &'static str) -> [Contender; 3]
where
    Owned: DeserializeOwned + 'static,
    Borrowed: Deserialize<'static> + 'static,
{
    let owned = move || serde_json::from_str::<Owned>(black_box(text)).expect(READS);
    let value = move || serde_json::from_str::<Value>(black_box(text)).expect(READS);
    let borrowed = move || serde_json::from_str::<Borrowed>(black_box(text)).expect(READS);
    [
        Contender::new("owned", owned),
        Contender::new("value", value),
        Contender::new("borrowed", borrowed),
    ]
}

/// What nobody who reads can beat.
fn limits(text: &'static str) -> [Contender; 2] {
    let utf8 = move || std::str::from_utf8(black_box(text.as_bytes())).map(str::len);
    let mut copy = Vec::new();
    let memcpy = move || {
        copy.clear();
        copy.extend_from_slice(black_box(text).as_bytes());
        black_box(&copy).len()
    };
    [Contender::new("utf8", utf8), Contender::new("memcpy", memcpy)]
}

fn writers<F: Peers>(text: &'static str) -> Vec<Contender> {
    let ours = F::Ours::decode(text).unwrap_or_else(|error| panic!("{READS}: {error}"));
    let owned = || serde_json::from_str::<F::Owned>(text).expect(READS);
    let value: Value = serde_json::from_str(text).expect(READS);
    let borrowed: F::Borrowed<'static> = serde_json::from_str(text).expect(READS);
    let mut borrowed_out = Vec::new();
    let mut contenders = Vec::from(writers_of(ours, owned()));
    contenders.extend([
        Contender::new("value", move || serde_json::to_vec(black_box(&value)).expect(WRITES)),
        Contender::new("borrowed, reused buffer", move || {
            borrowed_out.clear();
            serde_json::to_writer(&mut borrowed_out, black_box(&borrowed)).expect(WRITES);
            black_box(&borrowed_out).len()
        }),
    ]);
    contenders.extend(peers::writers(owned));
    let [_, memcpy] = limits(text);
    contenders.push(memcpy);
    contenders
}

/// Ours into a buffer that is used again, and the baseline.
fn writers_of<'a>(
    ours: impl Wire<'a> + 'static,
    owned: impl Serialize + 'static,
) -> [Contender; 2] {
    let mut out = Vec::new();
    [
        Contender::new("ours", move || {
            out.clear();
            black_box(&ours).encode_into(&mut out);
            black_box(&out).len()
        }),
        Contender::new("owned", move || serde_json::to_vec(black_box(&owned)).expect(WRITES)),
    ]
}

/// From what somebody typed to the frame: the text is escaped on the way.
fn publish_text() -> Built {
    let content: String = serde_json::from_str(&samples::rich_content()).expect(READS);
    let frame = samples::publish(&samples::short_content()).leak();
    let im::Up { verb: im::up::Verb::Pub(ours), .. } = im::Up::decode(frame).expect(READS) else {
        panic!("{READS}")
    };
    let shapes::Up::Pub(owned) = serde_json::from_str(frame).expect(READS) else {
        panic!("{READS}")
    };
    let owned: shapes::Pub<String, Value> = owned;
    let (bytes, typed) = (content.len(), content.clone());
    let mut out = Vec::new();
    let ours = Contender::new("ours", move || {
        out.clear();
        let content = Some(Raw::from_text(black_box(&content)));
        let frame = im::up::Pub { content, ..ours.clone() };
        im::Up::new(im::up::Verb::Pub(frame)).encode_into(&mut out);
        black_box(&out).len()
    });
    let owned = Contender::new("owned", move || {
        let content = Some(Value::String(black_box(&typed).clone()));
        let (id, topic) = (owned.id.clone(), owned.topic.clone());
        let frame = shapes::Pub { id, topic, noecho: owned.noecho, head: None, content };
        serde_json::to_vec(&shapes::Up::Pub(frame)).expect(WRITES)
    });
    Built { bytes, contenders: vec![ours, owned] }
}

/// The id of a request. The baseline is what `Uuid::new_v4().to_string()` does, spelt out: asking
/// for uuid's feature `v4` would switch it on below the crates that must not have it.
fn ids() -> Built {
    let mut rng = Rng::new(7);
    let ours = Contender::new("ours", move || black_box(&mut rng).uuid().to_string());
    let system = Contender::new("owned", || {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    });
    Built { bytes: 36, contenders: vec![ours, system] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    /// What ours and the derived types hold of a sample is the same: nobody wins by reading less.
    fn same<F: Family>(text: &'static str) {
        let mut ours = Vec::new();
        F::Ours::decode(text)
            .unwrap_or_else(|error| panic!("{error}: {text}"))
            .encode_into(&mut ours);
        let owned: F::Owned = serde_json::from_str(text).unwrap();
        let borrowed: F::Borrowed<'static> = serde_json::from_str(text).unwrap();
        let expected = meaning(text.as_bytes());
        assert_eq!(meaning(&ours), expected);
        assert_eq!(meaning(&serde_json::to_vec(&owned).unwrap()), expected);
        assert_eq!(meaning(&serde_json::to_vec(&borrowed).unwrap()), expected);
    }

    #[test]
    fn every_contender_holds_all_of_a_sample() {
        for respell in [str::to_owned, samples::spaced, samples::sorted] {
            for text in [
                samples::data(&samples::short_content()),
                samples::data(&samples::object_content()),
                samples::data(&samples::rich_content()),
                samples::ctrl(),
                samples::pres(),
                samples::info(),
                samples::meta(3),
            ] {
                same::<Down>(respell(&text).leak());
            }
            let text = samples::short_content();
            for text in [samples::publish(&text), samples::note(), samples::sub(), samples::set()] {
                same::<Up>(respell(&text).leak());
            }
            for text in [samples::c2c_text(), samples::c2c_image(), samples::c2c_system()] {
                same::<Push>(respell(&text).leak());
            }
        }
    }

    #[test]
    fn samples_are_written_as_they_were_read() {
        for text in [samples::data(&samples::rich_content()), samples::ctrl(), samples::pres()] {
            let mut out = Vec::new();
            im::Down::decode(&text).unwrap().encode_into(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
