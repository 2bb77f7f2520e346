//! What is remembered of a request while it waits.

use crate::error::RequestError;
use crate::im::TopicName;
use crate::im::down::{Data, Meta};
use crate::machine::Text;

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Ask {
    pub(super) topic: TopicName,
    /// The frame, to be written (again) when the session is ready.
    pub(super) frame: Text,
    /// Written on the live link.
    pub(super) sent: bool,
    pub(super) kind: AskKind,
}

/// What completes a request.
#[derive(Debug)]
pub(super) enum AskKind {
    /// The first `ctrl`.
    Sub,
    /// The first `ctrl`.
    Leave,
    /// The first `ctrl`; it carries the number.
    Pub { noecho: bool },
    /// One `meta`, or a `ctrl`, for each section.
    Get { wanted: Wanted, meta: Box<Meta<'static>> },
    /// Messages, then the end marker.
    History { since: u64, before: u64, limit: usize, messages: Vec<Data<'static>> },
    /// One `ctrl` for each part.
    Set { parts: usize },
    /// The first `ctrl`.
    Del { topic_too: bool },
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
            AskKind::Sub => !self.topic.is_to_be_created(),
            AskKind::Get { .. } | AskKind::History { .. } => true,
            AskKind::Leave | AskKind::Pub { .. } | AskKind::Set { .. } | AskKind::Del { .. } => {
                false
            }
        }
    }

    /// Whether the application is done with the topic. A topic it may have left must not be attached
    /// again: that would join it again.
    pub(super) const fn says_farewell(&self) -> bool {
        self.sent && matches!(self.kind, AskKind::Leave | AskKind::Del { topic_too: true })
    }

    /// How the request ends when nothing answers it.
    pub(super) fn unanswered(&self) -> RequestError {
        if self.sent && !self.is_repeatable() {
            RequestError::Unknown
        } else {
            RequestError::TimedOut
        }
    }

    /// How the request ends when it is given up.
    pub(super) fn cut_short(&self) -> RequestError {
        if self.sent && !self.is_repeatable() {
            RequestError::Unknown
        } else {
            RequestError::Cancelled
        }
    }

    /// Forgets what came on a link that is gone.
    pub(super) fn start_over(&mut self) {
        self.sent = false;
        if let AskKind::History { messages, .. } = &mut self.kind {
            messages.clear();
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
