//! What is kept of every row: its message, its recipient, and a small number for what holds of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use evidence::{Address, Observation, Reading, SourceId};
use jiff::Timestamp;
use rayon::prelude::*;

use super::Judged;
use super::join::token;
use super::judged::Fate;
use super::row::{Ids, Row, is_network_id};
use super::sets::{ByHash, EMPTY, Map, Sets, hash};
use super::terms::{Index, Terms};

/// Of how many rows and recipients the message is kept, in all files together: 32 bytes each.
pub(super) const MAX_ROWS: usize = 40_000_000;
/// How many sorts of rows are told apart in one file.
pub(super) const MAX_PATTERNS: usize = 4_000_000;
/// How many senders and how many recipients are told apart in one file.
pub(super) const MAX_NAMES: usize = 16_000_000;

/// How many rows a file gets room for at a time.
const ROOM: usize = 1 << 14;

/// Kinds that are no history of many messages: samples, and reports.
const NO_HISTORY: [&str; 2] = ["message/", "report/"];

/// Whether a kind has rows about many messages.
pub(super) fn is_history(kind: SourceId) -> bool {
    !NO_HISTORY.iter().any(|kinds| kind.starts_with(kinds))
}

/// Nobody.
pub(super) const NOBODY: u32 = u32::MAX;

/// How much room all files together have taken.
#[derive(Default)]
pub(super) struct Room(AtomicUsize);

impl Room {
    /// Whether there is room for so many more.
    fn take(&self, rows: usize) -> bool {
        self.0.fetch_add(rows, Ordering::Relaxed) + rows <= MAX_ROWS
    }
}

/// One row about one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copy {
    /// The message, see [`Ids::strong`].
    pub(super) key: u64,
    /// Recipient, by number; [`NOBODY`] if the row is about all.
    pub(super) recipient: u32,
    /// Senders, by number; [`NOBODY`] if the row names none.
    pub(super) sender: u32,
    /// What holds of it.
    pub(super) pattern: u32,
    /// The row's words in short: equal rows are one.
    pub(super) mark: u32,
    /// The hash of the Message-ID; 0 for none.
    pub(super) message_id: u64,
}

/// What holds of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pattern {
    /// Conditions that hold for the message.
    pub(super) terms: u32,
    /// Conditions that hold for its recipient.
    pub(super) of_recipient: u32,
    /// What is stated.
    pub(super) stated: u16,
    /// The judgement.
    pub(super) judged: Judged,
    /// What became of it.
    pub(super) fate: Fate,
    /// The kind of export, by number.
    kind: u16,
    /// Whether it is the first of its record, and not a further recipient.
    is_first: bool,
}

/// Senders of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Senders {
    /// Hash of the envelope sender; 0 for none.
    pub(super) envelope: u64,
    /// Hash of the From address; 0 for none.
    pub(super) header: u64,
    terms: u32,
}

/// A recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recipient {
    key: u64,
    terms: u32,
}

/// A sender or recipient that was met before. What a row needs stands beside the key: one look into a large table is slow, two are slower.
#[derive(Clone, Copy)]
struct Known {
    number: u32,
    /// Conditions that hold for it.
    terms: u32,
}

/// How a row that looks so names its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// By an id of its system.
    Id,
    /// By nothing but its looks.
    Looks,
    /// The same row as the one before, for a further recipient.
    LooksToo,
}

/// What a row looks like: by this one without an id is found again in an export that has one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Sender, recipient and subject, as a hash.
    pub(super) looks: u64,
    /// When.
    pub(super) at: Timestamp,
    /// The message, as in [`Copy::key`] or by Message-ID and sender.
    pub(super) key: u64,
    /// How it names its message.
    pub(super) named: Named,
}

/// Of how many statements at a time it is worth while to share the work.
const MIN_SHARED: usize = 4096;

