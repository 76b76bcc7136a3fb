//! The documents about runbooks, and how they are drawn.

use report::{Block, EvidenceFile, Numbers, Row, Section, Sheet, Tone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ran::{Checked, Fired, Ran, Signalled};
use super::text::{Runbook, RunbookStatus};
use crate::verified::rest;

/// The name and version of the form of [`Listed`].
pub const LISTED_SCHEMA: &str = "throughline.runbooks.v1";
/// The name and version of the form of [`Tested`].
pub const TESTED_SCHEMA: &str = "throughline.runbook-test.v1";
/// The name and version of the form of [`Written`].
pub const WRITTEN_SCHEMA: &str = "throughline.runbook-written.v1";

/// How many events are drawn; all stand in the JSON.
const MAX_DRAWN: usize = 40;

/// The runbooks that are kept: the JSON of `runbook list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// Always `throughline.runbooks.v1`.
    pub schema: String,
    /// By client and name.
    pub runbooks: Vec<ListedRunbook>,
}

/// A runbook in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedRunbook {
    /// Which, `client/slug`.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What it says, its text left out; null if it cannot be read.
    pub runbook: Option<Runbook>,
    /// What is wrong with it; null if nothing.
    pub error: Option<String>,
}

/// Whether a signal fires on a ticket's evidence and is quiet on what was verified: the JSON of `runbook test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// Always `throughline.runbook-test.v1`.
    pub schema: String,
    /// The signal.
    pub signal: String,
    /// Whether it does both: `fires` on the one is shown, and `quiet` on the other.
    pub passed: bool,
    /// Whether it may be written: it fires on the ticket's evidence, and not on what was verified.
    pub accepted: bool,
    /// That in a sentence or two.
    pub statement: String,
    /// On the evidence that shows what happened.
    pub ticket: TestedSide,
    /// On the evidence that shows what is so after the change.
    pub verified: TestedSide,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

/// What a signal said on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestedSide {
    /// What it said.
    pub answer: Signalled,
    /// That in a sentence or two.
    pub statement: String,
    /// What fired.
    pub events: Vec<Fired>,
    /// How many items were left aside: those of the ticket itself, and those from before the change.
    pub left_aside: u64,
    /// Kinds of export that would tell more.
    pub ask_for: Vec<String>,
}

/// A runbook that was written, or was not: the JSON of `runbook new` and `runbook write`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// Always `throughline.runbook-written.v1`.
    pub schema: String,
    /// What it says.
    pub runbook: Runbook,
    /// Its file; null if it was refused.
    pub file: Option<String>,
    /// SHA-256 of its text; null if it was refused, or if the newest version says the same already.
    pub sha256: Option<String>,
    /// Signals that were tried before and did not pass, and why.
    pub tried: Vec<Tested>,
    /// How its signal passed, or did not.
    pub test: Tested,
}

impl Signalled {
    fn tone(self) -> Tone {
        match self {
            Signalled::Quiet => Tone::Good,
            Signalled::CannotTell => Tone::Odd,
            Signalled::Fires => Tone::Bad,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Signalled::Quiet => "quiet",
            Signalled::CannotTell => "cannot tell",
            Signalled::Fires => "fires",
        }
    }

    /// The exit status of a check: 0 quiet, 5 it came back, 6 cannot tell.
    pub fn exit(self) -> u8 {
        match self {
            Signalled::Quiet => 0,
            Signalled::Fires => 5,
            Signalled::CannotTell => 6,
        }
    }
}

impl Checked {
    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let count = |answer| self.runbooks.iter().filter(|ran| ran.answer == answer).count();
        let (fires, cannot, quiet) = (count(Signalled::Fires), count(Signalled::CannotTell), count(Signalled::Quiet));
        let said = format!("{fires} fire, {cannot} cannot tell, {quiet} quiet.");
        let title = match self.runbooks.as_slice() {
            [only] => format!("Runbook {}: {}", only.runbook, only.answer.words()),
            _ => format!("Runbooks: {}", self.answer.words()),
        };
        let mut sections: Vec<Section> = Vec::new();
        if self.runbooks.len() != 1 {
            let blocks = vec![Block::Text(self.answer.tone(), said)];
            sections.push(Section { id: "answer", title: "Answer".to_owned(), blocks });
        }
        sections.extend(self.runbooks.iter().map(ran));
        sections.extend(rest(&[], &[], &self.evidence));
        Sheet { title, sections }
    }
}

