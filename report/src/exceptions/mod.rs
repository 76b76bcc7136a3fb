//! What `exception propose`, `exception check` and `audit-exceptions` show: documents, and their sections.

mod audit;
mod check;
mod picture;
mod proposal;

pub use audit::{AUDIT_SCHEMA, AuditedBypass, BypassAudit, BypassFault};
pub use check::{
    CheckedExceptions, ExceptionCheck, ExplainedChange, GUARD_SCHEMA, GuardAnswer, JudgedCandidate, NotDone,
    RecordedApproval, UnreadPart,
};
pub use picture::breadth;
pub use proposal::{
    CureKind, CuredNeed, ExceptionProposal, HowTo, NeedTold, PROPOSAL_SCHEMA, ProposalAnswer, ProposalOf,
    ProposedException,
};

use exceptions::{Ends, Judged, Level, Reason};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assemble;
use crate::document::{Cite, EvidenceFile};
use crate::sheet::{Block, Numbers, Row, Section, Tone};
use crate::text::{counted, number};
use crate::view;

/// Why the guard judges as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardReason {
    /// The row of the vendor's table, such as `B3`; empty if none says so.
    pub row: String,
    /// What it comes to: `narrow`, `note`, `useless`, `unknown`, `approval` (needs one) or `refuse`.
    pub level: String,
    /// In a sentence.
    pub statement: String,
    /// The page that it rests on, and the day on which it was read; empty if none.
    pub source: String,
    /// Records of the evidence.
    pub cites: Vec<Cite>,
}

/// What a scope would have let through over the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredScope {
    /// Which mail it is for, in words.
    pub scope: String,
    /// Messages that are surely in the scope.
    pub messages: u64,
    /// Their recipients.
    pub recipients: u64,
    /// Their senders.
    pub senders: u64,
    /// Messages of them that were kept out and would come in.
    pub kept_out: u64,
    /// Messages of them by how they were judged, the worst first.
    pub judged: Vec<JudgedCount>,
    /// Further messages that may be in the scope: their rows do not show what it looks at.
    pub possible: u64,
}

/// How many messages were judged in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedCount {
    /// `malware`, `phish`, `spoof`, `spam`, `bulk`, `rule` (of the organisation), `clean` or `not_said`.
    pub judged: JudgedAs,
    /// How many.
    pub messages: u64,
}

/// How filters judged a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JudgedAs {
    /// Malware, or a bad attachment.
    Malware,
    /// Phishing, a bad link, or an imitated person.
    Phish,
    /// A forged sender, or failed authentication.
    Spoof,
    /// Spam.
    Spam,
    /// Bulk.
    Bulk,
    /// By a rule or list of the organisation.
    Rule,
    /// Nothing was found.
    Clean,
    /// No row says.
    NotSaid,
}

/// The history over which scopes were measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredHistory {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The last instant.
    pub to: Option<Timestamp>,
    /// Days within it of which no file has a row.
    pub gaps: Vec<HistoryGap>,
    /// Rows about messages that were counted, by kind of export.
    pub rows: Vec<CountedRows>,
    /// What it cannot show, in sentences.
    pub cannot_show: Vec<String>,
}

/// A stretch of the history without a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryGap {
    /// Its first instant.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// How many rows one kind of export gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedRows {
    /// The kind of export.
    pub source: String,
    /// Rows about messages.
    pub rows: u64,
}

impl From<&Reason> for GuardReason {
    fn from(reason: &Reason) -> GuardReason {
        GuardReason {
            row: reason.row.to_owned(),
            level: level(reason.level).to_owned(),
            statement: reason.statement.clone(),
            source: reason.source.to_owned(),
            cites: assemble::cites(&reason.cites),
        }
    }
}

impl MeasuredScope {
    /// A scope in words, with its radius.
    pub fn of(scope: &exceptions::Scope, radius: &exceptions::Radius) -> MeasuredScope {
        let judged = radius.judged.iter().filter(|(_, messages)| **messages > 0);
        MeasuredScope {
            scope: scope.to_string(),
            messages: radius.messages,
            recipients: radius.recipients,
            senders: radius.senders,
            kept_out: radius.kept_out,
            judged: judged
                .map(|(as_what, messages)| JudgedCount { judged: (*as_what).into(), messages: *messages })
                .collect(),
            possible: radius.possible,
        }
    }
}

