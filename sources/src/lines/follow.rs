//! Which lines are about the message: from its ids to further ids, until nothing new is found.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use evidence::{Address, Identifier};
use jiff::Timestamp;

use super::search::{self, Needles};
use super::{File, LineLog, Role, Seen};
use crate::Message;

/// How many rounds of closing over ids are made at most.
const MAX_ROUNDS: usize = 24;
/// How many words are searched for at most: a message has few ids.
const MAX_WORDS: usize = 10_000;
/// How many of its messages a session's line is told to be of.
const MAX_OWNERS: usize = 64;
/// How far from the message in seconds a line with its looks may lie.
const NEAR_SECONDS: u64 = 2 * 24 * 60 * 60;
/// How far before the start of a life in seconds its lines may stand: clocks of a log have whole seconds.
const SLACK_SECONDS: i64 = 2;

/// The lines that are about the message.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// By their start.
    pub(super) lines: BTreeMap<usize, OwnLine>,
    /// The host that other files know for an id of this log, for lines that name none.
    pub(super) host: String,
}

/// One line of the message.
#[derive(Debug)]
pub(super) struct OwnLine {
    pub(super) role: Role,
    /// The message's ids, for a session's line.
    pub(super) of: Vec<Identifier>,
}

/// A key on a host.
type Key = (String, String);
/// One life of a key, by its start.
type Life = (Key, Option<Timestamp>);

/// The search for one message in one log.
pub(super) struct Follow<'a, K> {
    file: &'a File<'a, K>,
    message: &'a Message,
    by_ids: bool,
    seen: BTreeMap<usize, Seen>,
    searched: HashSet<String>,
}

/// What is known of the message after a round.
#[derive(Default)]
struct Known {
    lines: BTreeMap<usize, Role>,
    /// Sessions' lines, with the message's keys.
    of: HashMap<usize, BTreeSet<Key>>,
    message_ids: BTreeSet<String>,
    /// Keys with the starts of their lives that are the message's.
    keys: BTreeMap<Key, (Role, BTreeSet<Option<Timestamp>>)>,
    sessions: BTreeSet<Key>,
}

/// Words of a message that are looked for in a log.
pub(super) fn words(message: &Message) -> BTreeSet<&str> {
    let is_in_logs =
        |id: &&Identifier| matches!(id, Identifier::MessageId(_) | Identifier::QueueId { .. } | Identifier::MailId(_));
    message.ids.iter().filter(is_in_logs).map(Identifier::text).filter(|text| !text.is_empty()).collect()
}

