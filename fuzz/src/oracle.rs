//! The codec beside the serde definitions of the same frames.

use std::fmt::{Debug, Display};

use chat_proto::Text;
use chat_proto::c2c::answer;
use chat_proto::c2c::frame::Wrapped;
use chat_proto::c2c::{HistoryItem, Push, SystemContent};
use chat_proto::codec::{Limits, Wire, from_text};
use chat_proto::im::{down, up};
use chat_proto::json::{Encode, Extra, Raw, Str};
use chat_proto::{c2c, im};
use http::Response;

/// Why the codec refuses this text whatever serde says; `None` where the two must agree.
///
/// Every deliberate difference belongs here, with its reason, and into the documentation of the
/// codec. There is one: serde_json counts levels only where a type asks for what is there, the codec
/// counts all of them, because what it passes on untouched is parsed by somebody else.
#[must_use]
pub fn expected_difference(text: &str, max_depth: usize) -> Option<&'static str> {
    (depth(text) > max_depth).then_some("nested deeper than the limit")
}

/// Deepest nesting outside strings; exact where the text is JSON, and else it does not matter.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
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
    deepest
}

/// The same decision and the same value as serde, for every frame type and what stands in answers,
/// at the usual depth and at a small one.
///
/// # Panics
///
/// The two differ.
pub fn oracle(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    agree(text);
}

/// Compares all readings of a text.
fn agree(text: &str) {
    for max_depth in [Limits::default().max_depth, 1 + text.len() % 6] {
        for reading in [IM_UP, IM_DOWN, C2C_UP, C2C_DOWN, HISTORY, SYSTEM, ANSWER] {
            reading(text, max_depth);
        }
    }
    system_content(text);
    page(text);
}

/// Compares one reading of a text, nested so deep at most.
pub(crate) type Reading = fn(&str, usize);

pub(crate) const IM_UP: Reading =
    |text, depth| compare("im up", text, depth, im::Up::decode_within, im_up, Wire::encode);
pub(crate) const IM_DOWN: Reading =
    |text, depth| compare("im down", text, depth, im::Down::decode_within, im_down, Wire::encode);
pub(crate) const C2C_UP: Reading =
    |text, depth| compare("c2c up", text, depth, c2c::Up::decode_within, c2c_up, Wire::encode);
pub(crate) const C2C_DOWN: Reading = |text, depth| {
    compare("c2c down", text, depth, c2c::Down::decode_within, c2c_down, Wire::encode);
};
pub(crate) const HISTORY: Reading =
    |text, depth| compare("history", text, depth, from_text::<HistoryItem<'_>>, by_serde, written);
pub(crate) const SYSTEM: Reading = |text, depth| {
    compare("system", text, depth, from_text::<SystemContent<'_>>, by_serde, written);
};
pub(crate) const ANSWER: Reading = |text, depth| {
    compare("answer", text, depth, from_text::<answer::Envelope<'_>>, by_serde, written);
};

/// Compares one reading with that of the reference.
fn compare<'a, T: PartialEq + Debug, E: Display>(
    what: &str,
    text: &'a str,
    max_depth: usize,
    codec: impl FnOnce(&'a str, usize) -> Result<T, E>,
    reference: impl FnOnce(&'a str) -> Option<T>,
    write: impl Fn(&T) -> Text,
) {
    let difference = expected_difference(text, max_depth);
    match (codec(text, max_depth), reference(text).filter(|_| difference.is_none())) {
        (Ok(codec), Some(reference)) => {
            assert_eq!(codec, reference, "{what}: {text:?}");
            // Stricter than equality, which looks at decoded texts.
            assert_eq!(write(&codec), write(&reference), "{what} is kept otherwise: {text:?}");
        }
        (Err(_), None) => {}
        (Ok(codec), None) => panic!(
            "{what}: the codec reads as {codec:?} what serde refuses, or {difference:?}: {text:?}"
        ),
        (Err(error), Some(reference)) => {
            panic!(
                "{what}: the codec refuses ({error}) what serde reads as {reference:?}: {text:?}"
            )
        }
    }
}

fn by_serde<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// What stands inside a frame, as JSON.
pub(crate) fn written<T: Encode>(value: &T) -> Text {
    let mut out = Vec::new();
    value.encode(&mut out);
    Text::from_utf8(out.into()).expect("the writer copies UTF-8 and adds ASCII")
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
    let read = object && expected_difference(text, 128).is_none();
    let reference = serde_json::from_str::<SystemContent<'_>>(text).ok().filter(|_| read);
    assert_eq!(SystemContent::parse(text), reference, "system content: {text:?}");
}

/// A page of history, wherever the answer around it is a success.
fn page(text: &str) {
    let response = Response::new(bytes::Bytes::copy_from_slice(text.as_bytes()));
    let Ok(envelope) = answer::classify(&response) else { return };
    // `data` is read as if it stood alone: what is around it has taken a level.
    let data = envelope.data.as_ref().map_or("null", Raw::as_str);
    let reference = serde_json::from_str::<Option<Vec<HistoryItem<'_>>>>(data).ok();
    match (answer::page(&response), reference) {
        (Ok(page), Some(items)) => {
            assert_eq!(page.items, items.unwrap_or_default(), "page: {text:?}");
        }
        (Err(_), None) => {}
        (page, reference) => {
            panic!("page: the codec says {page:?}, serde {reference:?}: {text:?}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_outside_strings_only() {
        assert_eq!(depth(r#"{"a":[{"b":"[[[\"{{\\"}]}"#), 3);
        assert_eq!(depth("]]]]{"), 1);
        assert!(expected_difference("[[1]]", 2).is_none());
        assert!(expected_difference("[[1]]", 1).is_some());
    }

    #[test]
    #[should_panic(expected = "the codec refuses")]
    fn a_difference_is_told() {
        let refuse = |_: &str, _| Err::<HistoryItem<'_>, _>("no");
        compare("history", "{}", 9, refuse, by_serde, written);
    }
}
