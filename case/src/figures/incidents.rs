//! What came in over time, by cause and client.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::periods::{self, Period};
use super::{AskedFigures, Clients, key};
use crate::case::Case;

/// What came in over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incidents {
    /// The stretches of time, in order.
    pub periods: Vec<Period>,
    /// One a cause and client, the most frequent first.
    pub rows: Vec<IncidentRow>,
}

/// Cases of one cause and client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentRow {
    /// A cause such as `release-handoff/released-rejected`, a symptom, or `not_shown`.
    pub cause: String,
    /// Its family, `symptom`, or `not_shown`.
    pub family: String,
    /// Whose; empty if nobody said.
    pub client: String,
    /// How many cases.
    pub cases: u64,
    /// How many in each stretch of time.
    pub counts: Vec<u64>,
}

/// Of a case whose answer shows neither a cause nor a symptom.
pub const NOT_SHOWN: &str = "not_shown";
/// Of a case whose answer shows only a symptom.
pub const SYMPTOM: &str = "symptom";

/// By what a case counts: its cause, and the family of it.
pub fn cause(case: &Case) -> (String, String) {
    let answered = case.answered.as_ref();
    let first = |causes: fn(&crate::case::Answered) -> &Vec<crate::case::AnsweredCause>| {
        answered.and_then(|answered| causes(answered).first()).map(|cause| cause.id.clone())
    };
    match (first(|answered| &answered.causes), first(|answered| &answered.symptoms)) {
        (Some(cause), _) => {
            let family = cause.split_once('/').map_or(cause.as_str(), |(family, _)| family).to_owned();
            (cause, family)
        }
        (None, Some(symptom)) => (symptom, SYMPTOM.to_owned()),
        (None, None) => (NOT_SHOWN.to_owned(), NOT_SHOWN.to_owned()),
    }
}

impl Incidents {
    pub(super) fn of(cases: &[&Case], clients: &Clients, asked: &AskedFigures) -> Incidents {
        let Some((first, last)) = ends(cases, asked) else {
            return Incidents { periods: Vec::new(), rows: Vec::new() };
        };
        let periods = periods::between(first, last);
        let mut rows: BTreeMap<(String, String), IncidentRow> = BTreeMap::new();
        for case in cases {
            let (cause, family) = cause(case);
            let row = rows.entry((cause.clone(), key(&case.about.client))).or_insert_with(|| IncidentRow {
                cause,
                family,
                client: clients.shown(&case.about.client),
                cases: 0,
                counts: vec![0; periods.len()],
            });
            row.cases += 1;
            if let Some(count) = periods::place(&periods, case.opened_at).and_then(|place| row.counts.get_mut(place)) {
                *count += 1;
            }
        }
        let mut rows: Vec<IncidentRow> = rows.into_values().collect();
        rows.sort_by(|a, b| b.cases.cmp(&a.cases).then_with(|| (&a.cause, &a.client).cmp(&(&b.cause, &b.client))));
        Incidents { periods, rows }
    }
}

/// From when to when is counted: what was asked for, else from the first case to now. `None` without any case.
fn ends(cases: &[&Case], asked: &AskedFigures) -> Option<(Timestamp, Timestamp)> {
    let first = cases.iter().map(|case| case.opened_at).min()?;
    let last = cases.iter().map(|case| case.opened_at).max()?;
    let before = |to: Timestamp| to.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(to);
    let up_to = asked.to.map_or(asked.now, |to| before(to).min(asked.now));
    Some((asked.from.unwrap_or(first).min(first), up_to.max(last)))
}
