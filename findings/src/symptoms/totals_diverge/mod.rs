//! Reporting totals diverge from trace or log evidence after changes.
//!
//! A report counts by its own unit, in its own day, at its own hour. The rule leads from its total to the number of rows of the same
//! window, step by step ([`reconcile`]): what was refused before any row is written, what one row is, rows that are no copy or stand
//! there twice, the zone of the report's day, what was changed after delivery, what had not been counted yet, where the export was
//! cut. What a measure counts, and which rows hold the same mail, stands in `counted.toml`.
//!
//! The sign is a total and rows of the same window that differ. It is proved if records explain the difference to the last one,
//! likely if one of the steps is an assumption, and not shown if something is left: then the rest is named. A report or a trace
//! alone is no sign, nor is a report of all mail beside the rows of a search for one message, sender or recipient.

mod counted;
mod reconcile;
mod reports;
mod rows;
mod shape;

use std::collections::BTreeMap;

use evidence::{Cite, Layer, SourceId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::picture::{Bar, BarKind, Picture, Waterfall};
use super::{Apart, Sign, Survey, Symptom};
use crate::Standing;
pub use reconcile::{Reconciled, Reconciliation, ReportSide, RowsSide, Step, reconcile};

/// The rule.
pub struct Rule;

/// How many records a sign cites at most.
const MAX_CITES: usize = 12;
/// Below so many recipients nobody takes their number for another than that of messages.
const MIN_RECIPIENTS: u64 = 6;
/// Two messages to three recipients: from there on the two numbers are far apart.
const FAR: (u64, u64) = (2, 3);

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "totals-diverge"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let mut found = reconcile(survey);
        found.extend(found.iter().filter_map(by_message).collect::<Vec<_>>());
        let mut signs: BTreeMap<Key, Vec<&Reconciliation>> = BTreeMap::new();
        for one in visible(&found) {
            signs.entry(key(one)).or_default().push(one);
        }
        signs.into_values().filter_map(|windows| sign(&windows)).collect()
    }
}

/// A total that agrees with the rows by recipient and is far from the number of messages, which is what people count first.
fn by_message(one: &Reconciliation) -> Option<Reconciliation> {
    let rows = one.rows.as_ref().filter(|rows| one.is_of_all_mail() && rows.count == rows.copies)?;
    let is_far = one.report.count >= MIN_RECIPIENTS && rows.messages * FAR.1 <= rows.copies * FAR.0;
    if one.outcome != Reconciled::Agrees || !is_far {
        return None;
    }
    let step = Step {
        cause: "unit-differs",
        label: "recipients beyond the first of a message: the report counts each".to_owned(),
        value: reconcile::signed(rows.messages) - reconcile::signed(rows.copies),
        standing: Standing::Proved,
        cites: rows.cites.clone(),
    };
    let rows = RowsSide { count: rows.messages, unit: "messages, each with a row for every recipient", ..rows.clone() };
    Some(Reconciliation { rows: Some(rows), steps: vec![step], outcome: Reconciled::Explained, ..one.clone() })
}

