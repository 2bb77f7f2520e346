//! Names of topics and users.

use std::borrow::Borrow;
use std::fmt;

use bytestring::ByteString;

use crate::json::Str;

/// A topic as this user calls it. Opaque text: the two ends of a P2P topic call it differently.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(ByteString);

/// What a topic's name says about it. Only the prefix is looked at. (tinode-doc, portsip-docs)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicKind {
    /// `me`: own profile and notifications.
    Me,
    /// `fnd`: search. Tinode only.
    Fnd,
    /// `slf`: notes to oneself. Tinode only.
    Slf,
    /// `sys`: to administrators. Tinode only.
    Sys,
    /// `usr…`: between this user and that one.
    P2p,
    /// `grp…`: a group.
    Group,
    /// `chn…`: a group read as a channel. Tinode only.
    Channel,
    /// `new…`: a group to be created.
    New,
    /// `nch…`: a channel to be created. Tinode only.
    NewChannel,
    /// `emc…`: SMS and WhatsApp. PortSIP only.
    Emc,
    /// Something newer.
    Other,
}

impl TopicName {
    /// From any text.
    #[must_use]
    pub fn new(name: impl Into<ByteString>) -> Self {
        Self(name.into())
    }

    /// `me`.
    #[must_use]
    pub const fn me() -> Self {
        Self(ByteString::from_static("me"))
    }

    /// `new`: asks the server to create a group and name it.
    #[must_use]
    pub const fn new_group() -> Self {
        Self(ByteString::from_static("new"))
    }

    /// The P2P topic with `user`.
    #[must_use]
    pub fn p2p(user: &UserId) -> Self {
        Self(user.0.clone())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a member of a frame.
    #[must_use]
    pub fn to_str(&self) -> Str<'static> {
        self.0.to_string().into()
    }

    /// What the name says.
    #[must_use]
    pub fn kind(&self) -> TopicKind {
        TopicKind::of(&self.0)
    }

    /// The other one of a P2P topic.
    #[must_use]
    pub fn peer(&self) -> Option<UserId> {
        (self.kind() == TopicKind::P2p).then(|| UserId(self.0.clone()))
    }

    /// Whether subscribing creates a group or a channel, each time another.
    pub(crate) fn is_to_be_created(&self) -> bool {
        matches!(self.kind(), TopicKind::New | TopicKind::NewChannel)
    }
}

impl TopicKind {
    /// What a name says.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "me" => Self::Me,
            "fnd" => Self::Fnd,
            "slf" => Self::Slf,
            "sys" => Self::Sys,
            _ => match name.get(..3) {
                Some("usr") => Self::P2p,
                Some("grp") => Self::Group,
                Some("chn") => Self::Channel,
                Some("new") => Self::New,
                Some("nch") => Self::NewChannel,
                Some("emc") => Self::Emc,
                _ => Self::Other,
            },
        }
    }
}

/// Names are looked up by their text.
impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&UserId> for TopicName {
    fn from(user: &UserId) -> Self {
        Self::p2p(user)
    }
}

impl From<&str> for TopicName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for TopicName {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&Str<'_>> for TopicName {
    fn from(name: &Str<'_>) -> Self {
        Self(name.decode().into_owned().into())
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user: `usr` and a decimal number (PortSIP), or `usr` and 11 base64url characters (Tinode).
/// Eleven digits are valid in both, so the flavour is never guessed from an id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(ByteString);

impl UserId {
    /// From text with the prefix `usr`.
    #[must_use]
    pub fn new(id: impl Into<ByteString>) -> Self {
        Self(id.into())
    }

    /// From PortSIP's number.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(format!("usr{number}").into())
    }

    /// PortSIP's number; `None` when the id is none of PortSIP's.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        let digits = self.0.strip_prefix("usr")?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    /// The text, with the prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a member of a frame.
    #[must_use]
    pub fn to_str(&self) -> Str<'static> {
        self.0.to_string().into()
    }
}

impl From<&str> for UserId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl PartialEq<str> for UserId {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<str> for TopicName {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl From<&Str<'_>> for UserId {
    fn from(id: &Str<'_>) -> Self {
        Self(id.decode().into_owned().into())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_prefix() {
        for (name, kind) in [
            ("me", TopicKind::Me),
            ("mercury", TopicKind::Other),
            ("usr804252613548777777", TopicKind::P2p),
            ("grpf0NlkdDEQHs", TopicKind::Group),
            ("newAbc", TopicKind::New),
            ("emc12", TopicKind::Emc),
            ("", TopicKind::Other),
            ("äöü", TopicKind::Other),
        ] {
            assert_eq!(TopicKind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn numbers_of_users() {
        assert_eq!(UserId::new("usr804252613548777777").number(), Some(804_252_613_548_777_777));
        assert_eq!(UserId::new("usr18446744073709551616").number(), None);
        assert_eq!(UserId::new("usrAbCdEfGhIjK").number(), None);
        assert_eq!(UserId::new("usr+5").number(), None);
        assert_eq!(UserId::new("usr").number(), None);
    }
}
