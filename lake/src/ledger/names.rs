//! Every text once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::num::NonZeroU32;

use foldhash::fast::FixedState;

/// A text that a ledger keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(NonZeroU32);

impl Name {
    /// Its place among the names, from 0.
    pub(super) fn number(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Texts that are kept once each, however often they are said.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// Where each text ends; it starts where the one before it ends.
    ends: Vec<usize>,
    by_hash: HashMap<u64, Name, BuildHasherDefault<AsIs>>,
    /// The last names of some lengths and endings: most rows repeat what others say.
    recent: Vec<Option<Name>>,
}

fn hash(text: &str, salt: u8) -> u64 {
    FixedState::with_seed(u64::from(salt)).hash_one(text)
}

/// How many recent names are remembered.
const RECENT: usize = 256;

/// Where a text is remembered.
fn place(text: &str) -> usize {
    let bytes = text.as_bytes();
    let last = bytes.iter().rev().take(3).fold(bytes.len(), |sum, byte| sum * 31 + usize::from(*byte));
    last % RECENT
}

/// For keys that are hashes already.
#[derive(Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Names {
    /// The name of a text; `None` for an empty one.
    pub(super) fn of(&mut self, text: &str) -> Option<Name> {
        if text.is_empty() {
            return None;
        }
        let place = place(text);
        if let Some(Some(name)) = self.recent.get(place)
            && self.text(*name) == text
        {
            return Some(*name);
        }
        let name = self.find(text);
        self.recent.resize(RECENT, None);
        self.recent[place] = name;
        name
    }

    fn find(&mut self, text: &str) -> Option<Name> {
        // Two texts with one hash: the next hash is tried, so that each text has its own.
        for salt in 0_u8..=u8::MAX {
            match self.by_hash.entry(hash(text, salt)) {
                Entry::Occupied(known) => {
                    let name = *known.get();
                    if self.text(name) == text {
                        return Some(name);
                    }
                }
                Entry::Vacant(free) => {
                    let number = u32::try_from(self.ends.len() + 1).ok().and_then(NonZeroU32::new)?;
                    self.text.push_str(text);
                    self.ends.push(self.text.len());
                    return Some(*free.insert(Name(number)));
                }
            }
        }
        None
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of a name.
    pub(super) fn text(&self, name: Name) -> &str {
        let at = name.number();
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    /// The name of a text that is known already.
    pub(super) fn known(&self, text: &str) -> Option<Name> {
        (0_u8..=u8::MAX).find_map(|salt| match self.by_hash.get(&hash(text, salt)) {
            None => Some(None),
            Some(name) if self.text(*name) == text => Some(Some(*name)),
            Some(_) => None,
        })?
    }

    /// All texts, in the order of their names.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}
