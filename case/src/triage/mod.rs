//! The triage of a ticket: what is looked at before anything is changed, what of it is done, and what is open.
//!
//! It comes from the report of the ticket's evidence and from its journal, and judges nothing anew: the layers' states, what the report
//! calls checked, and its next steps decide. The points, their words and the kinds of export stand in `points.toml`.

mod identifiers;
mod points;

use std::collections::BTreeSet;

use report::{Cite, Comparison, Fate, LayerState, Message, MessageCopy, NextStep, Report, Standing, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::points::{PointId, PointRow};
use crate::case::Asked;
use crate::journal::{Deed, Entry};

/// What is looked at before anything is changed, and how far that is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Triage {
    /// The points, in their order.
    pub points: Vec<Point>,
    /// How many of them are open.
    pub open: u64,
    /// What to bear in mind about all of them; null if nothing.
    pub note: Option<String>,
}

/// One point of the triage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Which: `envelope_sender`, `envelope_recipient`, `time`, `message_id`, `headers`, `trace`, `quarantine`, `before_change`,
    /// `downstream`, `delivered_sample`.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// How it stands.
    pub state: PointState,
    /// That in a sentence.
    pub said: String,
    /// The records that say so.
    pub cites: Vec<Cite>,
    /// Entries of the journal that say so, by their numbers.
    pub entries: Vec<u64>,
    /// What to do or to fetch; none if it is done.
    pub steps: Vec<NextStep>,
}

/// How a point stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointState {
    /// Records show it.
    Done,
    /// It is still to be done.
    Open,
    /// What was supplied does not say whether it is so.
    NotChecked,
    /// It does not bear on this ticket.
    NotNeeded,
}

/// What became of the look at a ticket's evidence.
#[derive(Clone, Copy, Debug)]
pub enum Looked<'a> {
    /// There is no evidence yet.
    NoEvidence,
    /// No message could be followed, and why.
    NotFollowed(&'a str),
    /// What the evidence shows.
    Followed(&'a Report),
}

/// What a triage is made from.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The look at the evidence.
    pub looked: Looked<'a>,
    /// The message beside a delivered one; `None` if it was not compared.
    pub compared: Option<&'a Comparison>,
    /// Which message is meant, as the reporter says.
    pub asked: &'a Asked,
    /// The journal of the case.
    pub journal: &'a [Entry],
}

/// How a point stands, before it has its name.
struct Stand {
    state: PointState,
    said: String,
    cites: Vec<Cite>,
    entries: Vec<u64>,
    steps: Vec<NextStep>,
    /// The files in which it was seen.
    files: BTreeSet<String>,
}

impl Stand {
    fn of(state: PointState, said: impl Into<String>) -> Stand {
        Stand {
            state,
            said: said.into(),
            cites: Vec::new(),
            entries: Vec::new(),
            steps: Vec::new(),
            files: BTreeSet::new(),
        }
    }

    fn citing(mut self, cites: impl IntoIterator<Item = Cite>) -> Stand {
        for cite in cites {
            if self.cites.len() < MAX_CITES && !self.cites.contains(&cite) {
                self.cites.push(cite);
            }
        }
        self.files.extend(self.cites.iter().map(|cite| cite.file.clone()));
        self
    }

    fn doing(mut self, steps: Vec<NextStep>) -> Stand {
        self.steps = steps;
        self
    }
}

/// How many records of one point are shown.
const MAX_CITES: usize = 4;
/// How many things to fetch one point names.
const MAX_STEPS: usize = 4;

/// Says of each point of the triage whether it is done.
pub fn of(seen: &Seen<'_>) -> Triage {
    let work = Work { seen, report: followed(seen.looked), message: message(seen) };
    let mut stands: Vec<(&PointRow, Stand)> = Vec::new();
    for row in points::rows() {
        let stand = work.stand(row, &stands);
        stands.push((row, stand));
    }
    let points: Vec<Point> = stands.into_iter().map(|(row, stand)| point(row, stand)).collect();
    let open = points.iter().filter(|point| point.state == PointState::Open).count() as u64;
    Triage { points, open, note: work.report.and_then(several) }
}

