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
    seq: u64,
    topic: Span,
    from: Span,
    ts: Span,
    deleted: Span,
    head: Span,
    content: Span,
    reqid: Span,
    /// The frame, where that is not all of it.
    whole: Option<Box<Data<'static>>>,
}

impl Delivered {
    /// A message that came in no text: for tests of what handles it.
    #[must_use]
    pub fn new(data: Data<'static>) -> Self {
        Self {
            text: Text::new(),
            seq: data.seq,
            topic: Span::EMPTY,
            from: Span::EMPTY,
            ts: Span::EMPTY,
            deleted: Span::EMPTY,
            head: Span::EMPTY,
            content: Span::EMPTY,
            reqid: Span::EMPTY,
            whole: Some(Box::new(data)),
        }
    }

    /// From a frame that was read from `text`.
    #[inline]
    pub(super) fn cut(data: &Data<'_>, text: Text) -> Self {
        let whole = text.as_str();
        let spans = || {
            if !data.extra.is_empty() {
                return None;
            }
            let raw = |raw: &Option<Raw<'_>>| {
                raw.as_ref().map_or(Some(Span::EMPTY), |raw| Span::of(raw.as_slice(), whole))
            };
            let str = |str: &Str<'_>| Span::of(str.as_slice(), whole);
            Some([
                str(&data.topic)?,
                str(&data.from)?,
                str(data.ts.as_text())?,
                str(data.deleted.as_text())?,
                raw(&data.head)?,
                raw(&data.content)?,
                str(&data.reqid)?,
            ])
        };
        match spans() {
            Some([topic, from, ts, deleted, head, content, reqid]) => Self {
                text,
                seq: data.seq,
                topic,
                from,
                ts,
                deleted,
                head,
                content,
                reqid,
                whole: None,
            },
            None => Self::new(data.clone().share(&text)),
        }
    }

    /// The topic, under this user's name for it.
    #[must_use]
    pub fn topic(&self) -> Str<'_> {
        match &self.whole {
            None => self.str(self.topic),
            Some(data) => data.topic.reborrow(),
        }
    }

    /// The author; empty from the system and in channels.
    #[must_use]
    pub fn from(&self) -> Str<'_> {
        match &self.whole {
            None => self.str(self.from),
            Some(data) => data.from.reborrow(),
        }
    }

    /// Number within the topic, from 1.
    #[must_use]
    #[inline]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// When it was published; equals the `ts` of the publisher's receipt.
    #[must_use]
    pub fn ts(&self) -> Stamp<'_> {
        match &self.whole {
            None => self.str(self.ts).into(),
            Some(data) => data.ts.as_text().reborrow().into(),
        }
    }

    /// When it was deleted; empty when it was not. (tinode-doc)
    #[must_use]
    pub fn deleted(&self) -> Stamp<'_> {
        match &self.whole {
            None => self.str(self.deleted).into(),
            Some(data) => data.deleted.as_text().reborrow().into(),
        }
    }

    /// Headers. (tinode-doc)
    #[must_use]
    pub fn head(&self) -> Option<Raw<'_>> {
        match &self.whole {
            None => self.raw(self.head),
            Some(data) => data.head.as_ref().map(Raw::reborrow),
        }
    }

    /// The content, as it was published.
    #[must_use]
    pub fn content(&self) -> Option<Raw<'_>> {
        match &self.whole {
            None => self.raw(self.content),
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
            None => self.str(self.reqid),
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
            seq: self.seq,
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
        Str::of_slice(span.quoted_in(self.text.as_str()))
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
