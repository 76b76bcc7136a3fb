//! What people would rather see than read; drawn in the terminal and in HTML.

use evidence::Cite;
use jiff::Timestamp;

/// A picture of a symptom. Every part of it that is a claim has its records.
#[derive(Clone, Debug)]
pub enum Picture {
    /// From one number to another, step by step, so that nothing is left over or the rest is named.
    Waterfall(Waterfall),
    /// What was and what is, side by side.
    BeforeAfter(BeforeAfter),
    /// Events over time, one lane a subject.
    EventStrip(EventStrip),
    /// How often each of several like things did well and failed in one window.
    Counts(Counts),
}

/// From one number to another, step by step.
#[derive(Clone, Debug)]
pub struct Waterfall {
    /// What is counted, such as `messages` or `copies`.
    pub unit: String,
    /// From the first number over the steps to the last one.
    pub bars: Vec<Bar>,
}

/// One number of a waterfall.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is.
    pub label: String,
    /// The number: of a step what it adds, less than 0 if it takes away.
    pub value: i64,
    /// What sort of number.
    pub kind: BarKind,
    /// Records, the first few.
    pub cites: Vec<Cite>,
}

/// What sort of number a bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// A number that stands by itself: where it starts, where it ends.
    Total,
    /// What explains a part of the difference.
    Step,
    /// What is left unexplained.
    Residue,
}

/// What was and what is.
#[derive(Clone, Debug)]
pub struct BeforeAfter {
    /// Heading of the left side, such as `tested path` or `before 14 May 09:00Z`.
    pub before: String,
    /// Heading of the right side.
    pub after: String,
    /// Line by line.
    pub rows: Vec<Compared>,
}

/// One thing on both sides.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What is compared.
    pub field: String,
    /// The left side; `None` if nothing is there.
    pub before: Option<String>,
    /// The right side.
    pub after: Option<String>,
    /// Whether the difference matters here.
    pub weight: Weight,
    /// Records of both sides.
    pub cites: Vec<Cite>,
}

/// Whether a line of a comparison matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
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
#[derive(Clone, Debug)]
pub struct EventStrip {
    /// Top to bottom.
    pub lanes: Vec<Lane>,
}

/// The events of one subject.
#[derive(Clone, Debug)]
pub struct Lane {
    /// The subject, such as `mail from supplier.example` or `filter policy`.
    pub label: String,
    /// By time.
    pub marks: Vec<Mark>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// What it means.
    pub tone: MarkTone,
    /// A few words.
    pub label: String,
    /// The record.
    pub cites: Vec<Cite>,
}

/// What an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkTone {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Somebody or something changed how things are.
    Change,
    /// Neither.
    Plain,
}

/// Counts of several like things in one window.
#[derive(Clone, Debug)]
pub struct Counts {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// What is counted, such as `hand-overs`.
    pub unit: String,
    /// One a thing, the worst first.
    pub rows: Vec<Count>,
}

/// How often one thing did well and failed.
#[derive(Clone, Debug)]
pub struct Count {
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
