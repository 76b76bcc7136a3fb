//! From the total of a report to the number of rows, step by step, until nothing is left or the rest is named.

mod shift;
mod side;
mod since;
mod window;

use std::collections::BTreeMap;

use evidence::{Access, Cite, SourceId};
use jiff::{SignedDuration, Timestamp};

use super::counted::{self, Counts, CountsBy, RowIs};
use super::reports::{self, Group, Item};
use super::rows::{self, Part, Rows, Tally};
use super::shape;
use crate::Standing;
use crate::symptoms::Survey;
use side::Side;
use window::{Window, chosen};

/// How many records of one number are cited.
pub(super) const CITED: usize = 3;
/// A total below this is met by chance.
const MIN_COUNT: u64 = 3;
/// Rows that are less than one in so many of what a report counts are an answer to a search, not the mail of the window.
const MIN_SHARE: u64 = 2;
/// How far a day of another zone can be shifted, in half hours.
const MAX_SHIFT_HALF_HOURS: i64 = 28;
/// For how long the numbers of a day still rise after it has ended.
const SETTLES: SignedDuration = SignedDuration::from_hours(24);

/// The total of a report beside the rows of a trace, list or log.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The report's side.
    pub report: ReportSide,
    /// The rows' side; `None` if there are no rows of that kind.
    pub rows: Option<RowsSide>,
    /// From the report's total to the number of rows.
    pub steps: Vec<Step>,
    /// What has to be added after all steps to arrive at the number of rows: less than 0 if rows are missing.
    pub residue: i64,
    /// What came of it.
    pub outcome: Reconciled,
    /// Exports that would explain what is left.
    pub ask_for: Vec<SourceId>,
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciled {
    /// The same number.
    Agrees,
    /// The steps explain the whole difference.
    Explained,
    /// Something is left unexplained.
    Left,
    /// The rows are not those of the total, for this reason.
    NotComparable(String),
}

/// A total.
#[derive(Clone, Debug)]
pub struct ReportSide {
    /// The kind of report.
    pub source: SourceId,
    /// What it counted, as written, with the number.
    pub measures: Vec<(String, u64)>,
    /// All of them.
    pub count: u64,
    /// One of what: `recipients` or `messages`.
    pub unit: &'static str,
    /// The window, as instants; the end is exclusive.
    pub from: Option<Timestamp>,
    /// Its end, or the instant of a count of what there is.
    pub to: Option<Timestamp>,
    /// By what it is restricted.
    pub filter: Vec<(String, String)>,
    /// Who says what it counts.
    pub says: String,
    /// Records.
    pub cites: Vec<Cite>,
}

/// A number of rows.
#[derive(Clone, Debug)]
pub struct RowsSide {
    /// The kind of export.
    pub source: SourceId,
    /// How many rows somebody counts.
    pub count: u64,
    /// Messages and recipients among them.
    pub copies: u64,
    /// Messages among them.
    pub messages: u64,
    /// One row is what.
    pub unit: &'static str,
    /// The first and the last instant of them.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// What the files say about row limits.
    pub limits: Vec<String>,
    /// Which of the rows count.
    pub filter: String,
    /// Who says what one row is.
    pub says: String,
    /// Records: the first and the last.
    pub cites: Vec<Cite>,
}

/// A part of the difference.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which cause of the symptom it is.
    pub cause: &'static str,
    /// What it is.
    pub label: String,
    /// What it adds on the way from the report to the rows.
    pub value: i64,
    /// How well it stands.
    pub standing: Standing,
    /// Records.
    pub cites: Vec<Cite>,
}

impl Reconciliation {
    /// Whether the rows would be all mail of the window if nothing is missing: a log of one server need not be.
    pub(super) fn is_of_all_mail(&self) -> bool {
        let is_whole = |id: SourceId| {
            rows::is_of_copies(id) && counted::report(self.report.source).is_some_and(|entry| entry.sender.is_none())
        };
        self.rows.as_ref().is_some_and(|rows| is_whole(rows.source))
    }
}

/// All totals beside the rows that hold the same mail.
pub fn reconcile(survey: &Survey<'_>) -> Vec<Reconciliation> {
    let groups = reports::groups(survey);
    let mut found = shape::find(survey, &groups);
    if groups.is_empty() {
        return found;
    }
    let rows = rows::all(survey);
    type Key = (SourceId, String, Option<Access>, Vec<(String, String)>);
    let mut series: BTreeMap<Key, Vec<Group>> = BTreeMap::new();
    for group in groups {
        let key = (group.source, group.maker.clone(), group.way, group.parted.clone());
        series.entry(key).or_default().push(group);
    }
    found.extend(series.into_values().flat_map(|groups| Series { survey, groups }.all(&rows)));
    found
}

