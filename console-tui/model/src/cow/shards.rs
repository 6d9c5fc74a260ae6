//! Maps and sets in shards that two copies share until one of them writes.
//!
//! Limit: [`SHARDS`] shards, whatever there is in them: of a hundred thousand entries a shard has a hundred.

use std::{
    borrow::Borrow,
    collections::{BTreeSet, btree_set},
    hash::{BuildHasher as _, Hash},
    ops::Bound,
    sync::Arc,
};

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Shards of a map or a set: a power of two.
const SHARDS: usize = 1024;

/// The shard of a key: by bits of its hash that a shard's own table does not go by.
fn shard_of<Q: Hash + ?Sized>(key: &Q) -> usize {
    (FxBuildHasher.hash_one(key) >> 24) as usize % SHARDS
}

/// A map.
#[derive(Debug, Clone)]
pub(crate) struct Shards<K, V> {
    shards: Vec<Arc<FxHashMap<K, V>>>,
    len: usize,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        // All of them are one empty map until they are written to.
        Self { shards: vec![Arc::default(); SHARDS], len: 0 }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shards<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.shards[shard_of(key)].get(key)
    }

    pub(crate) fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed.
    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        // A shard is not copied for nothing.
        self.get(key)?;
        Arc::make_mut(&mut self.shards[shard_of(key)]).get_mut(key)
    }

    /// The value that was there before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = Arc::make_mut(&mut self.shards[shard_of(&key)]).insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get(key)?;
        let removed = Arc::make_mut(&mut self.shards[shard_of(key)]).remove(key);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

/// A set of pairs, of which those with the same first are found together, in the order of the second.
#[derive(Debug, Clone)]
pub(crate) struct PairSet<A> {
    shards: Vec<Arc<BTreeSet<(A, u32)>>>,
}

impl<A> Default for PairSet<A> {
    fn default() -> Self {
        Self { shards: vec![Arc::default(); SHARDS] }
    }
}

impl<A: Ord + Hash + Copy> PairSet<A> {
    pub(crate) fn insert(&mut self, first: A, second: u32) {
        let shard = &mut self.shards[shard_of(&first)];
        if !shard.contains(&(first, second)) {
            Arc::make_mut(shard).insert((first, second));
        }
    }

    pub(crate) fn remove(&mut self, first: A, second: u32) {
        let shard = &mut self.shards[shard_of(&first)];
        if shard.contains(&(first, second)) {
            Arc::make_mut(shard).remove(&(first, second));
        }
    }

    /// What stands with `first`, ascending.
    pub(crate) fn of(&self, first: A) -> impl DoubleEndedIterator<Item = u32> {
        let range = (Bound::Included((first, 0)), Bound::Included((first, u32::MAX)));
        let range: btree_set::Range<'_, (A, u32)> = self.shards[shard_of(&first)].range(range);
        range.map(|(_, second)| *second)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a plain map does, and a copy stays as it was.
        #[test]
        fn it_is_a_map_and_copies_are_apart(steps in prop::collection::vec((0_u8..5, 0_u32..50, any::<u8>()), 1..300)) {
            let mut shards: Shards<u32, u8> = Shards::default();
            let mut plain: BTreeMap<u32, u8> = BTreeMap::new();
            let mut copies = Vec::new();
            for (step, key, value) in steps {
                match step {
                    0 | 1 => prop_assert_eq!(shards.insert(key, value), plain.insert(key, value)),
                    2 => prop_assert_eq!(shards.remove(&key), plain.remove(&key)),
                    3 => {
                        prop_assert_eq!(shards.get_mut(&key).copied(), plain.get(&key).copied());
                        if let (Some(of), Some(same)) = (shards.get_mut(&key), plain.get_mut(&key)) {
                            (*of, *same) = (value, value);
                        }
                    }
                    _ => copies.push((shards.clone(), plain.clone())),
                }
            }
            copies.push((shards, plain));
            for (shards, plain) in copies {
                prop_assert_eq!(shards.len(), plain.len());
                let all: BTreeMap<u32, u8> = shards.iter().map(|(key, value)| (*key, *value)).collect();
                prop_assert_eq!(all, plain);
            }
        }

        #[test]
        fn pairs_are_found_by_their_first(pairs in prop::collection::vec((0_u32..20, 0_u32..20, any::<bool>()), 1..200)) {
            let mut set: PairSet<u32> = PairSet::default();
            let mut plain: BTreeSet<(u32, u32)> = BTreeSet::new();
            let mut copy = None;
            for (n, (first, second, add)) in pairs.iter().enumerate() {
                if *add {
                    set.insert(*first, *second);
                    plain.insert((*first, *second));
                } else {
                    set.remove(*first, *second);
                    plain.remove(&(*first, *second));
                }
                if n == pairs.len() / 2 {
                    copy = Some((set.clone(), plain.clone()));
                }
            }
            for (set, plain) in copy.into_iter().chain([(set, plain)]) {
                for first in 0..20 {
                    let of: Vec<u32> = set.of(first).collect();
                    let wanted: Vec<u32> = plain.range((first, 0)..=(first, u32::MAX)).map(|(_, second)| *second).collect();
                    prop_assert_eq!(of, wanted);
                }
            }
        }
    }
}