fn ran(ran: &Ran) -> Section {
    let mut facts = vec![("Watches for".to_owned(), ran.root_cause.clone()), ("Signal".to_owned(), ran.signal.clone())];
    if !ran.owner.is_empty() {
        facts.push(("Owner".to_owned(), ran.owner.clone()));
    }
    let mut blocks = vec![Block::Text(ran.answer.tone(), ran.statement.clone())];
    blocks.extend(events(&ran.events));
    blocks.extend(asked(&ran.ask_for));
    blocks.push(Block::Facts(facts));
    Section { id: "runbook", title: format!("{}, version {}: {}", ran.runbook, ran.version, ran.title), blocks }
}

fn events(events: &[Fired]) -> Vec<Block> {
    let row = |event: &Fired| Row {
        tone: Tone::Bad,
        lead: event.at.map(|at| at.strftime("%Y-%m-%d %H:%MZ").to_string()).unwrap_or_default(),
        text: event.statement.clone(),
        records: Numbers::default().references(&event.cites),
        notes: vec![format!("event {}", event.key.chars().take(12).collect::<String>())],
        ..Row::default()
    };
    let rows: Vec<Row> = events.iter().take(MAX_DRAWN).map(row).collect();
    let more = events.len().saturating_sub(MAX_DRAWN);
    let mut blocks = Vec::new();
    if !rows.is_empty() {
        blocks.push(Block::Rows(rows));
    }
    if more > 0 {
        blocks.push(Block::Text(Tone::Soft, format!("{more} more stand in the JSON.")));
    }
    blocks
}

fn asked(kinds: &[String]) -> Option<Block> {
    let text = format!("Fetch one of: {}", kinds.join(", "));
    (!kinds.is_empty()).then_some(Block::Text(Tone::Odd, text))
}

impl Tested {
    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let word = if self.passed { "passed" } else { "not passed" };
        let mut sections = self.sections();
        sections.extend(rest(&[], &[], &self.evidence));
        Sheet { title: format!("Signal: {word}"), sections }
    }

    fn tone(&self) -> Tone {
        match (self.passed, self.accepted) {
            (true, _) => Tone::Good,
            (false, true) => Tone::Warn,
            (false, false) => Tone::Bad,
        }
    }

    fn sections(&self) -> Vec<Section> {
        let answer = vec![
            Block::Text(self.tone(), self.statement.clone()),
            Block::Facts(vec![("Signal".to_owned(), self.signal.clone())]),
        ];
        vec![
            Section { id: "test", title: "Test".to_owned(), blocks: answer },
            side("ticket", "On the ticket's evidence", &self.ticket, Signalled::Fires),
            side("verified", "On what was verified", &self.verified, Signalled::Quiet),
        ]
    }
}

fn side(id: &'static str, title: &str, side: &TestedSide, wanted: Signalled) -> Section {
    let tone = match side.answer {
        answer if answer == wanted => Tone::Good,
        Signalled::CannotTell => Tone::Odd,
        _ => Tone::Bad,
    };
    let mut blocks = vec![Block::Text(tone, side.statement.clone())];
    blocks.extend(events(&side.events));
    if side.left_aside > 0 {
        let text = format!("{} left aside: of the ticket itself, or from before the change.", side.left_aside);
        blocks.push(Block::Text(Tone::Soft, text));
    }
    blocks.extend(asked(&side.ask_for));
    Section { id, title: title.to_owned(), blocks }
}

impl Written {
    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let name = format!("{}/{}", self.runbook.client, self.runbook.slug);
        let title = match (&self.file, self.runbook.status) {
            (None, _) => format!("Runbook {name}: refused"),
            (Some(_), RunbookStatus::Draft) => {
                format!("Runbook {name}: version {} written, a draft", self.runbook.version)
            }
            (Some(_), RunbookStatus::Tested) => format!("Runbook {name}: version {} written", self.runbook.version),
        };
        let mut sections = self.test.sections();
        let row = |test: &Tested| Row {
            tone: Tone::Soft,
            lead: test.signal.clone(),
            text: test.statement.clone(),
            ..Row::default()
        };
        let tried: Vec<Row> = self.tried.iter().map(row).collect();
        if !tried.is_empty() {
            sections.push(Section { id: "tried", title: "Tried before".to_owned(), blocks: vec![Block::Rows(tried)] });
        }
        sections.extend(self.runbook.sections(self.file.as_deref(), self.sha256.as_deref()));
        sections.extend(rest(&[], &[], &self.test.evidence));
        Sheet { title, sections }
    }
}

