//! What `throughline exception check` shows: whether a proposed change may be made, and why.

use exceptions::{Answer, Approval, Checked, Compared, Exception, Explained, JudgedStep, Missing};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    GuardReason, MeasuredHistory, MeasuredScope, cites_of, evidence_section, history_blocks, last_end, notes_section,
    radius_rows, reason_rows, shown_end,
};
use crate::assemble;
use crate::document::{Cite, EvidenceFile};
use crate::picture::Picture;
use crate::sheet::{Block, Numbers, Pictured, Row, Section, Sheet, Tone};
use crate::view;

/// The name and version of the document's form.
pub const GUARD_SCHEMA: &str = "throughline.guard.v1";

/// How many reasons of the guard are told loudly.
const MAX_WARNED: usize = 3;

/// Whether a proposed change may be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExceptionCheck {
    /// Always `throughline.guard.v1`.
    pub schema: String,
    /// What the change is as a whole.
    pub answer: GuardAnswer,
    /// Whether it may not be made: it is useless, or broad or unknown without an approval that covers it.
    pub refused: bool,
    /// The instant that counts as now; null if neither the options nor the evidence name one.
    pub now: Option<Timestamp>,
    /// Its steps, in the order of the text.
    pub candidate: Vec<JudgedCandidate>,
    /// What the steps are together that none of them is alone.
    pub together: Vec<GuardReason>,
    /// What could not be read.
    pub unread: Vec<UnreadPart>,
    /// The approval that was named; null if none was.
    pub approval: Option<RecordedApproval>,
    /// Why the approval does not cover the change; null if it does, or if none was named.
    pub not_covered: Option<String>,
    /// Why it is not shown whether it would help the message; null if that was judged.
    pub usefulness: Option<String>,
    /// What each scope would have let through.
    pub radius: Vec<MeasuredScope>,
    /// The same beside narrower and wider ones; null if nothing was measured.
    pub candidates: Option<Picture>,
    /// Over which history.
    pub history: MeasuredHistory,
    /// What differs between exports of the same settings, and whether the change explains it.
    pub unrelated: Vec<ExplainedChange>,
    /// Steps that the newest of several exports does not show as done.
    pub missing: Vec<NotDone>,
    /// What was left aside, in sentences.
    pub notes: Vec<String>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

/// What a proposed change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardAnswer {
    /// Lets through what it has to, and little else.
    Narrow,
    /// Lets through more than it has to, or takes a protection away.
    Broad,
    /// Would not change the fate of the sample.
    Useless,
    /// Not understood whole.
    Unknown,
}

/// One step of a proposed change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedCandidate {
    /// The command or entry, as written.
    pub said: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Whose it is.
    pub product: String,
    /// The vendor's name of what is done.
    pub operation: String,
    /// What it is.
    pub answer: GuardAnswer,
    /// Why: what weighs most first.
    pub reasons: Vec<GuardReason>,
    /// Which mail it would let through, in words.
    pub scopes: Vec<String>,
    /// When it ends: an instant (RFC 3339), `at once`, `45 days after its last use`, `never`, `never: the device knows no end`, `not said`;
    /// null if it lets nothing through.
    pub ends: Option<String>,
}

/// A part of a proposed change that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnreadPart {
    /// The text, as written, the first 300 characters.
    pub said: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// A recorded approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedApproval {
    /// The file that records it.
    pub file: String,
    /// Who approved.
    pub who: String,
    /// In which role.
    pub role: String,
    /// When.
    pub when: Timestamp,
    /// Until when at the latest.
    pub ends: Timestamp,
    /// Why.
    pub reason: String,
    /// SHA-256 of the sample that shows the need.
    pub sample_sha256: String,
}