/// The windows of one report.
struct Series<'s, 'a> {
    survey: &'s Survey<'a>,
    groups: Vec<Group>,
}

impl Series<'_, '_> {
    fn all(&self, rows: &[Rows]) -> Vec<Reconciliation> {
        let Some(first) = self.groups.first() else { return Vec::new() };
        let is_only = |counts| first.items.iter().all(|item| item.counts == counts);
        if is_only(Counts::RuleHits) {
            return Vec::new();
        }
        let wanted: Vec<&str> = match is_only(Counts::Event) {
            true => vec![first.source],
            false => first.entry.rows.iter().map(String::as_str).collect(),
        };
        let mut found: Vec<Reconciliation> = Vec::new();
        for id in wanted {
            if let Some(rows) = rows.iter().find(|rows| rows.source == id) {
                found.extend(self.beside(rows, first));
            }
        }
        if found.is_empty() {
            found.extend(self.groups.iter().map(without_rows));
        }
        found
    }

    /// The report with one kind of rows. A report that names no direction may count what comes in, or all.
    fn beside(&self, rows: &Rows, first: &Group) -> Vec<Reconciliation> {
        let ways = match (first.way, &first.entry.direction) {
            (None, Some(_)) => vec![None, Some(Access::Inbound)],
            (way, _) => vec![way],
        };
        // The one that leaves the least, by the fewest assumptions.
        let left = |all: &Vec<Reconciliation>| {
            let residue: u64 = all.iter().map(|one| one.residue.unsigned_abs()).sum();
            let steps = || all.iter().flat_map(|one| &one.steps);
            (residue, steps().filter(|step| step.standing != Standing::Proved).count(), steps().count())
        };
        let tried = ways.into_iter().map(|way| self.going(rows, way));
        tried.min_by_key(left).unwrap_or_default()
    }

    fn going(&self, rows: &Rows, way: Option<Access>) -> Vec<Reconciliation> {
        let mut sides: Vec<(Side<'_>, Vec<Window<'_>>)> = Vec::new();
        for group in &self.groups {
            let Some((filter, items, edge)) = chosen(group, rows) else { continue };
            let at = sides.iter().position(|(side, _)| side.filter == filter).unwrap_or(sides.len());
            if at == sides.len() {
                sides.push((Side { rows, way, filter }, Vec::new()));
            }
            if let Some((side, windows)) = sides.get_mut(at) {
                let window = self.window(group, items, edge, side);
                windows.push(window);
            }
        }
        let mut found = Vec::new();
        for (side, mut windows) in sides {
            windows.sort_by_key(|window| (window.group.from, window.group.to));
            self.shift(&side, &mut windows);
            self.settle(&mut windows);
            found.extend(windows.iter().map(|window| self.told(window, &side)));
            found.extend(windows.iter().filter_map(|window| self.changed_since(window, &side)));
        }
        found
    }

    fn window<'g>(&self, group: &'g Group, items: Vec<&'g Item>, edge: Vec<&'g Item>, side: &Side<'_>) -> Window<'g> {
        // A count of what there is has no beginning; rows of later mail are told apart afterwards.
        let own = match group.from {
            Some(_) => side.tally(self.survey, group.from, group.to),
            None => side.tally(self.survey, None, None),
        };
        let counted = match group.zone_offset.is_zero() {
            true => own.clone(),
            false => {
                let utc = |at: Option<Timestamp>| at.and_then(|at| at.checked_sub(group.zone_offset).ok());
                side.tally(self.survey, utc(group.from), utc(group.to))
            }
        };
        Window { group, items, edge, counted, own, shift: None, is_unsettled: false }
    }