fn point(row: &PointRow, stand: Stand) -> Point {
    let id = match row.id {
        PointId::EnvelopeSender => "envelope_sender",
        PointId::EnvelopeRecipient => "envelope_recipient",
        PointId::Time => "time",
        PointId::MessageId => "message_id",
        PointId::Headers => "headers",
        PointId::Trace => "trace",
        PointId::Quarantine => "quarantine",
        PointId::BeforeChange => "before_change",
        PointId::Downstream => "downstream",
        PointId::DeliveredSample => "delivered_sample",
    };
    Point {
        id: id.to_owned(),
        title: row.title.clone(),
        state: stand.state,
        said: stand.said,
        cites: stand.cites,
        entries: stand.entries,
        steps: stand.steps,
    }
}

/// The report, if a message was followed in it: one that tells of symptoms alone follows none.
fn followed<'a>(looked: Looked<'a>) -> Option<&'a Report> {
    let Looked::Followed(report) = looked else { return None };
    let has_message = !report.copies.is_empty()
        || report.message != Message::default()
        || !report.checked.is_empty()
        || report.next_steps.iter().any(|step| step.check.is_some());
    has_message.then_some(report)
}

/// That several messages are followed, and which of them the points are about.
fn several(report: &Report) -> Option<String> {
    report.several.as_ref()?;
    let which = report.message.message_id.as_ref().map_or("one of them".to_owned(), |id| format!("<{id}>"));
    Some(format!("Several messages are followed: the points are about {which}."))
}

/// The message as the report knows it, else as the reporter says.
fn message(seen: &Seen<'_>) -> Message {
    if let Some(report) = followed(seen.looked) {
        return report.message.clone();
    }
    Message {
        message_id: seen.asked.message_id.first().map(|id| identifiers::bare(id).to_owned()),
        envelope_sender: seen.asked.sender.clone(),
        envelope_recipients: seen.asked.recipient.clone(),
        subject: seen.asked.subject.clone(),
        ..Message::default()
    }
}

struct Work<'a> {
    seen: &'a Seen<'a>,
    report: Option<&'a Report>,
    message: Message,
}

