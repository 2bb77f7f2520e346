//! Ids by the hash of a key.

use std::hash::{Hash, Hasher};

use crate::client::event::RequestId;

/// A table with open addressing: an id stands where its hash points to, or shortly behind. Keys stay
/// with what they belong to.
///
/// The keys are ours, drawn at random; a peer cannot choose them to collide.
#[derive(Debug)]
pub(super) struct Index {
    /// None, or a power of two; at most half of them are taken.
    places: Vec<Option<(u64, RequestId)>>,
    len: usize,
}

/// The hash of a key, the same in every run.
pub(super) fn hash<Q: Hash + ?Sized>(key: &Q) -> u64 {
    let mut hasher = Mixer(0);
    key.hash(&mut hasher);
    hasher.finish()
}

impl Index {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), len: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an id that is not there.
    pub(super) fn insert(&mut self, hash: u64, id: RequestId) {
        if (self.len + 1) * 2 > self.places.len() {
            let places = vec![None; (self.places.len() * 2).max(16)];
            let former = std::mem::replace(&mut self.places, places);
            former.into_iter().flatten().for_each(|(hash, id)| self.put(hash, id));
        }
        self.put(hash, id);
        self.len += 1;
    }

    /// The id with this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(RequestId) -> bool) -> Option<RequestId> {
        let mut at = self.home(hash);
        while let Some((found, id)) = *self.places.get(at)? {
            if found == hash && is_it(id) {
                return Some(id);
            }
            at = self.after(at);
        }
        None
    }

    /// Takes an id out, if it is there.
    pub(super) fn remove(&mut self, hash: u64, id: RequestId) {
        let mut hole = self.home(hash);
        loop {
            match self.places.get(hole) {
                Some(Some((_, found))) if *found == id => break,
                Some(Some(_)) => hole = self.after(hole),
                Some(None) | None => return,
            }
        }
        self.len -= 1;
        // Those behind move up, unless they would then stand before where their hash points to.
        let mut at = hole;
        loop {
            at = self.after(at);
            let Some(Some((hash, _))) = self.places.get(at) else { break };
            let (from_home, from_hole) = (self.steps(self.home(*hash), at), self.steps(hole, at));
            if from_home >= from_hole {
                self.places.swap(hole, at);
                hole = at;
            }
        }
        self.places[hole] = None;
    }

    fn put(&mut self, hash: u64, id: RequestId) {
        let mut at = self.home(hash);
        while self.places[at].is_some() {
            at = self.after(at);
        }
        self.places[at] = Some((hash, id));
    }

    /// Where the hash points to.
    fn home(&self, hash: u64) -> usize {
        // Only the low bits are kept: a hash that is longer than `usize` loses none of them.
        (hash as usize) & self.places.len().wrapping_sub(1)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & self.places.len().wrapping_sub(1)
    }

    fn steps(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.places.len().wrapping_sub(1)
    }
}

/// Eight bytes at a time: multiply, and fold the halves.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ 0x9E37_79B9_7F4A_7C15) * 0xBF58_476D_1CE4_E5B9;
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(byte.into());
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_text_hashes_as_its_string_does() {
        assert_eq!(hash("99c5075a"), hash(&"99c5075a".to_owned()));
        assert_ne!(hash("99c5075a"), hash("99c5075b"));
        assert_ne!(hash("1"), hash("2"));
    }

    proptest! {
        #![proptest_config(crate::same_cases_each_run())]

        /// Few hashes, so that they crowd together and wrap around.
        #[test]
        fn what_was_put_in_is_found(steps in proptest::collection::vec((any::<bool>(), 0..20u64), 0..200)) {
            let (mut index, mut plain) = (Index::new(), BTreeSet::new());
            for (insert, number) in steps {
                let (hash, id) = (u64::MAX - number % 5, RequestId::new(number));
                if insert && plain.insert(number) {
                    index.insert(hash, id);
                } else if !insert {
                    index.remove(hash, id);
                    plain.remove(&number);
                }
                for number in 0..20 {
                    let found = index.find(u64::MAX - number % 5, |id| id.get() == number);
                    prop_assert_eq!(found.is_some(), plain.contains(&number));
                }
                prop_assert_eq!(index.len, plain.len());
            }
        }
    }
}
