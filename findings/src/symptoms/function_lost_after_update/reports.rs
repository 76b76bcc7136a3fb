//! Reports that lost a column, or a row that was always there.

use std::collections::{BTreeMap, BTreeSet};

use evidence::Total;
use jiff::Timestamp;

use super::super::altered::minute;
use super::super::{Stated, Survey};
use super::{Lost, Row};
use crate::Standing;

/// So many windows with it and without it show that it is gone and not only nought.
const MIN_WITH: usize = 5;
const MIN_WITHOUT: usize = 2;
/// A row that counted less than this may be nought some day.
const MIN_COUNT: u64 = 5;

/// Measures and columns that are missing since a window.
pub(super) fn all(survey: &Survey<'_>) -> Vec<Lost> {
    let mut by_source: BTreeMap<&str, Vec<Stated<'_, Total>>> = BTreeMap::new();
    for total in survey.totals() {
        if total.fact.from.is_some() {
            by_source.entry(total.source()).or_default().push(total);
        }
    }
    let mut found = Vec::new();
    for (source, totals) in &by_source {
        let windows: BTreeSet<Timestamp> = totals.iter().filter_map(start).collect();
        let mut with: BTreeMap<(&str, String), BTreeMap<Timestamp, &Stated<'_, Total>>> = BTreeMap::new();
        for total in totals {
            let Some(at) = start(total) else { continue };
            if total.fact.count >= MIN_COUNT {
                with.entry(("count", total.fact.measure.clone())).or_default().entry(at).or_insert(total);
            }
            for property in &total.fact.by {
                with.entry(("column", property.name.clone())).or_default().entry(at).or_insert(total);
            }
        }
        for ((sort, name), with) in &with {
            let Some((until, last)) = with.last_key_value() else { continue };
            let after: Vec<Timestamp> = windows.iter().copied().filter(|at| at > until).collect();
            let before = windows.iter().filter(|at| *at <= until).count();
            let is_gone = with.len() >= MIN_WITH && with.len() == before && after.len() >= MIN_WITHOUT;
            let Some(from) = after.first().filter(|_| is_gone) else { continue };
            let Some(next) = totals.iter().find(|total| start(total) == Some(*from)) else { continue };
            let what =
                format!("{sort} `{name}` of {}", sources::source(source).map_or(*source, |source| source.title()));
            let statement = format!(
                "{what} was there in each of {} windows until {}, and is in none of the {} from {}, while the others go on",
                with.len(),
                minute(*until),
                after.len(),
                minute(*from)
            );
            found.push(Lost {
                specific: Some("report-shape-changed"),
                standing: if *sort == "column" { Standing::Proved } else { Standing::Likely },
                good_until: Some(*until),
                bad_from: Some(*from),
                function: what.clone(),
                statement,
                cites: vec![last.cite(), next.cite()],
                ask_for: Vec::new(),
                apart: Vec::new(),
                rows: vec![Row::new(
                    &what,
                    Some(format!("{} windows", with.len())),
                    Some("missing".to_owned()),
                    vec![next.cite()],
                )],
            });
        }
    }
    found
}

fn start(total: &Stated<'_, Total>) -> Option<Timestamp> {
    total.fact.from.as_ref().map(|when| when.at)
}
