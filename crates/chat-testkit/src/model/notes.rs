//! What is only remembered: nothing is demanded of it.

#![expect(clippy::wildcard_enum_match_arm, reason = "the others are judged")]

use super::Model;
use super::state::{Follow, Life, farewell};
use crate::observe::{Chat, Client, Observation, Verb};

impl Model {
    pub(super) fn note(&mut self, what: &Observation) {
        match what {
            Observation::Started { client, user } => {
                let number = self.lives.get(client).map_or(0, |life| life.number + 1);
                let life = Life { user: user.clone(), number, ..Life::default() };
                self.lives.insert(*client, life);
            }
            Observation::Link { client, up } => {
                let life = self.lives.entry(*client).or_default();
                if *up {
                    life.up_since = self.step;
                    let follows = life.follows.values_mut();
                    follows.for_each(|it| (it.pushed, it.read) = (None, None));
                } else {
                    life.lost = Some(self.now);
                    for id in &life.open {
                        let ask = self.asks.get_mut(&(*client, life.number, *id));
                        ask.into_iter().for_each(|ask| ask.cut = true);
                    }
                    life.follows.values_mut().for_each(|it| it.fresh = false);
                }
            }
            Observation::GivenUp { client, id } => {
                let life = self.lives.entry(*client).or_default();
                let given_up = life.open.iter().filter(|it| id.is_none_or(|id| id == **it));
                for id in given_up {
                    let ask = self.asks.get_mut(&(*client, life.number, *id));
                    ask.into_iter().for_each(|ask| ask.given_up = true);
                }
            }
            Observation::Following { client, chat } => {
                let life = self.lives.entry(*client).or_default();
                let leaves = life.open.iter().any(|id| {
                    let ask = self.asks.get(&(*client, life.number, *id));
                    ask.and_then(|ask| farewell(&ask.verb)) == Some(chat)
                });
                let step = if leaves { u64::MAX } else { self.step };
                let follow = self.follow(*client, chat);
                follow.since = follow.since.min(step);
            }
            Observation::Watching { client, chat, on } => {
                let step = if *on { self.step } else { u64::MAX };
                let follow = self.follow(*client, chat);
                (follow.since, follow.read) = (step, None);
            }
            Observation::Dropped { client, chat } => {
                let life = self.lives.entry(*client).or_default();
                life.quit(chat);
            }
            Observation::Noted { client, chat, seq, .. } => {
                let user = self.lives.entry(*client).or_default().user.clone();
                let room = self.rooms.entry(chat.clone()).or_default();
                let member = room.members.entry(user).or_default();
                member.noted = member.noted.max(*seq);
            }
            Observation::Scripted { user, verb: Verb::MarkRead { chat } } => {
                self.says_read(chat, user);
            }
            Observation::RefusedAgain { client, chat, content } => {
                let key = self.contents.get(&(chat.clone(), content.clone()));
                let key = key.filter(|key| key.0 == *client);
                let ask = key.and_then(|key| self.asks.get_mut(key));
                ask.into_iter().for_each(|ask| ask.refused_again = true);
            }
            Observation::Crashed => self.readers.forget(),
            Observation::Attached { client, number } => self.subs.answered(*client, *number),
            Observation::Secret(secret) => self.secrets.add(secret),
            _ => {}
        }
    }

    /// What `client` has of `chat`; nothing of it is owed as long as nobody says so.
    pub(super) fn follow(&mut self, client: Client, chat: &Chat) -> &mut Follow {
        let follows = &mut self.lives.entry(client).or_default().follows;
        follows.entry(chat.clone()).or_default()
    }
}
