//! The rows of traces, lists and logs, as totals count them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use evidence::{Access, NextHop, Outcome, QuarantineState, ReleaseStep, SourceId, TraceStatus, VerdictKind};
use jiff::Timestamp;
use lake::{Fared, Line, Name, What};

use super::counted::{self, RowIs, RowsEntry};
use crate::symptoms::Survey;

/// How many records of one sort are noted for cites.
const NOTED: usize = 3;
/// If more than one in so many rows is there again, it is no repetition but a second file of the same rows.
const MAX_REPEATED_SHARE: u64 = 2;
/// A domain is our own only if it is on at least one in so many of the rows that no other own domain explains.
const OWN_DOMAIN_SHARE: usize = 10;

/// All rows of one kind of export.
pub(super) struct Rows {
    /// The kind.
    pub source: SourceId,
    /// What one row is.
    pub entry: &'static RowsEntry,
    /// By time; without the rows that have none.
    dated: Vec<Row>,
    undated: Vec<Row>,
    /// Whether any row says which rule held it.
    pub names_policies: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub at: Option<Timestamp>,
    /// Number of a line of it.
    pub line: u32,
    /// How often it stands there word for word.
    copies: u32,
    /// What tells messages apart; `None` if the row has no id.
    pub id: Option<Name>,
    pub recipients: Vec<Option<Name>>,
    pub sender: Option<Name>,
    pub envelope_sender: Option<Name>,
    pub peer: Option<Name>,
    pub way: Option<Access>,
    pub policy: Option<Name>,
    /// What is said of a verdict.
    pub said: Option<Name>,
    /// A group or alias, which gets no copy of its own.
    is_no_copy: bool,
    /// Handed to the system's own filter.
    is_inner: bool,
    /// Whether something tells how a copy fared.
    is_told: bool,
    /// Whether a filter, rule or refusal acted on it first.
    pub is_filtered: bool,
    /// Taken away after delivery, as the row itself has it.
    pub is_taken: bool,
    /// Let go after it was held, as the row itself has it.
    pub is_released: bool,
    /// A rule matched it.
    pub is_hit: bool,
}

/// Rows counted in several ways, so that none of them is mixed up with another.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// How many rows somebody counts.
    pub rows: u64,
    /// Messages and recipients.
    pub copies: u64,
    /// Messages.
    pub messages: u64,
    /// Recipients beyond the first of a row.
    pub further: Part,
    /// Rows of groups and aliases.
    pub groups: Part,
    /// Rows that tell of a copy again.
    pub again: Part,
    /// Repetitions word for word.
    pub repeats: Part,
    /// Hand-overs to the own filter.
    pub inner: Part,
    /// The first and the last row.
    pub ends: Vec<u32>,
    /// How many senders and recipients are named; at most two are told apart.
    pub senders: usize,
    pub recipients: usize,
    /// The first and the last instant.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// A part of a tally.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub count: u64,
    /// Lines of the first few.
    pub lines: Vec<u32>,
}

impl Part {
    fn add(&mut self, count: u64, line: u32) {
        if count == 0 {
            return;
        }
        self.count += count;
        if self.lines.len() < NOTED {
            self.lines.push(line);
        }
    }
}

/// The rows of all kinds that totals are compared with.
pub(super) fn all(survey: &Survey<'_>) -> Vec<Rows> {
    let mut by_record: HashMap<(u32, u64), (usize, usize)> = HashMap::new();
    let kinds: Vec<(SourceId, &'static RowsEntry)> = counted::all_rows()
        .iter()
        .filter_map(|entry| Some((sources::source(&entry.source)?.id(), entry)))
        .filter(|(id, _)| survey.has(id))
        .collect();
    let mut found: Vec<Vec<Row>> = vec![Vec::new(); kinds.len()];
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let source = survey.ledger.source(line);
        let Some(kind) = kinds.iter().position(|(id, _)| *id == source) else { continue };
        match by_record.get(&line.record_key()).and_then(|(kind, at)| found.get_mut(*kind)?.get_mut(*at)) {
            Some(row) => row.take(line),
            None => {
                let rows = &mut found[kind];
                by_record.insert(line.record_key(), (kind, rows.len()));
                let mut row = Row::of(number, line);
                row.take(line);
                rows.push(row);
            }
        }
    }
    kinds.into_iter().zip(found).map(|((source, entry), rows)| Rows::of(survey, source, entry, rows)).collect()
}

impl Row {
    fn of(number: u32, line: &Line) -> Row {
        Row {
            at: line.at,
            line: number,
            copies: line.copies,
            id: line.id.or(line.message_id),
            recipients: Vec::new(),
            sender: line.header_from.or(line.envelope_sender),
            envelope_sender: line.envelope_sender,
            peer: None,
            way: line.direction,
            policy: None,
            said: None,
            is_no_copy: false,
            is_inner: false,
            is_told: false,
            is_filtered: false,
            is_taken: false,
            is_released: false,
            is_hit: false,
        }
    }

