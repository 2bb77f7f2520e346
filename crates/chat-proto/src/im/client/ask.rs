//! What is remembered of a request while it waits.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::answer::{Answer, Changed, History, Receipt, Subscribed};
use super::request::{HistoryQuery, no_meta};
use crate::error::{Rejection, RequestError};
use crate::im::down::{Data, Meta};
use crate::im::{TopicKind, TopicName, UserId};
use crate::machine::Text;
use crate::table::Table;

/// The id of a request on the wire, as it is written there: found by its text, and without an
/// allocation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireId([u8; Hyphenated::LENGTH]);

impl WireId {
    pub(super) fn new(id: Uuid) -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        id.hyphenated().encode_lower(&mut text);
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and hyphens are ASCII")
    }
}

impl Borrow<str> for WireId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// As its text, because it is looked for by that; which is not read anew for it.
impl Hash for WireId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
        state.write_u8(0xff);
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Ask {
    pub(super) topic: TopicName,
    /// The frame, to be written (again) when the session is ready.
    pub(super) frame: Text,
    /// Written on the live link.
    pub(super) sent: bool,
    /// The number of its frame there.
    pub(super) number: u64,
    /// Written on a link that was lost, and not proven lost with it.
    pub(super) doubted: bool,
    pub(super) kind: AskKind,
}

