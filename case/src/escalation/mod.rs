//! Gives a ticket to somebody else: whether its facts are in, why, to whom, and with which records.
//!
//! Nothing here reads files or clocks: a case, its journal and the report of its evidence come in, a document goes out; [`package`] makes
//! the files of it and `write` brings them to the disk.

mod data;
mod document;
mod facts;
mod ids;
mod package;
mod reasons;
mod receiver;
mod sheet;
mod side;
mod signs;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;
use report::{Event, Fate, FindingKind, MessageCopy, Report, Standing};

pub use document::{
    CitedFile, CitedRecord, CitedRecords, ESCALATION_SCHEMA, EscalatedCase, EscalatedCause, EscalatedCopy,
    EscalatedEvent, Escalation, EscalationAnswer, EscalationFact, EscalationReason, FactName, FactState, Fetch, Impact,
    JournalEntry, PackedFile, ReasonName, Receiver, ReceiverKind, Tried, VendorId, VendorIds, WrittenPackage,
};
pub use package::{Evidence, Package, RECORDS_SCHEMA, Sample, package};
pub use write::{OutError, Shape, write};

use crate::case::Case;
use crate::journal::{Deed, Entry};

/// Whether the table of causes says who can mend a cause: its own line, or its family's.
pub fn is_known_cause(id: &str) -> bool {
    data::cause(id).is_some()
}

/// All that an escalation rests on.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The case.
    pub case: &'a Case,
    /// Its journal.
    pub journal: &'a [Entry],
    /// What its evidence shows.
    pub report: &'a Report,
    /// What is to be done about it, if that was asked.
    pub proposal: Option<&'a report::ExceptionProposal>,
    /// Open cases of the same client, each with the entry that holds its last answer.
    pub others: &'a [(Case, Entry)],
    /// When.
    pub now: Timestamp,
    /// Who asks.
    pub who: &'a str,
    /// To whom, if a person says so.
    pub to: Option<ReceiverKind>,
    /// Why, if a person says so.
    pub reason: Option<&'a str>,
    /// Whether it is wanted though no reason applies.
    pub is_wanted_anyway: bool,
}

/// Says whether a ticket is given to somebody else, why, and to whom.
pub fn escalate(asked: &Asked<'_>) -> Escalation {
    let concerned = concerned(asked.report);
    let sign = signs::sign(asked.report, &concerned);
    let weighed = reasons::weigh(asked, &concerned, sign.as_ref());
    let facts = facts::facts(asked.report, &concerned);
    let is_whole = facts.iter().all(|fact| fact.state != FactState::Missing);
    let has_reason = weighed.iter().any(|one| one.applies);
    let answer = match (is_whole, has_reason || asked.is_wanted_anyway) {
        (false, _) => EscalationAnswer::Refused,
        (true, true) => EscalationAnswer::Escalated,
        (true, false) => EscalationAnswer::NoReason,
    };
    let receiver = receiver::receiver(asked, &concerned, &weighed, sign.as_ref());
    let first = receiver::vendor(&concerned);
    let cause = concerned.iter().find_map(|copy| cause(asked.report, copy));
    let questions = receiver.as_ref().map_or_else(Vec::new, |receiver| {
        data::questions(receiver.to, cause.as_ref().map(|cause| cause.id.as_str())).map(str::to_owned).collect()
    });
    let tried = tried(asked, receiver.as_ref().map(|receiver| receiver.to));
    let (reasons, not_reasons): (Vec<_>, Vec<_>) = weighed.into_iter().partition(|one| one.applies);
    let told = |all: Vec<reasons::Weighed>| all.into_iter().map(|one| one.told).collect();
    Escalation {
        schema: ESCALATION_SCHEMA.to_owned(),
        answer,
        case: case_of(asked.case),
        prepared_at: asked.now,
        prepared_by: asked.who.to_owned(),
        facts,
        impact: impact(asked, &concerned),
        reasons: told(reasons),
        not_reasons: told(not_reasons),
        receiver,
        message: asked.report.message.clone(),
        copies: copies(asked.report, &concerned),
        cause,
        tried,
        ids: ids::ids(&concerned, first),
        questions,
        timeline: timeline(&concerned),
        not_shown: not_shown(asked.report),
        left_out: left_out(asked.journal),
        package: None,
    }
}

