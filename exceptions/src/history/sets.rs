//! Sets of numbers, and texts by their hash, each kept once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

/// Hashes what is a hash already.
#[derive(Clone, Copy, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Makes [`AsIs`].
#[derive(Clone, Copy, Default)]
pub(super) struct BuildAsIs;

impl BuildHasher for BuildAsIs {
    type Hasher = AsIs;

    fn build_hasher(&self) -> AsIs {
        AsIs::default()
    }
}

/// A map whose keys are hashes.
pub(super) type ByHash<V> = HashMap<u64, V, BuildAsIs>;

/// A map with the fast hash.
pub(super) type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The hash of something; never 0, which stands for nothing.
pub(super) fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    foldhash::quality::FixedState::with_seed(7).hash_one(of).max(1)
}

/// Sets of numbers, each kept once: number 0 is the empty one.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    all: Vec<Box<[u32]>>,
    numbers: Map<Box<[u32]>, u32>,
}

/// The number of the empty set.
pub(super) const EMPTY: u32 = 0;

impl Default for Sets {
    fn default() -> Sets {
        let empty: Box<[u32]> = Box::default();
        Sets { all: vec![empty.clone()], numbers: Map::from_iter([(empty, EMPTY)]) }
    }
}

impl Sets {
    /// The number of a set; sorts the members.
    pub(super) fn of(&mut self, members: &mut Vec<u32>) -> u32 {
        if members.is_empty() {
            return EMPTY;
        }
        members.sort_unstable();
        members.dedup();
        if let Some(number) = self.numbers.get(members.as_slice()) {
            return *number;
        }
        let number = self.all.len() as u32;
        let set: Box<[u32]> = members.as_slice().into();
        self.all.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    /// The members of a set, in order.
    pub(super) fn members(&self, number: u32) -> &[u32] {
        self.all.get(number as usize).map_or(&[], |set| set)
    }

    /// The numbers that the sets of another store have here.
    pub(super) fn take(&mut self, other: &Sets) -> Vec<u32> {
        let mut scratch = Vec::new();
        let mut put = |set: &[u32]| {
            scratch.clear();
            scratch.extend_from_slice(set);
            self.of(&mut scratch)
        };
        other.all.iter().map(|set| put(set)).collect()
    }
}
