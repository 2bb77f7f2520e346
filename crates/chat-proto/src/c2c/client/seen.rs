//! Messages that were emitted already.

use std::collections::{BTreeSet, VecDeque};

use crate::c2c::frame::Push;

/// A bounded memory of messages. The same message can be pushed twice, and history repeats what the
/// socket brought. (field reports)
#[derive(Debug)]
pub(super) struct Seen {
    keys: BTreeSet<Key>,
    order: VecDeque<Key>,
    limit: usize,
}

/// The order, whether it is our own, and the `uuid` or else the `id`. Uuids are the sender's choice,
/// so those of the two sides may collide.
type Key = (String, bool, String);

impl Seen {
    pub(super) fn new(limit: usize) -> Self {
        Self { keys: BTreeSet::new(), order: VecDeque::new(), limit: limit.max(1) }
    }

    /// Whether the message is new. One without any id always is.
    pub(super) fn insert(&mut self, push: &Push<'_>) -> bool {
        let id = if push.uuid.is_empty() {
            // Cannot be taken for a uuid.
            if push.id.is_empty() {
                return true;
            }
            format!("id:{}", push.id)
        } else {
            push.uuid.decode().into_owned()
        };
        let order = push.order().map_or_else(|| push.group_id.to_string(), ToString::to_string);
        let key = (order, push.self_ == Some(true), id);
        if !self.keys.insert(key.clone()) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_by_uuid_then_by_id_and_forgets_the_oldest() {
        let by_uuid = |uuid: &'static str, own| Push {
            uuid: uuid.into(),
            order_no: "1".into(),
            self_: Some(own),
            ..Push::of("text")
        };
        let mut seen = Seen::new(2);
        assert!(seen.insert(&by_uuid("a", false)));
        assert!(!seen.insert(&by_uuid("a", false)));
        assert!(seen.insert(&by_uuid("a", true)), "the other side may use the same uuid");
        let by_id = Push { id: "7".into(), ..Push::of("text") };
        assert!(seen.insert(&by_id));
        assert!(!seen.insert(&by_id));
        assert!(seen.insert(&by_uuid("a", false)), "forgotten");
        let nameless = Push::of("text");
        assert!(seen.insert(&nameless) && seen.insert(&nameless));
    }
}
