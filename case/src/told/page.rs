//! The page of one case.

use report::{Block, NextStep, Numbers, Row, Section, Sheet, Standing, Tone};

use super::deeds::{answer, counted};
use super::list::word;
use super::{AddedEvidence, CaseDocument, CaseFile, Done, JournalLine, ReadFile};
use crate::journal::Purpose;
use crate::triage::{Point, PointState, Triage};

/// How many steps are shown; the JSON holds all.
const MAX_STEPS: usize = 5;
/// How many of the last entries are shown.
const MAX_ENTRIES: usize = 12;
/// How many parts of one archive are shown.
const MAX_PARTS: usize = 20;
/// How many limits of one file are shown.
const MAX_LIMITS: usize = 3;
/// How much of what cannot be shown is told of a file that was just added, in characters.
const MAX_LIMIT_CHARS: usize = 200;

impl CaseDocument {
    /// The case as a page: whose it is, what was done now, the answer, what is open.
    pub fn sheet(&self) -> Sheet {
        let mut sections = vec![self.head()];
        sections.extend(self.done.as_ref().map(done));
        sections.extend(self.added.as_ref().map(|added| self.copied(added)));
        sections.push(self.answer());
        sections.extend(self.triage.as_ref().map(triage));
        if self.added.is_none() {
            sections.extend(self.files());
        }
        sections.push(self.journal());
        sections.push(self.next());
        Sheet { title: self.title(), sections }
    }

    /// The page of a command that does one thing: what it did, and what is next.
    pub fn receipt(&self) -> Sheet {
        let mut sections = vec![self.head()];
        sections.extend(self.done.as_ref().map(done));
        sections.push(self.next());
        Sheet { title: self.title(), sections }
    }

    /// `Case 42 · contoso · INC-4711`.
    fn title(&self) -> String {
        let about = &self.case.about;
        let client = Some(about.client.as_str()).filter(|client| !client.is_empty());
        let parts = client.into_iter().chain(about.ticket.as_deref());
        parts.fold(format!("Case {}", self.case.number), |title, part| format!("{title} · {part}"))
    }

    fn head(&self) -> Section {
        let (case, about, asked) = (&self.case, &self.case.about, &self.case.asked);
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut fact = |name: &str, value: Option<String>| {
            facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
        };
        fact("Status", Some(self.status()));
        fact("Site", about.site.clone());
        fact("User", about.user.clone());
        fact("Device", about.device.clone());
        fact("Reported", about.words.as_ref().map(|words| format!("“{}”", words.trim())));
        fact("Asked for", Some(asked_for(asked)));
        fact("Opened", Some(format!("{} by {}", report::instant(case.opened_at), case.opened_by)));
        Section { id: "case", title: self.title(), blocks: vec![Block::Facts(facts)] }
    }

    fn status(&self) -> String {
        let case = &self.case;
        let closed = case.closed_at.map_or(String::new(), |at| format!(" {}", report::instant(at)));
        let due = case.due.map_or(String::new(), |due| format!(", look again by {}", report::instant(due)));
        format!("{}{closed}{due}", word(case.status))
    }

    fn copied(&self, added: &AddedEvidence) -> Section {
        let mut rows: Vec<Row> = Vec::new();
        for name in &added.files {
            rows.extend(self.evidence.iter().filter(|file| file.file == *name).flat_map(|file| {
                let shown = if file.purpose == Purpose::Ticket { Limits::Told } else { Limits::Kept };
                file_rows(file, shown)
            }));
        }
        rows.extend(added.known.iter().map(|known| Row {
            tone: Tone::Soft,
            lead: known.file.clone(),
            text: format!("not copied: the case has it as {}", known.same_as),
            ..Row::default()
        }));
        rows.extend(added.refused.iter().map(|why| Row {
            tone: Tone::Bad,
            lead: "refused".to_owned(),
            text: why.clone(),
            ..Row::default()
        }));
        let title = match (&added.batch, added.files.len()) {
            (Some(batch), files) => format!("Copied to {batch}: {}", counted(files, "file")),
            (None, _) => "Nothing new was copied".to_owned(),
        };
        Section { id: "copied", title, blocks: vec![Block::Rows(rows)] }
    }

