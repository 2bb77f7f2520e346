//! Access as the protocol documents describe it: eight letters, what is wanted and what is given.
//!
//! Rules 4.2 to 4.6 of the services' descriptions, written anew: what may be done is what is wanted
//! and given; who has `A` or `O` gives, who has `S` invites; only the owner passes `O` on.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is not named changes no access")]

use std::collections::BTreeMap;

use crate::observe::{Chat, Verb};

/// The letters in the order in which they are written.
const LETTERS: &str = "JRWPASDO";
/// `J`: to be in it.
pub(super) const JOIN: u8 = 1;
/// `R`: to read.
pub(super) const READ: u8 = 2;
/// `W`: to write.
pub(super) const WRITE: u8 = 4;
const APPROVE: u8 = 16;
const SHARE: u8 = 32;
/// `D`: to delete messages for everybody.
pub(super) const DELETE: u8 = 64;
/// `O`: to own.
pub(super) const OWN: u8 = 128;
/// The most there is between two users: `JRWPA`.
const PAIR: u8 = 0x1f;

/// Reads letters; anything else says nothing.
pub(super) fn bits(letters: &str) -> u8 {
    letters.chars().filter_map(|it| LETTERS.find(it)).fold(0, |mode, at| mode | 1 << at)
}

/// What a member wants and is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) want: u8,
    pub(super) given: u8,
}

impl Access {
    pub(super) const fn mode(self) -> u8 {
        self.want & self.given
    }
}

/// Whether somebody is in it.
pub(super) fn is_in(access: Option<Access>) -> bool {
    access.is_some_and(|it| it.mode() & JOIN != 0)
}

/// A change of somebody's membership: `None` is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) chat: &'a Chat,
    pub(super) user: &'a str,
    pub(super) old: Option<Access>,
    pub(super) new: Option<Access>,
    /// Nobody was in it before.
    pub(super) fresh: bool,
}

/// What each user could do at some time during a commit.
pub(super) type Powers = BTreeMap<(Chat, String), u8>;

impl Change<'_> {
    /// Whether `verb`, asked by `actor`, may make it.
    pub(super) fn is_due_to(&self, verb: &Verb, actor: &str, powers: &Powers) -> bool {
        let own = actor == self.user;
        let power = powers.get(&(self.chat.clone(), actor.to_owned())).copied().unwrap_or_default();
        let in_pair = matches!(self.chat, Chat::Pair(..));
        let cut = |mode: u8| if in_pair { (mode & PAIR) | APPROVE } else { mode };
        match verb {
            Verb::Subscribe { chat: Some(chat) } if chat == self.chat => match (self.old, self.new)
            {
                // Both ends of a pair come to be by one of them.
                (None, Some(_)) => own || in_pair,
                // Who gave up joining comes back.
                (Some(old), Some(new)) => own && old.given == new.given && new.want & JOIN != 0,
                (_, None) => false,
            },
            Verb::Subscribe { chat: None } => {
                own && self.fresh && self.new.is_some_and(|new| new.mode() & OWN != 0)
            }
            Verb::Unsubscribe { chat } | Verb::Delete { chat } if chat == self.chat => {
                // Who owned it at the beginning of the commit may have passed it on within it.
                own && self.new.is_none() && self.old.is_none_or(|it| it.mode() & OWN == 0)
            }
            Verb::Want { chat, mode } if chat == self.chat => {
                let (Some(old), Some(new)) = (self.old, self.new) else { return false };
                let want = bits(mode);
                // An offer that is accepted ends the former owner's, and other offers.
                let ousted = !own && want & OWN != 0 && new == without(old, OWN);
                let raised = new.given & !old.given & (OWN | DELETE) == 0 || old.given & OWN != 0;
                ousted
                    || own && new.want == cut(want) && new.given & old.given == old.given && raised
            }
            Verb::Give { chat, user, mode } if chat == self.chat => {
                let asked = mode.as_deref().map(bits);
                let may = power & (OWN | APPROVE | if asked.is_none() { SHARE } else { 0 }) != 0;
                let hands_over = asked.is_some_and(|mode| mode & OWN != 0) && !in_pair;
                if !may || hands_over && power & OWN == 0 {
                    return false;
                }
                match (self.old, self.new) {
                    _ if user != self.user => {
                        let left = self.old.map(|old| without(old, APPROVE | DELETE | OWN));
                        // In two steps, of which one is to own it no more.
                        let first = self.old.map(|old| without(old, OWN));
                        own && hands_over && (self.new == left || self.new == first)
                    }
                    (_, Some(new)) if hands_over => new.given == asked.unwrap_or_default(),
                    (None, Some(new)) => asked.is_none_or(|mode| new.given == mode),
                    (Some(old), Some(new)) => {
                        old.want == new.want && asked.is_some_and(|mode| new.given == cut(mode))
                    }
                    (_, None) => false,
                }
            }
            Verb::Remove { chat, user } if chat == self.chat => {
                user == self.user && self.new.is_none() && power & (APPROVE | OWN) != 0
            }
            _ => false,
        }
    }
}

const fn without(access: Access, letters: u8) -> Access {
    Access { want: access.want & !letters, given: access.given & !letters }
}

/// Whether what `verb` asks for is so, with `member` the membership it is about. Between two users
/// modes are cut, and nobody is held to the letters.
pub(super) fn is_met(verb: &Verb, member: Option<Access>) -> bool {
    let of_two = |chat: &Chat| matches!(chat, Chat::Pair(..));
    match verb {
        Verb::Subscribe { .. } => is_in(member),
        Verb::Unsubscribe { .. } | Verb::Delete { .. } | Verb::Remove { .. } => member.is_none(),
        Verb::Want { chat, mode } => member.is_some_and(|it| of_two(chat) || it.want == bits(mode)),
        Verb::Give { chat, mode, .. } => member.is_some_and(|it| {
            let mode = mode.as_deref().map_or(it.given, bits);
            of_two(chat) || it.given & mode == mode
        }),
        _ => true,
    }
}
