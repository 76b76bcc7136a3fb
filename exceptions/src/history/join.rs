//! Finds the rows of one message.
//!
//! A row that names no id, as a list of held messages does, is about the one message of the same sender, recipient and subject of which a row with
//! an id stands [`NEAR`] it; where there are two, or none, it stays alone, and is counted for itself: counts are then upper bounds.
//!
//! A network message id names a message, wherever it stands. Rows without one belong together if they share another id of their system,
//! or the Message-ID and the sender (the envelope sender or the From address); where a message with a network message id has that
//! Message-ID and sender too, they are about it. A Message-ID without a sender counts only where the whole history knows one sender for it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rayon::slice::ParallelSliceMut;

use super::part::{Copy, Look, Named, Part, Senders};
use super::row::is_network_id;
use super::sets::{ByHash, hash};

/// How near two exports of one system write down the same step of a message.
const NEAR: SignedDuration = SignedDuration::from_secs(60);

/// Gives every row the key of its message, puts them in order, and drops rows that say the same again.
pub(super) fn settle(part: &mut Part) {
    if !part.links.is_empty() || part.copies.iter().any(|copy| !is_network_id(copy.key)) {
        join(part);
    }
    part.copies.par_sort_unstable();
    part.copies.dedup_by_key(|copy| Copy { message_id: 0, ..*copy });
}

fn join(part: &mut Part) {
    let mut tokens = Tokens::default();
    for (one, other) in &part.links {
        tokens.unite(*one, *other);
    }
    let told = told(part);
    let mut wanted: ByHash<BTreeSet<u64>> = ByHash::default();
    for copy in part.copies.iter().filter(|copy| !is_network_id(copy.key)) {
        let own = Told::of(copy, &part.senders);
        let told = told.get(&copy.key).map_or(&own, |told| told);
        let Some(message_id) = told.message_id else { continue };
        let known = wanted.entry(message_id).or_default();
        for sender in &told.senders {
            known.insert(*sender);
            if copy.key != 0 {
                tokens.unite(copy.key, token(message_id, *sender));
            }
        }
        if let (Some(first), 0) = (told.senders.first(), copy.key) {
            let others = told.senders.iter().skip(1);
            others.for_each(|sender| tokens.unite(token(message_id, *first), token(message_id, *sender)));
        }
    }
    part.without_id = part.without_id.saturating_sub(by_looks(&mut part.looks, &mut tokens));
    // Which messages with a network message id those may be.
    let mut networks: ByHash<u64> = ByHash::default();
    let mut put = |token: u64, key: u64| {
        networks.entry(token).and_modify(|known| *known = (*known).min(key)).or_insert(key);
    };
    for copy in part.copies.iter().filter(|copy| is_network_id(copy.key)) {
        let Some(known) = wanted.get_mut(&copy.message_id) else { continue };
        for sender in Told::of(copy, &part.senders).senders {
            known.insert(sender);
            put(token(copy.message_id, sender), copy.key);
        }
    }
    let mut found: ByHash<u64> = ByHash::default();
    for (token, key) in &networks {
        let root = tokens.root(*token);
        found.entry(root).and_modify(|known| *known = (*known).min(*key)).or_insert(*key);
    }
    for (one, other) in &part.links {
        for key in [*one, *other].into_iter().filter(|key| is_network_id(*key)) {
            let root = tokens.root(key);
            found.entry(root).and_modify(|known| *known = (*known).min(key)).or_insert(key);
        }
    }
    let senders = &part.senders;
    for copy in part.copies.iter_mut().filter(|copy| !is_network_id(copy.key)) {
        let own = Told::of(copy, senders);
        let told = told.get(&copy.key).map_or(&own, |told| told);
        let sender = told.senders.first().copied().or_else(|| {
            let known = wanted.get(&told.message_id?)?;
            known.first().copied().filter(|_| known.len() == 1)
        });
        let by_message_id = told.message_id.map(|id| sender.map_or(hash(&id) & !1 | 2, |sender| token(id, sender)));
        let Some(start) = by_message_id.or(Some(copy.key).filter(|key| *key != 0)) else { continue };
        let root = tokens.root(start);
        copy.key = found.get(&root).copied().unwrap_or(root);
    }
}

/// Puts rows without an id to the one message that looks the same and is near; how many.
fn by_looks(looks: &mut [Look], tokens: &mut Tokens) -> u64 {
    looks.sort_unstable_by_key(|look| look.looks);
    // For each row without an id, the messages that it may be about.
    let mut meant: ByHash<BTreeSet<u64>> = ByHash::default();
    for alike in looks.chunk_by(|one, next| one.looks == next.looks) {
        let mut named: Vec<&Look> = alike.iter().filter(|look| look.named == Named::Id).collect();
        named.sort_unstable_by_key(|look| look.at);
        for nameless in alike.iter().filter(|look| look.named != Named::Id) {
            let first = named.partition_point(|look| nameless.at.duration_since(look.at) > NEAR);
            let near = named.iter().skip(first).take_while(|look| look.at.duration_since(nameless.at) <= NEAR);
            meant.entry(nameless.key).or_default().extend(near.map(|look| tokens.root(look.key)));
        }
    }
    let mut joined = 0;
    for look in looks.iter().filter(|look| look.named == Named::Looks) {
        let Some(messages) = meant.get(&look.key).filter(|messages| messages.len() == 1) else { continue };
        messages.iter().for_each(|message| tokens.unite(look.key, *message));
        joined += 1;
    }
    joined
}

/// What the rows with one id say of the message.
#[derive(Clone, Debug, Default)]
struct Told {
    /// The Message-ID; `None` if none, or several: the id was given again, and tells nothing.
    message_id: Option<u64>,
    /// Envelope senders and From addresses.
    senders: BTreeSet<u64>,
    is_several: bool,
}

impl Told {
    fn of(copy: &Copy, senders: &[Senders]) -> Told {
        let mut told = Told::default();
        told.take(copy, senders);
        told
    }

    fn take(&mut self, copy: &Copy, senders: &[Senders]) {
        if copy.message_id != 0 && !self.is_several {
            self.is_several = self.message_id.is_some_and(|known| known != copy.message_id);
            self.message_id = Some(copy.message_id).filter(|_| !self.is_several);
        }
        let named = senders.get(copy.sender as usize);
        let named = named.into_iter().flat_map(|one| [one.envelope, one.header]);
        self.senders.extend(named.filter(|sender| *sender != 0));
    }
}

fn told(part: &Part) -> ByHash<Told> {
    let mut all: ByHash<Told> = ByHash::default();
    for copy in part.copies.iter().filter(|copy| copy.key != 0 && !is_network_id(copy.key)) {
        all.entry(copy.key).or_default().take(copy, &part.senders);
    }
    all
}

/// The message that a sender names so.
pub(super) fn token(message_id: u64, sender: u64) -> u64 {
    hash(&(message_id, sender)) & !1 | 2
}

/// Which ids mean the same (disjoint sets; the least is the root).
#[derive(Default)]
struct Tokens(ByHash<u64>);

impl Tokens {
    fn root(&mut self, of: u64) -> u64 {
        let mut root = of;
        while let Some(above) = self.0.get(&root) {
            root = *above;
        }
        let mut at = of;
        while at != root {
            at = self.0.insert(at, root).unwrap_or(root);
        }
        root
    }

    fn unite(&mut self, one: u64, other: u64) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.0.insert(one.max(other), one.min(other));
        }
    }
}
