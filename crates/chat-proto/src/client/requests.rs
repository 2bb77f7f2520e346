//! Requests that wait for an answer.

use std::borrow::Borrow;
use std::time::Instant;

use super::event::RequestId;
use crate::table::Table;

/// What waits: by local id, by deadline and by the service's key on the wire.
#[derive(Debug)]
pub(super) struct Requests<K, A> {
    next: u64,
    table: Table<RequestId, Pending<K, A>>,
    deadlines: Table<(Instant, RequestId), ()>,
    keys: Table<K, RequestId>,
}

#[derive(Debug)]
struct Pending<K, A> {
    key: Option<K>,
    ask: A,
    deadline: Instant,
}

impl<K: Ord + Clone, A> Requests<K, A> {
    pub(super) const fn new() -> Self {
        Self { next: 1, table: Table::new(), deadlines: Table::new(), keys: Table::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn insert(&mut self, key: Option<K>, ask: A, deadline: Instant) -> RequestId {
        let id = RequestId::new(self.next);
        self.next += 1;
        if let Some(key) = &key {
            self.keys.insert(key.clone(), id);
        }
        self.deadlines.add_key((deadline, id));
        self.table.insert(id, Pending { key, ask, deadline });
        id
    }

    pub(super) fn by_key<Q: Ord + ?Sized>(&self, key: &Q) -> Option<RequestId>
    where
        K: Borrow<Q>,
    {
        self.keys.get(key).copied()
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&A> {
        self.table.get(&id).map(|pending| &pending.ask)
    }

    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut A> {
        self.table.get_mut(&id).map(|pending| &mut pending.ask)
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<A> {
        let pending = self.table.remove(&id)?;
        self.deadlines.remove(&(pending.deadline, id));
        if let Some(key) = &pending.key
            && self.keys.get(key) == Some(&id)
        {
            self.keys.remove(key);
        }
        Some(pending.ask)
    }

    pub(super) fn postpone(&mut self, id: RequestId, deadline: Instant) {
        if let Some(pending) = self.table.get_mut(&id) {
            self.deadlines.remove(&(pending.deadline, id));
            pending.deadline = deadline;
            self.deadlines.add_key((deadline, id));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn due(&self, now: Instant) -> Option<RequestId> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.table.keys().copied().collect()
    }
}