    /// The last day of a report that has fewer than the rows, although the days before agree, is not settled yet.
    fn settle(&self, windows: &mut [Window<'_>]) {
        let Some((last, before)) = windows.split_last_mut() else { return };
        let Some(end) = last.group.to.and_then(|to| to.checked_add(SETTLES).ok()) else { return };
        let is_fresh = match self.survey.now {
            Some(now) => now < end,
            None => self.last_instant().is_some_and(|at| at < end),
        };
        let is_met_before =
            !before.is_empty() && before.iter().all(|window| window.left() == 0 && window.own.copies > 0);
        last.is_unsettled = last.group.from.is_some() && last.left() < 0 && is_fresh && is_met_before;
    }

    /// The last instant that any record states.
    fn last_instant(&self) -> Option<Timestamp> {
        let of_lines = self.survey.lines().last().and_then(|line| line.at);
        let around = self.survey.ledger.entries().iter();
        let of_entries = around.filter(|entry| !matches!(entry.observation.fact, evidence::Fact::Total(_)));
        let of_entries = of_entries.filter_map(|entry| Some(entry.observation.when.as_ref()?.at)).max();
        of_lines.max(of_entries)
    }

    fn told(&self, window: &Window<'_>, side: &Side<'_>) -> Reconciliation {
        let mut steps = window.report_steps();
        let own = match &window.shift {
            Some((by, shifted, standing)) => {
                steps.extend(self.zone_step(window, *by, &window.counted, shifted, *standing));
                shifted
            }
            None if !window.group.zone_offset.is_zero() => {
                let by = window.group.zone_offset;
                steps.extend(self.zone_step(window, by, &window.counted, &window.own, Standing::Proved));
                &window.own
            }
            None => &window.own,
        };
        let mut left = window.left_of(own);
        if window.group.from.is_none() {
            left = self.since_the_count(window, side, left, &mut steps);
        }
        if window.is_unsettled && left < 0 {
            steps.push(Step {
                cause: "not-settled-yet",
                label: "not counted yet: the last day of the report, read before it had settled".to_owned(),
                value: -left,
                standing: Standing::Likely,
                cites: window.items.iter().map(|item| item.cite.clone()).take(CITED).collect(),
            });
            left = 0;
        }
        let limits = self.limits(side.rows.source);
        if left > 0 && self.is_cut_within(side, window) {
            let limit = limits.iter().map(String::as_str).next().unwrap_or("the export was cut");
            steps.push(Step {
                cause: "export-cut",
                label: format!("not in the export ({limit})"),
                value: -left,
                standing: Standing::Likely,
                cites: self.cites(&window.counted.ends),
            });
            left = 0;
        }
        self.unit_steps(window, &mut steps);
        let outcome = self.outcome(window, side, own, left, &steps);
        let ask_for = if left == 0 { Vec::new() } else { ask_for(window, side, left) };
        Reconciliation {
            report: window.report_side(side.way),
            rows: Some(self.rows_side(&window.counted, side, limits)),
            steps,
            residue: -left,
            outcome,
            ask_for,
        }
    }

    fn rows_side(&self, tally: &Tally, side: &Side<'_>, limits: Vec<String>) -> RowsSide {
        RowsSide {
            source: side.rows.source,
            count: tally.rows,
            copies: tally.copies,
            messages: tally.messages,
            unit: match side.rows.entry.row {
                RowIs::Copy => "one row a message and recipient",
                RowIs::Message => "one row a message",
                RowIs::Attempt => "one row an attempt that was handed on",
                RowIs::Event => "messages; a message has several events",
            },
            from: tally.from,
            to: tally.to,
            limits,
            filter: side.filter.words(),
            says: side.rows.entry.says(),
            cites: self.cites(&tally.ends),
        }
    }

    /// What one row is, and rows that are no copy or tell of one again.
    fn unit_steps(&self, window: &Window<'_>, steps: &mut Vec<Step>) {
        let tally = &window.counted;
        let mut put = |cause, value: i64, lines: &[u32], label: String| {
            if value != 0 {
                let cites = self.cites(lines);
                steps.push(Step { cause, label, value, standing: Standing::Proved, cites });
            }
        };
        let recipients = |part: &Part| match part.lines.is_empty() {
            true => tally.ends.clone(),
            false => part.lines.clone(),
        };
        let further = signed(tally.further.count);
        match window.group.entry.counts_by {
            CountsBy::Recipient => put(
                "unit-differs",
                -further,
                &recipients(&tally.further),
                "recipients beyond the first of a message: the report counts each".to_owned(),
            ),
            CountsBy::Message => put(
                "unit-differs",
                signed(tally.copies) - signed(tally.messages) - further,
                &recipients(&tally.further),
                "recipients beyond the first of a message: the report counts messages".to_owned(),
            ),
        }
        let part = |part: &Part| signed(part.count);
        put(
            "unit-differs",
            part(&tally.groups),
            &tally.groups.lines,
            "rows of groups and aliases, which get no copy of their own".to_owned(),
        );
        put(
            "unit-differs",
            part(&tally.inner),
            &tally.inner.lines,
            "hand-overs to the own content filter: each of these messages is handed on a second time".to_owned(),
        );
        put(
            "rows-repeated",
            part(&tally.again),
            &tally.again.lines,
            "rows that tell of the same message and recipient again".to_owned(),
        );
        put("rows-repeated", part(&tally.repeats), &tally.repeats.lines, "rows repeated word for word".to_owned());
    }

    fn outcome(&self, window: &Window<'_>, side: &Side<'_>, own: &Tally, left: i64, steps: &[Step]) -> Reconciled {
        let is_empty = steps.iter().all(|step| step.value == 0);
        if left == 0 {
            return if is_empty { Reconciled::Agrees } else { Reconciled::Explained };
        }
        let count = window.count();
        let why = if side.rows.source == window.group.source && own.rows == 0 {
            Some("no detail rows of this event were supplied".to_owned())
        } else if own.rows == 0 {
            Some("no row of this window and direction was supplied".to_owned())
        } else if count < MIN_COUNT || own.copies < MIN_COUNT {
            Some("too few to compare: so small a number is met by chance".to_owned())
        } else if own.senders < 2 || own.recipients < 2 || own.messages < 2 {
            Some("the rows name one sender, recipient or message only: they were searched for".to_owned())
        } else if left > 0 && own.units(window) * MIN_SHARE < count {
            Some(
                "the rows are far fewer than what the report counts: an excerpt, not the mail of the window".to_owned(),
            )
        } else {
            None
        };
        why.map_or(Reconciled::Left, Reconciled::NotComparable)
    }

    /// Whether a file of the rows ends at its limit within the window.
    fn is_cut_within(&self, side: &Side<'_>, window: &Window<'_>) -> bool {
        let supplied = self.survey.ledger.around().supplied();
        let is_cut = supplied.iter().any(|file| file.source == Some(side.rows.source) && file.coverage.suspected_cut);
        let misses = match (side.rows.span(), window.group.from, window.group.to) {
            (Some((first, last)), Some(from), Some(to)) => first > from || last < to,
            _ => true,
        };
        is_cut && misses && window.own.rows > 0
    }

    /// What the files of a kind say about missing rows.
    fn limits(&self, source: SourceId) -> Vec<String> {
        let supplied = self.survey.ledger.around().supplied().iter();
        let cut = supplied.filter(|file| file.source == Some(source) && file.coverage.suspected_cut);
        let mut limits: Vec<String> = cut.flat_map(|file| file.coverage.limits.iter().cloned()).collect();
        limits.sort();
        limits.dedup();
        limits
    }

    fn cites(&self, lines: &[u32]) -> Vec<Cite> {
        let lines = lines.iter().take(CITED).filter_map(|line| self.survey.lines().get(*line as usize));
        lines.map(|line| self.survey.cite(line)).collect()
    }
}

fn without_rows(group: &Group) -> Reconciliation {
    let items: Vec<&Item> = group.items.iter().collect();
    let window = Window {
        group,
        items,
        edge: Vec::new(),
        counted: Tally::default(),
        own: Tally::default(),
        shift: None,
        is_unsettled: false,
    };
    let report = window.report_side(group.way);
    let ask_for = group.entry.rows.first().and_then(|id| sources::source(id)).map(|source| source.id());
    Reconciliation {
        residue: -signed(report.count),
        report,
        rows: None,
        steps: Vec::new(),
        outcome: Reconciled::NotComparable("no rows were supplied that hold this mail".to_owned()),
        ask_for: ask_for.into_iter().collect(),
    }
}

/// Rows are missing: the rows once more and whole. Too many rows: the report once more.
fn ask_for(window: &Window<'_>, side: &Side<'_>, left: i64) -> Vec<SourceId> {
    if left > 0 { vec![side.rows.source, window.group.source] } else { vec![window.group.source, side.rows.source] }
}

fn way_words(way: Access) -> &'static str {
    match way {
        Access::Inbound => "inbound",
        Access::Outbound => "outbound",
        Access::Internal => "within the organisation",
    }
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
