//! What `throughline reconcile` shows: the totals of reports beside the rows that hold the same mail.

use findings::symptoms as found;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assemble;
use crate::document::{Cite, Standing};
use crate::picture::{Picture, Waterfall, WaterfallBar, WaterfallKind};
use crate::sheet::{Block, Numbers, Pictured, Row, Section, Sheet, Tone};
use crate::view;

/// The name and version of the document's form.
pub const RECONCILIATION_SCHEMA: &str = "throughline.reconciliation.v1";

/// Totals of reports beside rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reconciliations {
    /// Always `throughline.reconciliation.v1`.
    pub schema: String,
    /// One a total and kind of rows: by report, direction and window.
    pub totals: Vec<ReconciledTotal>,
}

/// A total of a report beside one kind of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconciledTotal {
    /// What came of it.
    pub outcome: ReconciledOutcome,
    /// Why the two cannot be compared; null if they can.
    pub because: Option<String>,
    /// The report's side.
    pub report: TotalSide,
    /// The rows' side; null if there are no rows of that kind.
    pub rows: Option<RowsSide>,
    /// From the report's total to the number of rows.
    pub steps: Vec<ReconciledStep>,
    /// What has to be added after all steps to arrive at the number of rows: less than 0 if rows are missing.
    pub residue: i64,
    /// Kinds of export that would explain what is left.
    pub ask_for: Vec<String>,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReconciledOutcome {
    /// The same number.
    Agrees,
    /// The steps explain the whole difference.
    Explained,
    /// Something is left unexplained.
    Left,
    /// The rows are not those of the total.
    NotComparable,
}

/// A total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TotalSide {
    /// The kind of report.
    pub source: String,
    /// What it counted, as written.
    pub measures: Vec<CountedMeasure>,
    /// All of them.
    pub count: u64,
    /// One of what: `recipients` or `messages`.
    pub unit: String,
    /// The first instant of the window.
    pub from: Option<Timestamp>,
    /// Its end, exclusive; or the instant of a count of what there is.
    pub to: Option<Timestamp>,
    /// When the report was read, as the file's name says; null if it does not.
    pub read_at: Option<Timestamp>,
    /// By what it is restricted, such as `direction inbound`.
    pub filter: Vec<String>,
    /// The page that says what it counts, and the day on which it was read.
    pub says: String,
    /// Records.
    pub cites: Vec<Cite>,
}

/// One number of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedMeasure {
    /// What was counted, as written.
    pub measure: String,
    /// How many.
    pub count: u64,
}

/// A number of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowsSide {
    /// The kind of export.
    pub source: String,
    /// How many rows somebody counts.
    pub count: u64,
    /// Messages and recipients among them.
    pub copies: u64,
    /// Messages among them.
    pub messages: u64,
    /// What one row is.
    pub unit: String,
    /// The first instant of them.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// When the export was made, as the file's name says; null if it does not.
    pub read_at: Option<Timestamp>,
    /// What the files say about row limits.
    pub row_limits: Vec<String>,
    /// Which of the rows count.
    pub filter: String,
    /// The page that says what one row is, and the day on which it was read.
    pub says: String,
    /// Records: the first and the last.
    pub cites: Vec<Cite>,
}

/// A part of the difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconciledStep {
    /// The cause of `totals-diverge` that it is.
    pub cause: String,
    /// What it is.
    pub label: String,
    /// What it adds on the way from the report to the rows.
    pub value: i64,
    /// How well it stands.
    pub standing: Standing,
    /// Records.
    pub cites: Vec<Cite>,
}

impl Reconciliations {
    /// The document of what was found; `read_at` says when a file was made.
    pub fn of(all: &[found::Reconciliation], read_at: impl Fn(&str) -> Option<Timestamp>) -> Reconciliations {
        let totals = all.iter().map(|one| total(one, &read_at)).collect();
        Reconciliations { schema: RECONCILIATION_SCHEMA.to_owned(), totals }
    }

    /// Whether every total could be compared and nothing is left of any.
    pub fn is_whole(&self) -> bool {
        let is_met =
            |one: &ReconciledTotal| matches!(one.outcome, ReconciledOutcome::Agrees | ReconciledOutcome::Explained);
        !self.totals.is_empty() && self.totals.iter().all(is_met)
    }

