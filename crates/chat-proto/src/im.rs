//! Topic chat: PortSIP PBX IM and its relative Tinode.
//!
//! One set of frames serves both; where the two differ, a session knows its [`Flavor`].

pub mod access;
pub mod client;
pub mod down;
mod params;
mod prepared;
pub mod rest;
pub mod seq;
pub mod stamp;
pub mod topic;
pub mod up;

pub use access::{Access, AccessMode, Dacs};
pub use down::Down;
pub use params::Params;
pub use prepared::Prepared;
pub use seq::{Seq, Seqs};
pub use stamp::Stamp;
pub use topic::{TopicKind, TopicName, UserId};
pub use up::Up;

use crate::codec::Dialect;

/// Which of the two relatives speaks. Decided by the path of the WebSocket, never by looking at ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavor {
    /// PortSIP: path `/im`, no `{hi}`, `access_token` login, decimal user ids.
    #[default]
    PortSip,
    /// Tinode: path `/v0/channels`, `{hi}` first, API key, `basic` and `token` login.
    Tinode,
}

/// The frames of topic chat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Im;

impl Dialect for Im {
    const NAME: &'static str = "im";
    type Up<'a> = Up<'a>;
    type Down<'a> = Down<'a>;
}