impl Work<'_> {
    fn stand(&self, row: &PointRow, before: &[(&PointRow, Stand)]) -> Stand {
        if let Some(symptom) = self.about_a_symptom() {
            let said = format!("the records show {symptom}; no message is named");
            return Stand::of(PointState::NotNeeded, said);
        }
        match row.id {
            PointId::EnvelopeSender => self.envelope_sender(row),
            PointId::EnvelopeRecipient => self.envelope_recipient(row),
            PointId::Time => self.time(row),
            PointId::MessageId => self.message_id(row),
            PointId::Headers => self.headers(row),
            PointId::Trace => self.trace(row),
            PointId::Quarantine | PointId::Downstream => self.looked_at(row),
            PointId::BeforeChange => self.before_change(row, before),
            PointId::DeliveredSample => self.delivered_sample(row),
        }
    }

    /// The symptom that the ticket is about, if neither the reporter nor a record names a message.
    fn about_a_symptom(&self) -> Option<String> {
        let Looked::Followed(report) = self.seen.looked else { return None };
        let is_shown = |standing| matches!(standing, Standing::Proved | Standing::Likely);
        let symptoms = report.findings.iter().filter(|finding| finding.kind == report::FindingKind::Symptom);
        let shown = symptoms.into_iter().find(|finding| is_shown(finding.standing))?;
        let asked = Asked { trust: Vec::new(), tz: None, ..self.seen.asked.clone() };
        (self.report.is_none() && asked == Asked::default()).then(|| shown.id.clone())
    }

    /// Why nothing can be looked at; `None` if a message is followed.
    fn in_the_dark(&self, row: &PointRow) -> Option<Stand> {
        let (state, said) = match self.seen.looked {
            _ if self.report.is_some() => return None,
            Looked::NoEvidence => (PointState::Open, "no evidence was added yet".to_owned()),
            Looked::NotFollowed(why) => (PointState::NotChecked, format!("no message is followed: {why}")),
            Looked::Followed(_) => (PointState::NotChecked, "the evidence names no message".to_owned()),
        };
        Some(Stand::of(state, said).doing(vec![self.ask(row)]))
    }

    fn headers(&self, row: &PointRow) -> Stand {
        // A sample would be followed: where no message is, none was added.
        match self.report {
            None => Stand::of(PointState::Open, "no sample was added").doing(vec![self.ask(row)]),
            Some(_) => self.looked_at(row),
        }
    }

    /// A point that the report answers by what it calls checked and by its next steps.
    fn looked_at(&self, row: &PointRow) -> Stand {
        if let Some(stand) = self.in_the_dark(row) {
            return stand;
        }
        let Some(report) = self.report else { return Stand::of(PointState::NotChecked, String::new()) };
        let checked: Vec<_> = report.checked.iter().filter(|checked| row.checks.contains(&checked.check)).collect();
        let steps = self.steps(row, report);
        let said: Vec<String> = checked.iter().map(|one| told(&one.said, &one.envelope_recipients, report)).collect();
        let cites = checked.iter().flat_map(|one| one.cites.iter().cloned());
        if !steps.is_empty() {
            let seen = if said.is_empty() { "not shown yet".to_owned() } else { format!("so far: {}", joined(said)) };
            return Stand::of(PointState::Open, seen).citing(cites).doing(steps);
        }
        if let Some(conflict) = self.conflict(row, report) {
            return conflict;
        }
        if !checked.is_empty() {
            let mut stand = Stand::of(PointState::Done, joined(said.clone())).citing(cites);
            let named = |file: &&report::EvidenceFile| {
                file.source.as_ref().is_some_and(|source| said.iter().any(|said| said.contains(source.as_str())))
            };
            if stand.files.is_empty() {
                stand.files.extend(report.evidence.iter().filter(named).map(|file| file.file.clone()));
            }
            return stand;
        }
        if report.copies.is_empty() {
            return Stand::of(PointState::Open, "no record speaks of the message").doing(vec![self.ask(row)]);
        }
        let fates = fates(report);
        if report.copies.iter().any(|copy| matches!(copy.fate, Fate::Unknown | Fate::Lost)) {
            let said = "what became of the message is not shown, so neither is this".to_owned();
            return Stand::of(PointState::NotChecked, said).doing(vec![self.ask(row)]);
        }
        Stand::of(PointState::NotNeeded, format!("{fates}: {}", row.idle))
    }

    /// Two speakers disagree about the layer of a point.
    fn conflict(&self, row: &PointRow, report: &Report) -> Option<Stand> {
        let layer = match row.id {
            PointId::Quarantine => report::Layer::Quarantine,
            PointId::Downstream => report::Layer::Delivery,
            _ => return None,
        };
        let layers = || report.copies.iter().flat_map(|copy| &copy.layers).filter(move |one| one.layer == layer);
        let conflict = layers().find(|one| one.state == State::Conflict)?;
        let stand = Stand::of(PointState::NotChecked, format!("records disagree: {}", conflict.summary));
        Some(stand.citing(conflict.cites.iter().cloned()).doing(vec![self.ask(row)]))
    }

    /// A trace is looked at if a system's own log speaks of the message, or covers its time and does not.
    fn trace(&self, row: &PointRow) -> Stand {
        if let Some(stand) = self.in_the_dark(row) {
            return stand;
        }
        let Some(report) = self.report else { return Stand::of(PointState::NotChecked, String::new()) };
        let is_log = |file: &&report::EvidenceFile| file.source.as_deref().is_some_and(|kind| row.is_shown_by(kind));
        let logs: Vec<&report::EvidenceFile> = report.evidence.iter().filter(is_log).collect();
        let in_a_log = |cite: &&Cite| logs.iter().any(|log| log.file == cite.file);
        let events = report.copies.iter().flat_map(|copy| &copy.timeline);
        let cites: Vec<Cite> = events.flat_map(|event| &event.cites).filter(in_a_log).cloned().collect();
        let open = self.steps(row, report);
        if !cites.is_empty() {
            let files: BTreeSet<&str> = cites.iter().map(|cite| cite.file.as_str()).collect();
            let kinds: BTreeSet<&str> = logs
                .iter()
                .filter(|log| files.contains(log.file.as_str()))
                .filter_map(|log| log.source.as_deref())
                .collect();
            let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
            let (state, said) = match open.is_empty() {
                true => (PointState::Done, format!("the message stands in {kinds}")),
                false => (PointState::Open, format!("some copies stand in {kinds}, others do not")),
            };
            let mut stand = Stand::of(state, said).citing(one_of_each_file(&cites)).doing(open);
            stand.files.extend(cites.iter().map(|cite| cite.file.clone()));
            return stand;
        }
        if let Some(absent) = absent(report).filter(|_| !logs.is_empty()) {
            let mut stand = Stand::of(PointState::Done, format!("it is not there: {}", absent.summary));
            stand = stand.citing(absent.cites.iter().cloned());
            stand.files.extend(logs.iter().map(|log| log.file.clone()));
            return stand;
        }
        let steps = if open.is_empty() { self.fetched(row, report) } else { open };
        if let Some(log) = logs.first() {
            let said = match &log.error {
                Some(error) => format!("{} could not be read: {error}", log.file),
                None => format!("{} says nothing of the message, and is not shown to cover its time", log.file),
            };
            return Stand::of(PointState::NotChecked, said).doing(steps);
        }
        let said = match report.copies.iter().any(|copy| !copy.timeline.is_empty()) {
            true => "other records speak of it; no trace or log does",
            false => "no trace or log was added",
        };
        Stand::of(PointState::Open, said).doing(steps)
    }

    /// A change before both were looked at is pointed out; the journal's order decides, and the instant at which it was made.
    fn before_change(&self, row: &PointRow, before: &[(&PointRow, Stand)]) -> Stand {
        let both = before.iter().filter(|(row, _)| matches!(row.id, PointId::Trace | PointId::Quarantine));
        let both: Vec<(&str, Looking<'_>)> = both.map(|(row, stand)| (name(row.id), self.looking(stand))).collect();
        let changes: Vec<(&Entry, jiff::Timestamp)> = self.seen.journal.iter().filter_map(change).collect();
        if changes.is_empty() {
            let missing: Vec<&str> =
                both.iter().filter(|(_, looking)| matches!(looking, Looking::Missing)).map(|(name, _)| *name).collect();
            return match missing.is_empty() {
                true => Stand::of(PointState::Done, "no change is recorded"),
                false => Stand::of(PointState::Open, format!("no change is recorded; {} first", missing.join(" and ")))
                    .doing(vec![self.ask(row)]),
            };
        }
        let (mut early, mut untold, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, made_at) in &changes {
            for (name, looking) in &both {
                match looking {
                    Looking::Missing => {
                        early.push(format!("entry {}: changed, and the {name} is not looked at", entry.seq))
                    }
                    Looking::At(seen) if seen.seq > entry.seq => {
                        early.push(format!(
                            "entry {}: changed before the {name} was looked at (entry {})",
                            entry.seq, seen.seq
                        ));
                    }
                    Looking::At(seen) if *made_at < seen.at => untold.push(format!(
                        "entry {}: made at {made_at}, before the {name} was added here (entry {}, {})",
                        entry.seq, seen.seq, seen.at
                    )),
                    Looking::At(_) | Looking::Idle => continue,
                }
                entries.push(entry.seq);
                entries.extend(looking.entry());
            }
        }
        entries.sort_unstable();
        entries.dedup();
        let mut stand = match (early.is_empty(), untold.is_empty()) {
            (false, _) => Stand::of(PointState::Open, joined(early)).doing(vec![self.ask(row)]),
            (true, false) => {
                let said = format!("{}; whether it was looked at elsewhere, the journal does not show", joined(untold));
                Stand::of(PointState::NotChecked, said)
            }
            (true, true) => {
                let said = "both were looked at before the first change".to_owned();
                entries.extend(changes.first().map(|(entry, _)| entry.seq));
                Stand::of(PointState::Done, said)
            }
        };
        stand.entries = entries;
        stand
    }

    /// When the evidence was added that shows a point.
    fn looking(&self, stand: &Stand) -> Looking<'_> {
        match stand.state {
            PointState::NotNeeded => return Looking::Idle,
            PointState::Open | PointState::NotChecked => return Looking::Missing,
            PointState::Done => {}
        }
        let holds = |entry: &&Entry| match &entry.deed {
            Deed::EvidenceAdded { batch, .. } => {
                stand.files.iter().any(|file| file.split('/').next() == Some(batch.as_str()))
            }
            _ => false,
        };
        self.seen.journal.iter().find(holds).map_or(Looking::Idle, Looking::At)
    }

    fn delivered_sample(&self, row: &PointRow) -> Stand {
        if let Some(stand) = self.in_the_dark(row) {
            return stand;
        }
        let copies: &[MessageCopy] = self.report.map_or(&[], |report| &report.copies);
        if !copies.is_empty() && copies.iter().all(|copy| copy.fate == Fate::Delivered) {
            return Stand::of(PointState::NotNeeded, format!("delivered: {}", row.idle));
        }
        let Some(compared) = self.seen.compared else {
            return Stand::of(PointState::Open, "no record speaks of the message, so nothing is like it")
                .doing(vec![self.ask(row)]);
        };
        let because = compared.picked.as_ref().map(|picked| picked.because.as_str()).unwrap_or_default();
        match compared.delivered.as_ref().filter(|side| side.fate == Some(Fate::Delivered)) {
            Some(side) => {
                let id = side
                    .message
                    .message_id
                    .as_ref()
                    .map_or("one without a Message-ID".to_owned(), |id| format!("<{id}>"));
                let parted = match compared.parted_at {
                    Some(layer) => format!("they part at {}", layer.word()),
                    None => "where they part is not shown".to_owned(),
                };
                let said = format!("{id} was delivered; {parted}. {because}");
                Stand::of(PointState::Done, said.trim_end().to_owned()).citing(delivered_cites(compared))
            }
            None => {
                let mut steps = vec![self.ask(row)];
                steps.extend(compared.exports.iter().take(MAX_STEPS).map(|export| of_export(export, &row.ask)));
                Stand::of(PointState::Open, because.to_owned()).doing(steps)
            }
        }
    }

    /// The report's own steps for a point.
    fn steps(&self, row: &PointRow, report: &Report) -> Vec<NextStep> {
        let is_of = |step: &&NextStep| step.check.as_ref().is_some_and(|check| row.checks.contains(check));
        report.next_steps.iter().filter(is_of).take(MAX_STEPS).cloned().collect()
    }

    /// The exports that would show a point, of the systems that the evidence names; else what to ask.
    fn fetched(&self, row: &PointRow, report: &Report) -> Vec<NextStep> {
        let named = report.evidence.iter().filter_map(|file| row.shown_for(file.source.as_deref()?));
        let kinds: BTreeSet<&str> = named.collect();
        let exports = kinds.into_iter().filter_map(|kind| report::export(kind, &self.message));
        let steps: Vec<NextStep> = exports.take(MAX_STEPS).map(|export| of_export(&export, &row.ask)).collect();
        if steps.is_empty() { vec![self.ask(row)] } else { steps }
    }

    /// What is asked for a point if the report has no step of its own.
    fn ask(&self, row: &PointRow) -> NextStep {
        NextStep {
            tier: 1,
            step: row.ask.clone(),
            because: Vec::new(),
            command: None,
            shell: None,
            r#where: None,
            layer: None,
            fetches: row.fetch.clone(),
            check: row.checks.first().cloned(),
        }
    }
}