impl Runbook {
    /// The runbook as a page.
    pub fn sheet(&self, file: &str) -> Sheet {
        let title = format!("Runbook {}/{}: {}", self.client, self.slug, self.title);
        Sheet { title, sections: self.sections(Some(file), None) }
    }

    fn sections(&self, file: Option<&str>, sha256: Option<&str>) -> Vec<Section> {
        let ticket = match self.case.ticket.as_str() {
            "" => format!("case {} ({})", self.case.number, self.case.uid),
            ticket => format!("case {} ({}), ticket {ticket}", self.case.number, self.case.uid),
        };
        let verified = if self.verified_by.is_empty() { "nothing yet" } else { &self.verified_by };
        let status = match self.status {
            RunbookStatus::Tested => "tested",
            RunbookStatus::Draft => "draft: its signal was not tried on verified evidence yet",
        };
        let mut facts: Vec<(&str, String)> = vec![
            ("Root cause", self.root_cause.clone()),
            ("Signal", self.signal.clone()),
            (
                "Needs",
                if self.needs.is_empty() { "any export that shows it".to_owned() } else { self.needs.join(", ") },
            ),
            ("Status", status.to_owned()),
            ("Owner", if self.owner.is_empty() { "nobody is named".to_owned() } else { self.owner.clone() }),
            ("Taught by", ticket),
            ("Quiet on", verified.to_owned()),
            ("Written", format!("version {}, {} by {}", self.version, self.written_at, self.written_by)),
        ];
        facts.extend(file.map(|file| ("File", file.to_owned())));
        facts.extend(sha256.map(|sha256| ("SHA-256", sha256.to_owned())));
        let facts = facts.into_iter().map(|(name, what)| (name.to_owned(), what)).collect();
        let text = |text: &str| Block::Text(Tone::Plain, text.to_owned());
        let section = |id, title: &str, blocks| Section { id, title: title.to_owned(), blocks };
        let mut sections = vec![
            section("runbook", "Runbook", vec![Block::Facts(facts)]),
            section("validation", "Validation", vec![text(&self.validation)]),
            section("rollback", "Rollback trigger", vec![text(&self.rollback)]),
        ];
        if !self.text.is_empty() {
            sections.push(section("text", "Text", self.text.split("\n\n").map(paragraph).collect()));
        }
        sections
    }
}

/// A paragraph of the text; what begins with `#` is a heading.
fn paragraph(text: &str) -> Block {
    let text = text.trim();
    match text.strip_prefix('#') {
        Some(heading) if !text.contains('\n') => Block::Heading(heading.trim_start_matches('#').trim().to_owned()),
        _ => Block::Text(Tone::Plain, text.to_owned()),
    }
}

impl Listed {
    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let row = |one: &ListedRunbook| match (&one.runbook, &one.error) {
            (Some(runbook), None) => Row {
                tone: if runbook.status == RunbookStatus::Tested { Tone::Good } else { Tone::Warn },
                lead: one.name.clone(),
                text: runbook.title.clone(),
                notes: vec![
                    format!("{}, version {}, {}", runbook.root_cause, runbook.version, runbook.status.word()),
                    runbook.signal.clone(),
                ],
                ..Row::default()
            },
            (_, error) => Row {
                tone: Tone::Odd,
                lead: one.name.clone(),
                text: error.clone().unwrap_or_default(),
                ..Row::default()
            },
        };
        let blocks = match self.runbooks.is_empty() {
            true => {
                vec![Block::Text(Tone::Soft, "None yet: `throughline runbook new CASE` writes the first.".to_owned())]
            }
            false => vec![Block::Rows(self.runbooks.iter().map(row).collect())],
        };
        let title = match self.runbooks.len() {
            1 => "1 runbook".to_owned(),
            count => format!("{count} runbooks"),
        };
        Sheet { title, sections: vec![Section { id: "runbooks", title: "Runbooks".to_owned(), blocks }] }
    }
}
