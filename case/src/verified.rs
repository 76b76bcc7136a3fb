//! What `throughline verify` shows: whether a change held, check by check.

use jiff::Timestamp;
use report::{
    Block, Cite, EventStrip, EvidenceFile, Export, Numbers, Picture, Pictured, Row, Section, Sheet, StripLane,
    StripMark, StripTone, Tone,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journal::{Answer, CheckAnswer, Verification};

/// The name and version of the document's form.
pub const VERIFICATION_SCHEMA: &str = "throughline.verification.v1";

/// Whether a change held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationReport {
    /// Always `throughline.verification.v1`.
    pub schema: String,
    /// Of which case.
    pub case: VerifiedCase,
    /// Over all checks: `came_back` if one did, else `cannot_tell` if one cannot, else `held`.
    pub answer: Answer,
    /// The four checks: `workflow`, `clean_log`, `policy_refresh`, `nothing_else`.
    pub checks: Vec<CheckAnswer>,
    /// What was changed; empty if no change is known.
    pub changes: Vec<VerifiedChange>,
    /// Every message of the same sender for a recipient of the case after the change, by time.
    pub messages: Vec<VerifiedMessage>,
    /// What renewed policies after the change, by time.
    pub refreshes: Vec<VerifiedRefresh>,
    /// When to look again; null if there is nothing to look at again before something else is done.
    pub due: Option<Timestamp>,
    /// The instant that counts as now for the evidence: `--now`, else the newest that it states.
    pub now: Option<Timestamp>,
    /// Change, refreshes and messages over time; null if there is nothing to draw.
    pub picture: Option<Picture>,
    /// What was assumed or left aside, in sentences.
    pub assumptions: Vec<String>,
    /// How to get each export that a check asks for.
    pub exports: Vec<Export>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

/// The case that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedCase {
    /// Its number in this store.
    pub number: u64,
    /// Its name everywhere.
    pub uid: String,
    /// Number of the ticket in the ticket system.
    pub ticket: Option<String>,
    /// Senders whose mail it is about.
    pub senders: Vec<String>,
    /// For whom it is to work.
    pub envelope_recipients: Vec<String>,
    /// Causes of the ticket.
    pub causes: Vec<String>,
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedChange {
    /// When.
    pub made_at: Timestamp,
    /// From when on it is sure to act: what came before that proves nothing.
    pub acts_at: Timestamp,
    /// What, as it was written down, or as the evidence shows it.
    pub what: String,
    /// Until when it holds by itself; null if it does not end, or if that is not known.
    pub ends: Option<Timestamp>,
    /// Whether the journal records it; otherwise only the evidence shows it.
    pub recorded: bool,
    /// Records of the evidence that show it.
    pub cites: Vec<Cite>,
}

/// A later message, for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedMessage {
    /// When the first of our records speaks of it.
    pub at: Timestamp,
    /// Message-ID without brackets; null if no record carries one.
    pub message_id: Option<String>,
    /// From address, else envelope sender.
    pub sender: Option<String>,
    /// For whom.
    pub envelope_recipient: String,
    /// What it counts for.
    pub counts: MessageCounts,
    /// What became of it.
    pub fate: report::Fate,
    /// Why it counts for that.
    pub because: String,
    /// The records.
    pub cites: Vec<Cite>,
}

/// What a later message counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageCounts {
    /// It came into the inbox.
    Good,
    /// It was stopped for the reason of the ticket.
    StoppedAgain,
    /// It was stopped for another reason, or for one that is not shown.
    Stopped,
    /// It came before the change was sure to act.
    TooEarly,
    /// It came through after the change was over.
    TooLate,
    /// It is a message of the ticket, sent or let go once more.
    Resend,
    /// It is of another kind.
    OtherKind,
    /// The evidence does not show where it came to lie.
    NotShown,
}

/// Something that renewed policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedRefresh {
    /// When.
    pub at: Timestamp,
    /// What, in a few words.
    pub what: String,
    /// The records.
    pub cites: Vec<Cite>,
}

impl MessageCounts {
    /// In a word for people.
    fn word(self) -> &'static str {
        match self {
            MessageCounts::Good => "delivered",
            MessageCounts::StoppedAgain => "stopped again",
            MessageCounts::Stopped => "stopped",
            MessageCounts::TooEarly => "too early",
            MessageCounts::TooLate => "too late",
            MessageCounts::Resend => "sent once more",
            MessageCounts::OtherKind => "another kind",
            MessageCounts::NotShown => "not shown",
        }
    }

    fn tone(self) -> Tone {
        match self {
            MessageCounts::Good => Tone::Good,
            MessageCounts::StoppedAgain | MessageCounts::Stopped => Tone::Bad,
            MessageCounts::NotShown => Tone::Odd,
            MessageCounts::TooEarly | MessageCounts::TooLate | MessageCounts::Resend | MessageCounts::OtherKind => {
                Tone::Soft
            }
        }
    }

    fn strip_tone(self) -> StripTone {
        match self {
            MessageCounts::Good => StripTone::Good,
            MessageCounts::StoppedAgain | MessageCounts::Stopped => StripTone::Bad,
            _ => StripTone::Plain,
        }
    }
}