/// What is said in one: the report and the rows, by what it is restricted, and why they differ.
type Key = (SourceId, SourceId, Vec<(String, String)>, Vec<String>, Vec<&'static str>, bool);

fn key(one: &Reconciliation) -> Key {
    let mut causes: Vec<&'static str> = one.steps.iter().map(|step| step.cause).collect();
    causes.sort_unstable();
    causes.dedup();
    let rows = one.rows.as_ref().map(|rows| rows.source).unwrap_or_default();
    let measures = one.report.measures.iter().map(|(measure, _)| measure.clone()).collect();
    (one.report.source, rows, one.report.filter.clone(), measures, causes, one.residue == 0)
}

/// The divergences to tell: of the rows beside one total those that explain it, else those that leave something, unless other rows
/// agree with it.
fn visible(found: &[Reconciliation]) -> Vec<&Reconciliation> {
    type Total<'r> = (SourceId, &'r [(String, String)], &'r [(String, u64)], Option<Timestamp>, Option<Timestamp>);
    let mut by_total: BTreeMap<Total<'_>, Vec<&Reconciliation>> = BTreeMap::new();
    for one in found {
        let report = &one.report;
        let total = (report.source, report.filter.as_slice(), report.measures.as_slice(), report.from, report.to);
        by_total.entry(total).or_default().push(one);
    }
    let told = by_total.into_values().filter_map(|beside| {
        let explained = beside.iter().find(|one| one.outcome == Reconciled::Explained);
        let agrees = beside.iter().any(|one| one.outcome == Reconciled::Agrees);
        let left = beside.iter().find(|one| one.outcome == Reconciled::Left && one.is_of_all_mail());
        explained.or(left.filter(|_| !agrees)).copied()
    });
    told.collect()
}

fn sign(windows: &[&Reconciliation]) -> Option<Sign> {
    let first = windows.first()?;
    let rows = first.rows.as_ref()?;
    let residue: i64 = windows.iter().map(|one| one.residue).sum();
    let is_left = windows.iter().any(|one| one.residue != 0);
    let steps = added_up(windows);
    let explained: u64 = steps.iter().map(|step| step.value.unsigned_abs()).sum();
    let most = steps.iter().max_by_key(|step| step.value.unsigned_abs());
    let weakest = steps.iter().map(|step| step.standing).max_by_key(weakness).unwrap_or(Standing::NotShown);
    let standing = match is_left {
        false => weakest,
        // Most of the difference is explained, and the rest is named.
        true if explained > residue.unsigned_abs() && weakest != Standing::NotShown => Standing::Likely,
        true => Standing::NotShown,
    };
    let specific = most.filter(|_| standing != Standing::NotShown).map(|step| step.cause);
    let mut ask_for: Vec<SourceId> = windows.iter().flat_map(|one| one.ask_for.iter().copied()).collect();
    let mut known = Vec::new();
    ask_for.retain(|id| {
        !known.contains(id) && {
            known.push(*id);
            true
        }
    });
    let mut cites: Vec<Cite> = Vec::new();
    let of_report = windows.iter().flat_map(|one| one.report.cites.iter().take(2));
    let of_steps = steps.iter().flat_map(|step| step.cites.iter().take(3));
    for cite in of_report.take(4).chain(of_steps).chain(&rows.cites) {
        if cites.len() < MAX_CITES && !cites.contains(cite) {
            cites.push(cite.clone());
        }
    }
    Some(Sign {
        specific,
        standing,
        layer: layer(specific),
        envelope_recipient: None,
        statement: statement(windows, &steps, residue),
        cites,
        ask_for,
        apart: apart(&steps, specific, rows, is_left),
        picture: Some(Picture::Waterfall(waterfall(windows, &steps, residue))),
    })
}

fn weakness(standing: &Standing) -> u8 {
    match standing {
        Standing::Proved => 0,
        Standing::Likely => 1,
        Standing::Refuted => 2,
        Standing::NotShown => 3,
    }
}

fn layer(specific: Option<&str>) -> Layer {
    match specific {
        Some("edge-blocks-not-in-trace") => Layer::Arrival,
        Some("changed-after-delivery") => Layer::Mailbox,
        Some("report-shape-changed") => Layer::Verdict,
        _ => Layer::Delivery,
    }
}

/// Equal steps of several windows as one.
fn added_up(windows: &[&Reconciliation]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for step in windows.iter().flat_map(|one| &one.steps) {
        match steps.iter_mut().find(|known| (known.cause, &known.label) == (step.cause, &step.label)) {
            Some(known) => {
                known.value += step.value;
                known.cites.extend(step.cites.iter().cloned());
                if weakness(&step.standing) > weakness(&known.standing) {
                    known.standing = step.standing;
                }
            }
            None => steps.push(step.clone()),
        }
    }
    for step in &mut steps {
        step.cites.truncate(3);
    }
    steps
}

fn statement(windows: &[&Reconciliation], steps: &[Step], residue: i64) -> String {
    let Some((first, rows)) = windows.first().and_then(|first| Some((first, first.rows.as_ref()?))) else {
        return String::new();
    };
    let title = |id: SourceId| sources::source(id).map_or(id, |source| source.title());
    let total: u64 = windows.iter().map(|one| one.report.count).sum();
    let count: u64 = windows.iter().filter_map(|one| one.rows.as_ref()).map(|rows| rows.count).sum();
    let from = windows.iter().filter_map(|one| one.report.from).min();
    let to = windows.iter().filter_map(|one| one.report.to).max();
    let restricted = first.report.filter.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
    let restricted = if restricted.is_empty() { String::new() } else { format!(", {}", restricted.join(", ")) };
    let mut said = format!(
        "{total} {}{restricted} {} in the {}; {count} rows in the {} ({}).",
        first.report.unit,
        window_words(from, to),
        title(first.report.source),
        title(rows.source),
        rows.unit,
    );
    for step in steps {
        said.push_str(&format!(" {:+}: {}.", step.value, step.label));
    }
    match residue.unsigned_abs() {
        0 if windows.iter().all(|one| one.residue == 0) => said.push_str(" Nothing is left over."),
        left => {
            let which = if residue < 0 { "that the rows do not hold" } else { "that the report does not count" };
            said.push_str(&format!(" {left} {which} are not explained."));
            let ends = |pick: fn(&RowsSide) -> Option<Timestamp>| {
                windows.iter().filter_map(move |one| pick(one.rows.as_ref()?))
            };
            if let (Some(first), Some(last)) = (ends(|rows| rows.from).min(), ends(|rows| rows.to).max()) {
                said.push_str(&format!(" The rows run from {first} to {last}."));
            }
        }
    }
    said
}

/// A window in words, in UTC.
fn window_words(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => {
            let is_days = from.as_second() % 86_400 == 0 && to.as_second() % 86_400 == 0;
            let last = to.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(to);
            let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
            match is_days {
                true if day(from) == day(last) => format!("on {} (UTC day)", day(from)),
                true => format!("from {} to {} (UTC days)", day(from), day(last)),
                false => format!("from {from} to {to}"),
            }
        }
        (None, Some(to)) => format!("as of {to}"),
        (Some(from), None) => format!("since {from}"),
        (None, None) => "without a stated time".to_owned(),
    }
}

