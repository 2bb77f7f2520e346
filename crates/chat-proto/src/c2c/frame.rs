//! Frames of order chat: flat objects told apart by `type`.

use crate::c2c::value::{Loose, MessageId, MessageUuid, OrderNo};
use crate::codec::{self, Decode as _, DecodeError, Scanner, Wire};
use crate::json::{Encode, Raw, Share, Str, frame};
use crate::machine::Text;

/// The kinds of frames, in either direction.
pub const KINDS: &[&str] = &[
    "text",
    "image",
    "system",
    "auto_reply",
    "card",
    "video",
    "file",
    "error",
    "recall",
    "mark",
    "translate",
    "statistics",
    "order_status",
    "ping",
    "pong",
];

/// What a frame is. Read without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Text of a person. (seed)
    Text,
    /// Picture of a person. (seed)
    Image,
    /// Event in the life of an order; the content is JSON text. (field reports)
    System,
    /// The advertiser's automatic greeting: like a text, but no person wrote it. (field reports)
    AutoReply,
    /// A card; `subType` says which, the content is JSON text. (field reports)
    Card,
    /// Video of a person; its members are not known. (field reports)
    Video,
    /// A file. (field reports)
    File,
    /// A refused frame of ours. (field reports)
    Error,
    /// A message was withdrawn. (field reports)
    Recall,
    /// Messages were read. (field reports)
    Mark,
    /// Result or switch of a translation. (field reports)
    Translate,
    /// Counters, without an order. (field reports)
    Statistics,
    /// State of an order. (field reports)
    OrderStatus,
    /// Question for a sign of life. (field reports)
    Ping,
    /// Answer to it. (field reports)
    Pong,
    /// Something this crate does not know.
    Other,
}

impl Kind {
    /// Reads the `type` of a frame.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "text" => Self::Text,
            "image" => Self::Image,
            "system" => Self::System,
            "auto_reply" => Self::AutoReply,
            "card" => Self::Card,
            "video" => Self::Video,
            "file" => Self::File,
            "error" => Self::Error,
            "recall" => Self::Recall,
            "mark" => Self::Mark,
            "translate" => Self::Translate,
            "statistics" => Self::Statistics,
            "order_status" => Self::OrderStatus,
            "ping" => Self::Ping,
            "pong" => Self::Pong,
            _ => Self::Other,
        }
    }

    /// Whether a person made it: text, image, video or file.
    #[must_use]
    pub const fn is_human(self) -> bool {
        matches!(self, Self::Text | Self::Image | Self::Video | Self::File)
    }

    /// Whether it is an entry of a chat, which history holds too: what a person, the system or the
    /// automatic reply wrote.
    #[must_use]
    pub const fn is_message(self) -> bool {
        self.is_human() || matches!(self, Self::System | Self::AutoReply | Self::Card)
    }
}

frame! {
    /// A frame from client to server.
    pub struct Up<'a> {
        /// `type`: see [`Up::kind`].
        type_name: Str<'a> => "type", always;
        /// Id of the message, chosen by the client; the echo carries it.
        uuid: MessageUuid<'a> => "uuid";
        /// The order.
        order_no: OrderNo<'a> => "orderNo";
        /// The text. An image must have none. (field reports)
        content: Option<Loose<'a>> => "content";
        /// Where the picture is.
        image_url: Str<'a> => "imageUrl";
        /// Where a small version is; the picture itself will do.
        thumbnail_url: Str<'a> => "thumbnailUrl";
        /// Extension of the file in lower case.
        image_type: Str<'a> => "imageType";
        /// Width in pixels.
        width: Option<Loose<'a>> => "width";
        /// Height in pixels.
        height: Option<Loose<'a>> => "height";
        /// `true` by convention; servers ignore it.
        self_: Option<bool> => "self";
        /// `web`.
        client_type: Str<'a> => "clientType";
        /// When it was written, by the client's clock, in milliseconds.
        create_time: Option<Loose<'a>> => "createTime";
        /// 0.
        send_status: Option<Loose<'a>> => "sendStatus";
    }
}

