//! One frame for many recipients.

use std::ops::Range;

use crate::codec::Wire;
use crate::im::Down;
use crate::im::down::{Data, Info, Pres};
use crate::json::{Encode, Str};
use crate::machine::Text;

/// A frame that is encoded once, for everybody.
///
/// Recipients who know the topic by the same name share one text, as in a group. Where the names
/// differ — the two ends of a P2P topic call it after each other (seed) — only the topic is written
/// anew, and the rest is copied. Only the kinds that go out unasked are prepared; an answer has one
/// recipient.
///
/// ```
/// use chat_proto::im::Prepared;
/// use chat_proto::im::down::Pres;
///
/// let frame = Pres { topic: "usr2".into(), what: "msg".into(), seq: 7, ..Pres::default() };
/// let frame = Prepared::pres(frame);
/// assert_eq!(frame.text().as_str(), r#"{"pres":{"topic":"usr2","what":"msg","seq":7}}"#);
/// assert_eq!(
///     frame.for_topic("usr1").as_str(),
///     r#"{"pres":{"topic":"usr1","what":"msg","seq":7}}"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    text: Text,
    /// Where the topic stands, without its quotes.
    topic: Range<usize>,
}

impl Prepared {
    /// A message.
    #[must_use]
    pub fn data(frame: Data<'_>) -> Self {
        Self::new(&Down::Data(frame), "{\"data\":{\"topic\":\"")
    }

    /// A notice.
    #[must_use]
    pub fn pres(frame: Pres<'_>) -> Self {
        Self::new(&Down::Pres(frame), "{\"pres\":{\"topic\":\"")
    }

    /// A relayed note.
    #[must_use]
    pub fn info(frame: Info<'_>) -> Self {
        Self::new(&Down::Info(frame), "{\"info\":{\"topic\":\"")
    }

    fn new(frame: &Down<'_>, before: &str) -> Self {
        let text = frame.encode();
        let rest = text.as_str().strip_prefix(before).expect("these kinds begin with their topic");
        let topic = before.len()..before.len() + string_len(rest);
        Self { text, topic }
    }

    /// The frame under the topic it was made with. No bytes are copied.
    #[must_use]
    pub fn text(&self) -> Text {
        self.text.clone()
    }

    /// The frame under another name for its topic: the same text as if it had been encoded with it.
    /// Allocates once, and not at all for the name it was made with.
    #[must_use]
    pub fn for_topic(&self, topic: &str) -> Text {
        // Without a branch a letter, so that letters are looked at many at a time.
        if topic.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
            return self.spliced(&escaped(topic));
        }
        if &self.text.as_str()[self.topic.clone()] == topic {
            return self.text();
        }
        self.spliced(topic)
    }

    fn spliced(&self, topic: &str) -> Text {
        let text = self.text.as_str();
        let (before, after) = (&text[..self.topic.start], &text[self.topic.end..]);
        // Exact: a buffer with room to spare would be allocated again when it is shared.
        let mut out = String::with_capacity(before.len() + topic.len() + after.len());
        out.push_str(before);
        out.push_str(topic);
        out.push_str(after);
        out.into()
    }
}

const fn is_escaped(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\')
}

/// What stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let mut quoted = Vec::with_capacity(text.len() + 16);
    Str::borrowed(text).encode(&mut quoted);
    let quoted = String::from_utf8(quoted).expect("the writer copies UTF-8 and adds ASCII");
    quoted[1..quoted.len() - 1].to_owned()
}

/// Length of a JSON string whose first quote was read, without its last one.
fn string_len(rest: &str) -> usize {
    let mut bytes = rest.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str) -> Data<'_> {
        Data { topic: topic.into(), seq: 7, ..Data::default() }
    }

    #[test]
    fn one_name_is_one_buffer() {
        let frame = Prepared::data(message("grpAbCd"));
        let at = frame.text().as_str().as_ptr();
        assert_eq!(frame.text().as_str().as_ptr(), at);
        assert_eq!(frame.for_topic("grpAbCd").as_str().as_ptr(), at);
        assert_ne!(frame.for_topic("grpAbCe").as_str().as_ptr(), at);
    }

    #[test]
    fn names_of_any_length_and_any_text_fit() {
        for own in ["", "usr1", "a \"quoted\\ name\u{1}", "ü"] {
            let frame = Prepared::data(message(own));
            for topic in ["", "x", "\"", "\\", "\\\"", "ü\n", "},\"data\":{"] {
                assert_eq!(frame.for_topic(topic), Down::Data(message(topic)).encode(), "{own}");
            }
        }
    }
}