/// When a point was looked at.
enum Looking<'a> {
    /// By the evidence that this entry added.
    At(&'a Entry),
    /// Not yet.
    Missing,
    /// It does not bear on the ticket, or is shown by no file.
    Idle,
}

impl Looking<'_> {
    fn entry(&self) -> Option<u64> {
        match self {
            Looking::At(entry) => Some(entry.seq),
            Looking::Missing | Looking::Idle => None,
        }
    }
}

fn name(point: PointId) -> &'static str {
    match point {
        PointId::Quarantine => "quarantine",
        _ => "trace",
    }
}

fn change(entry: &Entry) -> Option<(&Entry, jiff::Timestamp)> {
    match &entry.deed {
        Deed::ChangeMade { made_at, .. } => Some((entry, *made_at)),
        _ => None,
    }
}

fn of_export(export: &report::Export, step: &str) -> NextStep {
    NextStep {
        tier: 1,
        step: format!("{step}: {} ({})", export.title, export.source),
        because: Vec::new(),
        command: export.command.clone(),
        shell: None,
        r#where: export.clicks.clone(),
        layer: None,
        fetches: Some(export.source.clone()),
        check: None,
    }
}

/// The state by which a log covers the time of a copy and does not have it.
fn absent(report: &Report) -> Option<&LayerState> {
    let of_the_way = |one: &&LayerState| matches!(one.layer, report::Layer::Arrival | report::Layer::Delivery);
    let layers = report.copies.iter().flat_map(|copy| &copy.layers).filter(of_the_way);
    layers.into_iter().find(|one| one.state == State::Absent)
}