impl<'a, K: LineLog> Follow<'a, K> {
    pub(super) fn new(file: &'a File<'a, K>, message: &'a Message, by_ids: bool) -> Follow<'a, K> {
        let searched = words(message).into_iter().map(str::to_owned).collect();
        Follow { file, message, by_ids, seen: BTreeMap::new(), searched }
    }

    /// Takes the lines that hold a known word, and follows them to all lines of the message.
    pub(super) fn run(mut self, hits: &[usize]) -> Own {
        self.take(hits);
        let mut known = self.known();
        for _ in 0..MAX_ROUNDS {
            if self.file.query.progress.is_cancelled() || !self.search_on(&known) {
                break;
            }
            known = self.known();
        }
        self.own(known)
    }

    fn take(&mut self, hits: &[usize]) {
        let mut last = None;
        for hit in hits {
            let start = self.file.record_start(*hit, last);
            last = Some((*hit, start));
            if let Some(start) = start
                && !self.seen.contains_key(&start)
                && let Some(seen) = self.file.see(start)
            {
                self.seen.insert(start, seen);
            }
        }
    }

    /// Searches for the words that the known lines brought; `false` if there is none.
    fn search_on(&mut self, known: &Known) -> bool {
        let keys = known.keys.keys().chain(&known.sessions).map(|(_, word)| word);
        let mut words: BTreeSet<String> = keys.chain(&known.message_ids).cloned().collect();
        if !self.by_ids {
            // Only lines that name an address were found: the others of their messages say whether both fit.
            let candidates = self.seen.values().filter(|seen| self.may_be_near(seen));
            words.extend(candidates.flat_map(|seen| seen.keys.iter().cloned()).take(MAX_WORDS));
        }
        words.retain(|word| !self.searched.contains(word));
        if words.is_empty() || self.searched.len() > MAX_WORDS {
            return false;
        }
        let bytes = self.file.log.bytes();
        let needles = Needles::new(words.iter().map(String::as_str));
        let hits = search::find(bytes, 0..bytes.len(), &needles, self.file.query.progress);
        self.take(&hits);
        self.searched.extend(words);
        true
    }

    /// Whether a line lies near enough to the message in time to be its; without an instant any line does.
    fn may_be_near(&self, seen: &Seen) -> bool {
        let around = &self.message.likeness.around;
        let near =
            |at: Timestamp| around.iter().any(|known| known.as_second().abs_diff(at.as_second()) <= NEAR_SECONDS);
        around.is_empty() || seen.at.is_none_or(near)
    }

    /// Says which of the lines seen so far are the message's.
    fn known(&self) -> Known {
        let index = Index::of(&self.seen);
        let mut known =
            Known { message_ids: self.message.message_ids().map(str::to_owned).collect(), ..Known::default() };
        let mut sessions: HashMap<Life, BTreeSet<String>> = HashMap::new();
        let mut open: Vec<(usize, Role)> = Vec::new();
        match self.by_ids {
            true => open.extend(self.sure(&known)),
            false => open.extend(self.alike(&index)),
        }
        while let Some((start, role)) = open.pop() {
            if known.lines.contains_key(&start) {
                continue;
            }
            known.lines.insert(start, role);
            let Some(seen) = self.seen.get(&start) else { continue };
            if role == Role::Own {
                for id in seen.message_ids.iter().filter(|id| !known.message_ids.contains(*id)) {
                    open.extend(index.message_ids.get(id).into_iter().flatten().map(|line| (*line, role)));
                }
                known.message_ids.extend(seen.message_ids.iter().cloned());
            }
            let own = seen.keys.iter().map(|key| (key, role));
            let linked = seen.links.iter().filter(|_| role == Role::Own).map(|(key, role)| (key, *role));
            for (word, role) in own.chain(linked) {
                let key = (seen.host.clone(), word.clone());
                let life = index.life(&key, seen.at);
                let (_, lives) = known.keys.entry(key.clone()).or_insert_with(|| (role, BTreeSet::new()));
                if lives.insert(life) {
                    let of_life = (key, life);
                    open.extend(index.keys.get(&of_life).into_iter().flatten().map(|line| (*line, role)));
                    // What a notice is tied to is the message again, and known by itself.
                    let children = index.children.get(&of_life).filter(|_| role == Role::Own);
                    open.extend(children.into_iter().flatten().copied());
                }
            }
            for word in seen.sessions.iter().filter(|_| role == Role::Own && !seen.keys.is_empty()) {
                let key = (seen.host.clone(), word.clone());
                let of_life = (key.clone(), index.life(&key, seen.at));
                known.sessions.insert(key);
                let owners = sessions.entry(of_life.clone()).or_default();
                for own in &seen.keys {
                    if owners.len() < MAX_OWNERS && owners.insert(own.clone()) {
                        for line in index.sessions.get(&of_life).into_iter().flatten() {
                            known.of.entry(*line).or_default().insert((seen.host.clone(), own.clone()));
                            open.push((*line, Role::Own));
                        }
                    }
                }
            }
        }
        known
    }

    /// The lines that carry an id of the message.
    fn sure(&self, known: &Known) -> Vec<(usize, Role)> {
        let outer: HashSet<(&str, &str)> = self
            .message
            .ids
            .iter()
            .filter_map(|id| match id {
                Identifier::QueueId { host, id } => Some((host.as_str(), id.as_str())),
                _ => None,
            })
            .collect();
        let bare: HashSet<&str> = outer.iter().map(|(_, id)| *id).collect();
        let around = &self.message.likeness.around;
        let near = |at: Option<Timestamp>| match at {
            Some(at) if !around.is_empty() => {
                around.iter().any(|known| known.as_second().abs_diff(at.as_second()) <= 10 * 24 * 60 * 60)
            }
            _ => true,
        };
        let is_outer = |seen: &Seen, key: &str| match seen.host.as_str() {
            "" => bare.contains(key),
            host => {
                let Identifier::QueueId { host, id } = self.file.kind.identifier(host, key) else { return false };
                outer.contains(&(host.as_str(), id.as_str())) || outer.contains(&("", id.as_str()))
            }
        };
        let is_it = |seen: &Seen| {
            seen.message_ids.iter().any(|id| known.message_ids.contains(id))
                || (near(seen.at) && seen.keys.iter().any(|key| is_outer(seen, key)))
                || (near(seen.at)
                    && (seen.message_ids.is_empty() || known.message_ids.is_empty())
                    && seen.borrowed.iter().any(|key| is_outer(seen, key)))
        };
        self.seen.iter().filter(|(_, seen)| is_it(seen)).map(|(start, _)| (*start, Role::Own)).collect()
    }

    /// The lines of the lives that have the looks of the message.
    fn alike(&self, index: &Index) -> Vec<(usize, Role)> {
        type Looks = (Vec<usize>, Vec<Address>, Vec<Address>, Option<Timestamp>);
        let mut lives: BTreeMap<(Key, Option<Timestamp>), Looks> = BTreeMap::new();
        for (start, seen) in &self.seen {
            // A line without a key stands for itself.
            let word = seen.keys.first().cloned().unwrap_or_else(|| format!("\n{start}"));
            let key = (seen.host.clone(), word);
            let life = index.life(&key, seen.at);
            let (lines, senders, recipients, at) = lives.entry((key, life)).or_default();
            lines.push(*start);
            senders.extend(seen.senders.iter().cloned());
            recipients.extend(seen.recipients.iter().cloned());
            *at = at.or(seen.at);
        }
        let likeness = &self.message.likeness;
        let fit =
            lives.into_values().filter(|(_, senders, recipients, at)| likeness.fits(senders, recipients, None, *at));
        fit.flat_map(|(lines, ..)| lines).map(|line| (line, Role::Own)).collect()
    }

    /// Gives the lines with their roles, and the ids of whoever a session's line belongs to.
    fn own(&self, mut known: Known) -> Own {
        let outer_host = |seen: &Seen| {
            self.message.ids.iter().find_map(|id| match id {
                Identifier::QueueId { host, id }
                    if !host.is_empty() && seen.keys.contains(id) || seen.borrowed.contains(id) =>
                {
                    Some(host.clone())
                }
                _ => None,
            })
        };
        let silent = known.lines.keys().filter_map(|start| self.seen.get(start)).filter(|seen| seen.host.is_empty());
        let host = silent.clone().find_map(outer_host).unwrap_or_default();
        let mut own = Own { host, ..Own::default() };
        for (start, role) in std::mem::take(&mut known.lines) {
            let keys = known.of.get(&start).into_iter().flatten();
            let of = keys
                .map(|(named, key)| self.file.kind.identifier(if named.is_empty() { &own.host } else { named }, key))
                .collect();
            own.lines.insert(start, OwnLine { role, of });
        }
        own
    }
}

/// The lines seen, by what stands in them.
#[derive(Default)]
struct Index {
    keys: HashMap<Life, Vec<usize>>,
    /// Lines that have no other id than the session's.
    sessions: HashMap<Life, Vec<usize>>,
    message_ids: HashMap<String, Vec<usize>>,
    children: HashMap<Life, Vec<(usize, Role)>>,
    /// When the lives of a key begin, ascending.
    begins: HashMap<Key, Vec<Timestamp>>,
}

impl Index {
    fn of(seen: &BTreeMap<usize, Seen>) -> Index {
        let mut index = Index::default();
        for seen in seen.values() {
            if let (true, Some(at)) = (seen.begins, seen.at) {
                // A line with keys begins their lives, one without begins its session's.
                let begun = if seen.keys.is_empty() { &seen.sessions } else { &seen.keys };
                for word in begun {
                    index.begins.entry((seen.host.clone(), word.clone())).or_default().push(at);
                }
            }
        }
        index.begins.values_mut().for_each(|begins| begins.sort_unstable());
        for (start, seen) in seen {
            let life = |index: &Index, word: &String| {
                let key = (seen.host.clone(), word.clone());
                let life = index.life(&key, seen.at);
                (key, life)
            };
            for word in &seen.keys {
                let life = life(&index, word);
                index.keys.entry(life).or_default().push(*start);
            }
            for word in seen.sessions.iter().filter(|_| seen.keys.is_empty()) {
                let life = life(&index, word);
                index.sessions.entry(life).or_default().push(*start);
            }
            for (word, role) in &seen.parents {
                let life = life(&index, word);
                index.children.entry(life).or_default().push((*start, *role));
            }
            for id in &seen.message_ids {
                index.message_ids.entry(id.clone()).or_default().push(*start);
            }
        }
        index
    }

    /// The life of a key at an instant, by its start; `None` before the first start, and for keys that never start.
    fn life(&self, key: &Key, at: Option<Timestamp>) -> Option<Timestamp> {
        let begins = self.begins.get(key)?;
        let Some(at) = at else { return begins.first().copied() };
        let late = begins.partition_point(|begin| begin.as_second() <= at.as_second().saturating_add(SLACK_SECONDS));
        late.checked_sub(1).and_then(|before| begins.get(before)).copied()
    }
}
