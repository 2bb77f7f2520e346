//! What clients may be told, in which order, and what they have to be told.

use super::demand::Demand;
use super::state::Kept;
use super::{Model, Verdict, demand};
use crate::observe::{Chat, Client, Message, Verb};

impl Model {
    /// `user` has a message: it must be stored, and they must have been able to read it since.
    pub(super) fn may_have(&self, user: &str, chat: &Chat, it: &Message) -> Verdict {
        let room = self.rooms.get(chat);
        if room.is_some_and(|room| room.former.contains(it)) {
            return Ok(());
        }
        let kept = room.and_then(|room| room.messages.get(&it.seq));
        let Some(kept) = kept.filter(|kept| kept.message.content == it.content) else {
            return Err((
                Demand::True,
                format!("{user} has {it:?} of {chat:?}, which is not stored"),
            ));
        };
        let until = room.and_then(|room| room.members.get(user)).map(|member| member.until);
        let may = until.is_some_and(|until| until >= kept.step);
        let may = may && (kept.to.is_empty() || kept.to == user);
        demand(may, Demand::Entitled, || format!("{user} has {it:?} of {chat:?}"))
    }

    pub(super) fn told(&mut self, client: Client, chat: &Chat, it: &Message, old: bool) -> Verdict {
        let Some(life) = self.lives.get(&client) else { return Ok(()) };
        let (user, number, up_since) = (life.user.clone(), life.number, life.up_since);
        self.may_have(&user, chat, it)?;
        let told = |what: &str| format!("client {client} told {it:?} of {chat:?}: {what}");
        let follow = life.follows.get(chat);
        let again = follow.is_some_and(|follow| follow.told.contains(&it.seq));
        demand(!again, Demand::Once, || told("a second time"))?;
        let (last, since) = follow.map_or((None, u64::MAX), |it| (it.last, it.since));
        if matches!(chat, Chat::Order(_)) {
            // One's own may come late: their echo is another matter. What is read from history is
            // in order, and so is what is pushed on one link; together they need not be.
            let before = follow.and_then(|it| if old { it.read } else { it.pushed });
            let late = it.from != user && before.is_some_and(|before| it.seq < before);
            demand(!late, Demand::Order, || told(&format!("after {before:?}")))?;
        } else {
            demand(last.is_none_or(|last| it.seq > last), Demand::Order, || told("too late"))?;
            // Until something was told, what is owed begins somewhere.
            let skipped = self.owed(client, chat, if last.is_some() { 0 } else { since });
            let hole = skipped
                .into_iter()
                .find(|seq| *seq < it.seq && last.is_none_or(|last| *seq > last));
            demand(hole.is_none(), Demand::Order, || told(&format!("before {hole:?}")))?;
        }
        let fresh = self.rooms.get(chat).and_then(|room| room.messages.get(&it.seq));
        let fresh = fresh.is_some_and(|kept| kept.step > up_since);
        let follow = self.follow(client, chat);
        (follow.last, follow.fresh) = (Some(it.seq), follow.fresh || fresh);
        *(if old { &mut follow.read } else { &mut follow.pushed }) = Some(it.seq);
        follow.told.insert(it.seq);
        let key = self.contents.get(&(chat.clone(), it.content.clone()));
        if let Some(key) = key.filter(|key| (key.0, key.1) == (client, number)) {
            self.asks.entry(*key).and_modify(|ask| ask.seen = true);
        }
        Ok(())
    }

    /// Numbers of the messages that a client has to be told, of those stored after a step.
    pub(super) fn owed(&self, client: Client, chat: &Chat, since: u64) -> Vec<u64> {
        let (Some(life), Some(room)) = (self.lives.get(&client), self.rooms.get(chat)) else {
            return Vec::new();
        };
        let Some(member) = room.members.get(&life.user) else { return Vec::new() };
        let from = since.max(member.since);
        let own = |kept: &Kept| {
            let key = self.contents.get(&(chat.clone(), kept.message.content.clone()));
            let key = key.filter(|key| (key.0, key.1) == (client, life.number));
            let verb = key.and_then(|key| self.asks.get(key)).map(|ask| &ask.verb);
            // The answer stands for the message.
            matches!(verb, Some(Verb::Publish { no_echo: true, .. }))
                || matches!(chat, Chat::Order(_)) && kept.message.from == life.user
        };
        let is_owed = |seq: u64, kept: &Kept| {
            let visible = kept.to.is_empty() || kept.to == life.user;
            let gone = !kept.here || room.is_erased(Some(&life.user), seq);
            kept.step > from && visible && !gone && member.until == u64::MAX && !own(kept)
        };
        room.messages.iter().filter(|(seq, it)| is_owed(**seq, it)).map(|(seq, _)| *seq).collect()
    }

    pub(super) fn gap(&mut self, client: Client, chat: &Chat, from: u64, to: u64) -> Verdict {
        let last = self.follow(client, chat).last;
        let told = |what: &str| format!("client {client} misses {from}..={to} of {chat:?}: {what}");
        let order = from <= to && last.is_none_or(|last| from > last);
        demand(order, Demand::Order, || told("that was before"))?;
        let head = self.rooms.get(chat).and_then(|room| room.messages.keys().next_back().copied());
        let far = head.unwrap_or_default().saturating_sub(self.limits.max_fill);
        let owed = self.owed(client, chat, 0);
        let there = owed.into_iter().find(|seq| (from..=to).contains(seq) && *seq > far);
        demand(there.is_none(), Demand::Kept, || told(&format!("{there:?} is there")))?;
        self.follow(client, chat).last = Some(to);
        Ok(())
    }
}