/// The records that show the delivered message in its mailbox; where the comparison names none there, those that speak of it at all.
fn delivered_cites(compared: &Comparison) -> Vec<Cite> {
    let stated = |from: report::Layer, about: &'static str| -> Vec<Cite> {
        let layers = compared.layers.iter().rev().filter(|layer| layer.layer >= from);
        let facts = layers.flat_map(|layer| &layer.facts).filter(|fact| about.is_empty() || fact.about == about);
        facts.filter_map(|fact| fact.delivered.as_ref()).flat_map(|stated| stated.cites.iter().cloned()).collect()
    };
    let places = [(report::Layer::Delivery, "outcome"), (report::Layer::Delivery, ""), (report::Layer::Arrival, "")];
    places.into_iter().map(|(from, about)| stated(from, about)).find(|cites| !cites.is_empty()).unwrap_or_default()
}

/// The first record of each file, then the others.
fn one_of_each_file(cites: &[Cite]) -> Vec<Cite> {
    let mut files = BTreeSet::new();
    let (first, rest): (Vec<&Cite>, Vec<&Cite>) = cites.iter().partition(|cite| files.insert(cite.file.as_str()));
    first.into_iter().chain(rest).cloned().collect()
}

/// `rejected`, `quarantined, delivered`: what became of the copies.
fn fates(report: &Report) -> String {
    let mut words: Vec<&str> = Vec::new();
    for copy in &report.copies {
        if !words.contains(&copy.fate.word()) {
            words.push(copy.fate.word());
        }
    }
    words.join(", ")
}

/// What was seen, and for whom if that is not for all.
fn told(said: &str, recipients: &[String], report: &Report) -> String {
    match recipients {
        [] => said.to_owned(),
        _ if recipients.len() >= report.copies.len() => said.to_owned(),
        [one] => format!("{said} ({one})"),
        [first, rest @ ..] => format!("{said} ({first} and {} more)", rest.len()),
    }
}

/// How many statements of one point are told.
const MAX_TOLD: usize = 3;

fn joined(mut said: Vec<String>) -> String {
    said.dedup();
    let more = said.len().saturating_sub(MAX_TOLD);
    said.truncate(MAX_TOLD);
    let said = said.join("; ");
    if more == 0 { said } else { format!("{said}; and {more} more") }
}

#[cfg(test)]
mod tests;
