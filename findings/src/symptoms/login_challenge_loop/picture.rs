//! The loop over time: a lane for the person at each application of each log, one for somebody who gets in.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::attempts::{Deed, Row};
use super::case::Case;
use crate::symptoms::Picture;
use crate::symptoms::picture::{EventStrip, Lane, Mark, MarkTone};

/// More marks than this in one lane cannot be told apart.
const MARKS_MAX: usize = 40;
/// How many lanes the person has at most.
const LANES_MAX: usize = 6;
/// What somebody else did this long before and after getting in is shown.
const BESIDE: SignedDuration = SignedDuration::from_mins(15);

/// The strip of one case.
pub(super) fn strip(case: &Case<'_, '_>) -> Picture {
    let mut own: BTreeMap<(&str, &str, &str), Vec<Mark>> = BTreeMap::new();
    for (_, row) in case.inside() {
        let marks = own.entry((&row.who, &row.app, row.source)).or_default();
        if marks.len() < MARKS_MAX {
            marks.push(mark(row));
        }
    }
    let mut lanes: Vec<Lane> = own
        .into_iter()
        .take(LANES_MAX)
        .map(|((who, app, source), marks)| Lane { label: label(who, app, source), marks })
        .collect();
    if let Some(control) = case.controls.first()
        && let Some(good) = case.row(control.good)
    {
        let rows = control.rows.iter().filter_map(|number| case.row(*number));
        let beside = rows.filter(|row| {
            row.source == good.source && row.app == good.app && row.at.duration_since(good.at).abs() <= BESIDE
        });
        let label = format!("{} (gets in)", label(&good.who, &good.app, good.source));
        lanes.push(Lane { label, marks: beside.take(MARKS_MAX).map(mark).collect() });
    }
    Picture::EventStrip(EventStrip { lanes })
}

fn label(who: &str, app: &str, source: &str) -> String {
    let title = sources::source(source).map_or(source, |source| source.title());
    if app.is_empty() { format!("{who}, {title}") } else { format!("{who} at {app}, {title}") }
}

fn mark(row: &Row<'_>) -> Mark {
    let (tone, word) = match row.deed {
        Deed::Asked => (MarkTone::Plain, "asked"),
        Deed::Good => (MarkTone::Good, "signed in"),
        Deed::Enrolled => (MarkTone::Plain, "enrolled"),
        Deed::Credentials | Deed::Refused => (MarkTone::Bad, "refused"),
    };
    let number = row.fact().error_code.filter(|code| *code != 0).map(|code| format!(" ({code})"));
    let reason = row.fact().reason.as_ref().filter(|_| number.is_none() && tone == MarkTone::Bad);
    let more = number.or_else(|| reason.map(|reason| format!(" ({reason})"))).unwrap_or_default();
    Mark { at: row.at, tone, label: format!("{word}{more}"), cites: vec![row.stated.cite()] }
}