/// A difference between exports of the same settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedChange {
    /// The setting.
    pub setting: String,
    /// The property; null if the setting is in one of the exports only.
    pub property: Option<String>,
    /// What the earlier export shows.
    pub before: Option<String>,
    /// What the later export shows.
    pub after: Option<String>,
    /// The step that explains it, as written; null if none does: it is unrelated.
    pub by: Option<String>,
    /// Whether an unrelated one lets mail through or takes a protection away.
    pub weakens: bool,
    /// Who changed it and when; null if no record says.
    pub changed: Option<String>,
    /// Where the two are written, then the records of the change.
    pub cites: Vec<Cite>,
}

/// A step of a change that the newest export does not show as done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotDone {
    /// The step, as written.
    pub step: String,
    /// What is not as it should be, in a sentence.
    pub statement: String,
    /// What the newest export shows instead.
    pub cites: Vec<Cite>,
}

/// What is known about a proposed change.
pub struct CheckedExceptions<'a> {
    /// What the guard said.
    pub checked: &'a Checked,
    /// What may be made; `None` if it is refused.
    pub exception: Option<&'a Exception>,
    /// The approval that was named.
    pub approval: Option<&'a Approval>,
    /// Why it does not cover the change.
    pub not_covered: Option<String>,
    /// Why it is not shown whether it would help.
    pub usefulness: Option<String>,
    /// What each scope would have let through.
    pub radius: Vec<MeasuredScope>,
    /// The same beside narrower and wider ones.
    pub candidates: Option<Picture>,
    /// Over which history.
    pub history: MeasuredHistory,
    /// What differs between exports of the same settings.
    pub compared: &'a Compared,
    /// What was left aside.
    pub notes: Vec<String>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
    /// The instant that counts as now.
    pub now: Option<Timestamp>,
}

impl ExceptionCheck {
    /// The document of what is known about a proposed change.
    pub fn of(known: CheckedExceptions<'_>) -> ExceptionCheck {
        let checked = known.checked;
        let unread = |part: &sources::proposed::Unread| UnreadPart {
            said: part.said.clone(),
            line: part.line,
            expected: part.expected.clone(),
            found: part.found.clone(),
        };
        ExceptionCheck {
            schema: GUARD_SCHEMA.to_owned(),
            answer: checked.answer.into(),
            refused: known.exception.is_none(),
            now: known.now,
            candidate: checked.steps.iter().map(JudgedCandidate::from).collect(),
            together: checked.together.iter().map(GuardReason::from).collect(),
            unread: checked.unread.iter().map(unread).collect(),
            approval: known.approval.map(RecordedApproval::from),
            not_covered: known.not_covered,
            usefulness: known.usefulness,
            radius: known.radius,
            candidates: known.candidates,
            history: known.history,
            unrelated: known.compared.differences.iter().map(ExplainedChange::from).collect(),
            missing: known.compared.missing.iter().map(NotDone::from).collect(),
            notes: known.notes,
            evidence: known.evidence,
        }
    }

    /// Visits every cite.
    pub fn each_cite(&mut self, visit: &mut dyn FnMut(&mut Cite)) {
        self.candidate.iter_mut().flat_map(|step| cites_of(&mut step.reasons)).for_each(&mut *visit);
        cites_of(&mut self.together).for_each(&mut *visit);
        self.unrelated.iter_mut().flat_map(|one| &mut one.cites).for_each(&mut *visit);
        self.missing.iter_mut().flat_map(|one| &mut one.cites).for_each(visit);
    }

