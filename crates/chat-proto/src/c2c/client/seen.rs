//! Messages that were emitted already.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::c2c::frame::{Kind, Push};

/// A bounded memory of messages. The same message can be pushed twice, and history repeats what the
/// socket brought. (field reports)
///
/// A message is known by its uuid, else by its id. Uuids are the sender's choice: those of the two
/// sides may collide, and programs that use stamps or constants repeat theirs. So two messages with
/// one uuid but different ids *and* different contents are two messages.
#[derive(Debug)]
pub(super) struct Seen {
    known: BTreeMap<Key, Trace>,
    order: VecDeque<[Option<Key>; 2]>,
    limit: usize,
}

/// Where it belongs, the name it has there, and which kind of name that is.
type Key = (String, Name, String);

/// What a name is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// The server's.
    Id,
    /// The sender's; ours or the other side's.
    Uuid { own: bool },
    /// Of a frame that is no message of a known kind: it may say something new about a message
    /// whose names it carries.
    Of(String, u64),
    /// Of a text that cannot be read.
    Text,
}

/// What else is remembered of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trace {
    id: Option<i64>,
    content: u64,
}

impl Seen {
    pub(super) fn new(limit: usize) -> Self {
        Self { known: BTreeMap::new(), order: VecDeque::new(), limit: limit.max(1) }
    }

    /// Whether the frame is new. One without any name always is, and so are marks, recalls and the
    /// like, which are no entries of a chat.
    pub(super) fn insert(&mut self, push: &Push<'_>) -> bool {
        let kind = push.kind();
        if !kind.is_message() && kind != Kind::Other {
            return true;
        }
        let place = push.order().map_or_else(|| push.group_id.to_string(), ToString::to_string);
        let trace = Trace { id: push.id.as_i64(), content: content_hash(push) };
        let other = || Name::Of(push.type_name.decode().into_owned(), trace.content);
        let name = |of: Name| if kind == Kind::Other { other() } else { of };
        let own = push.self_ == Some(true);
        let uuid = (!push.uuid.is_empty())
            .then(|| (place.clone(), name(Name::Uuid { own }), push.uuid.decode().into_owned()));
        let id = (!push.id.is_empty()).then(|| (place, name(Name::Id), push.id.to_string()));
        if id.as_ref().is_some_and(|id| self.known.contains_key(id)) {
            return false;
        }
        if let Some(known) = uuid.as_ref().and_then(|uuid| self.known.get(uuid)) {
            let differs = known.id.is_some() && trace.id.is_some() && known.id != trace.id;
            if !differs || known.content == trace.content {
                return false;
            }
        }
        if uuid.is_none() && id.is_none() {
            return true;
        }
        self.remember([uuid, id], trace);
        true
    }

    /// The same for a text of an order that cannot be read.
    pub(super) fn insert_text(&mut self, order_no: &str, text: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let trace = Trace { id: None, content: hasher.finish() };
        let key = (order_no.to_owned(), Name::Text, trace.content.to_string());
        if self.known.contains_key(&key) {
            return false;
        }
        self.remember([Some(key), None], trace);
        true
    }

    fn remember(&mut self, keys: [Option<Key>; 2], trace: Trace) {
        for key in keys.iter().flatten() {
            self.known.insert(key.clone(), trace);
        }
        self.order.push_back(keys);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            for key in oldest.into_iter().flatten() {
                self.known.remove(&key);
            }
        }
    }
}

/// The same in every run: the hasher has a fixed key.
fn content_hash(push: &Push<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    push.content_text().hash(&mut hasher);
    push.image_url.decode().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(uuid: &str, id: &str, own: bool, content: &str) -> Push<'static> {
        Push {
            uuid: uuid.to_owned().into(),
            id: id.to_owned().into(),
            order_no: "1".into(),
            self_: Some(own),
            content: Some(crate::c2c::Loose::string(content.to_owned())),
            ..Push::of("text")
        }
    }

    #[test]
    fn remembers_by_uuid_then_by_id_and_forgets_the_oldest() {
        let by_uuid = |uuid, own| message(uuid, "", own, "x");
        let mut seen = Seen::new(2);
        assert!(seen.insert(&by_uuid("a", false)));
        assert!(!seen.insert(&by_uuid("a", false)));
        assert!(seen.insert(&by_uuid("a", true)), "the other side may use the same uuid");
        let by_id = message("", "7", false, "x");
        assert!(seen.insert(&by_id));
        assert!(!seen.insert(&by_id));
        assert!(seen.insert(&by_uuid("a", false)), "forgotten");
        let nameless = message("", "", false, "x");
        assert!(seen.insert(&nameless) && seen.insert(&nameless));
        assert!(seen.known.len() <= 4);
    }

    #[test]
    fn one_name_is_enough_to_know_a_message_again() {
        let mut seen = Seen::new(16);
        assert!(seen.insert(&message("a", "7", false, "x")));
        assert!(!seen.insert(&message("", "7", false, "x")), "history without the uuid");
        assert!(!seen.insert(&message("a", "", false, "x")), "a push without the id");
        assert!(!seen.insert(&message("a", "8", false, "x")), "the same text sent again");
    }

    #[test]
    fn a_uuid_that_is_used_again_for_another_message_loses_nothing() {
        let mut seen = Seen::new(16);
        assert!(seen.insert(&message("1700000000123", "7", false, "first")));
        assert!(seen.insert(&message("1700000000123", "8", false, "second")));
        assert!(!seen.insert(&message("1700000000123", "8", false, "second")));
        assert!(!seen.insert(&message("1700000000123", "7", false, "first")));
    }

    #[test]
    fn what_an_unknown_kind_says_of_a_message_is_no_repetition_of_it() {
        let mut seen = Seen::new(16);
        let message = message("a", "7", false, "x");
        let edit = |content: &str| Push {
            type_name: "edit".into(),
            content: Some(crate::c2c::Loose::string(content.to_owned())),
            ..message.clone()
        };
        assert!(seen.insert(&message));
        assert!(seen.insert(&edit("y")) && seen.insert(&edit("z")));
        assert!(!seen.insert(&edit("y")));
        let recall = Push { type_name: "recall".into(), ..message };
        assert!(seen.insert(&recall) && seen.insert(&recall));
    }
}