fn waterfall(windows: &[&Reconciliation], steps: &[Step], residue: i64) -> Waterfall {
    let total = |label: String, value: i64, cites: Vec<Cite>| Bar { label, value, kind: BarKind::Total, cites };
    let first = windows.first();
    let report_cites = windows.iter().flat_map(|one| one.report.cites.iter().cloned()).take(3).collect();
    let counted: i64 = windows.iter().map(|one| reconcile::signed(one.report.count)).sum();
    let rows: i64 = windows.iter().filter_map(|one| one.rows.as_ref()).map(|rows| reconcile::signed(rows.count)).sum();
    let row_cites =
        windows.iter().filter_map(|one| one.rows.as_ref()).flat_map(|rows| rows.cites.clone()).take(3).collect();
    let mut bars = vec![total("counted by the report".to_owned(), counted, report_cites)];
    bars.extend(steps.iter().map(|step| Bar {
        label: step.label.clone(),
        value: step.value,
        kind: BarKind::Step,
        cites: step.cites.clone(),
    }));
    bars.push(Bar { label: "not explained".to_owned(), value: residue, kind: BarKind::Residue, cites: Vec::new() });
    bars.push(total("rows".to_owned(), rows, row_cites));
    Waterfall { unit: first.map_or("recipients", |one| one.report.unit).to_owned(), bars }
}

/// How the other causes stand: those that explain a part, and those of which a record is missing.
fn apart(steps: &[Step], specific: Option<&str>, rows: &RowsSide, is_left: bool) -> Vec<Apart> {
    let mut apart: Vec<Apart> = Vec::new();
    for step in steps.iter().filter(|step| Some(step.cause) != specific) {
        if apart.iter().all(|one| one.specific != step.cause) {
            apart.push(Apart {
                specific: step.cause,
                standing: step.standing,
                because: format!("It explains {} of the difference: {}.", step.value.abs(), step.label),
                cites: step.cites.clone(),
            });
        }
    }
    if !is_left {
        return apart;
    }
    let is_known =
        |apart: &[Apart], cause: &str| Some(cause) == specific || apart.iter().any(|one| one.specific == cause);
    if !is_known(&apart, "window-or-zone-differs") {
        apart.push(Apart {
            specific: "window-or-zone-differs",
            standing: Standing::Refuted,
            because: "No shift of the day by up to 14 hours makes the numbers meet.".to_owned(),
            cites: rows.cites.clone(),
        });
    }
    for (cause, because) in [
        (
            "export-cut",
            "No file of the rows ends at a known row limit; the command that wrote it would show whether it was paged.",
        ),
        ("changed-after-delivery", "No record of a removal or release was supplied for this window."),
        ("not-settled-yet", "No second reading of the same report was supplied."),
    ] {
        if !is_known(&apart, cause) {
            apart.push(Apart {
                specific: cause,
                standing: Standing::NotShown,
                because: because.to_owned(),
                cites: Vec::new(),
            });
        }
    }
    apart
}
