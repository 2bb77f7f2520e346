//! Ordered maps that are quick to compile.
//!
//! The sessions keep two dozen tables, each of other types, and `BTreeMap` is compiled anew for every
//! one: a third of all there was to compile. Here the part that orders knows no types, so a table
//! adds little more than a vector of its entries.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

/// An ordered map: finding takes the logarithm of its length, a change moves a few numbers besides.
///
/// The room of what was removed is used again, and kept until [`clear`](Self::clear).
#[derive(Clone)]
pub(crate) struct Table<K, V> {
    order: Order,
    /// In no order; what `order` names is there.
    slots: Vec<Option<(K, V)>>,
}

impl<K, V> Table<K, V> {
    pub(crate) const fn new() -> Self {
        Self { order: Order { runs: Vec::new(), free: Vec::new() }, slots: Vec::new() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.slots.len() - self.order.free.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }
}

impl<K: Ord, V> Table<K, V> {
    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    pub(crate) fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let slot = self.order.slot(self.find(key).ok()?);
        self.slots[slot].as_ref().map(|(key, value)| (key, value))
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let slot = self.order.slot(self.find(key).ok()?);
        self.slots[slot].as_mut().map(|(_, value)| value)
    }

    pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Puts `value` there; gives back what was there.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => {
                let there = self.slots[self.order.slot(place)].as_mut();
                there.map(|(_, there)| std::mem::replace(there, value))
            }
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    /// A new entry, at the place where its key was not found. Its slot.
    fn put(&mut self, place: Place, key: K, value: V) -> usize {
        let slot = self.order.claim(place, self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some((key, value));
        slot
    }

    /// What is there; if nothing is, what `make` makes.
    pub(crate) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let slot = match self.find(&key) {
            Ok(place) => self.order.slot(place),
            Err(place) => self.put(place, key, make()),
        };
        let entry = self.slots[slot].as_mut();
        entry.map(|(_, value)| value).expect("the order names slots that hold something")
    }

    /// What is there; if nothing is, the default.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.take(place).map(|(_, value)| value)
    }

    pub(crate) fn first(&self) -> Option<&K> {
        self.iter().next().map(|(key, _)| key)
    }

    pub(crate) fn pop_first(&mut self) -> Option<(K, V)> {
        self.take(Place { run: 0, at: 0 })
    }

    fn take(&mut self, place: Place) -> Option<(K, V)> {
        let slot = self.order.remove(place)?;
        self.slots[slot].take()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let Self { order, slots } = self;
        order.retain(&mut |slot| {
            let entry = &mut slots[slot as usize];
            let keeps = entry.as_mut().is_some_and(|(key, value)| keep(key, value));
            if !keeps {
                *entry = None;
            }
            keeps
        });
    }

    /// All values, by their keys.
    pub(crate) fn into_values(mut self) -> Vec<V> {
        std::iter::from_fn(|| self.pop_first()).map(|(_, value)| value).collect()
    }

    /// All entries, by their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut places = self.order.places();
        std::iter::from_fn(move || {
            let entry = self.slots[places.next()?].as_ref();
            entry.map(|(key, value)| (key, value))
        })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, in no particular order, which is the same in every run.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().flatten().map(|(_, value)| value)
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        if self.order.runs.is_empty() {
            return Err(Place { run: 0, at: 0 });
        }
        self.order.find(&mut |slot| match &self.slots[slot as usize] {
            Some((there, _)) => there.borrow().cmp(key),
            None => Ordering::Less,
        })
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.len())
    }
}

impl<K: Ord> Table<K, ()> {
    /// As a set: whether the key is new.
    pub(crate) fn add_key(&mut self, key: K) -> bool {
        self.insert(key, ()).is_none()
    }
}

/// Most slots in a run.
const RUN: usize = 64;

/// The numbers of slots in the order of their keys, in runs: none is empty, and none so long that a
/// change in it would count.
#[derive(Clone)]
struct Order {
    runs: Vec<Vec<u32>>,
    /// Slots that nothing is in.
    free: Vec<u32>,
}

/// The slots that are still to come, in order.
struct Places<'o> {
    run: std::slice::Iter<'o, u32>,
    runs: std::slice::Iter<'o, Vec<u32>>,
}

impl Places<'_> {
    fn next(&mut self) -> Option<usize> {
        loop {
            if let Some(slot) = self.run.next() {
                return Some(*slot as usize);
            }
            self.run = self.runs.next()?.iter();
        }
    }
}

/// Where a slot stands, or would.
#[derive(Clone, Copy)]
struct Place {
    run: usize,
    at: usize,
}

impl Order {
    /// `compare` says how the key in a slot stands to the one that is looked for.
    #[inline(never)]
    fn find(&self, compare: &mut dyn FnMut(u32) -> Ordering) -> Result<Place, Place> {
        // The last run that does not start behind the key. Most tables have one.
        let run = match self.runs.len() {
            0 | 1 => 0,
            _ => self.runs.partition_point(|run| compare(run[0]).is_le()).saturating_sub(1),
        };
        let slots = self.runs.get(run).map_or(&[][..], Vec::as_slice);
        let found = slots.binary_search_by(|slot| compare(*slot));
        found.map(|at| Place { run, at }).map_err(|at| Place { run, at })
    }