/// What completes a request.
#[derive(Debug)]
pub(super) enum AskKind {
    /// The first `ctrl`, and then one `meta`, or a `ctrl`, for each section.
    Sub {
        wanted: Wanted,
        what: Wanted,
        meta: Box<Meta<'static>>,
        attached: Option<Box<Subscribed>>,
    },
    /// The first `ctrl`.
    Leave { unsub: bool },
    /// The first `ctrl`; it carries the number.
    Pub(Pub),
    /// One `meta`, or a `ctrl`, for each section.
    Get { wanted: Wanted, meta: Box<Meta<'static>>, refused: Option<Rejection> },
    /// Messages, then the end marker.
    History { query: HistoryQuery, messages: Table<u64, Data<'static>> },
    /// One `ctrl` for each part. Who must not join any more, before it is known who we are.
    Set { changed: Box<Changed>, farewell: bool, barred: Option<UserId> },
    /// The first `ctrl`.
    Del { topic_too: bool },
}

/// A message on its way.
#[derive(Debug, Default)]
pub(super) struct Pub {
    pub(super) noecho: bool,
    /// The topic's last number when the message was first written: it has a higher one, if any.
    pub(super) floor: Option<u64>,
    /// The link was lost before the answer came.
    pub(super) doubt: bool,
    /// When a message whose answer was lost must have a result.
    pub(super) until: Option<Instant>,
    /// It was refused once because the server had let go of the topic.
    pub(super) repaired: bool,
    /// The message itself was seen before its answer.
    pub(super) seen: Option<Box<Receipt>>,
}

/// The sections of a `{get}` that are still due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted(u8);

const SECTIONS: [&str; 6] = ["desc", "sub", "del", "tags", "cred", "aux"];

impl Wanted {
    pub(super) fn of(what: &str) -> Self {
        let mut wanted = Self::default();
        what.split(' ').for_each(|section| wanted.0 |= Self::bit(section));
        wanted
    }

    /// Takes a section off.
    pub(super) fn got(&mut self, section: &str) {
        // Tinode says `creds` in the answer to `cred`. (tinode-code)
        let section = if section == "creds" { "cred" } else { section };
        self.0 &= !Self::bit(section);
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(section: &str) -> u8 {
        SECTIONS.iter().position(|known| *known == section).map_or(0, |at| 1 << at)
    }
}

impl Ask {
    /// Whether asking twice does no harm.
    pub(super) fn is_repeatable(&self) -> bool {
        match self.kind {
            // Each time creates another group.
            AskKind::Sub { .. } => !self.topic.is_to_be_created(),
            AskKind::Get { .. } | AskKind::History { .. } => true,
            AskKind::Leave { .. } | AskKind::Pub(_) | AskKind::Set { .. } | AskKind::Del { .. } => {
                false
            }
        }
    }

    /// Whether the server may have done something that others can see, or that lasts.
    fn may_have_happened(&self) -> bool {
        self.lasts() && (self.sent || self.doubted)
    }

    /// Whether the server may have done such a thing on a link that was lost.
    pub(super) fn is_doubted(&self) -> bool {
        self.lasts() && self.doubted
    }

    /// Whether it does anything that others can see, or that lasts.
    fn lasts(&self) -> bool {
        match self.kind {
            AskKind::Get { .. } | AskKind::History { .. } => false,
            // Who follows nobody's topic joins nothing.
            AskKind::Sub { .. } => self.topic.kind() != TopicKind::Me,
            AskKind::Leave { .. } | AskKind::Pub(_) | AskKind::Set { .. } | AskKind::Del { .. } => {
                true
            }
        }
    }

    /// Whether the application is done with the topic. A topic it may have left must not be attached
    /// again: that would join it again.
    pub(super) const fn says_farewell(&self) -> bool {
        self.sent
            && matches!(
                self.kind,
                AskKind::Leave { .. }
                    | AskKind::Del { topic_too: true }
                    | AskKind::Set { farewell: true, .. }
            )
    }

    /// Whether a server takes it only while the topic is attached.
    pub(super) const fn needs_topic(&self) -> bool {
        match self.kind {
            AskKind::Sub { .. } | AskKind::Leave { .. } | AskKind::Del { topic_too: true } => false,
            AskKind::Pub(_)
            | AskKind::Get { .. }
            | AskKind::History { .. }
            | AskKind::Set { .. }
            | AskKind::Del { .. } => true,
        }
    }

    pub(super) const fn is_pub(&self) -> bool {
        matches!(self.kind, AskKind::Pub(_))
    }

    /// The answer as far as it came, when nothing more will; `None` when that is no answer.
    pub(super) fn so_far(&mut self) -> Option<Answer> {
        match &mut self.kind {
            AskKind::Sub { attached, meta, .. } => {
                let mut subscribed = attached.take()?;
                subscribed.meta = std::mem::replace(meta, no_meta());
                Some(Answer::Subscribed(subscribed))
            }
            AskKind::Pub(it) => it.seen.take().map(|receipt| Answer::Published(*receipt)),
            AskKind::Set { changed, .. } if !changed.done.is_empty() => {
                Some(Answer::Changed(changed.clone()))
            }
            AskKind::History { query, messages } if !messages.is_empty() => {
                let (query, messages) = (std::mem::take(query), std::mem::take(messages));
                let page = History::new(self.topic.clone(), messages, None, query);
                Some(Answer::History(Box::new(page)))
            }
            AskKind::Set { .. }
            | AskKind::Leave { .. }
            | AskKind::Get { .. }
            | AskKind::History { .. }
            | AskKind::Del { .. } => None,
        }
    }

    /// How the request ends when nothing answers it.
    pub(super) fn unanswered(&self) -> RequestError {
        if self.may_have_happened() { RequestError::Unknown } else { RequestError::TimedOut }
    }

    /// How the request ends when it is given up.
    pub(super) fn cut_short(&self) -> RequestError {
        if self.may_have_happened() { RequestError::Unknown } else { RequestError::Cancelled }
    }

    /// The server refused it for a reason that is mended: it may be written again.
    pub(super) fn was_refused(&mut self) {
        let doubted = self.doubted;
        self.start_over();
        self.doubted = doubted;
    }

    /// Forgets what came on a link that is gone.
    pub(super) fn start_over(&mut self) {
        self.doubted |= self.sent;
        self.sent = false;
        match &mut self.kind {
            AskKind::History { messages, .. } => messages.clear(),
            AskKind::Sub { wanted, what, attached, .. } => {
                *wanted = *what;
                *attached = None;
            }
            AskKind::Pub(it) => it.doubt = false,
            AskKind::Get { .. }
            | AskKind::Leave { .. }
            | AskKind::Set { .. }
            | AskKind::Del { .. } => {}
        }
    }
}

/// An HTTP exchange under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub(super) grant: Grant,
    /// With which of the credentials that were set so far.
    pub(super) credentials: u64,
}

/// What buys a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// The password.
    Password,
    /// The refresh token.
    Refresh,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher, RandomState};

    #[test]
    fn an_id_hashes_as_its_text_does() {
        let state = RandomState::new();
        let id = WireId::new(Uuid::from_u128(0x99c5_075a_cf52_4000_8000_9e30_437a_02ce));
        assert_eq!(id.as_str(), "99c5075a-cf52-4000-8000-9e30437a02ce");
        assert_eq!(state.hash_one(id), state.hash_one(id.as_str()));
    }
}
