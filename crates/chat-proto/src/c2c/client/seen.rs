//! Messages that were emitted already.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::c2c::frame::{Kind, Push};
use crate::table::Table;

/// A bounded memory of messages. The same message can be pushed twice, and history repeats what the
/// socket brought. (field reports)
///
/// A message is known by its uuid, else by its id. Uuids are the sender's choice: those of the two
/// sides may collide, and programs that use stamps or constants repeat theirs. So two messages with
/// one uuid but different ids *and* different contents are two messages.
#[derive(Debug)]
pub(super) struct Seen {
    known: Table<Name, Trace>,
    /// The names of what is known, oldest first.
    order: VecDeque<[Option<Name>; 2]>,
    /// How many were forgotten.
    forgotten: u64,
    limit: usize,
}

/// A digest of where a message belongs, which kind of name this is, and the name. Wide enough that
/// nobody finds two that meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(u64, u64);

/// Which kind of name it is.
#[derive(Hash)]
enum Of {
    /// The server's.
    Id,
    /// The sender's; ours or the other side's.
    Uuid { own: bool },
    /// Of a text that cannot be read.
    Text,
}

impl Name {
    /// `another` tells apart what carries the names of another message.
    fn new(place: &str, of: Of, another: Option<(&str, u64)>, text: &str) -> Self {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, place, &of, another, text).hash(&mut hasher);
            hasher.finish()
        };
        Self(half(0), half(1))
    }
}

/// What else is remembered of a message.
#[derive(Clone, Copy, Debug)]
struct Trace {
    id: Option<i64>,
    content: u64,
    /// How many came before.
    number: u64,
}

impl Seen {
    pub(super) fn new(limit: usize) -> Self {
        Self { known: Table::new(), order: VecDeque::new(), forgotten: 0, limit: limit.max(1) }
    }

    /// Messages, and their names.
    pub(super) fn fullness(&self) -> (usize, usize) {
        (self.order.len(), self.known.len())
    }

    /// Whether the frame is new. One without any name always is, and so are marks, recalls and the
    /// like, which are no entries of a chat.
    pub(super) fn insert(&mut self, push: &Push<'_>) -> bool {
        let kind = push.kind();
        if !kind.is_message() && kind != Kind::Other {
            return true;
        }
        let place = push.order().map_or_else(|| push.group_id.text(), |order| order.text());
        let (id, content) = (push.id.as_i64(), content_hash(push));
        // A frame that is no message of a known kind may say something new about a message whose
        // names it carries.
        let type_name = push.type_name.decode();
        let another = (kind == Kind::Other).then_some((&*type_name, content));
        let own = push.self_ == Some(true);
        let by_uuid = (!push.uuid.is_empty())
            .then(|| Name::new(&place, Of::Uuid { own }, another, &push.uuid.decode()));
        let by_id =
            (!push.id.is_empty()).then(|| Name::new(&place, Of::Id, another, &push.id.text()));
        if by_id.is_some_and(|name| self.known.contains_key(&name)) {
            return false;
        }
        if let Some(known) = by_uuid.and_then(|name| self.known.get(&name)) {
            let differs = known.id.is_some() && id.is_some() && known.id != id;
            if !differs || known.content == content {
                return false;
            }
        }
        if by_uuid.is_some() || by_id.is_some() {
            self.remember([by_uuid, by_id], id, content);
        }
        true
    }

    /// The same for a text of an order that cannot be read.
    pub(super) fn insert_text(&mut self, order_no: &str, text: &str) -> bool {
        let name = Name::new(order_no, Of::Text, None, text);
        let is_new = !self.known.contains_key(&name);
        if is_new {
            self.remember([Some(name), None], None, 0);
        }
        is_new
    }

    fn remember(&mut self, names: [Option<Name>; 2], id: Option<i64>, content: u64) {
        let number = self.forgotten + self.order.len() as u64;
        for name in names.into_iter().flatten() {
            self.known.insert(name, Trace { id, content, number });
        }
        self.order.push_back(names);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            for name in oldest.into_iter().flatten() {
                // A uuid may since have become the name of a newer one.
                if self.known.get(&name).is_some_and(|trace| trace.number == self.forgotten) {
                    self.known.remove(&name);
                }
            }
            self.forgotten += 1;
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
    use proptest::prelude::*;

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

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        /// Few uuids for many messages, so that they are used again while others are forgotten.
        #[test]
        fn the_newest_are_never_forgotten_and_no_more_are_kept(
            limit in 1..20_usize,
            messages in proptest::collection::vec((0..9_u8, 0..60_u16, any::<bool>(), 0..3_u8), 0..200),
        ) {
            let mut seen = Seen::new(limit);
            let mut newest = VecDeque::new();
            for (uuid, id, own, content) in messages {
                let next = message(&format!("u{uuid}"), &id.to_string(), own, &content.to_string());
                if seen.insert(&next) {
                    newest.push_back(next);
                    newest.drain(..newest.len().saturating_sub(limit));
                }
                prop_assert!(seen.order.len() <= limit && seen.known.len() <= 2 * limit);
            }
            let mut names: Vec<_> = newest.iter().map(|it| (it.self_, &it.uuid)).collect();
            for it in &newest {
                let by_id = Push { uuid: "".into(), ..it.clone() };
                prop_assert!(!seen.insert(&by_id), "forgot {:?}", it);
                // By its uuid too, unless another has taken that.
                names.remove(0);
                if !names.contains(&(it.self_, &it.uuid)) {
                    let by_uuid = Push { id: "".into(), ..it.clone() };
                    prop_assert!(!seen.insert(&by_uuid), "forgot the uuid of {:?}", it);
                }
            }
        }
    }
}