    fn answer(&self) -> Section {
        let mut blocks = Vec::new();
        let answered = self.case.answered.as_ref().filter(|answered| !answered.is_empty());
        match (&self.not_followed, answered) {
            (Some(why), _) => blocks.push(Block::Text(Tone::Odd, format!("No message is followed: {why}."))),
            (None, Some(answered)) if answered.causes.is_empty() && answered.symptoms.is_empty() => {
                blocks.push(Block::Text(Tone::Plain, format!("{}.", capital(&answer(answered)))));
            }
            (None, Some(answered)) => {
                let fates =
                    answer(&crate::case::Answered { causes: Vec::new(), symptoms: Vec::new(), ..answered.clone() });
                let fates = fates.trim_end_matches("; no cause is shown").to_owned();
                if !answered.copies.is_empty() {
                    blocks.push(Block::Text(Tone::Plain, format!("{}.", capital(&fates))));
                }
            }
            (None, None) => blocks.push(Block::Text(Tone::Odd, "The evidence says nothing of the message.".to_owned())),
        }
        let rows: Vec<Row> = self.findings.iter().map(finding).collect();
        if !rows.is_empty() {
            blocks.push(Block::Rows(rows));
        }
        Section { id: "answer", title: "Answer".to_owned(), blocks }
    }

    fn files(&self) -> Option<Section> {
        let rows: Vec<Row> = self.evidence.iter().flat_map(|file| file_rows(file, Limits::Kept)).collect();
        let title = format!("Evidence: {}", counted(self.evidence.len(), "file"));
        let place = Block::Text(Tone::Soft, format!("in {}", self.evidence_folder));
        (!rows.is_empty()).then(|| Section { id: "evidence", title, blocks: vec![Block::Rows(rows), place] })
    }

    fn journal(&self) -> Section {
        let left_out = self.journal.len().saturating_sub(MAX_ENTRIES);
        let mut blocks = Vec::new();
        if left_out > 0 {
            blocks.push(Block::Text(Tone::Soft, format!("{left_out} earlier entries are in the JSON")));
        }
        blocks.push(Block::Rows(self.journal.iter().skip(left_out).map(line).collect()));
        Section { id: "journal", title: format!("Journal: {}", entries(self.journal.len())), blocks }
    }

    fn next(&self) -> Section {
        let rows: Vec<Row> = self.next_steps.iter().take(MAX_STEPS).map(step).collect();
        let mut blocks = vec![Block::Rows(rows)];
        if self.next_steps.is_empty() {
            blocks = vec![Block::Text(Tone::Soft, "Nothing is left to do.".to_owned())];
        }
        let more = self.next_steps.len().saturating_sub(MAX_STEPS);
        if more > 0 {
            blocks.push(Block::Text(Tone::Soft, format!("and {more} more, see the JSON")));
        }
        Section { id: "next", title: "Next".to_owned(), blocks }
    }
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn asked_for(asked: &crate::case::Asked) -> String {
    let mut parts: Vec<String> = asked.message_id.iter().map(|id| format!("message {id}")).collect();
    parts.extend(asked.sender.iter().map(|from| format!("from {from}")));
    parts.extend((!asked.recipient.is_empty()).then(|| format!("to {}", asked.recipient.join(", "))));
    parts.extend(asked.at.iter().map(|at| format!("about {at}")));
    parts.extend(asked.subject.iter().map(|subject| format!("subject “{subject}”")));
    parts.join(", ")
}

fn done(done: &Done) -> Section {
    let entries: Vec<String> = done.entries.iter().map(u64::to_string).collect();
    let said = match entries.as_slice() {
        [] => done.said.clone(),
        [one] => format!("{} (entry {one})", done.said),
        several => format!("{} (entries {})", done.said, several.join(", ")),
    };
    let mut blocks = vec![Block::Text(Tone::Plain, said)];
    blocks.extend(done.warnings.iter().map(|warning| Block::Text(Tone::Bad, warning.clone())));
    Section { id: "done", title: "Done".to_owned(), blocks }
}

fn finding(finding: &report::Finding) -> Row {
    let for_whom = finding.envelope_recipient.as_deref().filter(|to| !to.is_empty());
    let tone = if finding.standing == Standing::Proved { Tone::Good } else { Tone::Warn };
    Row {
        tone,
        lead: finding.id.clone(),
        text: format!("{}: {}", finding.standing.word(), finding.statement),
        records: Numbers::default().references(&finding.cites),
        notes: for_whom.map(|to| format!("for {to}")).into_iter().collect(),
        ..Row::default()
    }
}

fn triage(triage: &Triage) -> Section {
    let title = match triage.open {
        0 => "Triage: nothing is open".to_owned(),
        open => format!("Triage: {} open", counted(usize::try_from(open).unwrap_or(usize::MAX), "point")),
    };
    let mut blocks: Vec<Block> = triage.note.iter().map(|note| Block::Text(Tone::Soft, note.clone())).collect();
    blocks.push(Block::Rows(triage.points.iter().map(point).collect()));
    Section { id: "triage", title, blocks }
}

fn point(point: &Point) -> Row {
    let (tone, word) = match point.state {
        PointState::Done => (Tone::Good, ""),
        PointState::Open => (Tone::Warn, "open: "),
        PointState::NotChecked => (Tone::Odd, "could not be checked: "),
        PointState::NotNeeded => (Tone::Soft, "does not bear on it: "),
    };
    let first = point.steps.first();
    Row {
        tone,
        lead: point.title.clone(),
        text: format!("{word}{}", point.said),
        records: Numbers::default().references(&point.cites),
        notes: first.map(|step| step.step.clone()).into_iter().collect(),
        ..Row::default()
    }
}

/// Whether it is told what a file cannot show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    Told,
    Kept,
}

