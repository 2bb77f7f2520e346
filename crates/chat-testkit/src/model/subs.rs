//! `sub`s on their way.
//!
//! A `sub` makes a member of whoever sends it, and of the other side of a pair. Most are an
//! application's requests. The others a session sends by itself, to attach a topic again that it
//! follows: those must bring back no membership whose end the session was told, or could read when
//! its link was up. What ended while the `sub` was on its way, nobody could know.

use std::collections::BTreeMap;

use super::access::{Change, Powers};
use super::state::Key;
use super::{Demand, Model, Verdict, demand};
use crate::observe::{Chat, Client, Verb};

/// One of them.
#[derive(Debug)]
pub(super) struct Sub {
    pub(super) user: String,
    pub(super) verb: Verb,
    /// An application asked for it.
    pub(super) asked: bool,
    /// The application's request that it stands for. Where the session may write one of its own, nobody
    /// can tell which it is.
    pub(super) of: Option<Key>,
    /// Since this step its client's link is up.
    pub(super) up_since: u64,
    /// It explains a row of the commit that is being looked at.
    pub(super) used: bool,
}

/// Those that were not answered, by client and number. One on a link that was lost
/// may come at any time, and is remembered until it did.
#[derive(Debug, Default)]
pub(super) struct Subs(BTreeMap<(Client, u64), Sub>);

impl Subs {
    pub(super) fn sent(&mut self, key: (Client, u64), sub: Sub) {
        self.0.insert(key, sub);
    }

    pub(super) fn answered(&mut self, client: Client, number: u64) {
        self.0.remove(&(client, number));
    }

    /// Adds those that may have made a change to its causes. `left`: the step at which the membership
    /// ended.
    pub(super) fn explain(
        &mut self,
        change: &Change<'_>,
        left: u64,
        powers: &Powers,
        causes: &mut Vec<Option<Key>>,
    ) {
        let makes = |sub: &&mut Sub| {
            let known = sub.user == change.user && !sub.asked && left <= sub.up_since;
            !known && change.is_due_to(&sub.verb, &sub.user, powers)
        };
        let mut subs: Vec<_> = self.0.values_mut().filter(makes).collect();
        causes.extend(subs.iter().map(|sub| sub.of));
        // Of several it may have been any.
        if let ([_], [only]) = (&causes[..], subs.as_mut_slice()) {
            only.used |= change.old != change.new;
        }
    }

    /// A commit was looked at: what explains a part of it has come.
    pub(super) fn settle(&mut self) {
        self.0.retain(|_, sub| !sub.used);
    }
}

impl Model {
    /// A client writes a `sub`: for its application, or to attach again what it follows.
    pub(super) fn attaching(&mut self, client: Client, chat: &Chat, number: u64) -> Verdict {
        let Some(life) = self.lives.get(&client) else { return Ok(()) };
        let verb = Verb::Subscribe { chat: Some(chat.clone()) };
        let asks = life.open.iter().map(|id| (client, life.number, *id));
        let asks: Vec<Key> =
            asks.filter(|key| self.asks.get(key).is_some_and(|ask| ask.verb == verb)).collect();
        let asked = !asks.is_empty();
        let of = if let [only] = &asks[..] {
            (!life.keeps.contains(chat)).then_some(*only)
        } else {
            None
        };
        let gone = !asked && life.quit.contains(chat);
        let (user, up_since) = (life.user.clone(), life.up_since);
        self.subs.sent((client, number), Sub { user, verb, asked, of, up_since, used: false });
        demand(!gone, Demand::Entitled, || format!("client {client} joins {chat:?} again"))
    }
}
