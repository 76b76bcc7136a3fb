//! What a source returns for one file: every row in exactly one heap.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{Address, Cite, Identifier, Observation};

/// The name of a kind of export, such as `exchange-online/message-trace`.
pub type SourceId = &'static str;

/// What one row of a kind of export stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// One row a message and recipient.
    Recipient,
    /// One row a message.
    Message,
    /// One row an event.
    Event,
    /// One header field or part of a message sample.
    Field,
    /// One thing that is set up.
    Setting,
    /// One count of a report.
    Total,
}

/// A row that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// Where it is written.
    pub cite: Cite,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Rows that were left out on purpose, counted by reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PassedOver {
    /// Why, such as `other message` or `anvil statistics`.
    pub reason: &'static str,
    /// How many rows.
    pub rows: u64,
    /// The first of them, where cheap to know.
    pub first: Option<Cite>,
}

/// How many domains of a file's rows are kept; of a file that names more, none is missed.
const MAX_DOMAINS: usize = 64;

/// Of how many addresses the rows' span is kept: more of them are nobody's searches.
const MAX_SEARCHED: usize = 2;

/// Whom the rows of a file name, whichever message they are about: an export that was searched for one address, or is of
/// another tenant, shows nothing about the others.
///
/// What it says of several files is what it says of one that holds the rows of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Parties {
    /// The addresses that every row names; `None` before the first row.
    in_all: Option<BTreeSet<Address>>,
    /// When the rows that name an address were written, first and last; one more than are needed tells that there are more.
    spans: BTreeMap<Address, Option<(Timestamp, Timestamp)>>,
    /// Domains of the addresses, the first that were met.
    domains: BTreeSet<String>,
}

impl Parties {
    /// Notes the addresses that a row of some instant names.
    pub fn name(&mut self, addresses: &[Address], at: Option<Timestamp>) {
        let named: BTreeSet<&Address> = addresses.iter().filter(|address| !address.is_null()).collect();
        if named.is_empty() {
            return;
        }
        match &mut self.in_all {
            Some(in_all) => in_all.retain(|address| named.contains(address)),
            None => self.in_all = Some(named.iter().copied().cloned().collect()),
        }
        for address in named {
            self.span(address, at.map(|at| (at, at)));
            if self.domains.len() <= MAX_DOMAINS
                && let Some(domain) = address.domain()
                && !self.domains.contains(domain)
            {
                self.domains.insert(domain.to_owned());
            }
        }
    }

    fn span(&mut self, address: &Address, span: Option<(Timestamp, Timestamp)>) {
        if let Some(known) = self.spans.get_mut(address) {
            *known = match (*known, span) {
                (Some((from, to)), Some((first, last))) => Some((from.min(first), to.max(last))),
                (known, span) => known.or(span),
            };
        } else if self.spans.len() <= MAX_SEARCHED {
            self.spans.insert(address.clone(), span);
        }
    }

    /// Whether the rows look like the answer to a search for others than `own`, as far as an instant goes: every row names one
    /// address that is none of them, or there are but two addresses, and each has rows before and after the instant, as two
    /// searches would give.
    pub fn searched_for_others(&self, own: &BTreeSet<Address>, at: Timestamp) -> bool {
        let is_other = |address: &Address| !own.contains(address);
        if own.is_empty() || self.spans.is_empty() {
            return false;
        }
        if let Some(in_all) = self.in_all.as_ref().filter(|in_all| !in_all.is_empty()) {
            return in_all.iter().all(is_other);
        }
        let spans_it = |span: &Option<(Timestamp, Timestamp)>| span.is_some_and(|(from, to)| from <= at && at <= to);
        self.spans.len() <= MAX_SEARCHED && self.spans.iter().all(|(address, span)| is_other(address) && spans_it(span))
    }