impl From<&exceptions::History> for MeasuredHistory {
    fn from(history: &exceptions::History) -> MeasuredHistory {
        let gap = |(from, to): &(Timestamp, Timestamp)| HistoryGap { from: *from, to: *to };
        let rows = |(source, rows): (&&str, &u64)| CountedRows { source: (*source).to_owned(), rows: *rows };
        MeasuredHistory {
            from: history.from,
            to: history.to,
            gaps: history.gaps.iter().map(gap).collect(),
            rows: history.rows.iter().map(rows).collect(),
            cannot_show: history.cannot_show.clone(),
        }
    }
}

impl MeasuredHistory {
    /// Whether any row about a message was counted.
    pub fn has_rows(&self) -> bool {
        self.rows.iter().any(|one| one.rows > 0)
    }
}

impl From<Judged> for JudgedAs {
    fn from(judged: Judged) -> JudgedAs {
        match judged {
            Judged::Malware => JudgedAs::Malware,
            Judged::Phish => JudgedAs::Phish,
            Judged::Spoof => JudgedAs::Spoof,
            Judged::Spam => JudgedAs::Spam,
            Judged::Bulk => JudgedAs::Bulk,
            Judged::Rule => JudgedAs::Rule,
            Judged::Clean => JudgedAs::Clean,
            Judged::NotSaid => JudgedAs::NotSaid,
        }
    }
}

impl JudgedAs {
    /// In words, behind a number.
    pub(crate) fn words(self) -> &'static str {
        match self {
            JudgedAs::Malware => "malware",
            JudgedAs::Phish => "phish",
            JudgedAs::Spoof => "spoof",
            JudgedAs::Spam => "spam",
            JudgedAs::Bulk => "bulk",
            JudgedAs::Rule => "by an own rule",
            JudgedAs::Clean => "clean",
            JudgedAs::NotSaid => "not said",
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Narrow => "narrow",
        Level::Note => "note",
        Level::Useless => "useless",
        Level::Unknown => "unknown",
        Level::Approval => "approval",
        Level::Refuse => "refuse",
    }
}

/// An end as documents write it: an instant (RFC 3339), else a few words.
fn ends(ends: Ends) -> String {
    match ends {
        Ends::AtOnce => "at once".to_owned(),
        Ends::At(at) => at.to_string(),
        Ends::Unused(days) => format!("{days} days after its last use"),
        Ends::Never => "never".to_owned(),
        Ends::DeviceHasNone => "never: the device knows no end".to_owned(),
        Ends::NotSaid => "not said".to_owned(),
    }
}

/// The end of several grants: that of the one that ends last.
fn last_end<'a>(grants: impl Iterator<Item = &'a exceptions::Grant>) -> Option<String> {
    let last = grants.map(|grant| grant.ends).reduce(|one, other| if one.is_by(other) { other } else { one });
    last.map(ends)
}

/// Reasons, what weighs most first, as rows of a page.
fn reason_rows(reasons: &[GuardReason], numbers: &Numbers) -> Vec<Row> {
    reasons.iter().map(|reason| reason_row(reason, numbers)).collect()
}

fn reason_row(reason: &GuardReason, numbers: &Numbers) -> Row {
    let (tone, word) = match reason.level.as_str() {
        "narrow" => (Tone::Good, "narrow"),
        "note" => (Tone::Soft, "note"),
        "useless" => (Tone::Bad, "useless"),
        "unknown" => (Tone::Odd, "unknown"),
        "approval" => (Tone::Warn, "needs an approval"),
        _ => (Tone::Bad, "refused"),
    };
    let lead = if reason.row.is_empty() { word.to_owned() } else { format!("{} {word}", reason.row) };
    let notes = Some(&reason.source).filter(|source| !source.is_empty()).cloned().into_iter().collect();
    Row {
        tone,
        lead,
        text: reason.statement.clone(),
        records: numbers.references(&reason.cites),
        notes,
        ..Row::default()
    }
}

/// What scopes would have let through, as rows of a page.
fn radius_rows(radius: &[MeasuredScope]) -> Vec<Row> {
    radius.iter().map(radius_row).collect()
}

fn radius_row(one: &MeasuredScope) -> Row {
    let is_bad = |count: &JudgedCount| count.judged <= JudgedAs::Spoof;
    let tone = if one.judged.iter().any(is_bad) { Tone::Bad } else { Tone::Plain };
    Row { tone, lead: one.scope.clone(), text: let_through(one), ..Row::default() }
}