impl<'a> Up<'a> {
    /// A text, with the members of the published sample. `create_time` is in milliseconds since
    /// 1970. (seed)
    #[must_use]
    pub fn text(
        uuid: impl Into<MessageUuid<'a>>,
        order_no: impl Into<OrderNo<'a>>,
        content: impl Into<Str<'a>>,
        create_time: u64,
    ) -> Self {
        Self {
            content: Some(Loose::string(content)),
            ..Self::message("text", uuid.into(), order_no.into(), create_time)
        }
    }

    /// A picture that was uploaded before. `create_time` is in milliseconds since 1970.
    /// (field reports)
    #[must_use]
    pub fn image(
        uuid: impl Into<MessageUuid<'a>>,
        order_no: impl Into<OrderNo<'a>>,
        image: ImageRef<'a>,
        create_time: u64,
    ) -> Self {
        Self {
            thumbnail_url: image.url.clone(),
            image_url: image.url,
            image_type: image.image_type,
            width: Some(Loose::number(image.width)),
            height: Some(Loose::number(image.height)),
            ..Self::message("image", uuid.into(), order_no.into(), create_time)
        }
    }

    /// `{"type":"ping"}`.
    #[must_use]
    pub fn ping() -> Self {
        Self { type_name: Str::borrowed("ping"), ..Self::default() }
    }

    /// `{"type":"pong"}`.
    #[must_use]
    pub fn pong() -> Self {
        Self { type_name: Str::borrowed("pong"), ..Self::default() }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.type_name.decode())
    }

    fn message(
        kind: &'static str,
        uuid: MessageUuid<'a>,
        order_no: OrderNo<'a>,
        create_time: u64,
    ) -> Self {
        Self {
            type_name: Str::borrowed(kind),
            uuid,
            order_no,
            self_: Some(true),
            client_type: Str::borrowed("web"),
            create_time: Some(Loose::number(create_time)),
            send_status: Some(Loose::number(0)),
            ..Self::default()
        }
    }
}

/// An uploaded picture, as an image frame names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef<'a> {
    /// The `imageUrl` that came with the upload URL.
    pub url: Str<'a>,
    /// Extension in lower case: `jpg`, `jpeg`, `png`.
    pub image_type: Str<'a>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl<'a> Wire<'a> for Up<'a> {
    type Static = Up<'static>;

    fn decode_within(text: &'a str, max_depth: usize) -> Result<Self, DecodeError> {
        let frame: Self = codec::from_text(text, max_depth)?;
        if frame.type_name.is_empty() { Err(DecodeError::NoKind) } else { Ok(frame) }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        Encode::encode(self, out);
    }

    fn share(self, text: &Text) -> Up<'static> {
        Share::share(self, text)
    }
}

frame! {
    /// What the server pushes. Every member may be absent; which kinds carry which is known from
    /// field reports only.
    pub struct Push<'a>, hot {
        /// `type`: see [`Push::kind`].
        type_name: Str<'a> => "type", always;
        /// What exactly, for cards, statistics and errors.
        sub_type: Str<'a> => "subType";
        /// Id of the message.
        id: MessageId<'a> => "id";
        /// The sender's id of the message: any text.
        uuid: MessageUuid<'a> => "uuid";
        /// The order. Absent from statistics and from enquiries about an ad.
        order_no: OrderNo<'a> => "orderNo";
        /// Equals the order number when `topicType` is `ORDER`.
        topic_id: OrderNo<'a> => "topicId";
        /// `ORDER`.
        topic_type: Str<'a> => "topicType";
        /// The chat; the only name of an enquiry about an ad.
        group_id: Loose<'a> => "groupId";
        /// `contact`, `app`.
        source_type: Str<'a> => "sourceType";
        /// Whether the reader's own account wrote it. Absent from some frames: see
        /// [`Push::is_from_counterparty`].
        self_: Option<bool> => "self";
        /// `read` or `unread`.
        status: Str<'a> => "status";
        /// Name of the sender, masked; may be empty.
        from_nickname: Option<Str<'a>> => "fromNickname" | "fromNickName";
        /// When, in milliseconds since 1970, sometimes whole seconds.
        create_time: Option<Loose<'a>> => "createTime";
        /// The text; JSON text on system messages and cards; absent from images; the reason on
        /// errors.
        content: Option<Loose<'a>> => "content";
        /// Where the picture is.
        image_url: Str<'a> => "imageUrl";
        /// Where a small version is.
        thumbnail_url: Str<'a> => "thumbnailUrl";
        /// Extension of the file.
        image_type: Str<'a> => "imageType";
        /// Width in pixels.
        width: Option<Loose<'a>> => "width";
        /// Height in pixels.
        height: Option<Loose<'a>> => "height";
        /// How many messages of the chat are unread.
        unread_count: Option<Loose<'a>> => "unreadCount";
        /// Whether the two have an order under way.
        has_ongoing_order: Option<bool> => "hasOngoingOrder";
        /// Ids of the messages that were read.
        mark_ids: Option<Raw<'a>> => "markIds";
    }
}