/// What is kept of a file.
#[derive(Default)]
pub(super) struct FilePart {
    /// The rows, in shares that are filled at the same time.
    pub(super) shares: Vec<Part>,
    /// What the file says that it lacks.
    pub(super) limits: BTreeSet<String>,
    /// Whether the file ends at a row cap.
    pub(super) is_cut: bool,
}

impl FilePart {
    /// Takes in what was read next.
    pub(super) fn fold(&mut self, terms: &Terms, room: &Room, kind: SourceId, reading: Reading) {
        self.limits.extend(reading.coverage.limits);
        self.is_cut |= reading.coverage.suspected_cut;
        let observations = reading.observations;
        if observations.is_empty() || !is_history(kind) {
            return;
        }
        let shares = if observations.len() < MIN_SHARED { 1 } else { rayon::current_num_threads().max(1) };
        if self.shares.len() < shares {
            self.shares.resize_with(shares, Part::default);
        }
        let slices = slices(&observations, shares);
        self.shares.par_iter_mut().zip(slices).for_each(|(share, slice)| share.fold(terms, room, kind, slice));
        observations.into_par_iter().with_min_len(MIN_SHARED / 4).for_each(drop);
    }
}

/// Whole records, in so many slices.
fn slices(observations: &[Observation], count: usize) -> Vec<&[Observation]> {
    let mut slices = Vec::with_capacity(count);
    let mut rest = observations;
    for left in (1..=count).rev() {
        let mut at = rest.len() / left;
        let is_within = |at: usize| {
            let pair = at.checked_sub(1).and_then(|before| Some((rest.get(before)?, rest.get(at)?)));
            pair.is_some_and(|(one, next)| one.cite.bytes == next.cite.bytes)
        };
        while is_within(at) {
            at += 1;
        }
        let (slice, after) = rest.split_at(at);
        slices.push(slice);
        rest = after;
    }
    slices
}

/// What is kept of rows.
#[derive(Default)]
pub(super) struct Part {
    /// The rows.
    pub(super) copies: Vec<Copy>,
    /// The sets of conditions that patterns name.
    pub(super) sets: Sets,
    /// What holds of rows.
    pub(super) patterns: Vec<Pattern>,
    pattern_numbers: Map<Pattern, u32>,
    /// All senders.
    pub(super) senders: Vec<Senders>,
    sender_numbers: ByHash<Known>,
    /// All recipients.
    pub(super) recipients: Vec<Recipient>,
    recipient_numbers: ByHash<Known>,
    /// Conditions that hold for sending addresses.
    clients: ByHash<u32>,
    /// Two ids of one message.
    pub(super) links: Vec<(u64, u64)>,
    /// What rows look like that name no network message id.
    pub(super) looks: Vec<Look>,
    /// Kinds of export.
    pub(super) kinds: Vec<SourceId>,
    /// The first instant.
    pub(super) from: Option<Timestamp>,
    /// The last instant.
    pub(super) to: Option<Timestamp>,
    /// Days (UTC, since 1970) that have rows.
    pub(super) days: BTreeSet<i64>,
    last_day: Option<i64>,
    /// What any row states.
    pub(super) stated: u16,
    /// Rows that name no id, and are not found again by their looks.
    pub(super) without_id: u64,
    /// Rows for which there was no room.
    pub(super) left_out: u64,
    allowed: usize,
    scratch: Vec<u32>,
}

impl Part {
    /// Takes in whole records.
    fn fold(&mut self, terms: &Terms, room: &Room, kind: SourceId, observations: &[Observation]) {
        let kind = self.kind(kind);
        for record in observations.chunk_by(|one, next| one.cite.bytes == next.cite.bytes) {
            self.record(terms, room, kind, record);
        }
    }

