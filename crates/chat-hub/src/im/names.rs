//! What topics are called, and by whom.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat_proto::im::TopicKind;

use super::reply::Status;
use crate::record::TopicId;

/// What a client's name for a topic means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A topic that may or may not exist.
    Topic(TopicId),
    /// A group to create.
    New,
}

/// Reads a topic name as `user` wrote it.
pub(super) fn resolve(user: u64, name: &str) -> Result<Named, Status> {
    match TopicKind::of(name) {
        _ if name.is_empty() => Err(Status::MALFORMED),
        TopicKind::Me => Ok(Named::Topic(TopicId::Me(user))),
        TopicKind::New => Ok(Named::New),
        TopicKind::P2p => {
            let peer = parse_user(name).ok_or(Status::MALFORMED)?;
            if peer == user {
                return Err(Status::DENIED);
            }
            Ok(Named::Topic(TopicId::P2p(user.min(peer), user.max(peer))))
        }
        TopicKind::Group => {
            let mut bytes = [0; 8];
            let read = URL_SAFE_NO_PAD.decode_slice(&name[3..], &mut bytes);
            if read != Ok(8) {
                return Err(Status::TOPIC_NOT_FOUND);
            }
            Ok(Named::Topic(TopicId::Group(u64::from_be_bytes(bytes))))
        }
        // Requests about it never come here.
        TopicKind::Fnd => Err(Status::NOT_FOUND),
        TopicKind::Slf => Ok(Named::Topic(TopicId::Slf(user))),
        TopicKind::Emc => match decimal(&name[3..]) {
            Some(channel) => Ok(Named::Topic(TopicId::Emc(channel))),
            None => Err(Status::MALFORMED),
        },
        // Only administrators of the system read it, and nobody here is one. (tinode-code)
        TopicKind::Sys => Err(Status::DENIED),
        // No group here is a channel, and none can be made. (tinode-code, choice)
        TopicKind::Channel => Err(Status::NOT_FOUND),
        TopicKind::NewChannel => Err(Status::NOT_IMPLEMENTED),
        TopicKind::Other | _ => Err(Status::TOPIC_NOT_FOUND),
    }
}

/// The number of `usr…`.
pub(super) fn parse_user(name: &str) -> Option<u64> {
    decimal(name.strip_prefix("usr")?)
}

/// A number as ids have it: one way to write each, so no leading zeros.
fn decimal(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

/// `usr…`.
pub(super) fn user_name(user: u64) -> String {
    format!("usr{user}")
}

impl TopicId {
    /// What `user` calls this topic.
    pub(super) fn name_for(self, user: u64) -> String {
        match self {
            Self::P2p(..) => user_name(self.peer_of(user).unwrap_or_default()),
            Self::Group(number) => format!("grp{}", URL_SAFE_NO_PAD.encode(number.to_be_bytes())),
            Self::Me(_) => "me".to_owned(),
            Self::Emc(channel) => format!("emc{channel}"),
            Self::Slf(_) => "slf".to_owned(),
        }
    }

    /// The other end of a P2P topic.
    pub(super) fn peer_of(self, user: u64) -> Option<u64> {
        match self {
            Self::P2p(low, high) if low == user => Some(high),
            Self::P2p(low, high) if high == user => Some(low),
            Self::P2p(..) | Self::Group(_) | Self::Me(_) | Self::Emc(_) | Self::Slf(_) => None,
        }
    }

    /// Whether access is a group's: wanted and given, with an owner or none, and one name for all.
    pub(super) fn is_group(self) -> bool {
        matches!(self, Self::Group(_) | Self::Emc(_) | Self::Slf(_))
    }

    /// Whether it is a user's own profile, which holds no messages and is never stored.
    pub(super) fn is_me(self) -> bool {
        matches!(self, Self::Me(_))
    }
}
