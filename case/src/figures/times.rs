//! How long it took: from the opening of a case to the first answer with a shown cause, and to its closing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::incidents::cause;
use super::{Clients, key, seconds};
use crate::case::{Case, Status};

/// How long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// To the first answer with a shown cause: of all cases, then by client, then by family of causes.
    pub answered: Vec<TimeRow>,
    /// To the closing, likewise.
    pub closed: Vec<TimeRow>,
}

/// Of which cases a row is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "of", content = "name")]
pub enum TimeOf {
    /// Of all.
    All,
    /// Of one client; empty if nobody said whose they are.
    Client(String),
    /// Of one family of causes, of symptoms, or of cases whose cause is not shown.
    Family(String),
}

/// How long the cases of a group took. Spans are whole seconds; each is one that a case really took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeRow {
    /// Of which cases.
    #[serde(flatten)]
    pub group: TimeOf,
    /// How many are done; the spans are theirs.
    pub done: u64,
    /// The shortest; null if none is done.
    pub least_seconds: Option<u64>,
    /// The middle one: the least span that half of them did not exceed.
    pub median_seconds: Option<u64>,
    /// The least span that nine of ten did not exceed.
    pub ninetieth_seconds: Option<u64>,
    /// The longest.
    pub most_seconds: Option<u64>,
    /// How many are not done, and not closed.
    pub open: u64,
    /// How old the oldest of these is.
    pub oldest_open_seconds: Option<u64>,
    /// How many were closed without it.
    pub without: u64,
}

impl Times {
    pub(super) fn of(cases: &[&Case], clients: &Clients, now: Timestamp) -> Times {
        Times {
            answered: rows(cases, clients, now, |case| case.answered_at),
            closed: rows(cases, clients, now, |case| case.closed_at),
        }
    }
}

fn rows(cases: &[&Case], clients: &Clients, now: Timestamp, done: fn(&Case) -> Option<Timestamp>) -> Vec<TimeRow> {
    if cases.is_empty() {
        return Vec::new();
    }
    let mut by_client: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    let mut by_family: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        by_client.entry(key(&case.about.client)).or_default().push(case);
        by_family.entry(cause(case).1).or_default().push(case);
    }
    let mut rows = vec![row(TimeOf::All, cases, now, done)];
    let shown = |client: String| TimeOf::Client(clients.shown(&client));
    rows.extend(groups(by_client).into_iter().map(|(client, cases)| row(shown(client), &cases, now, done)));
    rows.extend(groups(by_family).into_iter().map(|(family, cases)| row(TimeOf::Family(family), &cases, now, done)));
    rows
}

/// The largest first; a single one says what the row of all says.
fn groups(groups: BTreeMap<String, Vec<&Case>>) -> Vec<(String, Vec<&Case>)> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, cases)| std::cmp::Reverse(cases.len()));
    if groups.len() > 1 { groups } else { Vec::new() }
}

fn row(group: TimeOf, cases: &[&Case], now: Timestamp, done: fn(&Case) -> Option<Timestamp>) -> TimeRow {
    let mut spans: Vec<u64> = cases.iter().filter_map(|case| Some(seconds(case.opened_at, done(case)?))).collect();
    spans.sort_unstable();
    let left: Vec<&&Case> = cases.iter().filter(|case| done(case).is_none()).collect();
    let open = |case: &&&&Case| case.status != Status::Closed;
    TimeRow {
        group,
        done: spans.len() as u64,
        least_seconds: spans.first().copied(),
        median_seconds: ranked(&spans, 50),
        ninetieth_seconds: ranked(&spans, 90),
        most_seconds: spans.last().copied(),
        open: left.iter().filter(open).count() as u64,
        oldest_open_seconds: left.iter().filter(open).map(|case| seconds(case.opened_at, now)).max(),
        without: left.iter().filter(|case| !open(case)).count() as u64,
    }
}

/// The least of some sorted spans that so many of a hundred do not exceed (nearest rank).
fn ranked(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_spans_that_are_there() {
        let ten: Vec<u64> = (1..=10).map(|n| n * 10).collect();
        for (name, spans, percent, expected) in [
            ("none", vec![], 50, None),
            ("one", vec![7], 90, Some(7)),
            ("two", vec![1, 9], 50, Some(1)),
            ("three", vec![1, 5, 9], 50, Some(5)),
            ("ten, the middle", ten.clone(), 50, Some(50)),
            ("ten, the ninetieth", ten, 90, Some(90)),
        ] {
            assert_eq!(ranked(&spans, percent), expected, "{name}");
        }
    }
}
