//! Pictures as data: those of symptoms, as `findings` made them, that of candidates for an exception, and those of figures over cases.

use findings::symptoms::picture as made;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Cite;
use crate::exceptions::MeasuredScope;

/// A picture. Every part of it that is a claim has its records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "shape")]
pub enum Picture {
    /// From one number to another, step by step, so that nothing is left over or the rest is named.
    Waterfall(Waterfall),
    /// What was and what is, side by side.
    BeforeAfter(BeforeAfter),
    /// Events over time, one lane a subject.
    EventStrip(EventStrip),
    /// How often each of several like things did well and failed in one window.
    Counts(DependencyCounts),
    /// Candidates for an exception with what each would have let through, narrow to wide.
    Breadth(Breadth),
    /// How many of several kinds there were in each stretch of time, one on the other.
    StackedCounts(StackedCounts),
    /// How long things took: the shortest, the middle, the ninetieth of a hundred, the longest.
    Spread(Spread),
    /// Changes that were made, by their age and by how much each lets through.
    AgeRadius(AgeRadius),
}

/// From one number to another, step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waterfall {
    /// What is counted, such as `messages` or `copies`.
    pub unit: String,
    /// From the first number over the steps to the last one.
    pub bars: Vec<WaterfallBar>,
}

/// One number of a waterfall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaterfallBar {
    /// What it is.
    pub label: String,
    /// The number: of a step what it adds, less than 0 if it takes away.
    pub value: i64,
    /// What sort of number.
    pub kind: WaterfallKind,
    /// Records, the first few.
    pub cites: Vec<Cite>,
}

/// What sort of number a bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaterfallKind {
    /// A number that stands by itself: where it starts, where it ends.
    Total,
    /// What explains a part of the difference.
    Step,
    /// What is left unexplained.
    Residue,
}

/// What was and what is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BeforeAfter {
    /// Heading of the left side, such as `tested path` or `before 14 May 09:00Z`.
    pub before: String,
    /// Heading of the right side.
    pub after: String,
    /// Line by line.
    pub rows: Vec<ComparedRow>,
}

/// One thing on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRow {
    /// What is compared.
    pub field: String,
    /// The left side; `None` if nothing is there.
    pub before: Option<String>,
    /// The right side.
    pub after: Option<String>,
    /// Whether the difference matters here.
    pub weight: ComparedWeight,
    /// Records of both sides.
    pub cites: Vec<Cite>,
}

/// Whether a line of a comparison matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComparedWeight {
    /// The same on both sides.
    Same,
    /// Differs.
    Differs,
    /// Differs, and explains the symptom.
    Decides,
    /// One side does not show it.
    Unknown,
}

/// Events over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventStrip {
    /// Top to bottom.
    pub lanes: Vec<StripLane>,
}

/// The events of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StripLane {
    /// The subject, such as `mail from supplier.example` or `filter policy`.
    pub label: String,
    /// By time.
    pub marks: Vec<StripMark>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StripMark {
    /// When.
    pub at: Timestamp,
    /// What it means.
    pub tone: StripTone,
    /// A few words.
    pub label: String,
    /// The record.
    pub cites: Vec<Cite>,
}

/// What an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StripTone {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Somebody or something changed how things are.
    Change,
    /// Neither.
    Plain,
}

/// DependencyCounts of several like things in one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DependencyCounts {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// What is counted, such as `hand-overs`.
    pub unit: String,
    /// One a thing, the worst first.
    pub rows: Vec<CountRow>,
}

/// How often one thing did well and failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountRow {
    /// The thing, such as a host.
    pub name: String,
    /// How often it did well.
    pub good: u64,
    /// How often it failed.
    pub bad: u64,
    /// A few words, such as the reply that it gave.
    pub note: Option<String>,
    /// Records, the first few.
    pub cites: Vec<Cite>,
}

/// Candidates for an exception, narrow to wide. It is counted over rows, so it has no records of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Breadth {
    /// The narrowest first.
    pub rows: Vec<BreadthRow>,
    /// How many candidates were measured and are not drawn.
    pub not_drawn: u64,
    /// Who brought up what `is_proposed` marks: absent in documents of before, where throughline did.
    #[serde(default)]
    pub marked: BroughtUp,
}

/// Who brought up a change that is drawn among candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BroughtUp {
    /// It is proposed.
    #[default]
    Proposed,
    /// Somebody asked the guard about it: that says nothing for it.
    AskedAbout,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreadthRow {
    /// Its conditions, and what it would have let through.
    pub scope: MeasuredScope,
    /// Whether it is what is proposed, or asked about.
    pub is_proposed: bool,
    /// Whether no other candidate covers as many of the reported messages with less beside them.
    pub is_on_front: bool,
}

fn cites(cites: &[evidence::Cite]) -> Vec<Cite> {
    cites.iter().map(Cite::from).collect()
}

impl From<&made::Picture> for Picture {
    fn from(picture: &made::Picture) -> Picture {
        match picture {
            made::Picture::Waterfall(one) => {
                Picture::Waterfall(Waterfall { unit: one.unit.clone(), bars: one.bars.iter().map(bar).collect() })
            }
            made::Picture::BeforeAfter(one) => Picture::BeforeAfter(BeforeAfter {
                before: one.before.clone(),
                after: one.after.clone(),
                rows: one.rows.iter().map(compared).collect(),
            }),
            made::Picture::EventStrip(one) => {
                Picture::EventStrip(EventStrip { lanes: one.lanes.iter().map(lane).collect() })
            }
            made::Picture::Counts(one) => Picture::Counts(DependencyCounts {
                from: one.from,
                to: one.to,
                unit: one.unit.clone(),
                rows: one.rows.iter().map(count).collect(),
            }),
        }
    }
}

