//! Attempts to use what others depend on, each with how it ended.

use std::collections::{BTreeMap, HashMap};

use evidence::{Cite, SourceId};
use jiff::Timestamp;
use lake::{Entry, Line};

use super::words::Kind;
use crate::symptoms::Survey;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::symptoms) enum End {
    /// There was no answer: time-out, no connection, a helper that fell silent.
    Silent,
    /// It did well, or at least answered.
    Answered,
}

/// The record of an attempt.
#[derive(Clone, Copy, Debug)]
pub(in crate::symptoms) enum Record<'a> {
    /// About a message.
    Line(&'a Line),
    /// About something else.
    Entry(&'a Entry),
}

impl Record<'_> {
    pub(in crate::symptoms) fn cite(self, survey: &Survey<'_>) -> Cite {
        match self {
            Record::Line(line) => survey.cite(line),
            Record::Entry(entry) => entry.observation.cite.clone(),
        }
    }

    pub(in crate::symptoms) fn source(self, survey: &Survey<'_>) -> SourceId {
        match self {
            Record::Line(line) => survey.ledger.source(line),
            Record::Entry(entry) => entry.source,
        }
    }
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(in crate::symptoms) struct Attempt<'a> {
    pub(in crate::symptoms) at: Timestamp,
    pub(in crate::symptoms) end: End,
    /// Which message or user it was for; empty if the record does not say.
    pub(in crate::symptoms) subject: &'a str,
    /// The domain of the recipient that it was for; empty if the record does not say.
    pub(in crate::symptoms) domain: &'a str,
    /// Its words, if it did not answer.
    pub(in crate::symptoms) said: &'a str,
    pub(in crate::symptoms) record: Record<'a>,
}

/// Something that others depend on, and all attempts to use it, by time.
#[derive(Clone, Debug)]
pub(in crate::symptoms) struct Dependency<'a> {
    pub(in crate::symptoms) name: String,
    pub(in crate::symptoms) kind: Kind,
    pub(in crate::symptoms) attempts: Vec<Attempt<'a>>,
}

/// Like things, to be compared with one another.
#[derive(Clone, Debug, Default)]
pub(in crate::symptoms) struct Field<'a> {
    by_name: BTreeMap<(Kind, String), Vec<Attempt<'a>>>,
}

impl<'a> Field<'a> {
    pub(in crate::symptoms) fn note(&mut self, kind: Kind, name: &str, attempt: Attempt<'a>) {
        match self.by_name.get_mut(&(kind, name.to_owned())) {
            Some(attempts) => attempts.push(attempt),
            None => {
                self.by_name.insert((kind, name.to_owned()), vec![attempt]);
            }
        }
    }

    /// Whether somebody gave no answer.
    pub(in crate::symptoms) fn has_silence(&self) -> bool {
        self.by_name.values().flatten().any(|attempt| attempt.end == End::Silent)
    }

    /// All of them by name, each with its attempts by time. What several exports tell of one attempt counts once.
    pub(in crate::symptoms) fn dependencies(self) -> Vec<Dependency<'a>> {
        let sorted = |mut attempts: Vec<Attempt<'a>>| {
            attempts.sort_by(|a, b| (a.at, a.end, a.subject).cmp(&(b.at, b.end, b.subject)));
            let mut kept: Vec<Attempt<'a>> = Vec::with_capacity(attempts.len());
            let mut last: HashMap<(&str, End), Timestamp> = HashMap::new();
            for attempt in attempts {
                let known = last.insert((attempt.subject, attempt.end), attempt.at);
                // Two exports round the instant of one attempt differently.
                let is_same = known.is_some_and(|at| attempt.at.as_second() - at.as_second() <= 1);
                if attempt.subject.is_empty() || !is_same {
                    kept.push(attempt);
                }
            }
            kept
        };
        self.by_name
            .into_iter()
            .map(|((kind, name), attempts)| Dependency { name, kind, attempts: sorted(attempts) })
            .collect()
    }
}

impl<'a> Dependency<'a> {
    pub(in crate::symptoms) fn of(&self, end: End) -> impl DoubleEndedIterator<Item = &Attempt<'a>> {
        self.attempts.iter().filter(move |attempt| attempt.end == end)
    }

    /// The attempts between two instants, both included.
    pub(in crate::symptoms) fn within(&self, from: Timestamp, to: Timestamp) -> &[Attempt<'a>] {
        let start = self.attempts.partition_point(|attempt| attempt.at < from);
        let end = self.attempts.partition_point(|attempt| attempt.at <= to);
        self.attempts.get(start..end).unwrap_or_default()
    }
}

/// How many attempts ended like that.
pub(in crate::symptoms) fn count(attempts: &[Attempt<'_>], end: End) -> usize {
    attempts.iter().filter(|attempt| attempt.end == end).count()
}
