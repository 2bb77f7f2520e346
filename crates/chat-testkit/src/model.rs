//! A small model that decides whether anything was lost, doubled, reordered or leaked.
//!
//! Written without the hub's code: it believes what was stored, in the order in which it was, and
//! holds everybody's words against that.

#![expect(clippy::wildcard_enum_match_arm, reason = "one kind of verb, end or row is looked for")]

mod access;
mod demand;
mod marks;
mod notes;
mod secrets;
mod state;
mod stream;
mod subs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::demand::{Demand, Limits, Violation};

use self::access::{Access, Change, DELETE, OWN, Powers, READ, WRITE, bits, is_in};
use self::marks::Readers;
use self::secrets::Secrets;
use self::state::{Ask, Kept, Key, Life, Room, apply, chat_of, farewell, is_so, knows_all, view};
use self::subs::Subs;
use crate::observe::{Chat, Client, Dump, End, Observation, Observed, Queue, Row, Verb};

type Verdict = Result<(), (Demand, String)>;

/// See the module's documentation. Feed it everything, in order.
#[derive(Debug, Default)]
pub struct Model {
    limits: Limits,
    step: u64,
    now: Duration,
    rooms: BTreeMap<Chat, Room>,
    lives: BTreeMap<Client, Life>,
    asks: BTreeMap<Key, Ask>,
    /// Requests that may still change something.
    pending: BTreeSet<Key>,
    contents: BTreeMap<(Chat, String), Key>,
    readers: Readers,
    secrets: Secrets,
    subs: Subs,
}

fn demand(holds: bool, demand: Demand, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err((demand, what())) }
}

