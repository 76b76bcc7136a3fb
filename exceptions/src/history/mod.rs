//! What grants would have let through over a history: every row of traces, hunting tables and logs, read once.
//!
//! [`terms`] turns the conditions of all scopes into indexes, [`row`] says what one record states, [`part`] keeps of every row the message,
//! the recipient and a small number for what holds of it, [`join`] finds the rows of one message, [`count`] asks every scope once for
//! each sort of message, and [`span`] says which history that was. Memory is bounded by [`part::MAX_ROWS`], [`part::MAX_PATTERNS`] and
//! [`part::MAX_NAMES`]; what goes beyond is left out and said.

mod count;
mod join;
mod judged;
mod part;
mod row;
mod sets;
mod span;
mod terms;
mod users;

pub use users::{User, users};

use std::collections::BTreeMap;

use evidence::SourceId;
use jiff::Timestamp;
use sources::{Clock, Input, Progress};

use crate::Scope;
use part::{FilePart, Part, Room};
use span::FileSpan;
use terms::Terms;
pub(crate) use terms::host;

/// How the filters judged a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Judged {
    /// Malware, or a bad attachment.
    Malware,
    /// Phishing, a bad link, or an imitated person.
    Phish,
    /// A forged sender, or failed authentication.
    Spoof,
    /// Spam.
    Spam,
    /// Bulk.
    Bulk,
    /// By a rule or list of the organisation.
    Rule,
    /// Nothing was found.
    Clean,
    /// No row says.
    NotSaid,
}

/// What a scope would have let through over a history.
///
/// A message counts once, in however many rows, files and kinds it stands. It is in the scope if one of its copies is; `recipients`,
/// `kept_out` and `judged` speak of those copies alone. Of several judgements of a message the worst counts: the first of [`Judged`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Radius {
    /// Messages that are surely in the scope.
    pub messages: u64,
    /// Recipients of them.
    pub recipients: u64,
    /// Senders of them: From addresses, and envelope senders of messages whose From address no row states.
    pub senders: u64,
    /// Messages of them that were kept out and would come in.
    pub kept_out: u64,
    /// Messages of them by how they were judged.
    pub judged: BTreeMap<Judged, u64>,
    /// Further messages that may be in the scope: their rows do not show what it looks at.
    pub possible: u64,
}

impl Radius {
    /// Messages that were judged malware, phishing, forged or spam.
    pub fn bad(&self) -> u64 {
        [Judged::Malware, Judged::Phish, Judged::Spoof, Judged::Spam]
            .iter()
            .filter_map(|judged| self.judged.get(judged))
            .sum()
    }
}

/// The history that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// Whole days (UTC) within it of which no file has a row: the first instant of the gap, and the first after it.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Rows about messages that were counted, by kind of export; equal rows count once.
    pub rows: BTreeMap<SourceId, u64>,
    /// What it cannot show, in sentences.
    pub cannot_show: Vec<String>,
}

/// Radii of scopes, in their order, and over which history.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// One a scope.
    pub radii: Vec<Radius>,
    /// What they were measured over.
    pub history: History,
}

/// Counts what each scope would have let through.
///
/// Samples of single messages and reports about totals are no history and are left out: what a message says of itself is its sender's word.
pub fn measure(files: &[Input<'_>], scopes: &[Scope], clock: &Clock, progress: &dyn Progress) -> Measured {
    let terms = Terms::of(scopes);
    let room = Room::default();
    let read =
        sources::read_every(files, clock, progress, &FilePart::default, &|part: &mut FilePart, kind, reading| {
            part.fold(&terms, &room, kind, reading);
        });
    let mut all = Part::default();
    let mut files = Vec::new();
    for one in read {
        let (part, error) = one.folded.map_or_else(|error| (FilePart::default(), Some(error)), |part| (part, None));
        files.push(FileSpan {
            file: one.file,
            kind: one.source,
            error,
            is_history: part.shares.iter().any(|share| !share.copies.is_empty()),
            is_cut: part.is_cut,
            limits: part.limits.into_iter().collect(),
        });
        part.shares.into_iter().for_each(|share| all.absorb(share));
    }
    join::settle(&mut all);
    let history = span::history(&all, &terms, &files);
    Measured { radii: count::radii(&all, &terms), history }
}
