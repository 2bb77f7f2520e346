//! A message as it is told to the application.

use std::fmt;

use crate::im::Stamp;
use crate::im::down::Data;
use crate::json::{Raw, Share as _, Span, Str};
use crate::machine::Text;

/// A message of a topic: the frame as it came, and where in it the parts are.
///
/// Made without an allocation and without copying: parts are cut out of the text when they are asked
/// for. It keeps the text alive, and perhaps what else was read from the socket at once; what is kept
/// for long should be copied out with `to_string`.
#[derive(Clone)]
pub struct Delivered {
    text: Text,
    parts: Parts,
    /// The frame, where the parts are not all of it.
    whole: Option<Box<Data<'static>>>,
}

/// Where in its text the parts of a message are.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    seq: u64,
    topic: Span,
    from: Span,
    ts: Span,
    deleted: Span,
    head: Span,
    content: Span,
    reqid: Span,
}

impl Parts {
    /// Those of a frame that was read from `text`; `None` when it has others.
    #[inline]
    pub(super) fn of(data: &Data<'_>, text: &Text) -> Option<Self> {
        let whole = text.as_str();
        let str = |str: &Str<'_>| Span::of(&str.0, whole);
        let raw = |raw: &Option<Raw<'_>>| match raw {
            Some(raw) => Span::of(&raw.0, whole),
            None => Some(Span::EMPTY),
        };
        let parts = Self {
            seq: data.seq,
            topic: str(&data.topic)?,
            from: str(&data.from)?,
            ts: str(data.ts.as_text())?,
            deleted: str(data.deleted.as_text())?,
            head: raw(&data.head)?,
            content: raw(&data.content)?,
            reqid: str(&data.reqid)?,
        };
        data.extra.is_empty().then_some(parts)
    }

    /// The message in `text`, which is that of the frame.
    #[inline]
    pub(super) const fn of_text(self, text: Text) -> Delivered {
        Delivered { text, parts: self, whole: None }
    }
}

impl Delivered {
    /// A message that came in no text: for tests of what handles it.
    #[must_use]
    pub fn new(data: Data<'static>) -> Self {
        let parts = Parts {
            seq: data.seq,
            topic: Span::EMPTY,
            from: Span::EMPTY,
            ts: Span::EMPTY,
            deleted: Span::EMPTY,
            head: Span::EMPTY,
            content: Span::EMPTY,
            reqid: Span::EMPTY,
        };
        Self { text: Text::new(), parts, whole: Some(Box::new(data)) }
    }

    /// From a frame that was read from `text`.
    pub(super) fn cut(data: &Data<'_>, text: &Text) -> Self {
        match Parts::of(data, text) {
            Some(parts) => parts.of_text(text.clone()),
            None => Self::new(data.clone().share(text)),
        }
    }

    /// The topic, under this user's name for it.
    #[must_use]
    pub fn topic(&self) -> Str<'_> {
        match &self.whole {
            None => self.str(self.parts.topic),
            Some(data) => data.topic.reborrow(),
        }
    }

    /// The author; empty from the system and in channels.
    #[must_use]
    pub fn from(&self) -> Str<'_> {
        match &self.whole {
            None => self.str(self.parts.from),
            Some(data) => data.from.reborrow(),
        }
    }

    /// Number within the topic, from 1.
    #[must_use]
    #[inline]
    pub const fn seq(&self) -> u64 {
        self.parts.seq
    }

    /// When it was published; equals the `ts` of the publisher's receipt.
    #[must_use]
    pub fn ts(&self) -> Stamp<'_> {
        match &self.whole {
            None => self.str(self.parts.ts).into(),
            Some(data) => data.ts.as_text().reborrow().into(),
        }
    }

    /// When it was deleted; empty when it was not. (tinode-doc)
    #[must_use]
    pub fn deleted(&self) -> Stamp<'_> {
        match &self.whole {
            None => self.str(self.parts.deleted).into(),
            Some(data) => data.deleted.as_text().reborrow().into(),
        }
    }

    /// Headers. (tinode-doc)
    #[must_use]
    pub fn head(&self) -> Option<Raw<'_>> {
        match &self.whole {
            None => self.raw(self.parts.head),
            Some(data) => data.head.as_ref().map(Raw::reborrow),
        }
    }

    /// The content, as it was published.
    #[must_use]
    pub fn content(&self) -> Option<Raw<'_>> {
        match &self.whole {
            None => self.raw(self.parts.content),
            Some(data) => data.content.as_ref().map(Raw::reborrow),
        }
    }

    /// The content when it is a string.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        self.content()?.as_text()
    }

    /// Id of the `pub`, which only its author chose. PortSIP only; else empty.
    #[must_use]
    pub fn reqid(&self) -> Str<'_> {
        match &self.whole {
            None => self.str(self.parts.reqid),
            Some(data) => data.reqid.reborrow(),
        }
    }

    /// The whole frame, which borrows from this.
    #[must_use]
    pub fn frame(&self) -> Data<'_> {
        Data {
            topic: self.topic(),
            from: self.from(),
            ts: self.ts(),
            deleted: self.deleted(),
            seq: self.parts.seq,
            head: self.head(),
            content: self.content(),
            reqid: self.reqid(),
            extra: self.whole.iter().flat_map(|data| data.extra.iter().cloned()).collect(),
        }
    }

    /// The whole frame, which shares the text.
    #[must_use]
    pub fn to_data(&self) -> Data<'static> {
        match &self.whole {
            None => self.frame().share(&self.text),
            Some(data) => Data::clone(data),
        }
    }

    fn str(&self, span: Span) -> Str<'_> {
        Str(span.quoted_in(self.text.as_str()))
    }

    fn raw(&self, span: Span) -> Option<Raw<'_>> {
        (!span.is_empty()).then(|| Raw::scanned(span.bare_in(self.text.as_str())))
    }
}