impl Model {
    /// Of a world in which nothing has happened yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let mut secrets = Secrets::default();
        limits.secrets.iter().for_each(|it| secrets.add(it));
        Self { limits, secrets, ..Self::default() }
    }

    /// Judges a whole run.
    ///
    /// # Errors
    ///
    /// The first demand that is not met.
    pub fn judge(limits: Limits, seen: &[Observed]) -> Result<(), Violation> {
        let mut model = Self::new(limits);
        seen.iter().try_for_each(|it| model.observe(it))
    }

    /// Takes the next observation.
    ///
    /// # Errors
    ///
    /// A demand is not met. What follows may be judged wrongly.
    pub fn observe(&mut self, seen: &Observed) -> Result<(), Violation> {
        self.now = seen.at;
        self.check(&seen.what).map_err(|(demand, what)| Violation { at: seen.at, demand, what })
    }

    fn check(&mut self, what: &Observation) -> Verdict {
        match what {
            Observation::Asked { client, id, verb } => return self.asked(*client, *id, verb),
            Observation::Ended { client, id, end } => return self.ended(*client, *id, end),
            Observation::Told { client, chat, message, from_history } => {
                return self.told(*client, chat, message, *from_history);
            }
            Observation::Gap { client, chat, from, to } => {
                return self.gap(*client, chat, *from, *to);
            }
            Observation::Rewound { client, chat } => {
                let again = self.rooms.get(chat).is_some_and(|it| !it.former.is_empty());
                let follow = self.follow(*client, chat);
                (follow.last, follow.told) = (None, BTreeSet::new());
                return demand(again, Demand::Order, || format!("{chat:?} went backwards"));
            }
            Observation::Attaching { client, chat, number } => {
                return self.attaching(*client, chat, *number);
            }
            Observation::Stored(rows) => return self.stored(rows),
            Observation::Held(queues) => return bounded(queues),
            Observation::Quiet(dump) => return self.quiet(dump),
            Observation::Shown(text) => {
                let shown = self.secrets.find(text);
                // What it is may not be said here either.
                let told = || format!("behind {:?}", shown.unwrap_or_default());
                return demand(shown.is_none(), Demand::Secret, told);
            }
            other => self.note(other),
        }
        Ok(())
    }

    fn asked(&mut self, client: Client, id: u64, verb: &Verb) -> Verdict {
        let life = self.lives.entry(client).or_default();
        let (key, user) = ((client, life.number, id), life.user.clone());
        demand(life.open.insert(id), Demand::Answered, || format!("{key:?} was given twice"))?;
        let mut informed = false;
        match verb {
            Verb::Publish { chat, content, .. } => {
                informed = life.follows.get(chat).is_some_and(|it| it.last.is_some());
                let known = self.contents.insert((chat.clone(), content.clone()), key);
                demand(known.is_none(), Demand::Once, || format!("{content} was asked twice"))?;
            }
            _ => {
                let left = farewell(verb).and_then(|chat| life.follows.get_mut(chat));
                left.into_iter().for_each(|it| it.since = u64::MAX);
            }
        }
        let met = is_so(&self.rooms, &user, verb);
        let verb = verb.clone();
        let ask = Ask { informed, met, ..Ask::new(user, verb, self.now, self.step) };
        self.asks.insert(key, ask);
        self.pending.insert(key);
        Ok(())
    }

    fn ended(&mut self, client: Client, id: u64, end: &End) -> Verdict {
        let life = self.lives.entry(client).or_default();
        let key = (client, life.number, id);
        let open = life.open.remove(&id);
        demand(open, Demand::Answered, || format!("{key:?} ended, and was not waiting"))?;
        let Some(ask) = self.asks.get_mut(&key) else { return Ok(()) };
        let told = |what: &str| format!("{key:?} {:?} ended {end:?}: {what}", ask.verb);
        match end {
            End::Published(seq) => {
                let as_said = seq.is_none_or(|seq| ask.stored.contains(&seq));
                let is_true = as_said && !ask.stored.is_empty();
                demand(is_true, Demand::True, || told("it is not stored so"))?;
            }
            End::Subscribed(_) | End::Done => {
                demand(ask.met, Demand::True, || told("it never was so"))?;
            }
            End::Rejected(_) | End::TimedOut | End::Cancelled => {
                let clean = ask.stored.is_empty() && ask.traces == 0;
                demand(clean, Demand::NoTrace, || told("it did happen"))?;
                ask.refused = true;
            }
            End::Unknown => {
                let lost = life.lost.filter(|_| ask.cut);
                let patience = match &ask.verb {
                    // It may be an HTTP exchange, which fails without a link.
                    Verb::Other | Verb::History { .. } | Verb::MarkRead { .. } => Duration::ZERO,
                    Verb::Publish { chat: Chat::Order(_), .. } => self.limits.echo_within,
                    _ => self.limits.answer_within,
                };
                let unhurt = lost.is_none() && self.now - ask.at < patience;
                // On a link that holds, what was asked may still be on its way.
                let in_time = lost.is_some_and(|lost| self.now - lost < self.limits.resolve_within);
                // What was proven lost went out again, and that copy may be, when time is up.
                let again = ask.stored.is_empty() && self.now - ask.at >= patience;
                let again = again || ask.refused_again;
                let caught_up =
                    ask.informed && in_time && !again && knows_all(&self.rooms, ask, life);
                let needless = !ask.given_up && (unhurt || ask.seen || caught_up);
                demand(!needless, Demand::Knowable, || told("its client could know"))?;
            }
            End::Page(_) => {}
        }
        let (user, verb) = (ask.user.clone(), ask.verb.clone());
        if *end != End::Unknown {
            self.pending.remove(&key);
        }
        match (end, &verb) {
            (End::Page(messages), Verb::History { chat }) => {
                messages.iter().try_for_each(|it| self.may_have(&user, chat, it))?;
            }
            // What it may have left it follows no more: that would join it again.
            (End::Done | End::Unknown, verb) => {
                if let Some(chat) = farewell(verb) {
                    self.lives.entry(client).or_default().quit(chat);
                }
            }
            (End::Subscribed(Some(chat)), _) => {
                self.lives.entry(client).or_default().attached(chat);
            }
            _ => {}
        }
        Ok(())
    }

    fn stored(&mut self, rows: &[Row]) -> Verdict {
        let mut powers = Powers::new();
        for chat in rows.iter().filter_map(chat_of) {
            for (user, member) in self.rooms.get(chat).into_iter().flat_map(|it| &it.members) {
                let mode = member.access.map_or(0, Access::mode);
                powers.insert((chat.clone(), user.clone()), mode);
            }
        }
        for (at, row) in rows.iter().enumerate() {
            self.step += 1;
            self.row(row, &rows[at..], &mut powers)?;
            for key in &self.pending {
                let Some(ask) = self.asks.get_mut(key).filter(|ask| !ask.met) else { continue };
                ask.met = is_so(&self.rooms, &ask.user, &ask.verb);
            }
        }
        self.subs.settle();
        for (chat, room) in &self.rooms {
            let Chat::Topic(name) = chat else { continue };
            let alive = || room.members.values().filter_map(|it| it.access);
            let owners = alive().filter(|it| it.mode() & OWN != 0).count();
            let fine = owners == 1 || !name.starts_with("grp") || alive().next().is_none();
            demand(fine, Demand::OneOwner, || format!("{name} has {owners}"))?;
        }
        Ok(())
    }

    fn row(&mut self, row: &Row, rest: &[Row], powers: &mut Powers) -> Verdict {
        let (step, is_order) = (self.step, matches!(chat_of(row), Some(Chat::Order(_))));
        match row {
            Row::Member { chat, user, access } => {
                let room = self.rooms.entry(chat.clone()).or_default();
                let fresh = room.members.values().all(|it| it.access.is_none());
                let new = access.as_ref().map(|(want, given)| (bits(want), bits(given)));
                let new = new.map(|(want, given)| Access { want, given });
                let old = room.members.get(user).and_then(|it| it.access);
                let change = Change { chat, user, old, new, fresh };
                // Who asks for a topic sends a `sub`, and nothing happens before that.
                let is_sub = |verb: &Verb| matches!(verb, Verb::Subscribe { chat: Some(_) });
                let asks = self.pending.iter().filter(|key| {
                    let ask = self.asks.get(*key).filter(|ask| !is_sub(&ask.verb));
                    ask.is_some_and(|ask| change.is_due_to(&ask.verb, &ask.user, powers))
                });
                let mut causes: Vec<_> = asks.copied().map(Some).collect();
                let left = room.members.get(user).map_or(0, |it| it.left);
                self.subs.explain(&change, left, powers, &mut causes);
                let due = old == new || is_order || !causes.is_empty();
                demand(due, Demand::Entitled, || format!("{change:?} is nobody's doing"))?;
                // Of several it may have been any.
                if let [Some(only), others @ ..] = &causes[..]
                    && old != new
                    && others.iter().all(|it| *it == Some(*only))
                {
                    self.asks.entry(*only).and_modify(|ask| ask.traces += 1);
                }
                let mode = new.map_or(0, Access::mode);
                *powers.entry((chat.clone(), user.clone())).or_default() |= mode;
                let member = room.members.entry(user.clone()).or_default();
                match (member.until == u64::MAX, mode & READ != 0) {
                    (false, true) => (member.since, member.until) = (step, u64::MAX),
                    (true, false) => member.until = step,
                    _ => {}
                }
                if is_in(old) && !is_in(new) {
                    member.left = step;
                }
                member.access = new;
            }
            Row::Topic { chat, exists: false } => {
                let is_owner = |(chat, user): (&Chat, &String)| {
                    powers.get(&(chat.clone(), user.clone())).is_some_and(|mode| mode & OWN != 0)
                };
                let asks = self.pending.iter().filter_map(|key| self.asks.get(key));
                let due = asks.into_iter().any(|ask| {
                    ask.verb == Verb::Delete { chat: chat.clone() } && is_owner((chat, &ask.user))
                });
                let room = self.rooms.entry(chat.clone()).or_default();
                let empty = room.members.values().all(|it| it.access.is_none());
                demand(due || empty, Demand::Entitled, || format!("{chat:?} was deleted"))?;
                apply(&mut self.rooms, row, step);
            }
            Row::Message { chat: Some(chat), seq, to, message: Some(message) } => {
                let room = self.rooms.entry(chat.clone()).or_default();
                let last = room.messages.keys().next_back().copied().unwrap_or_default();
                let dense = if is_order { *seq > last } else { *seq == last + 1 };
                demand(dense, Demand::Dense, || format!("{seq} of {chat:?} after {last}"))?;
                let said = |what: &str| format!("{message:?} of {chat:?} {what}");
                let author = (chat.clone(), message.from.clone());
                let mute = powers.get(&author).is_some_and(|mode| mode & WRITE == 0);
                demand(!mute, Demand::Entitled, || said("is of somebody who may not write"))?;
                let key = self.contents.get(&(chat.clone(), message.content.clone()));
                let new = room.begun_anew_since(&message.content);
                if let Some(ask) = key.and_then(|key| self.asks.get_mut(key)) {
                    ask.stored.push(*seq);
                    self.readers.overtaken(chat, ask.at);
                    demand(new || ask.stored.len() == 1, Demand::Once, || said("is stored twice"))?;
                    demand(!ask.refused, Demand::NoTrace, || said("was refused"))?;
                } else {
                    let ours = self.lives.values().any(|life| life.user == message.from);
                    demand(is_order || !ours, Demand::NoTrace, || said("was never written"))?;
                }
                let (message, to) = (message.clone(), to.clone());
                room.messages.insert(*seq, Kept { message, to, step, here: true });
            }
            Row::Marks { chat, user, read, received } => {
                self.marks(chat, user, *read, *received)?;
            }
            Row::Message { chat, seq, message: None, .. } => {
                let of = self.rooms.iter().find(|(of, room)| match chat {
                    Some(chat) => *of == chat,
                    None => matches!(of, Chat::Order(_)) && room.messages.contains_key(seq),
                });
                let (of, room) = of.ok_or((Demand::Kept, format!("{row:?} of nothing")))?;
                // A conversation that is full loses its oldest message to a newer one.
                let oldest = room.messages.iter().find(|(_, it)| it.here).map(|(seq, _)| seq);
                let newer = |it: &Row| {
                    let is_message = matches!(it, Row::Message { message: Some(_), .. });
                    is_message && chat_of(it) == Some(of)
                };
                let full = oldest == Some(seq) && rest.iter().any(newer);
                let due = full || room.is_erased(None, *seq);
                demand(due, Demand::Kept, || format!("{seq} of {of:?} was thrown away"))?;
                apply(&mut self.rooms, row, step);
            }
            Row::Erased { chat, user, ranges } => {
                self.erased(chat, user.as_deref(), ranges, powers)?;
                apply(&mut self.rooms, row, step);
            }
            other => apply(&mut self.rooms, other, step),
        }
        Ok(())
    }

    /// Messages are erased, for a user or for everybody: by who may, of what they asked for.
    fn erased(
        &mut self,
        chat: &Chat,
        user: Option<&str>,
        ranges: &[(u64, u64)],
        powers: &Powers,
    ) -> Verdict {
        let Some(room) = self.rooms.get(chat) else { return Ok(()) };
        // Earlier deletions are written anew, shorter or joined: they say nothing new.
        let is_new = |seq: &u64, it: &Kept| it.here && !room.is_erased(user, *seq);
        let within = |seq: &u64| ranges.iter().any(|(from, to)| (from..=to).contains(&seq));
        let messages = room.messages.iter().filter(|(seq, it)| within(seq) && is_new(seq, it));
        let mut causes = BTreeSet::new();
        for (seq, _) in messages {
            let asks = self.pending.iter().filter(|key| {
                let Some(ask) = self.asks.get(*key) else { return false };
                let power = powers.get(&(chat.clone(), ask.user.clone())).copied();
                let Verb::Erase { chat: of, ranges, hard } = &ask.verb else { return false };
                let needs = if user.is_some() { READ } else { READ | DELETE };
                let may = power.unwrap_or_default() & needs == needs;
                let meant = user.map_or(*hard, |user| user == ask.user);
                of == chat && may && meant && ranges.iter().any(|(a, b)| (a..=b).contains(&seq))
            });
            let asks: Vec<_> = asks.copied().collect();
            let due = !asks.is_empty();
            demand(due, Demand::Entitled, || format!("{seq} of {chat:?} erased for {user:?}"))?;
            causes.extend(asks);
        }
        if let (1, Some(only)) = (causes.len(), causes.first()) {
            self.asks.entry(*only).and_modify(|ask| ask.traces += 1);
        }
        Ok(())
    }

    fn quiet(&self, dump: &Dump) -> Verdict {
        let mut rooms = BTreeMap::new();
        dump.rows.iter().for_each(|row| apply(&mut rooms, row, 0));
        for chat in self.rooms.keys().chain(rooms.keys()) {
            let (ours, hub) = (view(chat, self.rooms.get(chat)), view(chat, rooms.get(chat)));
            let what = || format!("{chat:?} holds {hub:?}, and {ours:?} was stored");
            demand(ours == hub, Demand::Kept, what)?;
        }
        for client in &dump.ready {
            let Some(life) = self.lives.get(client) else { continue };
            let what = || format!("client {client} waits for {:?}", life.open);
            demand(life.open.is_empty(), Demand::Answered, what)?;
            for (chat, follow) in &life.follows {
                let told = |seq| match chat {
                    Chat::Order(_) => follow.told.contains(&seq),
                    Chat::Topic(_) | Chat::Pair(..) => follow.last.is_some_and(|last| last >= seq),
                };
                let lost = self.owed(*client, chat, follow.since).into_iter().find(|it| !told(*it));
                let what = || format!("client {client} was not told {lost:?} of {chat:?}");
                demand(lost.is_none(), Demand::Kept, what)?;
            }
        }
        bounded(&dump.queues)
    }
}

fn bounded(queues: &[Queue]) -> Verdict {
    let over = queues.iter().find(|it| it.len > it.bound);
    demand(over.is_none(), Demand::Bound, || format!("{over:?}"))
}
