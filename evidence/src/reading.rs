//! What a source returns for one file: every row in exactly one heap.

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
        let Coverage { from, to, limits, suspected_cut } = part.coverage;
        from.into_iter().chain(to).for_each(|at| self.covers(at));
        self.coverage.limits.extend(limits);
        self.coverage.suspected_cut |= suspected_cut;
    }

    /// Adds an id of the followed message, once.
    pub fn reveal(&mut self, id: Identifier) {
        if !self.revealed.contains(&id) {
            self.revealed.push(id);
        }
    }
}