/// `3 messages to 2 recipients from 1 sender; 1 of them was kept out; judged: 1 spam, 2 clean; 4 more may be meant`.
fn let_through(one: &MeasuredScope) -> String {
    let mut text = format!(
        "{} to {} from {}",
        counted(one.messages, "message"),
        counted(one.recipients, "recipient"),
        counted(one.senders, "sender")
    );
    if one.messages == 0 {
        text = "no message".to_owned();
    } else if one.kept_out > 0 {
        let was = if one.kept_out == 1 { "was" } else { "were" };
        text.push_str(&format!("; {} of them {was} kept out and would come in", number(one.kept_out)));
    }
    let judged: Vec<String> =
        one.judged.iter().map(|count| format!("{} {}", number(count.messages), count.judged.words())).collect();
    if !judged.is_empty() {
        text.push_str(&format!("; judged: {}", judged.join(", ")));
    }
    if one.possible > 0 {
        text.push_str(&format!(
            "; {} more may be meant: their rows do not show what it looks at",
            number(one.possible)
        ));
    }
    text
}

/// Over which history was measured, and what it cannot show.
fn history_blocks(history: &MeasuredHistory) -> Vec<Block> {
    if !history.has_rows() {
        let text = "No trace, hunting table or log among the files: what it would let through was not measured. \
            Add the message trace of the last days (`throughline sources` says how to get it).";
        return vec![Block::Text(Tone::Odd, text.to_owned())];
    }
    let rows: Vec<String> = history.rows.iter().map(|one| format!("{} {}", number(one.rows), one.source)).collect();
    let mut facts = vec![("Window".to_owned(), window(history)), ("Rows".to_owned(), rows.join(", "))];
    let gap = |gap: &HistoryGap| format!("{} to {}", view::instant(gap.from), view::instant(gap.to));
    let gaps: Vec<String> = history.gaps.iter().take(MAX_GAPS).map(gap).collect();
    let more = history.gaps.len().saturating_sub(MAX_GAPS);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    let gaps = if gaps.is_empty() { "none".to_owned() } else { format!("{}{more}", gaps.join(", ")) };
    facts.push(("Without a row".to_owned(), gaps));
    facts.extend(history.cannot_show.iter().map(|limit| ("Cannot show".to_owned(), limit.clone())));
    vec![Block::Facts(facts)]
}

/// How many stretches without a row are named.
const MAX_GAPS: usize = 6;

fn window(history: &MeasuredHistory) -> String {
    match (history.from, history.to) {
        (Some(from), Some(to)) => format!("{} to {}", view::instant(from), view::instant(to)),
        (Some(at), None) | (None, Some(at)) => view::instant(at),
        (None, None) => "no instant is stated".to_owned(),
    }
}

/// An end as a page shows it.
fn shown_end(end: &str) -> String {
    end.parse().map_or_else(|_| end.to_owned(), view::instant)
}

/// What was read, as the last section of a page.
fn evidence_section(evidence: &[EvidenceFile]) -> Option<Section> {
    let row = |file: &EvidenceFile| {
        let (tone, kind) = match (&file.error, &file.source) {
            (Some(_), _) | (None, None) => (Tone::Odd, "not read"),
            (None, Some(source)) => (Tone::Plain, source.as_str()),
        };
        let text = match &file.error {
            Some(error) => error.clone(),
            None => format!("{}: {}", kind, counted(file.rows, "row")),
        };
        let problems = (file.problems > 0).then(|| format!("{} could not be read", counted(file.problems, "row")));
        Row { tone, lead: file.file.clone(), text, notes: problems.into_iter().collect(), ..Row::default() }
    };
    let rows: Vec<Row> = evidence.iter().map(row).collect();
    (!rows.is_empty()).then(|| Section {
        id: "evidence",
        title: "Evidence".to_owned(),
        blocks: vec![Block::Rows(rows)],
    })
}

/// What was assumed or left aside.
fn notes_section(notes: &[String]) -> Option<Section> {
    let row = |text: &String| Row { tone: Tone::Soft, text: text.clone(), ..Row::default() };
    let rows: Vec<Row> = notes.iter().map(row).collect();
    let title = "Assumed, or left aside".to_owned();
    (!rows.is_empty()).then(|| Section { id: "assumed", title, blocks: vec![Block::Rows(rows)] })
}

/// Every cite of some lists of reasons.
fn cites_of(reasons: &mut [GuardReason]) -> impl Iterator<Item = &mut Cite> {
    reasons.iter_mut().flat_map(|reason| &mut reason.cites)
}

/// The files of an evidence folder: what was read from each.
pub fn evidence_files(lake: &lake::Lake, sha256: impl Fn(&str) -> Option<String>) -> Vec<EvidenceFile> {
    let snapshots = lake.snapshots();
    lake.supplied().iter().map(|file| assemble::evidence_file(file, &snapshots, &sha256)).collect()
}

/// The name of a product that a person reads.
fn product(product: &evidence::Product) -> String {
    evidence::System::of(product.clone()).to_string()
}