fn bar(bar: &made::Bar) -> WaterfallBar {
    let kind = match bar.kind {
        made::BarKind::Total => WaterfallKind::Total,
        made::BarKind::Step => WaterfallKind::Step,
        made::BarKind::Residue => WaterfallKind::Residue,
    };
    WaterfallBar { label: bar.label.clone(), value: bar.value, kind, cites: cites(&bar.cites) }
}

fn compared(row: &made::Compared) -> ComparedRow {
    let weight = match row.weight {
        made::Weight::Same => ComparedWeight::Same,
        made::Weight::Differs => ComparedWeight::Differs,
        made::Weight::Decides => ComparedWeight::Decides,
        made::Weight::Unknown => ComparedWeight::Unknown,
    };
    let (before, after) = (row.before.clone(), row.after.clone());
    ComparedRow { field: row.field.clone(), before, after, weight, cites: cites(&row.cites) }
}

fn lane(lane: &made::Lane) -> StripLane {
    let mark = |mark: &made::Mark| StripMark {
        at: mark.at,
        tone: match mark.tone {
            made::MarkTone::Good => StripTone::Good,
            made::MarkTone::Bad => StripTone::Bad,
            made::MarkTone::Change => StripTone::Change,
            made::MarkTone::Plain => StripTone::Plain,
        },
        label: mark.label.clone(),
        cites: cites(&mark.cites),
    };
    StripLane { label: lane.label.clone(), marks: lane.marks.iter().map(mark).collect() }
}

fn count(row: &made::Count) -> CountRow {
    CountRow { name: row.name.clone(), good: row.good, bad: row.bad, note: row.note.clone(), cites: cites(&row.cites) }
}

/// How many of several kinds there were in each stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StackedCounts {
    /// What is seen; no two pictures of a page have the same title.
    pub title: String,
    /// What is counted, such as `cases`.
    pub unit: String,
    /// The stretches of time in order, such as `Aug 2026`.
    pub steps: Vec<String>,
    /// The kinds, from the bottom to the top.
    pub series: Vec<CountSeries>,
}

/// How many of one kind there were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountSeries {
    /// The kind.
    pub name: String,
    /// As many numbers as there are stretches.
    pub counts: Vec<u64>,
}

/// How long things took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// What is seen; no two pictures of a page have the same title.
    pub title: String,
    /// What is counted, such as `cases`.
    pub unit: String,
    /// What it is called when one is done, such as `answered`.
    pub done: String,
    /// One a group.
    pub rows: Vec<SpreadRow>,
}

/// How long the things of one group took. Spans are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadRow {
    /// The group.
    pub name: String,
    /// How many are done; the spans are theirs.
    pub done: u64,
    /// The shortest.
    pub least_seconds: Option<u64>,
    /// The middle one.
    pub median_seconds: Option<u64>,
    /// Nine of ten took no longer.
    pub ninetieth_seconds: Option<u64>,
    /// The longest.
    pub most_seconds: Option<u64>,
    /// How many are not done yet.
    pub open: u64,
    /// How old the oldest of these is.
    pub oldest_open_seconds: Option<u64>,
    /// How many ended without it.
    pub without: u64,
}

/// Changes that were made, by their age and by how much each lets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgeRadius {
    /// What is seen; no two pictures of a page have the same title.
    pub title: String,
    /// Those that want a look first.
    pub rows: Vec<AgedChange>,
    /// How many more there are.
    pub not_drawn: u64,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgedChange {
    /// What it is called, such as `#42`.
    pub name: String,
    /// Whose it is, such as a client and a ticket.
    pub about: String,
    /// What was changed, in a line.
    pub what: String,
    /// How old it is.
    pub age_seconds: u64,
    /// How many messages it lets through; null if that was not measured.
    pub messages: Option<u64>,
    /// Whether it ends.
    pub end: ChangeEnd,
    /// When it ends or ended.
    pub ends: Option<Timestamp>,
    /// Whether it was looked at since.
    pub verified: ChangeVerified,
    /// The guard's answer; null if it was not asked.
    pub guard: Option<String>,
}

/// Whether a change ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeEnd {
    /// Its end is past: it should be gone.
    Expired,
    /// No end is stated.
    NoEnd,
    /// It will.
    Ends,
}

/// Whether a change was looked at since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeVerified {
    /// The trouble came back.
    CameBack,
    /// Nobody looked.
    Never,
    /// Somebody looked, and it could not be told.
    CannotTell,
    /// It held.
    Held,
}

impl Picture {
    /// Every cite of the picture.
    pub(crate) fn each_cite(&mut self, visit: &mut impl FnMut(&mut Cite)) {
        match self {
            Picture::Waterfall(one) => one.bars.iter_mut().flat_map(|bar| &mut bar.cites).for_each(visit),
            Picture::BeforeAfter(one) => one.rows.iter_mut().flat_map(|row| &mut row.cites).for_each(visit),
            Picture::EventStrip(one) => {
                let marks = one.lanes.iter_mut().flat_map(|lane| &mut lane.marks);
                marks.flat_map(|mark| &mut mark.cites).for_each(visit);
            }
            Picture::Counts(one) => one.rows.iter_mut().flat_map(|row| &mut row.cites).for_each(visit),
            Picture::Breadth(_) | Picture::StackedCounts(_) | Picture::Spread(_) | Picture::AgeRadius(_) => {}
        }
    }
}