    fn kind(&mut self, kind: SourceId) -> u16 {
        let known = self.kinds.iter().position(|known| *known == kind);
        let number = known.unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    /// Takes in one record: mostly about one message, and one recipient.
    fn record(&mut self, terms: &Terms, room: &Room, kind: u16, record: &[Observation]) {
        if !record.iter().any(|one| one.fact.is_of_a_message()) {
            return;
        }
        let mut is_first = true;
        let is_same =
            |one: &Observation, next: &Observation| Arc::ptr_eq(&one.about, &next.about) || one.about == next.about;
        for about in record.chunk_by(is_same) {
            let Some(first) = about.first().filter(|_| about.iter().any(|one| one.fact.is_of_a_message())) else {
                continue;
            };
            let row = Row::of(about, &first.about);
            self.row(terms, room, (kind, &mut is_first), &row, first);
        }
    }

    fn row(
        &mut self,
        terms: &Terms,
        room: &Room,
        (kind, is_first): (u16, &mut bool),
        row: &Row<'_>,
        first: &Observation,
    ) {
        let mut ids = Ids::of(row.ids);
        let mut named = Named::Id;
        if ids.strong == 0 && ids.message_id == 0 {
            let Some(looks) = row.looks() else { return };
            ids.strong = looks & !1 | 2;
            self.without_id += 1;
            named = Named::Looks;
        }
        self.look(row, &ids, named);
        let (sender, recipients) = (self.sender(terms, row), row.envelope_recipients);
        self.seen(row);
        if ids.other != 0 {
            self.links.push((ids.strong, ids.other));
        }
        self.left_out += u64::from(self.sets.is_full());
        let mut pattern = Pattern {
            terms: self.holding(terms, row, sender.map_or(EMPTY, |known| known.terms)),
            of_recipient: EMPTY,
            stated: row.stated & terms.needed(),
            judged: row.judged,
            fate: row.fate,
            kind,
            is_first: *is_first,
        };
        let mark = hash(&*first.cite.said) as u32;
        let copy = Copy {
            key: ids.strong,
            recipient: NOBODY,
            sender: sender.map_or(NOBODY, |known| known.number),
            pattern: 0,
            mark,
            message_id: ids.message_id,
        };
        if recipients.is_empty() {
            self.keep(room, pattern, copy);
        }
        for recipient in recipients {
            let Some(known) = self.recipient(terms, recipient) else {
                self.left_out += 1;
                continue;
            };
            pattern.of_recipient = known.terms;
            self.keep(room, pattern, Copy { recipient: known.number, ..copy });
            pattern.is_first = false;
        }
        *is_first = false;
    }

    fn keep(&mut self, room: &Room, pattern: Pattern, copy: Copy) {
        if self.copies.len() >= self.allowed && room.take(ROOM) {
            self.allowed = self.copies.len() + ROOM;
        }
        let number = match self.pattern_numbers.get(&pattern) {
            Some(number) => Some(*number),
            None => self.new_pattern(pattern),
        };
        match number.filter(|_| self.copies.len() < self.allowed) {
            Some(pattern) => self.copies.push(Copy { pattern, ..copy }),
            None => self.left_out += 1,
        }
    }

    fn new_pattern(&mut self, pattern: Pattern) -> Option<u32> {
        let number = u32::try_from(self.patterns.len()).ok().filter(|number| (*number as usize) < MAX_PATTERNS)?;
        self.patterns.push(pattern);
        self.pattern_numbers.insert(pattern, number);
        Some(number)
    }

    /// Notes what a row looks like, if an export without ids could have the message too.
    fn look(&mut self, row: &Row<'_>, ids: &Ids, mut named: Named) {
        let Some((sender, subject)) = row.envelope_sender.or(row.header_from).zip(row.subject) else { return };
        let Some(at) = row.at.filter(|_| !is_network_id(ids.strong) && self.looks.len() < MAX_NAMES) else { return };
        let key = if ids.strong == 0 { token(ids.message_id, hash(sender.as_str())) } else { ids.strong };
        for recipient in row.envelope_recipients {
            self.looks.push(Look { looks: hash(&(sender, recipient, subject)), at, key, named });
            if named == Named::Looks {
                named = Named::LooksToo;
            }
        }
    }

    /// Notes when, and what is stated.
    fn seen(&mut self, row: &Row<'_>) {
        self.stated |= row.stated;
        let Some(at) = row.at else { return };
        self.from = Some(self.from.map_or(at, |from| from.min(at)));
        self.to = Some(self.to.map_or(at, |to| to.max(at)));
        let day = at.as_second().div_euclid(86_400);
        if self.last_day != Some(day) {
            self.last_day = Some(day);
            self.days.insert(day);
        }
    }

    /// The senders of a row; `None` if it names none, or there are too many.
    fn sender(&mut self, terms: &Terms, row: &Row<'_>) -> Option<Known> {
        let of = |address: Option<&Address>| address.map_or(0, |address| hash(address.as_str()));
        let (envelope, header) = (of(row.envelope_sender), of(row.header_from));
        if envelope == 0 && header == 0 {
            return None;
        }
        // Never the same for (a, b), (b, a), (a, -) and (-, a).
        let key = envelope ^ header.rotate_left(23).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        if let Some(known) = self.sender_numbers.get(&key) {
            return Some(*known);
        }
        let number = u32::try_from(self.senders.len()).ok().filter(|number| (*number as usize) < MAX_NAMES)?;
        self.scratch.clear();
        for (index, address) in [(&terms.envelope, row.envelope_sender), (&terms.header, row.header_from)] {
            if let Some(address) = address {
                index.of_address(address.as_str(), &mut self.scratch);
            }
        }
        if let (Some(address), None) = (row.envelope_sender, row.header_from) {
            let own = self.scratch.len();
            terms.header.of_address(address.as_str(), &mut self.scratch);
            self.scratch.iter_mut().skip(own).for_each(|term| *term = terms.by_envelope(*term));
        }
        let terms = self.sets.of(&mut self.scratch);
        self.senders.push(Senders { envelope, header, terms });
        let known = Known { number, terms };
        self.sender_numbers.insert(key, known);
        Some(known)
    }

    fn recipient(&mut self, terms: &Terms, address: &Address) -> Option<Known> {
        let key = hash(address.as_str());
        if let Some(known) = self.recipient_numbers.get(&key) {
            return Some(*known);
        }
        let number = u32::try_from(self.recipients.len()).ok().filter(|number| (*number as usize) < MAX_NAMES)?;
        self.scratch.clear();
        terms.recipient.of_address(address.as_str(), &mut self.scratch);
        let terms = self.sets.of(&mut self.scratch);
        self.recipients.push(Recipient { key, terms });
        let known = Known { number, terms };
        self.recipient_numbers.insert(key, known);
        Some(known)
    }

    /// The conditions that hold for the message of a row, with those of its senders.
    fn holding(&mut self, terms: &Terms, row: &Row<'_>, sender: u32) -> u32 {
        let client = self.client(terms, row);
        let mut found = std::mem::take(&mut self.scratch);
        found.clear();
        let put = &mut found;
        if let Some(subject) = row.subject.filter(|_| !terms.subject.is_empty()) {
            terms.subject.of_text(subject, put);
        }
        if let Some(host) = row.host.filter(|_| !terms.host.is_empty()) {
            terms.host.of_bare_domain(host, put);
        }
        each(&terms.signed, &row.signed_by, Index::of_bare_domain, put);
        each(&terms.dmarc, &row.dmarc, Index::of_text, put);
        each(&terms.url, &row.urls, Index::of_url, put);
        each(&terms.attachment, &row.attachments, Index::of_text, put);
        if !terms.message.is_empty() {
            row.ids.iter().for_each(|id| terms.message.of_text(id.text(), put));
        }
        let set = match (put.is_empty(), client, sender) {
            (true, EMPTY, one) | (true, one, EMPTY) => one,
            _ => {
                put.extend_from_slice(self.sets.members(client));
                put.extend_from_slice(self.sets.members(sender));
                self.sets.of(put)
            }
        };
        self.scratch = found;
        set
    }

    fn client(&mut self, terms: &Terms, row: &Row<'_>) -> u32 {
        let Some(client) = row.client.filter(|_| !terms.client.is_empty()) else { return EMPTY };
        let key = hash(client);
        if let Some(set) = self.clients.get(&key) {
            return *set;
        }
        self.scratch.clear();
        terms.client.of_ip(client, &mut self.scratch);
        terms.client.of_text(client, &mut self.scratch);
        let set = self.sets.of(&mut self.scratch);
        if self.clients.len() < MAX_NAMES {
            self.clients.insert(key, set);
        }
        set
    }

    /// How many rows were counted, by kind of export.
    pub(super) fn rows(&self) -> impl Iterator<Item = (SourceId, u64)> {
        let mut counts = vec![0_u64; self.kinds.len()];
        for copy in &self.copies {
            let pattern = self.patterns.get(copy.pattern as usize).filter(|pattern| pattern.is_first);
            if let Some(count) = pattern.and_then(|pattern| counts.get_mut(usize::from(pattern.kind))) {
                *count += 1;
            }
        }
        self.kinds.iter().copied().zip(counts)
    }

    /// Takes in the rows of another file.
    pub(super) fn absorb(&mut self, other: Part) {
        self.from = self.from.into_iter().chain(other.from).min();
        self.to = self.to.into_iter().chain(other.to).max();
        self.stated |= other.stated;
        self.without_id += other.without_id;
        self.left_out += other.left_out;
        self.days.extend(&other.days);
        if self.copies.is_empty() {
            let (from, to, stated, without_id, left_out) =
                (self.from, self.to, self.stated, self.without_id, self.left_out);
            let days = std::mem::take(&mut self.days);
            *self = Part { from, to, stated, without_id, left_out, days, ..other };
            return;
        }
        let sets = self.sets.take(&other.sets);
        let set = |number: u32| sets.get(number as usize).copied().unwrap_or(EMPTY);
        let kinds: Vec<u16> = other.kinds.iter().map(|kind| self.kind(kind)).collect();
        let senders: Vec<u32> = other
            .senders
            .iter()
            .map(|one| {
                let key = one.envelope ^ one.header.rotate_left(23).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let known = self.sender_numbers.entry(key).or_insert_with(|| {
                    let terms = set(one.terms);
                    self.senders.push(Senders { terms, ..*one });
                    Known { number: self.senders.len() as u32 - 1, terms }
                });
                known.number
            })
            .collect();
        let recipients: Vec<u32> = other
            .recipients
            .iter()
            .map(|one| {
                let known = self.recipient_numbers.entry(one.key).or_insert_with(|| {
                    let terms = set(one.terms);
                    self.recipients.push(Recipient { terms, ..*one });
                    Known { number: self.recipients.len() as u32 - 1, terms }
                });
                known.number
            })
            .collect();
        let patterns: Vec<u32> = other
            .patterns
            .iter()
            .map(|one| {
                let kind = kinds.get(usize::from(one.kind)).copied().unwrap_or(u16::MAX);
                let own = Pattern { terms: set(one.terms), of_recipient: set(one.of_recipient), kind, ..*one };
                *self.pattern_numbers.entry(own).or_insert_with(|| {
                    self.patterns.push(own);
                    self.patterns.len() as u32 - 1
                })
            })
            .collect();
        let renamed = |names: &[u32], number: u32| names.get(number as usize).copied().unwrap_or(NOBODY);
        self.copies.par_extend(other.copies.into_par_iter().map(|copy| Copy {
            recipient: renamed(&recipients, copy.recipient),
            sender: renamed(&senders, copy.sender),
            pattern: renamed(&patterns, copy.pattern),
            ..copy
        }));
        self.links.extend(other.links);
        self.looks.extend(other.looks);
    }
}

/// Puts the conditions that hold for any of these.
fn each(index: &Index, values: &[&str], of: fn(&Index, &str, &mut Vec<u32>), put: &mut Vec<u32>) {
    if !index.is_empty() {
        values.iter().for_each(|value| of(index, value, put));
    }
}