    /// Whether it is a copy, not a group, an inner pass or a mere event.
    pub fn counts(&self) -> bool {
        !self.is_no_copy && !self.is_inner
    }

    /// What tells it from other rows of the same instant.
    fn words<'t>(&self, survey: &Survey<'t>) -> (&'t str, &'t str, &'t str) {
        let recipient = self.recipients.iter().map(|name| survey.text(*name)).min();
        (survey.text(self.id), recipient.unwrap_or_default(), survey.text(self.sender))
    }

    /// Takes in a further line of the same record.
    fn take(&mut self, line: &Line) {
        // A record whose lines stand there unequally often was repeated as often as the rarest of them.
        self.copies = self.copies.min(line.copies);
        self.at = match (self.at, line.at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
        let recipient = line.envelope_recipient;
        if recipient.is_some() && !self.recipients.contains(&recipient) {
            self.recipients.push(recipient);
        }
        self.way = self.way.or(line.direction);
        self.policy = self.policy.or(line.policy);
        self.peer = self.peer.or(line.peer);
        self.is_told |= line.fared().is_some();
        match &line.what {
            What::Status(TraceStatus::Expanded | TraceStatus::Resolved) => self.is_no_copy = true,
            What::Handover(Outcome::Accepted, NextHop::ContentFilter) => self.is_inner = true,
            What::Verdict(kind, _) => {
                self.said = self.said.or(line.said);
                self.is_hit |= *kind == VerdictKind::TransportRule;
                self.is_filtered |= line.fared() == Some(Fared::Blocked);
            }
            What::PostDelivery(..) => self.is_taken = true,
            What::Release(ReleaseStep::Released) | What::Quarantine(QuarantineState::Released) => {
                self.is_released = true;
                self.is_filtered = true;
            }
            _ => self.is_filtered |= line.fared() == Some(Fared::Blocked),
        }
    }
}

impl Rows {
    fn of(survey: &Survey<'_>, source: SourceId, entry: &'static RowsEntry, mut rows: Vec<Row>) -> Rows {
        if entry.row == RowIs::Attempt {
            // Only what was handed on is a row that somebody counts: put off and refused attempts are no mail.
            rows.retain(|row| row.is_inner || (row.is_told && !row.is_filtered && is_handed_on(survey, row)));
        }
        let own = own_domains(survey, &rows);
        for row in rows.iter_mut().filter(|row| row.way.is_none()) {
            row.way = Some(way(survey, row, &own));
        }
        let names_policies = rows.iter().any(|row| row.policy.is_some());
        let (mut dated, mut undated): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.at.is_some());
        // By what they say, not by where they stand: of rows of one instant the same ones are cited in any order of the file.
        dated.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.words(survey).cmp(&b.words(survey))));
        undated.sort_by(|a, b| a.words(survey).cmp(&b.words(survey)));
        Rows { source, entry, dated, undated, names_policies }
    }

    /// The rows of a window, or all if there is none.
    pub fn within(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> impl Iterator<Item = &Row> {
        let start = from.map_or(0, |from| self.dated.partition_point(|row| row.at < Some(from)));
        let end = to.map_or(self.dated.len(), |to| self.dated.partition_point(|row| row.at < Some(to)));
        let undated = if from.is_none() && to.is_none() { self.undated.as_slice() } else { &[] };
        self.dated.get(start..end.max(start)).unwrap_or_default().iter().chain(undated)
    }

    /// The first and the last instant of all rows.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.dated.first()?.at?, self.dated.last()?.at?))
    }

    /// Counts rows.
    pub fn tally<'r>(&self, rows: impl Iterator<Item = &'r Row>) -> Tally {
        let mut tally = Tally::default();
        let mut seen: HashSet<(Name, Option<Name>)> = HashSet::new();
        let mut messages: HashSet<Name> = HashSet::new();
        let (mut senders, mut recipients) = (BTreeSet::new(), BTreeSet::new());
        let mut records = 0_u64;
        let mut last = None;
        for row in rows {
            if self.entry.row == RowIs::Event && !row.is_told {
                continue;
            }
            records += 1;
            last = Some(row.line);
            if tally.ends.is_empty() {
                tally.ends.push(row.line);
            }
            tally.from = tally.from.or(row.at);
            tally.to = row.at.or(tally.to);
            note(&mut senders, row.sender);
            row.recipients.iter().for_each(|recipient| note(&mut recipients, *recipient));
            tally.repeats.add(u64::from(row.copies.saturating_sub(1)), row.line);
            if row.is_no_copy {
                tally.groups.add(1, row.line);
            } else if row.is_inner {
                tally.inner.add(1, row.line);
            } else {
                tally.take(row, &mut seen, &mut messages);
            }
        }
        tally.ends.extend(last.filter(|last| Some(last) != tally.ends.first()));
        (tally.senders, tally.recipients) = (senders.len(), recipients.len());
        if tally.repeats.count * MAX_REPEATED_SHARE > records {
            tally.repeats = Part::default();
        }
        if tally.again.count * MAX_REPEATED_SHARE > records - tally.again.count {
            records -= tally.again.count;
            tally.again = Part::default();
        }
        tally.rows = records + tally.repeats.count;
        if self.entry.row == RowIs::Event {
            // Of several events of a message nobody counts each; messages are what is counted.
            tally.rows = tally.messages;
            (tally.repeats, tally.again, tally.groups) = (Part::default(), Part::default(), Part::default());
            tally.further.count = tally.copies.saturating_sub(tally.messages);
        }
        tally
    }
}