impl<'a> Push<'a> {
    /// A frame of one kind.
    #[must_use]
    pub fn of(kind: impl Into<Str<'a>>) -> Self {
        Self { type_name: kind.into(), ..Self::default() }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.type_name.decode())
    }

    /// The order it belongs to: `orderNo`, or `topicId` where that is one. `None` for statistics and
    /// enquiries about an ad.
    #[must_use]
    pub fn order(&self) -> Option<&OrderNo<'a>> {
        let is_order = self.topic_type.is_empty() || self.topic_type == "ORDER";
        [(&self.order_no, true), (&self.topic_id, is_order)]
            .into_iter()
            .find_map(|(order, counts)| (counts && !order.is_empty()).then_some(order))
    }

    /// Whether a person on the other side wrote it: `self` is there and false, and the kind is one
    /// that people make. A bot that answers only these cannot answer itself, an automatic reply or
    /// a system message.
    #[must_use]
    pub fn is_from_counterparty(&self) -> bool {
        self.self_ == Some(false) && self.kind().is_human()
    }

    /// When, in milliseconds since 1970.
    #[must_use]
    pub fn create_millis(&self) -> Option<u64> {
        self.create_time.as_ref().and_then(Loose::as_u64)
    }

    /// The content as text.
    #[must_use]
    pub fn content_text(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.content.as_ref().map(Loose::text)
    }
}

/// A frame from server to client.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "almost all are of the large kind, and one box each")]
pub enum Down<'a> {
    /// One frame.
    Push(Push<'a>),
    /// Several in one array. Some clients are prepared for it. (field reports)
    Batch(Vec<Push<'a>>),
    /// JSON that is no frame, or whose members are not what they should be. Never dropped.
    Other(Raw<'a>),
}

frame! {
    /// A frame inside another object. (field reports)
    pub struct Wrapped<'a> {
        /// The frame.
        data: Option<Push<'a>> => "data";
    }
}

impl<'a> Down<'a> {
    /// The frames in it, in order.
    #[must_use]
    pub fn pushes(&self) -> &[Push<'a>] {
        match self {
            Self::Push(push) => std::slice::from_ref(push),
            Self::Batch(pushes) => pushes,
            Self::Other(_) => &[],
        }
    }
}

impl<'a> Down<'a> {
    /// What is not one frame: several, one inside another object, or something else.
    #[cold]
    fn decode_other(text: &'a str, max_depth: usize) -> Result<Self, DecodeError> {
        if text.trim_ascii_start().starts_with('[') {
            if let Ok(pushes) = codec::from_text(text, max_depth) {
                return Ok(Self::Batch(pushes));
            }
        } else if let (Ok(_), Ok(Wrapped { data: Some(push), .. })) = (
            // The object around it must be readable as a frame itself.
            codec::from_text::<Push<'a>>(text, max_depth),
            codec::from_text(text, max_depth),
        ) && !push.type_name.is_empty()
        {
            return Ok(Self::Push(push));
        }
        Ok(Self::Other(codec::from_text(text, max_depth)?))
    }
}

impl<'a> From<Push<'a>> for Down<'a> {
    fn from(push: Push<'a>) -> Self {
        Self::Push(push)
    }
}