impl Answer {
    /// In words for people.
    pub fn words(self) -> &'static str {
        match self {
            Answer::Held => "held",
            Answer::CannotTell => "cannot tell",
            Answer::CameBack => "came back",
        }
    }

    /// The exit status of `verify`.
    pub fn exit(self) -> u8 {
        match self {
            Answer::Held => 0,
            Answer::CameBack => 5,
            Answer::CannotTell => 6,
        }
    }

    fn tone(self) -> Tone {
        match self {
            Answer::Held => Tone::Good,
            Answer::CannotTell => Tone::Odd,
            Answer::CameBack => Tone::Bad,
        }
    }
}

/// What a check asks, for people.
fn question(check: &str) -> &str {
    match check {
        "workflow" => "works for the user",
        "clean_log" => "log clean at that moment",
        "policy_refresh" => "survived a refresh",
        "nothing_else" => "nothing else came in",
        other => other,
    }
}

impl VerificationReport {
    /// What goes into the journal.
    pub fn verification(&self) -> Verification {
        Verification { answer: self.answer, checks: self.checks.clone() }
    }

    /// Visits every cite.
    pub fn each_cite(&mut self, visit: &mut dyn FnMut(&mut Cite)) {
        self.checks.iter_mut().flat_map(|check| &mut check.cites).for_each(&mut *visit);
        self.changes.iter_mut().flat_map(|change| &mut change.cites).for_each(&mut *visit);
        self.messages.iter_mut().flat_map(|message| &mut message.cites).for_each(&mut *visit);
        self.refreshes.iter_mut().flat_map(|refresh| &mut refresh.cites).for_each(&mut *visit);
        if let Some(Picture::EventStrip(strip)) = &mut self.picture {
            let marks = strip.lanes.iter_mut().flat_map(|lane| &mut lane.marks);
            marks.flat_map(|mark| &mut mark.cites).for_each(&mut *visit);
        }
    }

    /// Draws change, refreshes and messages over time; `before` are the messages of the ticket.
    pub fn draw(&mut self, before: Vec<StripMark>) {
        let change = |one: &VerifiedChange| StripMark {
            at: one.made_at,
            tone: StripTone::Change,
            label: "the change".to_owned(),
            cites: one.cites.clone(),
        };
        let refresh = |one: &VerifiedRefresh| StripMark {
            at: one.at,
            tone: StripTone::Change,
            label: one.what.clone(),
            cites: one.cites.clone(),
        };
        let message = |one: &VerifiedMessage| StripMark {
            at: one.at,
            tone: one.counts.strip_tone(),
            label: one.counts.word().to_owned(),
            cites: one.cites.clone(),
        };
        let lanes = [
            ("mail", before.into_iter().chain(self.messages.iter().map(message)).collect::<Vec<StripMark>>()),
            ("change", self.changes.iter().map(change).collect()),
            ("refreshes", self.refreshes.iter().map(refresh).collect()),
        ];
        let lanes: Vec<StripLane> = lanes
            .into_iter()
            .filter(|(_, marks)| !marks.is_empty())
            .map(|(label, mut marks)| {
                marks.sort_by_key(|mark| mark.at);
                let first = marks.len().saturating_sub(MAX_MARKS);
                StripLane { label: label.to_owned(), marks: marks.split_off(first) }
            })
            .collect();
        self.picture = (lanes.len() > 1).then_some(Picture::EventStrip(EventStrip { lanes }));
    }

    /// The document as a page.
    pub fn sheet(&self) -> Sheet {
        let case = self.case.ticket.clone().unwrap_or_else(|| format!("case {}", self.case.number));
        let mut sections = vec![self.overview(), self.told_changes(), self.told_messages()];
        sections.extend(self.told_picture());
        sections.extend(rest(&self.assumptions, &self.exports, &self.evidence));
        Sheet { title: format!("Did it hold? {case}"), sections }
    }

    fn overview(&self) -> Section {
        let said = match self.answer {
            Answer::Held => "Held: every check is shown by records.",
            Answer::CannotTell => "Cannot tell: at least one check is not shown by the evidence.",
            Answer::CameBack => "Came back: records show that at least one check failed.",
        };
        let row = |check: &CheckAnswer| Row {
            tone: check.answer.tone(),
            lead: format!("{}: {}", question(&check.check), check.answer.words()),
            text: check.statement.clone(),
            records: Numbers::default().references(&check.cites),
            notes: ask_for(&check.ask_for).into_iter().collect(),
            ..Row::default()
        };
        let due = match self.due {
            Some(due) => format!("Look again {}", due.strftime("%Y-%m-%d %H:%MZ")),
            None => "No second look is due".to_owned(),
        };
        let blocks = vec![
            Block::Text(self.answer.tone(), said.to_owned()),
            Block::Rows(self.checks.iter().map(row).collect()),
            Block::Text(Tone::Plain, due),
        ];
        Section { id: "checks", title: "Checks".to_owned(), blocks }
    }