impl PartialEq for Delivered {
    fn eq(&self, other: &Self) -> bool {
        self.frame() == other.frame()
    }
}

impl fmt::Debug for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frame().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::Event;
    use crate::codec::Wire as _;
    use crate::im::Down;
    use crate::im::client::{Answer, ImEvent};

    /// The message in this text, and the frame that was read from it.
    fn both(text: &str) -> (Delivered, Data<'static>) {
        let text = Text::from(text);
        let Ok(Down::Data(data)) = Down::decode(text.as_str()) else { panic!("{text:?}") };
        let mut lone = Data::default();
        if lone.read_lone(text.as_str(), 100) {
            assert_eq!(lone, data);
        }
        (Delivered::cut(&data, &text), data.share(&text))
    }

    fn is_same(message: &Delivered, data: &Data<'_>) {
        assert_eq!(message.frame(), *data);
        assert_eq!(message.to_data(), *data);
        assert_eq!(format!("{message:?}"), format!("{data:?}"));
        assert_eq!(message.topic(), data.topic);
        assert_eq!(message.from(), data.from);
        assert_eq!((message.seq(), message.ts()), (data.seq, data.ts.clone()));
        assert_eq!(message.deleted(), data.deleted);
        assert_eq!(message.head(), data.head);
        assert_eq!(message.content(), data.content);
        assert_eq!(message.as_text(), data.content.as_ref().and_then(Raw::as_text));
        assert_eq!(message.reqid(), data.reqid);
        // What is relayed comes out as it came in.
        let written = |data: &Data<'_>| Down::Data(data.clone()).encode();
        assert_eq!(written(&message.frame()), written(data));
    }

    #[test]
    fn shows_the_frame_as_it_was_read() {
        let (message, data) = both(
            r#"{"data":{"topic":"usr\u0031","from":"usr2","ts":"2026-01-02T03:04:05Z","seq":7,"head":{"mime":"text"},"content":"a \"b\" ü","reqid":"r\/1"}}"#,
        );
        is_same(&message, &data);
        assert!(message.whole.is_none());
        assert_eq!(
            (&*message.topic().decode(), message.as_text().as_deref()),
            ("usr1", Some("a \"b\" ü"))
        );
        let same = message.clone();
        assert_eq!(same, message);
        assert_ne!(same, Delivered::new(Data::default()));
    }

    #[test]
    fn a_frame_with_members_nobody_knows_is_kept_whole() {
        let (message, data) = both(r#"{"data":{"seq":7,"new":[1],"topic":"grp1","content":null}}"#);
        assert!(message.whole.is_some());
        assert_eq!(message.frame().extra.len(), 1);
        is_same(&message, &data);
        is_same(&Delivered::new(data.clone()), &data);
    }

    #[test]
    fn what_is_not_of_the_text_is_not_lost() {
        let data = Data { topic: "grp1".to_owned().into(), from: "usr1".into(), ..Data::default() };
        is_same(&Delivered::cut(&data, &Text::from("{}")), &data);
    }

    /// Events are moved from queue to queue: up to 128 bytes that is a few instructions.
    #[test]
    fn events_are_small() {
        assert!(size_of::<Delivered>() <= 104);
        assert!(size_of::<Option<Event<ImEvent, Answer>>>() <= 128);
    }

    fn member() -> impl Strategy<Value = String> {
        let text = || {
            prop_oneof![
                any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
                Just(r#""""#.to_owned()),
                Just(r#""\u00e4\ud83d\ude00\n""#.to_owned()),
                Just("null".to_owned()),
            ]
        };
        let raw = prop_oneof![
            text(),
            Just(r#"{"a": [1, {"b":null}]}"#.to_owned()),
            Just("[]".to_owned()),
            Just("-1.5e3".to_owned()),
        ];
        let name = proptest::sample::select(vec!["topic", "from", "ts", "deleted", "reqid"]);
        let open = proptest::sample::select(vec!["head", "content", "c\\u006fntent", "new"]);
        prop_oneof![
            5 => (name, text()).prop_map(|(name, value)| format!(r#""{name}":{value}"#)),
            3 => (open, raw).prop_map(|(name, value)| format!(r#""{name}": {value}"#)),
            1 => any::<u64>().prop_map(|seq| format!(r#" "seq" : {seq} "#)),
        ]
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn any_frame_is_what_was_read(members in proptest::collection::vec(member(), 0..10)) {
            let (message, data) = both(&format!(r#"{{"data":{{{}}}}}"#, members.join(",")));
            is_same(&message, &data);
        }
    }
}
