//! Entries of a journal in words.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Answered;
use crate::journal::{Answer, Deed, Entry, Purpose};

/// One entry of a journal in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalLine {
    /// Its number.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// What kind of deed it is, such as `evidence_added`.
    pub deed: String,
    /// That in a sentence.
    pub said: String,
    /// The hash of the entry.
    pub hash: String,
}

impl JournalLine {
    /// An entry in short.
    pub fn of(entry: &Entry) -> JournalLine {
        JournalLine {
            seq: entry.seq,
            at: entry.at,
            who: entry.who.clone(),
            deed: entry.deed.word().to_owned(),
            said: in_words(&entry.deed),
            hash: entry.hash.clone(),
        }
    }
}

/// How many characters of a free text are told.
const MAX_TEXT: usize = 160;

/// What was done, in a sentence.
pub fn in_words(deed: &Deed) -> String {
    match deed {
        Deed::Opened { .. } => "opened".to_owned(),
        Deed::Asked { .. } => "said anew which message is meant".to_owned(),
        Deed::EvidenceAdded { batch, purpose, files } => {
            let what = match purpose {
                Purpose::Ticket => "evidence",
                Purpose::Verification => "evidence of after the change",
            };
            format!("added {what} {batch}: {}", counted(files.len(), "file"))
        }
        Deed::Answered { answered } => format!("looked at the evidence: {}", answer(answered)),
        Deed::Noted { text } => format!("noted: {}", cut(text)),
        Deed::Approved { by, role, ends, .. } => {
            format!("approved by {by} ({role}), until {}", report::instant(*ends))
        }
        Deed::ChangeMade { made_at, candidate, guard, ends, messages } => {
            let guard = guard.as_deref().map_or("not judged".to_owned(), |guard| format!("guard: {guard}"));
            let ends = ends.map_or(String::new(), |ends| format!(", until {}", report::instant(ends)));
            let messages = messages
                .map_or(String::new(), |count| format!(", lets through {}", counted(count as usize, "message")));
            format!("changed at {} ({guard}{messages}{ends}): {}", report::instant(*made_at), cut(candidate))
        }
        Deed::Verified { verification, due } => {
            let due = due.map_or(String::new(), |due| format!("; look again by {}", report::instant(due)));
            format!("verified: {}{due}", held(verification.answer))
        }
        Deed::Escalated { to, reasons, .. } => {
            let why = if reasons.is_empty() { String::new() } else { format!(": {}", cut(&reasons.join("; "))) };
            format!("escalated to {to}{why}")
        }
        Deed::RunbookWritten { runbook, version, .. } => format!("wrote runbook {runbook}, version {version}"),
        Deed::StatusSet { status, why } => {
            let status = status.word().replace('_', " ");
            if why.is_empty() { status } else { format!("{status}: {}", cut(why)) }
        }
        Deed::Imported { sha256 } => format!("imported from an archive with the SHA-256 {sha256}"),
    }
}

fn held(answer: Answer) -> &'static str {
    match answer {
        Answer::Held => "held",
        Answer::CannotTell => "cannot tell",
        Answer::CameBack => "came back",
    }
}

/// An answer in short: what became of the copies, and why.
pub fn answer(answered: &Answered) -> String {
    let mut fates: Vec<(&str, usize)> = Vec::new();
    for copy in &answered.copies {
        match fates.iter_mut().find(|(fate, _)| *fate == copy.fate.word()) {
            Some((_, count)) => *count += 1,
            None => fates.push((copy.fate.word(), 1)),
        }
    }
    let one = |(fate, count): &(&str, usize)| if *count == 1 { (*fate).to_owned() } else { format!("{count} {fate}") };
    let fates: Vec<String> = fates.iter().map(one).collect();
    let mut causes: Vec<String> = Vec::new();
    for cause in answered.causes.iter().chain(&answered.symptoms) {
        let told = format!("{} ({})", cause.id, cause.standing.word());
        if !causes.contains(&told) {
            causes.push(told);
        }
    }
    match (fates.is_empty(), causes.is_empty()) {
        (true, true) => "no answer".to_owned(),
        (false, true) => format!("{}; no cause is shown", fates.join(", ")),
        (true, false) => causes.join(", "),
        (false, false) => format!("{}: {}", fates.join(", "), causes.join(", ")),
    }
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The first line of a text, cut.
pub(super) fn cut(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let kept: String = line.chars().take(MAX_TEXT).collect();
    if kept.len() < text.trim().len() { format!("{kept}…") } else { kept }
}