    fn told_changes(&self) -> Section {
        let row = |change: &VerifiedChange| {
            let mut notes = vec![format!("acts from {}", change.acts_at)];
            notes.extend(change.ends.map(|ends| format!("ends {ends}")));
            if !change.recorded {
                notes.push("the journal does not record it".to_owned());
            }
            Row {
                lead: change.made_at.to_string(),
                text: change.what.trim().lines().collect::<Vec<&str>>().join("; "),
                records: Numbers::default().references(&change.cites),
                notes,
                ..Row::default()
            }
        };
        let refresh = |one: &VerifiedRefresh| Row {
            tone: Tone::Soft,
            lead: one.at.to_string(),
            text: one.what.clone(),
            records: Numbers::default().references(&one.cites),
            ..Row::default()
        };
        let mut blocks = Vec::new();
        if self.changes.is_empty() {
            blocks.push(Block::Text(Tone::Odd, "No change is known.".to_owned()));
        }
        blocks.push(Block::Rows(self.changes.iter().map(row).collect()));
        if !self.refreshes.is_empty() {
            blocks.push(Block::Heading("Refreshes after it".to_owned()));
            blocks.push(Block::Rows(self.refreshes.iter().take(MAX_MARKS).map(refresh).collect()));
        }
        Section { id: "change", title: "What was changed".to_owned(), blocks }
    }

    fn told_messages(&self) -> Section {
        let row = |message: &VerifiedMessage| Row {
            tone: message.counts.tone(),
            lead: message.counts.word().to_owned(),
            text: format!(
                "{} {} for {}: {}",
                message.at,
                message.message_id.as_ref().map_or_else(|| "(no Message-ID)".to_owned(), |id| format!("<{id}>")),
                message.envelope_recipient,
                message.because
            ),
            records: Numbers::default().references(&message.cites),
            ..Row::default()
        };
        let first = self.messages.len().saturating_sub(MAX_MARKS);
        let mut blocks = Vec::new();
        if self.messages.is_empty() {
            let text = "The evidence shows no message of this sender for these recipients after the change.";
            blocks.push(Block::Text(Tone::Odd, text.to_owned()));
        } else if first > 0 {
            blocks.push(Block::Text(Tone::Soft, format!("{first} earlier ones stand in the JSON.")));
        }
        blocks.push(Block::Rows(self.messages.iter().skip(first).map(row).collect()));
        Section { id: "messages", title: "Messages after it".to_owned(), blocks }
    }

    fn told_picture(&self) -> Option<Section> {
        let picture = self.picture.clone()?;
        let pictured = Pictured { picture, numbers: Numbers::default() };
        Some(Section { id: "picture", title: "Over time".to_owned(), blocks: vec![Block::Picture(pictured)] })
    }
}

/// How many messages are drawn and told; all stand in the JSON.
const MAX_MARKS: usize = 40;

fn ask_for(kinds: &[String]) -> Option<String> {
    (!kinds.is_empty()).then(|| format!("fetch: {}", kinds.join(", ")))
}

/// What was left aside, how to get what is asked for, and what was read.
pub(crate) fn rest(
    assumptions: &[String],
    exports: &[Export],
    evidence: &[EvidenceFile],
) -> impl Iterator<Item = Section> {
    let section = |id, title: &str, rows: Vec<Row>| {
        (!rows.is_empty()).then(|| Section { id, title: title.to_owned(), blocks: vec![Block::Rows(rows)] })
    };
    let export = |export: &Export| Row {
        lead: export.source.clone(),
        text: export.clicks.clone().unwrap_or_else(|| export.title.clone()),
        notes: vec![format!("`throughline sources {}` says more", export.source)],
        ..Row::default()
    };
    let assumption = |text: &String| Row { tone: Tone::Soft, text: text.clone(), ..Row::default() };
    let file = |file: &EvidenceFile| {
        let (tone, text) = match (&file.error, &file.source) {
            (Some(error), _) => (Tone::Odd, error.clone()),
            (None, None) => (Tone::Odd, "not read".to_owned()),
            (None, Some(source)) => {
                (Tone::Plain, format!("{source}: {} row{}", file.rows, if file.rows == 1 { "" } else { "s" }))
            }
        };
        Row { tone, lead: file.file.clone(), text, ..Row::default() }
    };
    [
        section("exports", "Fetch", exports.iter().map(export).collect()),
        section("assumed", "Assumed, or left aside", assumptions.iter().map(assumption).collect()),
        section("evidence", "Evidence", evidence.iter().map(file).collect()),
    ]
    .into_iter()
    .flatten()
}