impl Tally {
    fn take(&mut self, row: &Row, seen: &mut HashSet<(Name, Option<Name>)>, messages: &mut HashSet<Name>) {
        let recipients = row.recipients.len().max(1) as u64;
        let Some(id) = row.id else {
            self.messages += 1;
            self.copies += recipients;
            self.further.add(recipients - 1, row.line);
            return;
        };
        self.messages += u64::from(messages.insert(id));
        let new = match row.recipients.as_slice() {
            [] => u64::from(seen.insert((id, None))),
            some => some.iter().filter(|recipient| seen.insert((id, **recipient))).count() as u64,
        };
        self.copies += new;
        match new {
            0 => self.again.add(1, row.line),
            new => self.further.add(new - 1, row.line),
        }
    }
}

/// Two are enough to see that there are several.
fn note(known: &mut BTreeSet<Name>, name: Option<Name>) {
    if let Some(name) = name
        && known.len() < 2
    {
        known.insert(name);
    }
}

fn is_handed_on(survey: &Survey<'_>, row: &Row) -> bool {
    let line = survey.lines().get(row.line as usize);
    line.is_some_and(|line| {
        matches!(
            line.what,
            What::Handover(Outcome::Accepted, _) | What::Stored(_) | What::Status(TraceStatus::Delivered)
        )
    })
}

/// The domains of the organisation: those that, one after the other, are on most of the rows.
fn own_domains(survey: &Survey<'_>, rows: &[Row]) -> BTreeSet<String> {
    let mut own: BTreeSet<String> = BTreeSet::new();
    let mut left: Vec<(BTreeSet<&str>, BTreeSet<&str>)> = Vec::new();
    for row in rows {
        let to: BTreeSet<&str> = row.recipients.iter().filter_map(|name| domain(survey.text(*name))).collect();
        let from: BTreeSet<&str> =
            [row.envelope_sender, row.sender].into_iter().filter_map(|name| domain(survey.text(name))).collect();
        match row.way {
            Some(Access::Inbound | Access::Internal) => own.extend(to.iter().map(|name| (*name).to_owned())),
            Some(Access::Outbound) => own.extend(from.iter().map(|name| (*name).to_owned())),
            None if !to.is_empty() => left.push((from, to)),
            None => {}
        }
    }
    let all = left.len();
    loop {
        left.retain(|(from, to)| !from.iter().chain(to).any(|domain| own.contains(*domain)));
        if left.is_empty() || left.len() * OWN_DOMAIN_SHARE < all {
            return own;
        }
        // On the most rows, then the most often as recipient, then by name.
        let mut votes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (from, to) in &left {
            from.union(to).for_each(|domain| votes.entry(domain).or_default().0 += 1);
            to.iter().for_each(|domain| votes.entry(domain).or_default().1 += 1);
        }
        let best = votes.iter().max_by_key(|(name, votes)| (**votes, std::cmp::Reverse(**name)));
        let Some(best) = best.map(|(name, _)| (*name).to_owned()) else { return own };
        own.insert(best);
    }
}

/// Which way a row's mail goes. Mail between two strangers came in by an address that is ours and that no other row has.
fn way(survey: &Survey<'_>, row: &Row, own: &BTreeSet<String>) -> Access {
    let is_own = |name: &Option<Name>| domain(survey.text(*name)).is_some_and(|domain| own.contains(domain));
    match (is_own(&row.envelope_sender) || is_own(&row.sender), row.recipients.iter().any(is_own)) {
        (true, true) => Access::Internal,
        (true, false) => Access::Outbound,
        (false, _) => Access::Inbound,
    }
}

/// Whether a row of a kind is a copy or a message, not an attempt or an event.
pub(super) fn is_of_copies(source: SourceId) -> bool {
    counted::rows(source).is_some_and(|entry| matches!(entry.row, RowIs::Copy | RowIs::Message) && entry.only.is_none())
}

/// The domain of an address.
pub(super) fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}