fn file_rows(file: &CaseFile, limits: Limits) -> Vec<Row> {
    let hash = format!("sha256 {}", file.sha256);
    let after = if file.purpose == Purpose::Verification { ", after the change" } else { "" };
    match file.read.as_slice() {
        [] => vec![Row {
            tone: Tone::Soft,
            lead: file.file.clone(),
            text: format!("not looked at{after}"),
            notes: vec![hash],
            ..Row::default()
        }],
        [one] if one.file == file.file => vec![read_row(one, after, Some(hash), limits)],
        several => {
            let text = format!("{}{after}", counted(several.len(), "part"));
            let head = Row { lead: file.file.clone(), text, notes: vec![hash], ..Row::default() };
            let parts = several.iter().take(MAX_PARTS).map(|part| read_row(part, "", None, limits));
            let more = several.len().saturating_sub(MAX_PARTS);
            let more = (more > 0).then(|| Row {
                tone: Tone::Soft,
                text: format!("and {more} more parts, see the JSON"),
                ..Row::default()
            });
            [head].into_iter().chain(parts).chain(more).collect()
        }
    }
}

fn read_row(read: &ReadFile, after: &str, hash: Option<String>, limits: Limits) -> Row {
    let (tone, text) = match (&read.error, &read.title) {
        (Some(error), _) => (Tone::Odd, format!("not read{after}: {error}")),
        (None, Some(title)) => (Tone::Good, format!("{title}{after}{}", rows(read))),
        (None, None) => (Tone::Odd, format!("not recognised{after}")),
    };
    let told = read.cannot_show.iter().take(if limits == Limits::Told { MAX_LIMITS } else { 0 });
    let mut notes: Vec<String> = told.map(|limit| format!("cannot show: {}", cut(limit))).collect();
    notes.extend(hash);
    Row { tone, lead: read.file.clone(), text, notes, ..Row::default() }
}

fn cut(text: &str) -> String {
    let kept: String = text.chars().take(MAX_LIMIT_CHARS).collect();
    if kept.len() < text.len() { format!("{kept}…") } else { kept }
}

/// `: 3 rows, 1 of the message, 2026-08-20 ... to ...`.
fn rows(read: &ReadFile) -> String {
    let Some(rows) = read.rows else { return String::new() };
    let rows = counted(usize::try_from(rows).unwrap_or(usize::MAX), "row");
    let observed = read.observed.map_or(String::new(), |observed| format!(", {observed} of use"));
    let problems = read.problems.filter(|problems| *problems > 0);
    let problems = problems.map_or(String::new(), |problems| format!(", {problems} could not be read"));
    format!(": {rows}{observed}{problems}")
}

fn line(line: &JournalLine) -> Row {
    Row {
        tone: Tone::Plain,
        lead: format!("{:>2}  {}", line.seq, report::instant(line.at)),
        text: format!("{}: {}", line.who, line.said),
        ..Row::default()
    }
}

fn step(step: &NextStep) -> Row {
    let r#where = step.r#where.clone().filter(|_| step.command.is_none());
    Row {
        tone: Tone::Soft,
        text: step.step.clone(),
        notes: r#where.into_iter().collect(),
        command: step.command.clone(),
        ..Row::default()
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
