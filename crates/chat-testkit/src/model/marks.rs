//! How far people have read: marks are somebody's doing, and inside the conversation.
//!
//! Of topics clients send receipts. An order is read at one blow, up to its last message, by who asks
//! for it: a client, or somebody without one, of whom only the asking is seen, and no answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Demand, Model, Verdict, demand};
use crate::observe::{Chat, Row, Verb};

/// Somebody without a client said to have read all of an order.
#[derive(Debug)]
struct Said {
    at: Duration,
    /// The order's last message that was stored by then.
    last: u64,
}

/// What was said of each order by each of them, and may still come to be stored, in the order in which
/// it was said. It is done at once: what was asked for later is stored later.
#[derive(Debug, Default)]
pub(super) struct Readers(BTreeMap<(Chat, String), Vec<Said>>);

impl Readers {
    /// A message that was asked for at `at` is stored: what was said before and was not, changed
    /// nothing.
    pub(super) fn overtaken(&mut self, chat: &Chat, at: Duration) {
        for ((of, _), said) in &mut self.0 {
            said.retain(|it| of != chat || it.at >= at);
        }
    }

    /// What was not stored never will be.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether `user` said so, of all up to `read`: each time counts once.
    fn explain(&mut self, chat: &Chat, user: &str, read: u64) -> bool {
        let Some(said) = self.0.get_mut(&(chat.clone(), user.to_owned())) else { return false };
        let cause = said.iter().position(|it| it.last <= read);
        cause.is_some_and(|at| said.drain(..=at).len() > 0)
    }
}

impl Model {
    /// Somebody without a client says to have read all of an order.
    pub(super) fn says_read(&mut self, chat: &Chat, user: &str) {
        let room = self.rooms.get(chat);
        let last = room.and_then(|room| room.messages.keys().next_back().copied());
        let said = Said { at: self.now, last: last.unwrap_or_default() };
        self.readers.0.entry((chat.clone(), user.to_owned())).or_default().push(said);
    }

    pub(super) fn marks(&mut self, chat: &Chat, user: &str, read: u64, received: u64) -> Verdict {
        let is_order = matches!(chat, Chat::Order(_));
        let room = self.rooms.entry(chat.clone()).or_default();
        let most = if is_order {
            room.messages.keys().next_back().copied()
        } else {
            room.messages.iter().rev().find(|it| it.1.message.from == user).map(|it| *it.0)
        };
        let member = room.members.entry(user.to_owned()).or_default();
        // Receipts are about topics; of an order nobody sends any.
        let most = most.unwrap_or_default().max(member.noted);
        let sound = member.marks <= (read, received) && read <= received && received <= most;
        let mine = Verb::MarkRead { chat: chat.clone() };
        let mut asks = self.pending.iter().filter_map(|key| self.asks.get(key));
        let due = !is_order
            || asks.any(|ask| ask.verb == mine && ask.user == user)
            || self.readers.explain(chat, user, read);
        let row = Row::Marks { chat: chat.clone(), user: user.to_owned(), read, received };
        demand(sound && due, Demand::Marks, || format!("{row:?} after {member:?}, {most}"))?;
        member.marks = (read, received);
        Ok(())
    }
}