impl<'a> Wire<'a> for Down<'a> {
    type Static = Down<'static>;

    fn decode_within(text: &'a str, max_depth: usize) -> Result<Self, DecodeError> {
        let mut push = Push::default();
        match push.read(Scanner::new(text, max_depth)) {
            Ok(scanner) if scanner.end().is_ok() && !push.type_name.is_empty() => {
                Ok(Self::Push(push))
            }
            Ok(_) | Err(_) => Self::decode_other(text, max_depth),
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            Self::Push(push) => push.encode(out),
            Self::Batch(pushes) => pushes.encode(out),
            Self::Other(raw) => raw.encode(out),
        }
    }

    fn share(self, text: &Text) -> Down<'static> {
        match self {
            Self::Push(push) => Down::Push(push.share(text)),
            Self::Batch(pushes) => Down::Batch(pushes.share(text)),
            Self::Other(raw) => Down::Other(raw.share(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(text: &str) -> Push<'_> {
        let Down::Push(push) = Down::decode(text).unwrap() else { panic!("{text}") };
        push
    }

    #[test]
    fn every_kind_has_its_name() {
        for name in KINDS {
            assert_ne!(Kind::parse(name), Kind::Other, "{name}");
            assert_eq!(Kind::parse(name), Kind::parse(&name.to_uppercase()));
        }
    }

    #[test]
    fn a_bot_cannot_answer_itself() {
        let counterparty = |text| push(text).is_from_counterparty();
        assert!(counterparty(r#"{"type":"text","self":false}"#));
        assert!(counterparty(r#"{"type":"IMAGE","self":false}"#));
        assert!(!counterparty(r#"{"type":"text","self":true}"#));
        assert!(!counterparty(r#"{"type":"text"}"#));
        assert!(!counterparty(r#"{"type":"text","self":null}"#));
        assert!(!counterparty(r#"{"type":"auto_reply","self":false}"#));
        assert!(!counterparty(r#"{"type":"system","self":false}"#));
        assert!(!counterparty(r#"{"type":"new_kind","self":false}"#));
    }

    #[test]
    fn tolerates_the_known_variations() {
        let frame = push(
            r#"{"type":"Text","id":1009649847000000001,"topicId":"22000000000000000001","topicType":"ORDER","fromNickName":"Pat***","createTime":"1700000000123","width":"720"}"#,
        );
        assert_eq!(frame.id.as_i64(), Some(1_009_649_847_000_000_001));
        assert_eq!(*frame.order().unwrap(), "22000000000000000001");
        assert_eq!(frame.from_nickname.clone().unwrap(), "Pat***");
        assert_eq!(frame.create_millis(), Some(1_700_000_000_123));
        assert_eq!(frame.width.unwrap().as_u32(), Some(720));
        assert_eq!(push(r#"{"type":"text","uuid":1700000000123}"#).uuid, "1700000000123");
        // An order number in an array and in a wrapper.
        let batch = Down::decode(r#" [{"type":"text"},{"type":"mark"}]"#).unwrap();
        assert_eq!(batch.pushes().len(), 2);
        assert_eq!(push(r#"{"data":{"type":"text","uuid":"u"}}"#).uuid, "u");
    }

    #[test]
    fn what_is_no_frame_is_kept_and_what_is_no_json_is_an_error() {
        for text in [r#"{"self":"maybe","type":"text"}"#, "{}", "[1]", "7", r#""x""#, "null"] {
            let Down::Other(raw) = Down::decode(text).unwrap() else { panic!("{text}") };
            assert_eq!(raw.as_str(), text);
        }
        for text in ["", "{", "[{]", "<html>"] {
            assert!(Down::decode(text).is_err(), "{text}");
        }
        assert!(matches!(Up::decode("{}"), Err(DecodeError::NoKind)));
    }

    #[test]
    fn an_image_has_no_content() {
        let image = ImageRef {
            url: "https://h/a.jpg".into(),
            image_type: "jpg".into(),
            width: 8,
            height: 6,
        };
        let frame = Up::image("u", "22000000000000000001", image, 1);
        assert_eq!(
            Wire::encode(&frame).as_str(),
            r#"{"type":"image","uuid":"u","orderNo":"22000000000000000001","imageUrl":"https://h/a.jpg","thumbnailUrl":"https://h/a.jpg","imageType":"jpg","width":8,"height":6,"self":true,"clientType":"web","createTime":1,"sendStatus":0}"#
        );
    }
}