/// The copies that the escalation is about: those that share the first shown cause; else those that did not simply arrive; else all.
fn concerned(report: &Report) -> Vec<&MessageCopy> {
    let is_shown = |standing| matches!(standing, Standing::Proved | Standing::Likely);
    let first = report.findings.iter().find(|finding| finding.kind == FindingKind::Cause && is_shown(finding.standing));
    if let Some(first) = first {
        let of_cause = |copy: &&MessageCopy| {
            copy.cause.as_ref().is_some_and(|cause| cause.id == first.id)
                || (copy.cause.is_none() && first.envelope_recipient.as_deref() == Some(&*copy.envelope_recipient))
        };
        let found: Vec<&MessageCopy> = report.copies.iter().filter(of_cause).collect();
        if !found.is_empty() {
            return found;
        }
    }
    let not_arrived: Vec<&MessageCopy> = report.copies.iter().filter(|copy| copy.fate != Fate::Delivered).collect();
    if not_arrived.is_empty() { report.copies.iter().collect() } else { not_arrived }
}

fn case_of(case: &Case) -> EscalatedCase {
    let about = case.about.clone();
    EscalatedCase {
        number: case.number,
        uid: case.uid.clone(),
        client: about.client,
        ticket: about.ticket,
        site: about.site,
        user: about.user,
        device: about.device,
        words: about.words,
        opened_at: Some(case.opened_at),
    }
}

fn cause(report: &Report, copy: &MessageCopy) -> Option<EscalatedCause> {
    let cause = copy.cause.as_ref()?;
    Some(EscalatedCause {
        id: cause.id.clone(),
        standing: cause.standing,
        layer: cause.layer,
        system: cause.system.clone(),
        decided_by: cause.policy.clone().or_else(|| cause.reply.clone()),
        statement: cause.statement.clone(),
        owner: reasons::owner_of(report, &cause.id).map(str::to_owned),
        cites: cause.cites.clone(),
    })
}

fn copies(report: &Report, concerned: &[&MessageCopy]) -> Vec<EscalatedCopy> {
    let of = |copy: &MessageCopy| EscalatedCopy {
        envelope_recipient: copy.envelope_recipient.clone(),
        fate: copy.fate,
        changed_layer: copy.changed_layer,
        because: copy.because.clone(),
        is_concerned: concerned.iter().any(|one| std::ptr::eq(*one, copy)),
    };
    report.copies.iter().map(of).collect()
}

/// For whom, and since when: of the messages that share the cause, else of the copies of the one that was followed.
fn impact(asked: &Asked<'_>, concerned: &[&MessageCopy]) -> Impact {
    let report = asked.report;
    let mut impact = Impact {
        messages: u64::from(!concerned.is_empty()),
        copies: concerned.len() as u64,
        envelope_recipients: concerned.iter().map(|copy| copy.envelope_recipient.clone()).collect(),
        sites: asked.case.about.site.iter().cloned().collect(),
        not_followed: report.several.as_ref().map_or(0, |several| several.not_followed),
        ..Impact::default()
    };
    let decided: Vec<&Event> = concerned.iter().flat_map(|copy| deciding(copy)).collect();
    impact.first = decided.iter().map(|event| event.at).min();
    impact.last = decided.iter().map(|event| event.at).max();
    let id = concerned.iter().find_map(|copy| copy.cause.as_ref()).map(|cause| cause.id.as_str());
    if let Some(shared) = report.shared.iter().find(|shared| Some(shared.cause.id.as_str()) == id) {
        impact.messages = shared.messages;
        impact.copies = shared.copies;
        impact.envelope_recipients = shared.of.iter().map(|copy| copy.envelope_recipient.clone()).collect();
        impact.first = shared.first.or(impact.first);
        impact.last = shared.last.or(impact.last);
        impact.delivered_before = shared.delivered_before;
    }
    impact.envelope_recipients.retain(|recipient| !recipient.is_empty());
    impact.envelope_recipients.sort_unstable();
    impact.envelope_recipients.dedup();
    impact
}

/// The events at the layer that explains the fate; all, if none does.
fn deciding(copy: &MessageCopy) -> Vec<&Event> {
    let at: Vec<&Event> = copy.timeline.iter().filter(|event| Some(event.layer) == copy.changed_layer).collect();
    if at.is_empty() { copy.timeline.iter().collect() } else { at }
}