    /// What has to be said loudly once the change was made all the same.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.refused {
            let why = match &self.not_covered {
                Some(why) => format!("the approval does not cover it: {why}"),
                None => "no approval of it is recorded".to_owned(),
            };
            warnings.push(match self.answer {
                GuardAnswer::Broad => format!(
                    "GUARD: BROAD, and {why}. It is recorded because it was made: take it back, or have it approved"
                ),
                GuardAnswer::Unknown => {
                    format!("GUARD: NOT UNDERSTOOD WHOLE, and {why}. It is treated like a broad one")
                }
                GuardAnswer::Useless => {
                    "GUARD: USELESS for this message, and it lets others through: take it back".to_owned()
                }
                GuardAnswer::Narrow => format!("GUARD: REFUSED, for {why}"),
            });
        } else if let (GuardAnswer::Broad | GuardAnswer::Unknown, Some(approval)) = (self.answer, &self.approval) {
            warnings.push(format!("It is broad; {} approved it until {}", approval.who, view::instant(approval.ends)));
        }
        let reasons = self.candidate.iter().flat_map(|step| &step.reasons).chain(&self.together);
        let weighty =
            reasons.filter(|reason| ["refuse", "approval", "useless", "unknown"].contains(&reason.level.as_str()));
        warnings.extend(
            weighty.take(MAX_WARNED).map(|reason| format!("{} {}", reason.row, reason.statement).trim().to_owned()),
        );
        warnings
    }

    /// The document as a page: the answer first.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.answered()];
        sections.extend(self.candidate.iter().filter(|one| !self.is_outweighed(one)).map(step));
        if !self.together.is_empty() || !self.unread.is_empty() {
            sections.push(self.as_a_whole());
        }
        sections.extend(self.approval.as_ref().map(|approval| self.approved(approval)));
        sections.extend(self.let_through());
        sections.extend(changes(&self.unrelated, &self.missing));
        sections.extend(notes_section(&self.notes));
        sections.extend(evidence_section(&self.evidence));
        Sheet { title: format!("Guard: {}", self.headline()), sections }
    }

    /// Whether a step is the narrow part of a command whose other part decides: that the one half is harmless does not help the whole.
    fn is_outweighed(&self, step: &JudgedCandidate) -> bool {
        let is_of_it = |other: &&JudgedCandidate| (other.line, &other.said) == (step.line, &step.said);
        step.answer == GuardAnswer::Narrow
            && self.candidate.iter().filter(is_of_it).any(|other| other.answer != GuardAnswer::Narrow)
    }

    /// `narrow`, `refused: broad`, `broad, approved by ...`.
    fn headline(&self) -> String {
        let word = word(self.answer);
        match (&self.approval, self.refused) {
            (_, true) => format!("refused: {word}"),
            (Some(approval), false) if self.answer != GuardAnswer::Narrow => {
                format!("{word}, approved by {}", approval.who)
            }
            _ => word.to_owned(),
        }
    }

    fn answered(&self) -> Section {
        let tone = match (self.refused, self.answer) {
            (true, _) => Tone::Bad,
            (false, GuardAnswer::Narrow) => Tone::Good,
            (false, _) => Tone::Warn,
        };
        let mut blocks = vec![Block::Text(tone, format!("{}. {}", self.headline(), self.because()))];
        blocks.extend(self.usefulness.iter().map(|why| Block::Text(Tone::Odd, why.clone())));
        Section { id: "answer", title: "Answer".to_owned(), blocks }
    }

    fn because(&self) -> String {
        if !self.refused {
            return match self.answer {
                GuardAnswer::Narrow => "It lets through what it has to, and little else.".to_owned(),
                _ => "An approval covers it; it is broad all the same.".to_owned(),
            };
        }
        match (self.answer, &self.not_covered) {
            (GuardAnswer::Useless, _) => {
                "It would not change the fate of the message, and would let others through. No approval makes it of use."
                    .to_owned()
            }
            (_, Some(why)) => format!("The approval does not cover it: {why}."),
            (GuardAnswer::Unknown, None) => {
                "Nobody can say that it is narrow, so it is treated like a broad one. Write it out in full, or name a recorded \
                approval with --approval."
                    .to_owned()
            }
            (_, None) => {
                "No recorded approval was named (--approval FILE). `throughline exception propose` finds the narrowest change \
                for the message at hand."
                    .to_owned()
            }
        }
    }

    fn as_a_whole(&self) -> Section {
        let mut blocks = Vec::new();
        if !self.together.is_empty() {
            blocks.push(Block::Rows(reason_rows(&self.together, &Numbers::default())));
        }
        let unread = |part: &UnreadPart| Row {
            tone: Tone::Odd,
            lead: format!("line {}", part.line),
            text: format!("not read: expected {}, found {}", part.expected, part.found),
            raw: Some(part.said.clone()).filter(|said| !said.is_empty()),
            ..Row::default()
        };
        if !self.unread.is_empty() {
            blocks.push(Block::Rows(self.unread.iter().map(unread).collect()));
        }
        Section { id: "together", title: "All of it together".to_owned(), blocks }
    }

    fn approved(&self, approval: &RecordedApproval) -> Section {
        let mut blocks = Vec::new();
        match (&self.not_covered, self.answer) {
            (Some(why), _) => blocks.push(Block::Text(Tone::Bad, format!("It does not cover this: {why}."))),
            (None, GuardAnswer::Narrow) => blocks.push(Block::Text(Tone::Soft, "It is not needed.".to_owned())),
            (None, _) => blocks.push(Block::Text(Tone::Good, "It covers this.".to_owned())),
        }
        blocks.push(Block::Facts(vec![
            ("Who".to_owned(), format!("{}, {}", approval.who, approval.role)),
            ("When".to_owned(), view::instant(approval.when)),
            ("Until".to_owned(), view::instant(approval.ends)),
            ("Why".to_owned(), approval.reason.clone()),
            ("Sample".to_owned(), format!("sha256 {}", approval.sample_sha256)),
            ("File".to_owned(), approval.file.clone()),
        ]));
        Section { id: "approval", title: "Approval".to_owned(), blocks }
    }

    fn let_through(&self) -> Option<Section> {
        if self.radius.is_empty() {
            return None;
        }
        let mut blocks = Vec::new();
        if self.history.has_rows() {
            blocks.push(Block::Rows(radius_rows(&self.radius)));
        }
        if let Some(picture) = &self.candidates {
            blocks.push(Block::Picture(Pictured { picture: picture.clone(), numbers: Numbers::default() }));
        }
        blocks.extend(history_blocks(&self.history));
        Some(Section { id: "radius", title: "What it would have let through".to_owned(), blocks })
    }
}

