//! The same frames as somebody would write them who derives serde: one definition, generic over
//! what a string and what a value of the application is.
//!
//! | | string | value |
//! |---|---|---|
//! | `owned`, the baseline | `String` | [`serde_json::Value`] |
//! | `borrowed` | [`BorrowedStr`] | `&RawValue` |
//! | `sonic` | [`BorrowedStr`] | `LazyValue` |
//! | `simd` | `String` | simd-json's `OwnedValue` |
#![expect(missing_docs, reason = "the members are those of the frames")]

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A string that borrows unless it has escapes. Serde's `borrow` does not reach through an
/// `Option`, hence a type with a visitor of its own.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct BorrowedStr<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for BorrowedStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> de::Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }

        deserializer.deserialize_str(Text).map(Self)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Down<S, R> {
    Ctrl(Ctrl<S, R>),
    Data(Data<S, R>),
    Pres(Pres<S>),
    Info(Info<S, R>),
    Meta(Meta<S, R>),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Ctrl<S, R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<R>,
    pub code: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<S>,
    pub ts: S,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Data<S, R> {
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<S>,
    pub ts: S,
    pub seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<R>,
    pub content: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reqid: Option<S>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Pres<S> {
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<S>,
    pub what: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ua: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tgt: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<S>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Info<S, R> {
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<S>,
    pub what: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<R>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Meta<S, R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<S>,
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<Vec<Subscription<S, R>>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Subscription<S, R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acs: Option<Acs<S>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recv: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Acs<S> {
    pub want: S,
    pub given: S,
    pub mode: S,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Up<S, R> {
    Pub(Pub<S, R>),
    Note(Note<S, R>),
    Sub(Sub<S>),
    Set(Set<S, R>),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Pub<S, R> {
    pub id: S,
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noecho: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<R>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Note<S, R> {
    pub topic: S,
    pub what: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<R>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Sub<S> {
    pub id: S,
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get: Option<GetQuery<S>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct GetQuery<S> {
    pub what: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<GetOpts>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct GetOpts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Set<S, R> {
    pub id: S,
    pub topic: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desc: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<SetSub<S>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SetSub<S> {
    pub mode: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<S>,
}

/// A C2C message, pushed or from history.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Push<S> {
    #[serde(rename = "type")]
    pub kind: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_no: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_type: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<S>,
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    pub mine: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<S>,
    #[serde(alias = "fromNickName", skip_serializing_if = "Option::is_none")]
    pub from_nickname: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_type: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_ongoing_order: Option<bool>,
}

/// A page of C2C history.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<S> {
    pub code: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<S>,
    pub data: Vec<Push<S>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
}
