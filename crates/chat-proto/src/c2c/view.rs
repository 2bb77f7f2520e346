//! A frame by what it says.

use std::borrow::Cow;

use crate::c2c::frame::{Kind, Push};
use crate::c2c::system::{SystemContent, SystemEvent};
use crate::c2c::value::{Loose, MessageId};
use crate::codec::from_text;
use crate::json::Raw;

/// What a frame says, by kind. The frame itself holds the rest.
///
/// ```
/// use chat_proto::c2c::{Down, OrderEvent, Role, View};
/// use chat_proto::codec::Wire;
///
/// let text = r#"{"type":"system","content":"{\"type\":\"seller_payed\",\"symbol\":\"USDT\"}"}"#;
/// let frame = Down::decode(text)?;
/// let View::System { event, .. } = frame.pushes()[0].view() else { panic!() };
/// // It reached the seller, and the buyer is who paid.
/// assert_eq!(event.event.reader(), Some(Role::Seller));
/// assert_eq!(event.event.actor(), Some(Role::Buyer));
/// # Ok::<(), chat_proto::codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum View<'p> {
    /// A person wrote it. It may hold `<br>`. (field report)
    Text(Cow<'p, str>),
    /// A person sent a picture.
    Image(Image<'p>),
    /// Something happened to the order.
    System {
        /// What, with the role of the reader.
        event: SystemEvent,
        /// The members of the event.
        content: Box<SystemContent<'static>>,
    },
    /// A system message in plain text.
    Notice(Cow<'p, str>),
    /// The advertiser's automatic greeting.
    AutoReply(Cow<'p, str>),
    /// A card.
    Card(Card<'p>),
    /// A message was withdrawn: the one with this id or uuid.
    Recall {
        /// The server's id.
        id: &'p MessageId<'p>,
        /// The sender's.
        uuid: Cow<'p, str>,
    },
    /// Messages were read.
    Read(Vec<MessageId<'static>>),
    /// A frame of ours was refused.
    Refused {
        /// Why: `ILLEGAL_PARAM`, or a text.
        why: Cow<'p, str>,
        /// The frame.
        uuid: Cow<'p, str>,
    },
    /// A counter that belongs to no order.
    Counter {
        /// Which: `unreadChatCount` and the like.
        name: Cow<'p, str>,
        /// Its value, where it could be found.
        value: Option<u64>,
    },
    /// A video, a file, a translation, an order's state, or a kind this crate does not know: all
    /// that is known is in the frame and its text.
    Other(Kind),
}

/// A picture in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<'p> {
    /// Where it is. Fetch it without credentials: see [`Download`](crate::c2c::rest::Download).
    pub url: Cow<'p, str>,
    /// Where a small version is; may be the same.
    pub thumbnail_url: Cow<'p, str>,
    /// Extension of the file.
    pub image_type: Cow<'p, str>,
    /// Width and height in pixels, as the sender says; programs have been seen to send any numbers.
    /// (field report)
    pub size: Option<(u32, u32)>,
}

/// A card in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card<'p> {
    /// Which card.
    pub kind: CardKind,
    /// Its `subType`.
    pub sub_type: Cow<'p, str>,
    /// Its content: JSON as text.
    pub content: Cow<'p, str>,
}

/// Cards that have been seen. (field reports)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CardKind {
    /// `order_payment` and `order_payment_v2`: how to pay.
    Payment,
    /// `advertisement`.
    Advertisement,
    /// `add_kyc_vrf`: an additional identity check.
    AdditionalKyc,
    /// `PENALTIES_RESTRICTION`.
    Penalty,
    /// Any other.
    Other,
}

impl CardKind {
    fn parse(sub_type: &str) -> Self {
        match sub_type.to_ascii_lowercase().as_str() {
            "order_payment" | "order_payment_v2" => Self::Payment,
            "advertisement" => Self::Advertisement,
            "add_kyc_vrf" => Self::AdditionalKyc,
            "penalties_restriction" => Self::Penalty,
            _ => Self::Other,
        }
    }
}

impl Card<'_> {
    /// The content as JSON, when it is.
    #[must_use]
    pub fn json(&self) -> Option<Raw<'static>> {
        Raw::new(&self.content).ok().map(|content| content.detach())
    }
}