    /// The slot at a place that was found.
    fn slot(&self, Place { run, at }: Place) -> usize {
        self.runs[run][at] as usize
    }

    fn places(&self) -> Places<'_> {
        Places { run: [].iter(), runs: self.runs.iter() }
    }

    /// A slot for what comes to this place: a free one, or the one behind the `used` ones.
    fn claim(&mut self, place: Place, used: usize) -> usize {
        let slot = self.free.pop().unwrap_or(used as u32);
        self.insert(place, slot);
        slot as usize
    }

    #[inline(never)]
    fn insert(&mut self, Place { run, at }: Place, slot: u32) {
        let Some(slots) = self.runs.get_mut(run) else {
            return self.runs.push(vec![slot]);
        };
        slots.insert(at, slot);
        if slots.len() > RUN {
            // Keys that ascend fill the runs that they leave behind.
            let half = slots.split_off(if at == RUN { RUN } else { RUN / 2 });
            self.runs.insert(run + 1, half);
        }
    }

    #[inline(never)]
    fn remove(&mut self, Place { run, at }: Place) -> Option<usize> {
        let slots = self.runs.get_mut(run)?;
        let slot = (at < slots.len()).then(|| slots.remove(at))?;
        if slots.is_empty() {
            self.runs.remove(run);
        }
        self.free.push(slot);
        Some(slot as usize)
    }

    fn retain(&mut self, keep: &mut dyn FnMut(u32) -> bool) {
        let Self { runs, free } = self;
        runs.retain_mut(|run| {
            run.retain(|slot| {
                let keeps = keep(*slot);
                if !keeps {
                    free.push(*slot);
                }
                keeps
            });
            !run.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Insert(u16, u8),
        Default(u16),
        Remove(u16),
        PopFirst,
        Retain(u8),
        Clear,
    }

    fn op() -> impl Strategy<Value = Op> {
        let key = 0..300_u16;
        prop_oneof![
            12 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Op::Insert(key, value)),
            4 => key.clone().prop_map(Op::Default),
            6 => key.prop_map(Op::Remove),
            2 => Just(Op::PopFirst),
            1 => any::<u8>().prop_map(Op::Retain),
            1 => prop_oneof![9 => Just(Op::PopFirst), 1 => Just(Op::Clear)],
        ]
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        #[test]
        fn is_what_a_b_tree_is(ops in proptest::collection::vec(op(), 0..400)) {
            let (mut ours, mut model) = (Table::new(), BTreeMap::new());
            for op in ops {
                match op {
                    Op::Insert(key, value) => {
                        prop_assert_eq!(ours.insert(key, value), model.insert(key, value));
                    }
                    Op::Default(key) => {
                        prop_assert_eq!(ours.get_or_default(key), model.entry(key).or_default());
                    }
                    Op::Remove(key) => prop_assert_eq!(ours.remove(&key), model.remove(&key)),
                    Op::PopFirst => prop_assert_eq!(ours.pop_first(), model.pop_first()),
                    Op::Retain(least) => {
                        ours.retain(|_, value| *value >= least / 4);
                        model.retain(|_, value| *value >= least / 4);
                    }
                    Op::Clear => {
                        ours.clear();
                        model.clear();
                    }
                }
                prop_assert_eq!(ours.len(), model.len());
                prop_assert_eq!(ours.first(), model.keys().next());
            }
            prop_assert!(ours.iter().eq(model.iter()));
            let mut values: Vec<_> = ours.values_mut().map(|value| *value).collect();
            let mut expected: Vec<_> = model.values().copied().collect();
            values.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(values, expected);
            for key in 0..300 {
                prop_assert_eq!(ours.get(&key), model.get(&key));
                prop_assert_eq!(ours.get_mut(&key), model.get_mut(&key));
                prop_assert_eq!(ours.contains_key(&key), model.contains_key(&key));
            }
            prop_assert!(ours.order.runs.iter().all(|run| (1..=RUN).contains(&run.len())));
        }
    }

    #[test]
    fn room_is_used_again() {
        let mut table = Table::new();
        for key in 0..10_000_u32 {
            table.insert(key, key);
            if key >= 10 {
                assert_eq!(table.pop_first(), Some((key - 10, key - 10)));
            }
        }
        assert_eq!((table.len(), table.slots.len()), (10, 11));
    }

    #[test]
    fn few_runs_hold_many_keys_in_any_order() {
        for step in [1, 7919, 9999] {
            let mut table = Table::new();
            for number in 0..10_000_u32 {
                table.add_key(number * step % 10_000);
            }
            assert!(table.keys().copied().eq(0..10_000));
            assert!(table.order.runs.len() <= 10_000 / (RUN / 2) + 1, "{step}");
        }
    }
}
