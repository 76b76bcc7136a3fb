//! The DNS of a domain: what it answered, and what the checks of messages say about it.

use std::collections::HashMap;

use evidence::{AuthMethod, AuthResult};
use jiff::Timestamp;
use lake::{Line, Name, What};

use super::attempts::{Attempt, End, Field, Record};
use super::words::Kind;
use crate::symptoms::Survey;

/// All look-ups, by domain.
pub(super) fn look_ups<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    let is_unanswered_check =
        |line: &Line| matches!(&line.what, What::Authentication(_, result) if is_unanswered(result));
    if !survey.lines().iter().any(is_unanswered_check)
        && survey.dns().iter().all(|answer| !is_silence(&answer.fact.status))
    {
        return field;
    }
    // Which message had a check that the DNS did not answer, and who checks at all.
    let mut unanswered: HashMap<Name, ()> = HashMap::new();
    let mut checks: HashMap<Name, ()> = HashMap::new();
    // A field of a message has no instant of its own: that of the message counts.
    let mut came: HashMap<Name, Timestamp> = HashMap::new();
    let mut sent_by: HashMap<Name, Name> = HashMap::new();
    for line in survey.lines() {
        if let (Some(id), Some(at)) = (line.message_id.or(line.id), line.at) {
            came.entry(id).or_insert(at);
        }
        if let (Some(id), Some(from)) = (line.message_id.or(line.id), line.header_from.or(line.envelope_sender)) {
            sent_by.entry(id).or_insert(from);
        }
    }
    let from_of = |line: &Line| {
        let from =
            line.header_from.or(line.envelope_sender).or_else(|| sent_by.get(&line.message_id.or(line.id)?).copied());
        survey.text(from).rsplit_once('@').map(|(_, domain)| domain)
    };
    let at_of = |line: &Line| line.at.or_else(|| came.get(&line.message_id.or(line.id)?).copied());
    for line in survey.lines() {
        let What::Authentication(method, result) = &line.what else { continue };
        checks.extend(line.speaker.map(|speaker| (speaker, ())));
        if !is_unanswered(result) {
            continue;
        }
        let id = line.message_id.or(line.id);
        unanswered.extend(id.map(|id| (id, ())));
        let from = from_of(line);
        let said = Some(survey.text(line.peer)).filter(|domain| !domain.is_empty());
        // An overall verdict is about the domain of the From address.
        let domain = if *method == AuthMethod::CompAuth { from.or(said) } else { said.or(from) };
        if let (Some(at), Some(domain)) = (at_of(line), domain) {
            let subject = survey.text(id);
            let record = Record::Line(line);
            let attempt = Attempt { at, end: End::Silent, subject, domain: "", said: survey.text(line.said), record };
            field.note(Kind::Names, domain, attempt);
        }
    }
    let asked = survey.dns();
    if unanswered.is_empty() && asked.iter().all(|answer| !is_silence(&answer.fact.status)) {
        return Field::default();
    }
    for line in survey.lines() {
        let Some(speaker) = line.speaker else { continue };
        let id = line.message_id.or(line.id);
        let is_judged = match &line.what {
            What::Authentication(_, result) => !is_unanswered(result),
            // Whoever states results of checks states one only where it is not a pass.
            What::Verdict(..) | What::Noted | What::Status(_) | What::Stored(_) => checks.contains_key(&speaker),
            _ => false,
        };
        let is_unanswered = id.is_some_and(|id| unanswered.contains_key(&id));
        let from = from_of(line);
        if let (true, false, Some(at), Some(domain)) = (is_judged, is_unanswered, at_of(line), from) {
            let record = Record::Line(line);
            let attempt = Attempt { at, end: End::Answered, subject: survey.text(id), domain: "", said: "", record };
            field.note(Kind::Names, domain, attempt);
        }
    }
    for answer in asked {
        let Some(at) = answer.at() else { continue };
        let status = answer.fact.status.as_str();
        let end = if is_silence(status) { End::Silent } else { End::Answered };
        let (subject, record) = (answer.fact.name.as_str(), Record::Entry(answer.entry));
        field.note(
            Kind::Names,
            domain_of(&answer.fact.name),
            Attempt { at, end, subject, domain: "", said: status, record },
        );
    }
    field
}

/// Whether a check could not be made because the DNS did not answer (RFC 8601, 2.7).
fn is_unanswered(result: &AuthResult) -> bool {
    match result {
        AuthResult::TempError => true,
        // The word of Exchange Online for a key that was not answered in time.
        AuthResult::Other(word) => word.eq_ignore_ascii_case("timeout"),
        _ => false,
    }
}

/// Whether a name server gave no answer; that there is no such name is one.
fn is_silence(status: &str) -> bool {
    matches!(status, "TIMEOUT" | "SERVFAIL")
}

/// The domain under which a name lies: what stands after labels that begin with an underscore and the selector before them.
fn domain_of(name: &str) -> &str {
    let mut rest = name;
    let mut domain = name;
    while let Some((label, after)) = rest.split_once('.') {
        if label.starts_with('_') {
            domain = after;
        }
        rest = after;
    }
    domain
}