/// What was tried, as the journal says; the words of a change are kept from the sender's side.
fn tried(asked: &Asked<'_>, to: Option<ReceiverKind>) -> Vec<Tried> {
    let of = |entry: &Entry| {
        let (what, change) = match &entry.deed {
            Deed::ChangeMade { made_at, candidate, guard, .. } => {
                let guard =
                    guard.as_deref().map_or("not judged by the guard".to_owned(), |guard| format!("judged {guard}"));
                let change = (to != Some(ReceiverKind::Sender)).then(|| without_secrets(candidate));
                (format!("a change was made at {made_at} ({guard})"), change)
            }
            Deed::Verified { verification, .. } => {
                let said: Vec<&str> = verification.checks.iter().map(|check| check.statement.as_str()).collect();
                let answer = match verification.answer {
                    crate::journal::Answer::Held => "held",
                    crate::journal::Answer::CannotTell => "cannot tell",
                    crate::journal::Answer::CameBack => "came back",
                };
                (format!("verified: {answer}. {}", said.join(" ")), None)
            }
            Deed::Approved { by, role, .. } => (format!("something broad was approved by {by} ({role})"), None),
            Deed::Escalated { to, .. } => (format!("escalated to {to}"), None),
            _ => return None,
        };
        let (at, who) = (entry.at, entry.who.clone());
        Some(Tried { at, who, what, change, entry: reasons::journal_entry(asked.case, entry) })
    };
    asked.journal.iter().filter_map(of).collect()
}

/// Characters of a change that are shown.
const CHANGE_CHARS: usize = 600;

/// A change without what looks like a password, key or token.
fn without_secrets(text: &str) -> String {
    const NAMES: [&str; 7] = ["password", "passwd", "secret", "token", "apikey", "api_key", "securestring"];
    let is_secret = |line: &str| {
        let line = line.to_lowercase();
        NAMES.iter().any(|name| line.contains(name))
    };
    let lines = text.lines().map(|line| if is_secret(line) { "[a line with a secret was left out]" } else { line });
    let text: String = lines.collect::<Vec<&str>>().join("\n");
    match text.char_indices().nth(CHANGE_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// What happened to the copies, in order; an event that several of them share is told once.
fn timeline(concerned: &[&MessageCopy]) -> Vec<EscalatedEvent> {
    /// What is said of which instant, by which record.
    type Key<'a> = (Timestamp, &'a str, Option<(&'a str, [u64; 2])>);
    let mut events: Vec<EscalatedEvent> = Vec::new();
    let mut known: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    for copy in concerned {
        for event in &copy.timeline {
            let first = event.cites.first().map(|cite| (cite.file.as_str(), cite.bytes));
            let at = *known.entry((event.at, &event.summary, first)).or_insert(events.len());
            match events.get_mut(at) {
                Some(known) if known.envelope_recipient != copy.envelope_recipient => known.envelope_recipient.clear(),
                Some(_) => {}
                None => events.push(EscalatedEvent {
                    at: event.at,
                    system: event.system.clone(),
                    layer: event.layer,
                    envelope_recipient: copy.envelope_recipient.clone(),
                    summary: event.summary.clone(),
                    cites: event.cites.clone(),
                    assumed: event.assumed.clone(),
                }),
            }
        }
    }
    events.sort_by_key(|event| event.at);
    events
}

/// What the evidence does not show.
fn not_shown(report: &Report) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let open = report
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::Gap || finding.standing == Standing::NotShown);
    for finding in open {
        if !said.contains(&finding.statement) {
            said.push(finding.statement.clone());
        }
    }
    said.extend(report.assumptions.iter().cloned());
    said
}

/// What the journal holds and the package does not.
fn left_out(journal: &[Entry]) -> Vec<String> {
    let count = |is_meant: fn(&Deed) -> bool| journal.iter().filter(|entry| is_meant(&entry.deed)).count();
    let mut said = Vec::new();
    let notes = count(|deed| matches!(deed, Deed::Noted { .. }));
    if notes > 0 {
        let notes = if notes == 1 { "1 note".to_owned() } else { format!("{notes} notes") };
        said.push(format!("{notes} of the journal"));
    }
    if count(|deed| matches!(deed, Deed::Approved { .. })) > 0 {
        said.push("the text of the recorded approval".to_owned());
    }
    said
}