pub(super) fn word(answer: GuardAnswer) -> &'static str {
    match answer {
        GuardAnswer::Narrow => "narrow",
        GuardAnswer::Broad => "broad",
        GuardAnswer::Useless => "useless",
        GuardAnswer::Unknown => "unknown",
    }
}

pub(super) fn tone(answer: GuardAnswer) -> Tone {
    match answer {
        GuardAnswer::Narrow => Tone::Good,
        GuardAnswer::Broad | GuardAnswer::Useless => Tone::Bad,
        GuardAnswer::Unknown => Tone::Odd,
    }
}

fn step(step: &JudgedCandidate) -> Section {
    let mut blocks = vec![Block::Commands(step.said.lines().map(str::to_owned).collect())];
    let mut facts = vec![("It is".to_owned(), word(step.answer).to_owned())];
    facts.extend(step.scopes.iter().map(|scope| ("Lets through".to_owned(), scope.clone())));
    facts.extend(step.ends.iter().map(|end| ("Ends".to_owned(), shown_end(end))));
    blocks.push(Block::Facts(facts));
    blocks.push(Block::Rows(reason_rows(&step.reasons, &Numbers::default())));
    let title = format!("Line {}: {} ({})", step.line, step.operation, step.product);
    Section { id: "step", title, blocks }
}

/// How many differences are listed; all stand in the JSON.
const MAX_CHANGES: usize = 40;