    /// The document as a page: an overview of all totals, and the way from the one number to the other for those that differ.
    pub fn sheet(&self) -> Sheet {
        // Anchors of a page stay the same: one a place in the order.
        const IDS: [&str; 12] = [
            "total-1", "total-2", "total-3", "total-4", "total-5", "total-6", "total-7", "total-8", "total-9",
            "total-10", "total-11", "total-12",
        ];
        let mut told: Vec<&ReconciledTotal> = self.totals.iter().collect();
        told.sort_by_key(|one| match one.outcome {
            ReconciledOutcome::Left => 0,
            ReconciledOutcome::Explained => 1,
            ReconciledOutcome::NotComparable => 2,
            ReconciledOutcome::Agrees => 3,
        });
        let mut sections = vec![self.overview()];
        sections.extend(told.into_iter().zip(IDS).map(|(total, id)| section(total, id)));
        Sheet { title: "Totals against rows".to_owned(), sections }
    }

    fn overview(&self) -> Section {
        let row = |one: &ReconciledTotal| Row {
            tone: tone(one.outcome),
            lead: words(one.outcome).to_owned(),
            text: headline(one),
            ..Row::default()
        };
        let blocks = match self.totals.as_slice() {
            [] => vec![Block::Text(Tone::Odd, "No report with totals is among the files.".to_owned())],
            totals => vec![Block::Rows(totals.iter().map(row).collect())],
        };
        Section { id: "overview", title: "Overview".to_owned(), blocks }
    }
}