impl Push<'_> {
    /// What it says, by kind.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        let text = || self.content_text().unwrap_or_default();
        match self.kind() {
            Kind::Text => View::Text(text()),
            Kind::Image => View::Image(self.image()),
            Kind::System => match self.system() {
                Some(content) => {
                    View::System { event: content.event(), content: Box::new(content) }
                }
                None => View::Notice(text()),
            },
            Kind::AutoReply => View::AutoReply(text()),
            Kind::Card => {
                let sub_type = self.sub_type.decode();
                View::Card(Card { kind: CardKind::parse(&sub_type), sub_type, content: text() })
            }
            Kind::Recall => View::Recall { id: &self.id, uuid: self.uuid.decode() },
            Kind::Mark => View::Read(self.read_ids()),
            Kind::Error => View::Refused { why: text(), uuid: self.uuid.decode() },
            Kind::Statistics => {
                let counts = [self.content.as_ref(), self.unread_count.as_ref()];
                let value = counts.into_iter().flatten().find_map(Loose::as_u64);
                View::Counter { name: self.sub_type.decode(), value }
            }
            kind @ (Kind::Video
            | Kind::File
            | Kind::Translate
            | Kind::OrderStatus
            | Kind::Ping
            | Kind::Pong
            | Kind::Other) => View::Other(kind),
        }
    }

    /// The event of a system message; `None` for other kinds, and where it is plain text.
    #[must_use]
    pub fn system(&self) -> Option<SystemContent<'static>> {
        if self.kind() != Kind::System {
            return None;
        }
        SystemContent::parse(&self.content_text()?)
    }

    fn image(&self) -> Image<'_> {
        let pixels = |side: &Option<Loose<'_>>| side.as_ref().and_then(Loose::as_u32);
        Image {
            url: self.image_url.decode(),
            thumbnail_url: self.thumbnail_url.decode(),
            image_type: self.image_type.decode(),
            size: pixels(&self.width).zip(pixels(&self.height)),
        }
    }

    /// `markIds`: an array of ids, or the same as JSON text; where there is none, the frame's own.
    fn read_ids(&self) -> Vec<MessageId<'static>> {
        let listed = self.mark_ids.as_ref().and_then(|ids| match ids.as_text() {
            Some(text) => ids_of(&text),
            None => ids_of(ids.as_str()),
        });
        match listed {
            Some(ids) => ids,
            None if self.id.is_empty() => Vec::new(),
            None => vec![self.id.detach()],
        }
    }
}

/// The ids of a JSON array.
fn ids_of(json: &str) -> Option<Vec<MessageId<'static>>> {
    let ids: Vec<MessageId<'_>> = from_text(json, usize::MAX).ok()?;
    Some(ids.iter().map(MessageId::detach).collect())
}

impl View<'_> {
    /// Whether a person wrote it, on either side.
    #[must_use]
    pub const fn is_human(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Image(_))
            || matches!(self, Self::Other(Kind::Video | Kind::File))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c2c::{OrderEvent, Role};

    fn view_of(text: &str, check: impl FnOnce(View<'_>)) {
        let push: Push<'_> = serde_json::from_str(text).unwrap();
        check(push.view());
    }

    #[test]
    fn each_kind_says_what_it_is() {
        view_of(r#"{"type":"TEXT","content":"a\nb"}"#, |view| {
            assert!(view.is_human());
            assert_eq!(view, View::Text("a\nb".into()));
        });
        view_of(
            r#"{"type":"image","imageUrl":"https://h/a.jpg","imageType":"jpg","width":"8","height":6}"#,
            |view| {
                let View::Image(image) = view else { panic!("{view:?}") };
                assert_eq!((&*image.url, image.size), ("https://h/a.jpg", Some((8, 6))));
            },
        );
        view_of(
            r#"{"type":"system","content":"{\"type\":\"buyer_payed\",\"realName\":\"PAT\"}"}"#,
            |view| {
                let View::System { event, content } = view else { panic!("{view:?}") };
                let expected = OrderEvent::Paid { reader: Role::Buyer, name_mismatch: false };
                assert_eq!((event.event, content.real_name.decode()), (expected, "PAT".into()));
            },
        );
        view_of(r#"{"type":"system","content":"Be careful."}"#, |view| {
            assert_eq!(view, View::Notice("Be careful.".into()));
        });
        view_of(r#"{"type":"auto_reply","content":"Hi"}"#, |view| {
            assert!(!view.is_human());
            assert_eq!(view, View::AutoReply("Hi".into()));
        });
        view_of(
            r#"{"type":"card","subType":"add_kyc_vrf","content":"{\"orderNo\":\"1\"}"}"#,
            |view| {
                let View::Card(card) = view else { panic!("{view:?}") };
                assert_eq!(card.kind, CardKind::AdditionalKyc);
                assert_eq!(card.json().unwrap().as_str(), r#"{"orderNo":"1"}"#);
            },
        );
        view_of(r#"{"type":"recall","id":"7","uuid":"u"}"#, |view| {
            assert_eq!(view, View::Recall { id: &"7".into(), uuid: "u".into() });
        });
        view_of(r#"{"type":"error","content":"ILLEGAL_PARAM","uuid":"u"}"#, |view| {
            assert_eq!(view, View::Refused { why: "ILLEGAL_PARAM".into(), uuid: "u".into() });
        });
        view_of(r#"{"type":"statistics","subType":"unreadChatCount","content":3}"#, |view| {
            assert_eq!(view, View::Counter { name: "unreadChatCount".into(), value: Some(3) });
        });
        view_of(r#"{"type":"hologram"}"#, |view| assert_eq!(view, View::Other(Kind::Other)));
    }

    #[test]
    fn read_marks_list_ids_in_each_way_they_may_be_written() {
        for text in [
            r#"{"type":"mark","markIds":["7",1009649847000000001]}"#,
            r#"{"type":"mark","markIds":"[7,\"1009649847000000001\"]"}"#,
        ] {
            view_of(text, |view| {
                let View::Read(ids) = view else { panic!("{view:?}") };
                let ids: Vec<_> = ids.iter().map(MessageId::as_i64).collect();
                assert_eq!(ids, [Some(7), Some(1_009_649_847_000_000_001)]);
            });
        }
        view_of(r#"{"type":"mark","id":"7"}"#, |view| {
            assert_eq!(view, View::Read(vec!["7".into()]));
        });
        view_of(r#"{"type":"mark","markIds":{"a":1}}"#, |view| {
            assert_eq!(view, View::Read(Vec::new()));
        });
    }
}
