use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Keys by 128 bits of hash, so that millions of them fit into memory. Two keys that fall together would hide a finding; that happens
/// once in 10^24 checks of a million keys.
#[derive(Debug)]
pub(super) struct Fingerprints<V> {
    hashers: [RandomState; 2],
    values: HashMap<u128, V>,
}

impl<V> Default for Fingerprints<V> {
    fn default() -> Self {
        Self { hashers: [RandomState::new(), RandomState::new()], values: HashMap::new() }
    }
}

impl<V> Fingerprints<V> {
    fn of(&self, key: &str) -> u128 {
        let [high, low] = &self.hashers;
        u128::from(high.hash_one(key)) << 64 | u128::from(low.hash_one(key))
    }

    pub(super) fn insert(&mut self, key: &str, value: V) {
        self.values.insert(self.of(key), value);
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.values.contains_key(&self.of(key))
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.values.get(&self.of(key))
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.values.get_mut(&self.of(key))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.values()
    }
}
