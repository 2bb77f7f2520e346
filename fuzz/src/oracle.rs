//! The codec beside the serde definitions of the same frames.

use chat_proto::c2c::answer;
use chat_proto::c2c::frame::Wrapped;
use chat_proto::c2c::{HistoryItem, Push, SystemContent};
use chat_proto::codec::{Limits, Wire};
use chat_proto::im::{down, up};
use chat_proto::json::{Extra, Raw, Str};
use chat_proto::{c2c, im};
use http::Response;

/// Why the codec may decide otherwise than serde on this text; `None` where it may not.
///
/// Every deliberate difference belongs here, with its reason, and into the documentation of the
/// codec. There is one: the codec counts every level of nesting against its limit; serde_json stops
/// at 128 levels where it has a type and nowhere in raw values, so what it lets through is a trap
/// for whoever reads the content later.
#[must_use]
pub fn expected_difference(text: &str) -> Option<&'static str> {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0u32, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let limit = u32::try_from(Limits::default().max_depth).unwrap_or(u32::MAX);
    (deepest > limit).then_some("deeper than the codec's limit")
}

/// The same decision and the same value as serde, for every frame type.
///
/// # Panics
///
/// The two differ.
pub fn oracle(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    agree(text);
}

/// Compares one reading with that of the reference.
macro_rules! same {
    ($what:literal, $text:expr, $codec:expr, $reference:expr) => {{
        match ($codec, $reference) {
            (Ok(codec), Some(reference)) => {
                assert_eq!(codec, reference, concat!($what, ": {:?}"), $text);
                // Stricter than equality, which looks at decoded texts.
                assert_eq!(
                    Wire::encode(&codec),
                    Wire::encode(&reference),
                    concat!($what, " is kept otherwise: {:?}"),
                    $text
                );
            }
            (Err(_), None) => {}
            (Ok(codec), None) => {
                panic!(
                    concat!($what, ": serde refuses what the codec reads as {:?}: {:?}"),
                    codec, $text
                )
            }
            (Err(error), Some(reference)) => {
                panic!(
                    concat!($what, ": the codec refuses ({}) what serde reads as {:?}: {:?}"),
                    error, reference, $text
                )
            }
        }
    }};
}

/// Compares all readings of a text.
pub(crate) fn agree(text: &str) {
    if expected_difference(text).is_some() {
        return;
    }
    same!("im up", text, im::Up::decode(text), im_up(text));
    same!("im down", text, im::Down::decode(text), im_down(text));
    same!("c2c up", text, c2c::Up::decode(text), c2c_up(text));
    same!("c2c down", text, c2c::Down::decode(text), c2c_down(text));
    system_content(text);
    page(text);
}

fn im_up(text: &str) -> Option<im::Up<'_>> {
    use up::Verb;
    let frame: up::Envelope<'_> = serde_json::from_str(text).ok()?;
    let verb = None
        .or(frame.r#pub.map(Verb::Pub))
        .or(frame.sub.map(Verb::Sub))
        .or(frame.leave.map(Verb::Leave))
        .or(frame.hi.map(Verb::Hi))
        .or(frame.login.map(Verb::Login))
        .or(frame.get.map(Verb::Get))
        .or(frame.set.map(Verb::Set))
        .or(frame.del.map(Verb::Del))
        .or(frame.acc.map(Verb::Acc))
        .or(frame.note.map(Verb::Note))
        .or(first(frame.extra).map(|(name, body)| Verb::Other(name, body)))?;
    Some(im::Up { verb, extra: frame.beside })
}

fn im_down(text: &str) -> Option<im::Down<'_>> {
    use im::Down;
    let frame: down::Envelope<'_> = serde_json::from_str(text).ok()?;
    None.or(frame.ctrl.map(Down::Ctrl))
        .or(frame.data.map(Down::Data))
        .or(frame.meta.map(Down::Meta))
        .or(frame.pres.map(Down::Pres))
        .or(frame.info.map(Down::Info))
        .or(first(frame.extra).map(|(name, body)| Down::Other(name, body)))
}

fn first<'a>(extra: Extra<'a>) -> Option<(Str<'a>, Raw<'a>)> {
    extra.into_iter().find(|(_, body)| !body.is_null())
}

fn c2c_up(text: &str) -> Option<c2c::Up<'_>> {
    serde_json::from_str(text).ok().filter(|frame: &c2c::Up<'_>| !frame.type_name.is_empty())
}

fn c2c_down(text: &str) -> Option<c2c::Down<'_>> {
    let has_type = |push: &Push<'_>| !push.type_name.is_empty();
    let push = || serde_json::from_str(text).ok().filter(has_type).map(c2c::Down::from);
    let wrapped = || {
        // The object around it must be readable as a frame itself.
        serde_json::from_str::<Push<'_>>(text).ok()?;
        serde_json::from_str::<Wrapped<'_>>(text).ok()?.data.filter(has_type).map(Into::into)
    };
    let batch = || serde_json::from_str(text).ok().map(c2c::Down::Batch);
    push().or_else(wrapped).or_else(batch).or_else(|| Raw::new(text).ok().map(c2c::Down::Other))
}

fn system_content(text: &str) {
    let object = text.trim_ascii_start().starts_with('{');
    let reference = serde_json::from_str::<SystemContent<'_>>(text).ok().filter(|_| object);
    assert_eq!(SystemContent::parse(text), reference, "system content: {text:?}");
}

/// A page of history, wherever the answer around it is a success.
fn page(text: &str) {
    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        data: Option<Vec<HistoryItem<'a>>>,
    }

    let response = Response::new(bytes::Bytes::copy_from_slice(text.as_bytes()));
    if answer::classify(&response).is_err() {
        return;
    }
    let reference = serde_json::from_str::<Data<'_>>(text).ok();
    match (answer::page(&response), reference) {
        (Ok(page), Some(Data { data })) => {
            assert_eq!(page.items, data.unwrap_or_default(), "page: {text:?}");
        }
        (Err(_), None) => {}
        (page, reference) => panic!(
            "page: the codec says {page:?}, serde {:?}: {text:?}",
            reference.map(|reference| reference.data)
        ),
    }
}
