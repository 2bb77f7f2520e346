//! Frames as an application makes them: nothing is known of their strings, which were never read, so
//! that each has to be looked through for what needs an escape.

use chat_proto::c2c::Loose;
use chat_proto::codec::Wire;
use chat_proto::json::{Raw, Str};
use chat_proto::{c2c, im};

use super::{Down, Family, Push, READS, Up, writers_of};
use crate::cases::{Built, Case};
use crate::contender::Contender;
use crate::samples;

/// A sample's text, and what writes the same frame.
type Make = (fn() -> String, fn(&'static str) -> [Contender; 2]);

pub(super) fn cases() -> Vec<Case> {
    let made: [(&'static str, Make); 8] = [
        (
            "data, made",
            (|| samples::data(&samples::short_content()), |text| beside::<Down>(down(text), text)),
        ),
        ("ctrl, made", (samples::ctrl, |text| beside::<Down>(down(text), text))),
        ("pres, made", (samples::pres, |text| beside::<Down>(down(text), text))),
        ("info, made", (samples::info, |text| beside::<Down>(down(text), text))),
        (
            "pub, made",
            (|| samples::publish(&samples::short_content()), |text| beside::<Up>(up(text), text)),
        ),
        ("note, made", (samples::note, |text| beside::<Up>(up(text), text))),
        ("c2c text, made", (samples::c2c_text, |text| beside::<Push>(push(text), text))),
        ("c2c image, made", (samples::c2c_image, |text| beside::<Push>(push(text), text))),
    ];
    let case = |(name, (text, write)): (&'static str, Make)| {
        Case::new("encode", name, move || {
            let text = text().leak();
            Built { bytes: text.len(), contenders: write(text).into() }
        })
    };
    made.into_iter().map(case).collect()
}

/// Ours, and what a derived type holds of the same text.
fn beside<F: Family>(ours: F::Ours<'static>, text: &str) -> [Contender; 2] {
    writers_of(ours, serde_json::from_str::<F::Owned>(text).expect(READS))
}

/// The same text as nobody has read it.
fn made<'a>(text: &Str<'_>) -> Str<'a> {
    text.to_string().into()
}

fn down(text: &str) -> im::Down<'_> {
    use im::{Down as D, down};
    let content = |raw: &Raw<'_>| Raw::from_text(&raw.as_text().expect(READS));
    match D::decode(text).expect(READS) {
        D::Data(it) => D::Data(down::Data {
            topic: made(&it.topic),
            from: made(&it.from),
            ts: made(it.ts.as_text()).into(),
            content: it.content.as_ref().map(content),
            reqid: made(&it.reqid),
            ..it
        }),
        D::Ctrl(it) => D::Ctrl(down::Ctrl {
            id: made(&it.id),
            topic: made(&it.topic),
            text: made(&it.text),
            ts: made(it.ts.as_text()).into(),
            ..it
        }),
        D::Pres(it) => D::Pres(down::Pres {
            topic: made(&it.topic),
            src: made(&it.src),
            what: made(&it.what),
            act: made(&it.act),
            ..it
        }),
        D::Info(it) => D::Info(down::Info {
            topic: made(&it.topic),
            from: made(&it.from),
            what: made(&it.what),
            ..it
        }),
        other @ (D::Meta(_) | D::Other(..)) => other,
    }
}

fn up(text: &str) -> im::Up<'_> {
    use im::up::{Note, Pub, Verb};
    let verb = match im::Up::decode(text).expect(READS).verb {
        Verb::Pub(it) => Verb::Pub(Pub {
            id: made(&it.id),
            topic: made(&it.topic),
            content: it.content.map(|raw| Raw::from_text(&raw.as_text().expect(READS))),
            ..it
        }),
        Verb::Note(it) => Verb::Note(Note { topic: made(&it.topic), what: made(&it.what), ..it }),
        other @ (Verb::Sub(_)
        | Verb::Leave(_)
        | Verb::Hi(_)
        | Verb::Login(_)
        | Verb::Get(_)
        | Verb::Set(_)
        | Verb::Del(_)
        | Verb::Acc(_)
        | Verb::Other(..)) => other,
    };
    im::Up::new(verb)
}

fn push(text: &str) -> c2c::Down<'_> {
    let c2c::Down::Push(it) = c2c::Down::decode(text).expect(READS) else { panic!("{READS}") };
    c2c::Down::Push(c2c::Push {
        type_name: made(&it.type_name),
        id: it.id.to_string().into(),
        uuid: it.uuid.to_string().into(),
        order_no: it.order_no.to_string().into(),
        topic_id: it.topic_id.to_string().into(),
        topic_type: made(&it.topic_type),
        group_id: Loose::string(it.group_id.to_string()),
        source_type: made(&it.source_type),
        status: made(&it.status),
        from_nickname: it.from_nickname.as_ref().map(made),
        content: it.content.as_ref().map(|content| Loose::string(content.to_string())),
        image_url: made(&it.image_url),
        thumbnail_url: made(&it.thumbnail_url),
        image_type: made(&it.image_type),
        ..it
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_what_was_read() {
        let data = samples::data(&samples::short_content());
        for text in [data, samples::ctrl(), samples::pres(), samples::info()] {
            assert_eq!(down(&text).encode().as_str(), text);
        }
        for text in [samples::publish(&samples::short_content()), samples::note()] {
            assert_eq!(up(&text).encode().as_str(), text);
        }
        for text in [samples::c2c_text(), samples::c2c_image()] {
            assert_eq!(push(&text).encode().as_str(), text);
        }
    }
}