fn total(one: &found::Reconciliation, read_at: &impl Fn(&str) -> Option<Timestamp>) -> ReconciledTotal {
    let (outcome, because) = match &one.outcome {
        found::Reconciled::Agrees => (ReconciledOutcome::Agrees, None),
        found::Reconciled::Explained => (ReconciledOutcome::Explained, None),
        found::Reconciled::Left => (ReconciledOutcome::Left, None),
        found::Reconciled::NotComparable(why) => (ReconciledOutcome::NotComparable, Some(why.clone())),
    };
    let made = |cites: &[evidence::Cite]| cites.iter().find_map(|cite| read_at(&cite.file));
    let report = &one.report;
    let step = |step: &found::Step| ReconciledStep {
        cause: step.cause.to_owned(),
        label: step.label.clone(),
        value: step.value,
        standing: assemble::standing(step.standing),
        cites: assemble::cites(&step.cites),
    };
    let measure = |(measure, count): &(String, u64)| CountedMeasure { measure: measure.clone(), count: *count };
    ReconciledTotal {
        outcome,
        because,
        report: TotalSide {
            source: report.source.to_owned(),
            measures: report.measures.iter().map(measure).collect(),
            count: report.count,
            unit: report.unit.to_owned(),
            from: report.from,
            to: report.to,
            read_at: made(&report.cites),
            filter: report.filter.iter().map(|(name, value)| format!("{name} {value}")).collect(),
            says: report.says.clone(),
            cites: assemble::cites(&report.cites),
        },
        rows: one.rows.as_ref().map(|rows| RowsSide {
            source: rows.source.to_owned(),
            count: rows.count,
            copies: rows.copies,
            messages: rows.messages,
            unit: rows.unit.to_owned(),
            from: rows.from,
            to: rows.to,
            read_at: made(&rows.cites),
            row_limits: rows.limits.clone(),
            filter: rows.filter.clone(),
            says: rows.says.clone(),
            cites: assemble::cites(&rows.cites),
        }),
        steps: one.steps.iter().map(step).collect(),
        residue: one.residue,
        ask_for: one.ask_for.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn words(outcome: ReconciledOutcome) -> &'static str {
    match outcome {
        ReconciledOutcome::Agrees => "agrees",
        ReconciledOutcome::Explained => "explained",
        ReconciledOutcome::Left => "not explained",
        ReconciledOutcome::NotComparable => "not comparable",
    }
}

fn tone(outcome: ReconciledOutcome) -> Tone {
    match outcome {
        ReconciledOutcome::Agrees | ReconciledOutcome::Explained => Tone::Good,
        ReconciledOutcome::Left => Tone::Bad,
        ReconciledOutcome::NotComparable => Tone::Odd,
    }
}

fn headline(one: &ReconciledTotal) -> String {
    let report = &one.report;
    let restricted = if report.filter.is_empty() { String::new() } else { format!(", {}", report.filter.join(", ")) };
    let rows = match &one.rows {
        Some(rows) => format!("{} rows of {}", rows.count, rows.source),
        None => "no rows".to_owned(),
    };
    let left = match one.outcome {
        ReconciledOutcome::Left => format!(", {} not explained", one.residue.abs()),
        _ => String::new(),
    };
    let window = window(report.from, report.to);
    format!("{}{restricted}, {window}: {} {}, {rows}{left}", report.source, report.count, report.unit)
}

fn window(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let is_midnight = |at: Timestamp| at.as_second().rem_euclid(24 * 60 * 60) == 0;
    let is_day =
        |from: Timestamp, to: Timestamp| is_midnight(from) && to.duration_since(from) == SignedDuration::from_hours(24);
    match (from, to) {
        (Some(from), Some(to)) if is_day(from, to) => {
            let text = view::instant(from);
            format!("{} (UTC day)", text.split(' ').next().unwrap_or_default())
        }
        (Some(from), Some(to)) => format!("{} to {}", view::instant(from), view::instant(to)),
        (None, Some(to)) => format!("as of {}", view::instant(to)),
        (Some(from), None) => format!("from {}", view::instant(from)),
        (None, None) => "no time stated".to_owned(),
    }
}

fn section(one: &ReconciledTotal, id: &'static str) -> Section {
    let report = &one.report;
    let mut blocks = vec![Block::Text(
        tone(one.outcome),
        match &one.because {
            Some(why) => format!("{}: {why}.", words(one.outcome)),
            None => words(one.outcome).to_owned(),
        },
    )];
    // Each record is named by its place: a page of many totals numbers none.
    blocks.push(Block::Picture(Pictured { picture: Picture::Waterfall(waterfall(one)), numbers: Numbers::default() }));
    let stated = |at: Option<Timestamp>| at.map_or("not stated by the file's name".to_owned(), view::instant);
    let listed = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join("; ") };
    let measures = report.measures.iter().map(|one| format!("{} {}", one.measure, one.count)).collect::<Vec<_>>();
    let mut facts = vec![
        ("report".to_owned(), report.source.clone()),
        ("counts".to_owned(), format!("{} ({})", report.unit, report.says)),
        ("measures".to_owned(), listed(&measures)),
        ("window, UTC".to_owned(), window(report.from, report.to)),
        ("read".to_owned(), stated(report.read_at)),
        ("filter".to_owned(), listed(&report.filter)),
    ];
    if let Some(rows) = &one.rows {
        facts.extend([
            ("rows".to_owned(), rows.source.clone()),
            (
                "one row is".to_owned(),
                if rows.says.is_empty() { rows.unit.clone() } else { format!("{} ({})", rows.unit, rows.says) },
            ),
            ("rows from, to, UTC".to_owned(), window(rows.from, rows.to)),
            ("rows read".to_owned(), stated(rows.read_at)),
            ("row limit".to_owned(), listed(&rows.row_limits)),
            ("rows that count".to_owned(), rows.filter.clone()),
            ("messages, recipients".to_owned(), format!("{}, {}", rows.messages, rows.copies)),
        ]);
    }
    blocks.push(Block::Facts(facts));
    if !one.ask_for.is_empty() {
        blocks.push(Block::Text(Tone::Warn, format!("Fetch: {}", one.ask_for.join(", "))));
    }
    Section { id, title: headline(one), blocks }
}

/// From the one number to the other, as it is drawn.
fn waterfall(one: &ReconciledTotal) -> Waterfall {
    let bar =
        |label: String, value: i64, kind, cites: &[Cite]| WaterfallBar { label, value, kind, cites: cites.to_vec() };
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let report = &one.report;
    let mut bars =
        vec![bar("counted by the report".to_owned(), number(report.count), WaterfallKind::Total, &report.cites)];
    bars.extend(one.steps.iter().map(|step| {
        let mark = match step.standing {
            Standing::Proved => "",
            Standing::Likely => " (likely)",
            _ => " (who did it is not shown)",
        };
        bar(format!("{}{mark}", step.label), step.value, WaterfallKind::Step, &step.cites)
    }));
    bars.push(bar("not explained".to_owned(), one.residue, WaterfallKind::Residue, &[]));
    let (rows, cites) = one.rows.as_ref().map_or((0, [].as_slice()), |rows| (rows.count, rows.cites.as_slice()));
    bars.push(bar("rows".to_owned(), number(rows), WaterfallKind::Total, cites));
    Waterfall { unit: report.unit.clone(), bars }
}