/// What changed, what the exception does not explain first.
fn changes(all: &[ExplainedChange], missing: &[NotDone]) -> Option<Section> {
    if all.is_empty() && missing.is_empty() {
        return None;
    }
    let mut told: Vec<&ExplainedChange> = all.iter().collect();
    told.sort_by_key(|one| (one.by.is_some(), !one.weakens));
    let alone = all.iter().filter(|one| one.by.is_none()).count();
    let (tone, text) = match alone {
        0 if all.is_empty() => (Tone::Odd, "No export of settings shows a difference.".to_owned()),
        0 => (Tone::Good, "Every difference between the exports is explained by the change.".to_owned()),
        n => (
            Tone::Bad,
            format!("{} of {} differences between the exports are not explained by the change.", n, all.len()),
        ),
    };
    let mut blocks = vec![Block::Text(tone, text)];
    blocks.push(Block::Rows(told.iter().take(MAX_CHANGES).map(|one| change(one)).collect()));
    if told.len() > MAX_CHANGES {
        blocks.push(Block::Text(Tone::Soft, format!("and {} more, see the JSON", told.len() - MAX_CHANGES)));
    }
    let not_done = |one: &NotDone| Row {
        tone: Tone::Warn,
        lead: "not done".to_owned(),
        text: one.statement.clone(),
        records: Numbers::default().references(&one.cites),
        notes: vec![one.step.clone()],
        ..Row::default()
    };
    blocks.push(Block::Rows(missing.iter().map(not_done).collect()));
    Some(Section { id: "changes", title: "What changed".to_owned(), blocks })
}

fn change(one: &ExplainedChange) -> Row {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let property = one.property.as_ref().map_or(String::new(), |property| format!(" {property}"));
    let mut notes: Vec<String> = one.changed.iter().cloned().collect();
    notes.push(match &one.by {
        Some(by) => format!("explained by: {by}"),
        None if one.weakens => "unrelated, and it lets mail through or takes a protection away".to_owned(),
        None => "unrelated: no part of the change explains it".to_owned(),
    });
    Row {
        tone: if one.by.is_some() { Tone::Good } else { Tone::Bad },
        lead: format!("{}{property}", one.setting),
        text: format!("{} → {}", shown(&one.before), shown(&one.after)),
        records: Numbers::default().references(&one.cites),
        notes,
        ..Row::default()
    }
}

impl From<Answer> for GuardAnswer {
    fn from(answer: Answer) -> GuardAnswer {
        match answer {
            Answer::Narrow => GuardAnswer::Narrow,
            Answer::Broad => GuardAnswer::Broad,
            Answer::Useless => GuardAnswer::Useless,
            Answer::Unknown => GuardAnswer::Unknown,
        }
    }
}

impl From<&JudgedStep> for JudgedCandidate {
    fn from(step: &JudgedStep) -> JudgedCandidate {
        JudgedCandidate {
            said: step.step.said.clone(),
            line: step.step.line,
            product: super::product(&step.step.product),
            operation: step.step.operation.clone(),
            answer: step.answer.into(),
            reasons: step.reasons.iter().map(GuardReason::from).collect(),
            scopes: step.grants.iter().map(|grant| grant.scope.to_string()).collect(),
            ends: last_end(step.grants.iter()),
        }
    }
}

impl From<&Approval> for RecordedApproval {
    fn from(approval: &Approval) -> RecordedApproval {
        RecordedApproval {
            file: approval.file().to_string(),
            who: approval.who().to_owned(),
            role: approval.role().to_owned(),
            when: approval.when(),
            ends: approval.ends(),
            reason: approval.reason().to_owned(),
            sample_sha256: approval.sample_sha256().to_owned(),
        }
    }
}

impl From<&Explained> for ExplainedChange {
    fn from(one: &Explained) -> ExplainedChange {
        let difference = &one.difference;
        ExplainedChange {
            setting: difference.name.clone(),
            property: difference.property.clone(),
            before: difference.before.clone(),
            after: difference.after.clone(),
            by: one.by.clone(),
            weakens: one.weakens,
            changed: one.changed.clone(),
            cites: difference.cites.iter().chain(&one.cites).map(Cite::from).collect(),
        }
    }
}

impl From<&Missing> for NotDone {
    fn from(one: &Missing) -> NotDone {
        NotDone { step: one.step.clone(), statement: one.statement.clone(), cites: assemble::cites(&one.cites) }
    }
}
