//! Requests that wait for an answer.
//!
//! Most answers come in the order of the requests and long before the deadline. The tables are made
//! for that: queues in the order of the ids, in which what ended leaves a hole until the front
//! reaches it, or until there are more holes than requests.

mod index;

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::hash::Hash;
use std::time::Instant;

use index::Index;

use super::event::RequestId;
use crate::table::Table;

/// Holes that are never worth a walk through the queue.
const FEW: usize = 32;

/// What waits: by local id, by deadline and by the service's key on the wire.
#[derive(Debug)]
pub(super) struct Requests<K, A> {
    next: u64,
    /// In the order of the ids; the first one waits.
    table: VecDeque<(RequestId, Option<Pending<K, A>>)>,
    /// How many wait.
    len: usize,
    /// Deadlines as they were given first: in order, for the span is always the same. The first one
    /// holds.
    deadlines: VecDeque<(Instant, RequestId)>,
    /// Those that were moved.
    moved: Table<(Instant, RequestId), ()>,
    keys: Index,
}

#[derive(Debug)]
struct Pending<K, A> {
    /// With its hash.
    key: Option<(u64, K)>,
    ask: A,
    deadline: Instant,
    /// The deadline is among those that were moved.
    moved: bool,
}

impl<K: Hash + Eq, A> Requests<K, A> {
    pub(super) const fn new() -> Self {
        Self {
            next: 1,
            table: VecDeque::new(),
            len: 0,
            deadlines: VecDeque::new(),
            moved: Table::new(),
            keys: Index::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, key: Option<K>, ask: A, deadline: Instant) -> RequestId {
        let id = RequestId::new(self.next);
        self.next += 1;
        let key = key.map(|key| (index::hash(&key), key));
        if let Some((hash, key)) = &key {
            if let Some(former) = self.by_hash(*hash, key) {
                self.keys.remove(*hash, former);
            }
            self.keys.insert(*hash, id);
        }
        // A caller whose spans differ is served as well, by the table of those that moved.
        let moved = self.deadlines.back().is_some_and(|(last, _)| *last > deadline);
        if moved {
            self.moved.add_key((deadline, id));
        } else {
            self.deadlines.push_back((deadline, id));
        }
        self.table.push_back((id, Some(Pending { key, ask, deadline, moved })));
        self.len += 1;
        id
    }

    pub(super) fn by_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<RequestId>
    where
        K: Borrow<Q>,
    {
        if self.keys.is_empty() {
            return None;
        }
        self.by_hash(index::hash(key), key)
    }

    fn by_hash<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<RequestId>
    where
        K: Borrow<Q>,
    {
        let is_it = |id| {
            let found = self.pending(id).and_then(|it| it.key.as_ref());
            found.is_some_and(|(_, found)| found.borrow() == key)
        };
        self.keys.find(hash, is_it)
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&A> {
        self.pending(id).map(|pending| &pending.ask)
    }

    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut A> {
        self.pending_mut(id).map(|pending| &mut pending.ask)
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<A> {
        let at = self.place(id)?;
        let pending = self.table.get_mut(at)?.1.take()?;
        self.len -= 1;
        if let Some((hash, _)) = pending.key {
            self.keys.remove(hash, id);
        }
        if pending.moved {
            self.moved.remove(&(pending.deadline, id));
        }
        self.tidy();
        Some(pending.ask)
    }

    pub(super) fn postpone(&mut self, id: RequestId, deadline: Instant) {
        let Some(pending) = self.pending_mut(id) else { return };
        let former = std::mem::replace(&mut pending.deadline, deadline);
        if std::mem::replace(&mut pending.moved, true) {
            self.moved.remove(&(former, id));
        }
        self.moved.add_key((deadline, id));
        self.tidy();
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.earliest().map(|(at, _)| at)
    }

    pub(super) fn due(&self, now: Instant) -> Option<RequestId> {
        self.earliest().filter(|(at, _)| *at <= now).map(|(_, id)| id)
    }

    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.table.iter().filter(|(_, pending)| pending.is_some()).map(|(id, _)| *id).collect()
    }

    fn earliest(&self) -> Option<(Instant, RequestId)> {
        let (first, moved) = (self.deadlines.front(), self.moved.first());
        first.into_iter().chain(moved).min().copied()
    }

    /// Where a request stands: ids count up, so as far behind the first as its id is, less the holes
    /// that were closed.
    fn place(&self, id: RequestId) -> Option<usize> {
        let (first, _) = self.table.front()?;
        let ahead = usize::try_from(id.get().checked_sub(first.get())?).ok()?;
        if self.table.get(ahead).is_some_and(|(found, _)| *found == id) {
            return Some(ahead);
        }
        self.table.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    fn pending(&self, id: RequestId) -> Option<&Pending<K, A>> {
        self.table.get(self.place(id)?)?.1.as_ref()
    }

    fn pending_mut(&mut self, id: RequestId) -> Option<&mut Pending<K, A>> {
        let at = self.place(id)?;
        self.table.get_mut(at)?.1.as_mut()
    }

    /// Takes holes away: all in front, and the others when there are too many.
    fn tidy(&mut self) {
        while self.table.front().is_some_and(|(_, pending)| pending.is_none()) {
            self.table.pop_front();
        }
        if self.table.len() > 2 * self.len + FEW {
            self.table.retain(|(_, pending)| pending.is_some());
        }
        while let Some((_, id)) = self.deadlines.front()
            && !self.is_where_it_was(*id)
        {
            self.deadlines.pop_front();
        }
        if self.deadlines.len() > 2 * self.len + FEW {
            let deadlines = std::mem::take(&mut self.deadlines);
            let hold = deadlines.into_iter().filter(|(_, id)| self.is_where_it_was(*id)).collect();
            self.deadlines = hold;
        }
    }

    /// Whether a request waits, with the deadline that it was given first.
    fn is_where_it_was(&self, id: RequestId) -> bool {
        self.pending(id).is_some_and(|pending| !pending.moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn one_that_waits_long_keeps_little() {
        let (mut requests, start) = (Requests::<u32, u32>::new(), start());
        let old = requests.insert(Some(0), 0, start);
        for number in 1..10_000 {
            let id = requests.insert(Some(number), number, start);
            assert_eq!(requests.by_key(&number), Some(id));
            assert_eq!(requests.remove(id), Some(number));
        }
        assert_eq!((requests.len(), requests.by_key(&0)), (1, Some(old)));
        assert!(requests.table.len() <= 2 + FEW && requests.deadlines.len() <= 2 + FEW);
        assert_eq!(requests.next_deadline(), Some(start));
    }

    /// However many there were when most of them ended at once.
    #[test]
    fn one_that_outlives_many_keeps_little() {
        for many in [2 * FEW as u32, 2 * FEW as u32 + 1] {
            let (mut requests, start) = (Requests::<u32, u32>::new(), start());
            let ids: Vec<_> = (0..many).map(|it| requests.insert(Some(it), it, start)).collect();
            for id in &ids[1..] {
                requests.remove(*id);
            }
            for number in many..many + 10 * FEW as u32 {
                let id = requests.insert(Some(number), number, start);
                requests.remove(id);
            }
            assert!(requests.table.len() <= 2 + FEW && requests.deadlines.len() <= 2 + FEW);
            assert_eq!(requests.ids(), [ids[0]]);
        }
    }

    /// What a test does to both.
    #[derive(Clone, Debug)]
    enum Step {
        Insert { key: Option<u8>, deadline: u8 },
        Remove { id: u64 },
        Postpone { id: u64, deadline: u8 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (any::<Option<u8>>(), 0..40u8).prop_map(|(key, deadline)| Step::Insert { key, deadline }),
            2 => (1..120u64).prop_map(|id| Step::Remove { id }),
            1 => (1..120u64, 0..40u8).prop_map(|(id, deadline)| Step::Postpone { id, deadline }),
        ]
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        /// The same as three sorted tables would say.
        #[test]
        fn the_tables_agree_with_plain_ones(steps in proptest::collection::vec(step(), 0..200)) {
            let start = start();
            let at = |deadline: u8| start + Duration::from_millis(deadline.into());
            let mut requests = Requests::<u8, u64>::new();
            let mut plain = BTreeMap::<RequestId, (Option<u8>, Instant)>::new();
            let mut keys = BTreeMap::<u8, RequestId>::new();
            for step in steps {
                match step {
                    Step::Insert { key, deadline } => {
                        let id = requests.insert(key, 7, at(deadline));
                        plain.insert(id, (key, at(deadline)));
                        keys.extend(key.map(|key| (key, id)));
                    }
                    Step::Remove { id } => {
                        let id = RequestId::new(id);
                        prop_assert_eq!(requests.remove(id).is_some(), plain.remove(&id).is_some());
                        keys.retain(|_, of| *of != id);
                    }
                    Step::Postpone { id, deadline } => {
                        let id = RequestId::new(id);
                        requests.postpone(id, at(deadline));
                        plain.entry(id).and_modify(|it| it.1 = at(deadline));
                    }
                }
                prop_assert_eq!(requests.len(), plain.len());
                prop_assert_eq!(requests.ids(), plain.keys().copied().collect::<Vec<_>>());
                let earliest = plain.iter().map(|(id, (_, at))| (*at, *id)).min();
                prop_assert_eq!(requests.next_deadline(), earliest.map(|(at, _)| at));
                prop_assert_eq!(requests.due(at(20)), earliest.filter(|it| it.0 <= at(20)).map(|it| it.1));
                for key in 0..=u8::MAX {
                    prop_assert_eq!(requests.by_key(&key), keys.get(&key).copied());
                }
            }
        }
    }
}
