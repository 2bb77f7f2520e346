//! What the model remembers, and how rows change it.

#![expect(clippy::wildcard_enum_match_arm, reason = "one kind of verb is looked for")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::access::{Access, JOIN, bits, is_in, is_met};
use crate::observe::{Chat, Client, Message, Row, Verb};

/// One client's request: client, life of the client, number.
pub(super) type Key = (Client, u32, u64);

#[derive(Debug)]
pub(super) struct Ask {
    pub(super) user: String,
    pub(super) verb: Verb,
    pub(super) at: Duration,
    pub(super) step: u64,
    /// What it asked for was so at some time since.
    pub(super) met: bool,
    /// Changes that nothing else explains.
    pub(super) traces: u32,
    /// Numbers under which the message was stored.
    pub(super) stored: Vec<u64>,
    /// Its client was told the message.
    pub(super) seen: bool,
    /// Its client knew how far the topic went.
    pub(super) informed: bool,
    pub(super) refused: bool,
    /// A second copy was refused, which proves nothing about the first.
    pub(super) refused_again: bool,
    /// The link was lost since.
    pub(super) cut: bool,
    /// Its application gave it up.
    pub(super) given_up: bool,
}

impl Ask {
    pub(super) fn new(user: String, verb: Verb, at: Duration, step: u64) -> Self {
        let (met, informed, seen, refused) = (false, false, false, false);
        let (refused_again, cut, given_up) = (false, false, false);
        let (traces, stored) = (0, Vec::new());
        Self {
            user,
            verb,
            at,
            step,
            met,
            traces,
            stored,
            seen,
            informed,
            refused,
            refused_again,
            cut,
            given_up,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Member {
    /// `None` for a membership that ended.
    pub(super) access: Option<Access>,
    /// May read without a break since this step.
    pub(super) since: u64,
    /// Could read last at this step; `MAX` while it may.
    pub(super) until: u64,
    /// When they were in it last: the step at which that ended.
    pub(super) left: u64,
    pub(super) marks: (u64, u64),
    /// The highest number they sent a receipt for.
    pub(super) noted: u64,
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) message: Message,
    pub(super) to: String,
    pub(super) step: u64,
    pub(super) here: bool,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) members: BTreeMap<String, Member>,
    pub(super) messages: BTreeMap<u64, Kept>,
    pub(super) erased: Vec<(Option<String>, u64, u64)>,
    /// Of a topic by this name that was deleted: late clients may still tell them.
    pub(super) former: Vec<Message>,
}

impl Room {
    /// Whether it was deleted and begun anew since this was said: what it was before, it does not know.
    pub(super) fn begun_anew_since(&self, content: &str) -> bool {
        self.former.iter().any(|it| it.content == content)
            && !self.messages.values().any(|it| it.message.content == content)
    }
}

#[derive(Debug)]
pub(super) struct Follow {
    /// Messages stored after this step are owed; `MAX` when none are.
    pub(super) since: u64,
    pub(super) last: Option<u64>,
    pub(super) told: BTreeSet<u64>,
    /// Something that was stored since the link is up was told.
    pub(super) fresh: bool,
    /// Of an order: the last message that was pushed since the link is up.
    pub(super) pushed: Option<u64>,
    /// Of an order: the last one that was read from history since then.
    pub(super) read: Option<u64>,
}

impl Default for Follow {
    fn default() -> Self {
        let (told, fresh) = (BTreeSet::new(), false);
        Self { since: u64::MAX, last: None, told, fresh, pushed: None, read: None }
    }
}

#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) user: String,
    pub(super) number: u32,
    pub(super) lost: Option<Duration>,
    pub(super) up_since: u64,
    pub(super) open: BTreeSet<u64>,
    pub(super) follows: BTreeMap<Chat, Follow>,
    /// What it was told to be gone, or has left or may have, and did not subscribe to since.
    pub(super) quit: BTreeSet<Chat>,
    /// What it subscribed to, and none of these: after a loss it attaches that again by itself.
    pub(super) keeps: BTreeSet<Chat>,
}

impl Life {
    /// It has left, or may have: it follows the topic no more, for that would join it again.
    pub(super) fn quit(&mut self, chat: &Chat) {
        self.follows.remove(chat);
        self.keeps.remove(chat);
        self.quit.insert(chat.clone());
    }

    /// It subscribed.
    pub(super) fn attached(&mut self, chat: &Chat) {
        self.quit.remove(chat);
        self.keeps.insert(chat.clone());
    }
}

impl Room {
    /// For a user, or for everybody.
    pub(super) fn is_erased(&self, user: Option<&str>, seq: u64) -> bool {
        let hit = |(who, from, to): &(Option<String>, u64, u64)| {
            let is_for = who.is_none() || who.as_deref() == user;
            is_for && (*from..=*to).contains(&seq)
        };
        self.erased.iter().any(hit)
    }
}