    /// Whether some row names anybody.
    pub fn names_anybody(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Whether some row may name an address of a domain; of a file that names nobody that is not known, so that it may.
    pub fn may_name(&self, domain: &str) -> bool {
        self.domains.is_empty() || self.domains.len() > MAX_DOMAINS || self.domains.contains(domain)
    }

    /// Takes in those of another part of the same export.
    pub fn absorb(&mut self, part: Parties) {
        match (&mut self.in_all, part.in_all) {
            (Some(in_all), Some(other)) => in_all.retain(|address| other.contains(address)),
            (in_all @ None, other) => *in_all = other,
            (Some(_), None) => {}
        }
        for (address, span) in part.spans {
            self.span(&address, span);
        }
        self.domains.extend(part.domains);
    }
}

/// What a file covers, and what it cannot show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Coverage {
    /// Earliest instant that a row of the file states (any message).
    pub from: Option<Timestamp>,
    /// Latest instant that a row of the file states (any message).
    pub to: Option<Timestamp>,
    /// What the file cannot show, in sentences for people, such as `capped at 5,000 rows`.
    pub limits: Vec<String>,
    /// Whether the file ends at a known row cap, so that rows are probably missing.
    pub suspected_cut: bool,
    /// Whom the rows name as sender, where the kind says so.
    pub senders: Parties,
    /// Whom the rows name as recipient, where the kind says so.
    pub recipients: Parties,
}

/// What was read from one file.
///
/// `rows == observed + problems.len() + sum of passed_over` holds for every reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Stated facts. Several may come from one row.
    pub observations: Vec<Observation>,
    /// Rows that could not be read.
    pub problems: Vec<Problem>,
    /// Rows left out on purpose.
    pub passed_over: Vec<PassedOver>,
    /// How many rows the file has.
    pub rows: u64,
    /// How many rows gave at least one observation.
    pub observed: u64,
    /// Ids of the followed message that the read records revealed, to be looked for in the other files.
    pub revealed: Vec<Identifier>,
    /// What the file covers.
    pub coverage: Coverage,
    /// How the looks of the message bore on which rows were chosen.
    pub looks: LooksUsed,
    /// When a system took other messages of the followed message's senders: a record that names nobody but the sender may be about
    /// one of them. No observations, as they are not about the message.
    pub others_taken: Vec<(Address, Timestamp)>,
}

/// How the looks of the message (sender, recipients, subject, instant) bore on which rows of a file were chosen: whether
/// looks that are learnt later can change the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LooksUsed {
    /// As they were known when the file was read.
    #[default]
    AsAsked,
    /// Also as the file's own rows tell them.
    WithOwn,
    /// Not at all: every row was chosen or left out by its ids.
    No,
}

impl Reading {
    /// Rows that ended in one of the three heaps; equal to [`Reading::rows`] for a sound reading.
    pub fn rows_accounted_for(&self) -> u64 {
        self.observed + self.problems.len() as u64 + self.passed_over.iter().map(|p| p.rows).sum::<u64>()
    }

    /// Counts `rows` more rows as left out for `reason`.
    pub fn pass_over(&mut self, reason: &'static str, rows: u64, first: Option<Cite>) {
        if rows == 0 {
            return;
        }
        match self.passed_over.iter_mut().find(|p| p.reason == reason) {
            Some(heap) => {
                heap.rows += rows;
                if heap.first.is_none() {
                    heap.first = first;
                }
            }
            None => self.passed_over.push(PassedOver { reason, rows, first }),
        }
    }

    /// Notes that a row of the file states `at`, whichever message it is about.
    pub fn covers(&mut self, at: Timestamp) {
        let coverage = &mut self.coverage;
        coverage.from = Some(coverage.from.map_or(at, |from| from.min(at)));
        coverage.to = Some(coverage.to.map_or(at, |to| to.max(at)));
    }

    /// Notes whom a row of the file names, whichever message it is about.
    pub fn names(&mut self, senders: &[Address], recipients: &[Address], at: Option<Timestamp>) {
        self.coverage.senders.name(senders, at);
        self.coverage.recipients.name(recipients, at);
    }

    /// Takes in the reading of a later part of the same file.
    pub fn absorb(&mut self, part: Reading) {
        self.observations.extend(part.observations);
        self.problems.extend(part.problems);
        self.rows += part.rows;
        self.observed += part.observed;
        for PassedOver { reason, rows, first } in part.passed_over {
            self.pass_over(reason, rows, first);
        }
        self.others_taken.extend(part.others_taken);
        part.revealed.into_iter().for_each(|id| self.reveal(id));
        let Coverage { from, to, limits, suspected_cut, senders, recipients } = part.coverage;
        from.into_iter().chain(to).for_each(|at| self.covers(at));
        self.coverage.limits.extend(limits);
        self.coverage.suspected_cut |= suspected_cut;
        self.coverage.senders.absorb(senders);
        self.coverage.recipients.absorb(recipients);
    }

    /// Adds an id of the followed message, once.
    pub fn reveal(&mut self, id: Identifier) {
        if !self.revealed.contains(&id) {
            self.revealed.push(id);
        }
    }
}
