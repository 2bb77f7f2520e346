//! The arithmetic of access modes, without state.

use chat_proto::im::AccessMode as M;

use crate::record::{SharedText, UserRow};

/// What the members of a group get when nothing else is said. (tinode-doc)
pub(super) fn group_default() -> M {
    M::JOIN | M::READ | M::WRITE | M::PRES | M::SHARE
}

/// What a user gives others in P2P topics when nothing else is said; the published sample shows it,
/// though the prose leaves `S` out. (seed)
pub(super) fn user_default() -> M {
    ceiling() | M::SHARE
}

/// The most there is in a P2P topic. (tinode-code)
pub(super) fn ceiling() -> M {
    M::JOIN | M::READ | M::WRITE | M::PRES | M::APPROVE
}

/// What a user has on a channel for SMS and WhatsApp: to read and to write; who else belongs to it
/// is the PBX's to say. (choice)
pub(super) fn on_emc() -> M {
    M::JOIN | M::READ | M::WRITE | M::PRES
}

/// What a user has on notes to themself. (tinode-code)
pub(super) fn on_slf() -> M {
    M::JOIN | M::READ | M::WRITE | M::DELETE | M::OWNER
}

/// What everybody has on `me` and `fnd`. (tinode-code)
pub(super) fn on_me() -> M {
    M::JOIN | M::PRES | M::SHARE
}

/// What an owner keeps after passing the group on. (seed)
pub(super) fn former_owner(mode: M) -> M {
    mode - (M::APPROVE | M::DELETE | M::OWNER)
}

/// A mode as it can be in a P2P topic: below the ceiling, and `A` always.
pub(super) fn in_p2p(mode: M) -> M {
    (mode & ceiling()) | M::APPROVE
}

/// The profile of a user nothing is stored about.
pub(super) fn initial_user(name: &str, stamp: i64) -> UserRow {
    let public =
        (!name.is_empty()).then(|| SharedText::from(serde_json::json!({ "fn": name }).to_string()));
    UserRow {
        public,
        private: None,
        auth: user_default(),
        anon: M::NONE,
        created: stamp,
        updated: stamp,
        seen: 0,
        serial: 0,
        tags: Vec::new(),
    }
}