/// Takes a row over as it is.
pub(super) fn apply(rooms: &mut BTreeMap<Chat, Room>, row: &Row, step: u64) {
    let Some(chat) = chat_of(row) else {
        let Row::Message { seq, message: None, .. } = row else { return };
        let orders = rooms.iter_mut().filter(|(chat, _)| matches!(chat, Chat::Order(_)));
        orders.filter_map(|(_, room)| room.messages.get_mut(seq)).for_each(|it| it.here = false);
        return;
    };
    let room = rooms.entry(chat.clone()).or_default();
    match row {
        Row::Topic { exists: false, .. } => {
            for member in room.members.values_mut() {
                if is_in(member.access) {
                    member.left = step;
                }
                (member.access, member.until) = (None, member.until.min(step));
                (member.marks, member.noted) = ((0, 0), 0);
            }
            let gone = std::mem::take(&mut room.messages);
            room.former.extend(gone.into_values().map(|it| it.message));
            room.erased.clear();
        }
        Row::Topic { .. } | Row::Head { .. } => {}
        Row::Member { user, access, .. } => {
            let access = access.as_ref().map(|(want, given)| (bits(want), bits(given)));
            let access = access.map(|(want, given)| Access { want, given });
            room.members.entry(user.clone()).or_default().access = access;
        }
        Row::Marks { user, read, received, .. } => {
            room.members.entry(user.clone()).or_default().marks = (*read, *received);
        }
        Row::Message { seq, message, to, .. } => match (message, room.messages.get_mut(seq)) {
            (Some(message), _) => {
                let kept = Kept { message: message.clone(), to: to.clone(), step, here: true };
                room.messages.insert(*seq, kept);
            }
            (None, Some(kept)) => kept.here = false,
            (None, None) => {}
        },
        Row::Erased { user, ranges, .. } => {
            room.erased.extend(ranges.iter().map(|(from, to)| (user.clone(), *from, *to)));
        }
    }
}

pub(super) const fn chat_of(row: &Row) -> Option<&Chat> {
    match row {
        Row::Topic { chat, .. }
        | Row::Head { chat, .. }
        | Row::Member { chat, .. }
        | Row::Marks { chat, .. }
        | Row::Erased { chat, .. } => Some(chat),
        Row::Message { chat, .. } => chat.as_ref(),
    }
}

/// Messages, and what a member is and how far.
type View<'a> = (Vec<&'a Message>, Vec<(&'a String, Option<Access>, (u64, u64))>);

/// What a conversation holds that a dump tells as well.
pub(super) fn view<'a>(chat: &Chat, room: Option<&'a Room>) -> View<'a> {
    let Some(room) = room else { return Default::default() };
    let messages = room.messages.values().filter(|it| it.here).map(|it| &it.message).collect();
    let members = room.members.iter().map(|(user, it)| (user, it.access, it.marks));
    let is_told = |it: &(&String, Option<Access>, (u64, u64))| {
        !matches!(chat, Chat::Order(_)) && (it.1.is_some() || it.2 != (0, 0))
    };
    (messages, members.filter(is_told).collect())
}

/// Whether what a request asks for is so.
pub(super) fn is_so(rooms: &BTreeMap<Chat, Room>, user: &str, verb: &Verb) -> bool {
    let (chat, target) = match verb {
        Verb::Subscribe { chat: Some(chat) } | Verb::Want { chat, .. } => (chat, user),
        Verb::Unsubscribe { chat } | Verb::Delete { chat } => (chat, user),
        Verb::Give { chat, user, .. } | Verb::Remove { chat, user } => (chat, user.as_str()),
        Verb::Erase { chat, ranges, .. } => {
            let Some(room) = rooms.get(chat) else { return false };
            let last = room.messages.keys().next_back().copied().unwrap_or_default();
            let mut seqs = ranges.iter().flat_map(|(from, to)| (*from).max(1)..=(*to).min(last));
            return seqs.all(|seq| room.is_erased(Some(user), seq));
        }
        Verb::MarkRead { chat } => {
            let Some(room) = rooms.get(chat) else { return true };
            let marks = room.members.get(user).map_or(0, |it| it.marks.0);
            return room.messages.keys().next_back().is_none_or(|last| marks >= *last);
        }
        Verb::Subscribe { chat: None }
        | Verb::Publish { .. }
        | Verb::Leave { .. }
        | Verb::History { .. }
        | Verb::Other => return true,
    };
    let member = rooms.get(chat).and_then(|room| room.members.get(target));
    is_met(verb, member.and_then(|it| it.access))
}

/// Whether a client that looked for its message has been told all there is.
pub(super) fn knows_all(rooms: &BTreeMap<Chat, Room>, ask: &Ask, life: &Life) -> bool {
    let Verb::Publish { chat, .. } = &ask.verb else { return false };
    // What history does not show is no proof there, unless the application takes it for one.
    if matches!(chat, Chat::Order(_)) {
        return false;
    }
    let (Some(room), Some(follow)) = (rooms.get(chat), life.follows.get(chat)) else {
        return false;
    };
    let last = room.messages.keys().next_back();
    let member = room.members.get(&ask.user);
    let reads = member.is_some_and(|it| it.until == u64::MAX && it.since <= ask.step);
    let followed = follow.fresh && follow.since <= ask.step;
    // What was deleted since may have been it.
    let gone = |(seq, kept): (&u64, &Kept)| {
        kept.step > ask.step && (!kept.here || room.is_erased(Some(&ask.user), *seq))
    };
    let whole = !room.messages.iter().any(gone);
    reads && followed && whole && last.is_some_and(|last| follow.last >= Some(*last))
}

/// The conversation that a request leaves.
pub(super) fn farewell(verb: &Verb) -> Option<&Chat> {
    match verb {
        Verb::Leave { chat } | Verb::Unsubscribe { chat } | Verb::Delete { chat } => Some(chat),
        Verb::Want { chat, mode } => (bits(mode) & JOIN == 0).then_some(chat),
        _ => None,
    }
}
