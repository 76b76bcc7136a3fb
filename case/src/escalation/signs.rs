//! Signs that a vendor has to act: a table of conditions, every one of which has to hold by a record.

use jiff::{SignedDuration, Timestamp};
use report::{Cite, FindingKind, Layer, MessageCopy, ReplyExplained, Report, Standing, State};

use super::data::{self, SignEntry, VendorEntry};

/// A sign that fits.
pub struct Sign {
    /// What it says.
    pub entry: &'static SignEntry,
    /// Whose.
    pub vendor: &'static VendorEntry,
    /// The records by which it fits.
    pub cites: Vec<Cite>,
}

/// The first sign that fits one of the copies that the escalation is about.
pub fn sign(report: &Report, concerned: &[&MessageCopy]) -> Option<Sign> {
    data::signs().iter().find_map(|entry| {
        let vendor = data::vendor(&entry.product)?;
        let cites = concerned.iter().find_map(|copy| fits(entry, vendor, copy, report))?;
        Some(Sign { entry, vendor, cites })
    })
}

/// The records by which a sign fits a copy; nothing if it does not.
fn fits(entry: &SignEntry, vendor: &VendorEntry, copy: &MessageCopy, report: &Report) -> Option<Vec<Cite>> {
    let mut cites = Vec::new();
    if !entry.symptoms.is_empty() {
        cites.extend(symptom(entry, report)?);
    }
    if !entry.causes.is_empty() {
        let cause = copy.cause.as_ref().filter(|cause| entry.causes.contains(&cause.id))?;
        if cause.system != entry.product {
            return None;
        }
        cites.extend(cause.cites.iter().cloned());
    }
    if !entry.fates.is_empty() && !entry.fates.contains(&copy.fate) {
        return None;
    }
    if !entry.codes.is_empty() || !entry.words.is_empty() || entry.reply_code.is_some() {
        cites.extend(copy.replies.iter().find(|reply| answers(entry, vendor, reply))?.cites.iter().cloned());
    }
    for (layer, states) in &entry.states {
        let state = copy.layers.iter().find(|one| one.layer == *layer && states.contains(&one.state))?;
        if state.cites.is_empty() {
            return None;
        }
        cites.extend(state.cites.iter().cloned());
    }
    // What is said by layers and fates alone is the word of whoever spoke last.
    if entry.symptoms.is_empty() && entry.causes.is_empty() && entry.codes.is_empty() && entry.words.is_empty() {
        let last = copy.timeline.last().filter(|event| event.system.starts_with(&entry.product))?;
        cites.extend(last.cites.iter().cloned());
    }
    if !entry.authenticated.is_empty() {
        cites.extend(authenticated(entry, copy)?);
    }
    if let Some(minutes) = entry.minutes
        && waited(copy, report, vendor)? < SignedDuration::from_mins(minutes)
    {
        return None;
    }
    Some(cites).filter(|cites| !cites.is_empty())
}

fn symptom(entry: &SignEntry, report: &Report) -> Option<Vec<Cite>> {
    let is_meant = |finding: &&report::Finding| {
        let name = finding.specific.as_deref().map(|specific| format!("{}/{specific}", finding.id));
        finding.kind == FindingKind::Symptom
            && finding.standing == Standing::Proved
            && name.is_some_and(|name| entry.symptoms.contains(&name))
    };
    report.findings.iter().find(is_meant).map(|finding| finding.cites.clone())
}

/// Whether a reply is the product's, and says what the sign names.
fn answers(entry: &SignEntry, vendor: &VendorEntry, reply: &ReplyExplained) -> bool {
    let from = reply.from.to_lowercase();
    let is_its = reply.list == entry.product || vendor.words.iter().any(|word| from.contains(word.as_str()));
    let said = reply.said.to_lowercase();
    is_its
        && !reply.cites.is_empty()
        && entry.reply_code.is_none_or(|code| reply.reply_code == Some(code))
        && (entry.codes.is_empty()
            || reply.enhanced_status_code.as_ref().is_some_and(|code| entry.codes.contains(code)))
        && (entry.words.is_empty() || entry.words.iter().any(|word| said.contains(word.as_str())))
}

fn authenticated(entry: &SignEntry, copy: &MessageCopy) -> Option<Vec<Cite>> {
    let layer = copy.layers.iter().find(|layer| layer.layer == Layer::Authentication)?;
    let passed = {
        let said = layer.summary.to_lowercase();
        layer.state == State::Passed && entry.authenticated.iter().any(|word| said.contains(word.as_str()))
    };
    passed.then(|| layer.cites.clone()).filter(|cites| !cites.is_empty())
}

/// How long the evidence goes on after the last event of the copy, or how long attempts went on, whichever is longer.
fn waited(copy: &MessageCopy, report: &Report, vendor: &VendorEntry) -> Option<SignedDuration> {
    let last = copy.timeline.last()?.at;
    let own =
        |file: &&report::EvidenceFile| file.source.as_deref().is_some_and(|source| source.starts_with(&vendor.source));
    let until: Option<Timestamp> = report.evidence.iter().filter(own).filter_map(|file| file.to).max();
    let silent = until.map_or(SignedDuration::ZERO, |until| until.duration_since(last));
    let tries: Vec<Timestamp> = copy
        .timeline
        .iter()
        .filter(|event| event.layer == Layer::Delivery || event.layer == Layer::Arrival)
        .map(|event| event.at)
        .collect();
    let tried = match (tries.first(), tries.last()) {
        (Some(first), Some(last)) => last.duration_since(*first),
        _ => SignedDuration::ZERO,
    };
    Some(silent.max(tried))
}
