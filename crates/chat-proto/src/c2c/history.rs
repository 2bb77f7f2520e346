//! History: what `retrieveChatMessagesWithPagination` gives.

use crate::c2c::frame::{Kind, Push};
use crate::c2c::value::{Loose, MessageId, MessageUuid, OrderNo};
use crate::json::{Str, frame};

frame! {
    /// A message in history. The name of the sender is spelt `fromNickName` here. (field reports)
    pub struct HistoryItem<'a>, hot {
        /// Id of the message: a string or a number.
        id: MessageId<'a> => "id";
        /// The sender's id of the message.
        uuid: MessageUuid<'a> => "uuid";
        /// `type`: see [`HistoryItem::kind`].
        type_name: Str<'a> => "type";
        /// The order. The endpoint has been seen to mix in messages of others, so look at it.
        order_no: OrderNo<'a> => "orderNo";
        /// Equals the order number where it is there.
        topic_id: OrderNo<'a> => "topicId";
        /// The text; JSON text on system messages and cards; absent from images.
        content: Option<Loose<'a>> => "content";
        /// Whether the reader's own account wrote it.
        self_: Option<bool> => "self";
        /// `read` or `unread`.
        status: Str<'a> => "status";
        /// Name of the sender, masked.
        from_nickname: Option<Str<'a>> => "fromNickName" | "fromNickname";
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
        /// When, in milliseconds since 1970.
        create_time: Option<Loose<'a>> => "createTime";
        /// What exactly, for cards.
        sub_type: Str<'a> => "subType";
        /// The chat. Not confirmed for history; read where it is there. (field report)
        group_id: Loose<'a> => "groupId";
    }
}

impl HistoryItem<'_> {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.type_name.decode())
    }
}

impl<'a> From<HistoryItem<'a>> for Push<'a> {
    /// The same message as the WebSocket would have brought it.
    fn from(item: HistoryItem<'a>) -> Self {
        Self {
            type_name: item.type_name,
            id: item.id,
            uuid: item.uuid,
            order_no: item.order_no,
            topic_id: item.topic_id,
            self_: item.self_,
            status: item.status,
            from_nickname: item.from_nickname,
            create_time: item.create_time,
            content: item.content,
            image_url: item.image_url,
            thumbnail_url: item.thumbnail_url,
            image_type: item.image_type,
            width: item.width,
            height: item.height,
            sub_type: item.sub_type,
            group_id: item.group_id,
            extra: item.extra,
            ..Self::default()
        }
    }
}

impl<'a> From<Push<'a>> for HistoryItem<'a> {
    /// The same message as history would show it: without what only the WebSocket tells, the chat's
    /// `groupId` among it. (field reports)
    fn from(push: Push<'a>) -> Self {
        Self {
            id: push.id,
            uuid: push.uuid,
            type_name: push.type_name,
            order_no: push.order_no,
            topic_id: push.topic_id,
            content: push.content,
            self_: push.self_,
            status: push.status,
            from_nickname: push.from_nickname,
            image_url: push.image_url,
            thumbnail_url: push.thumbnail_url,
            image_type: push.image_type,
            width: push.width,
            height: push.height,
            create_time: push.create_time,
            sub_type: push.sub_type,
            group_id: Loose::default(),
            extra: push.extra,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_history_keeps_its_sub_type_and_its_chat() {
        let item: HistoryItem<'_> = serde_json::from_str(
            r#"{"id":7,"uuid":1700000000123,"type":"card","subType":"order_payment","groupId":9,"new":1}"#,
        )
        .unwrap();
        let push = Push::from(item);
        assert_eq!((push.sub_type, push.group_id), ("order_payment".into(), Loose::string("9")));
        assert_eq!(push.uuid, "1700000000123");
        assert_eq!(push.extra.len(), 1);
    }
}
