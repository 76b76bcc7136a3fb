//! Tests of one dependency after the other.

use evidence::{Outcome, Peer};
use jiff::SignedDuration;

use super::attempts::{Attempt, End, Field, Record};
use super::words::{self, Kind};
use crate::symptoms::Survey;

/// A step that takes as long as this waited in vain: servers and resolvers answer within seconds.
const WAITED: SignedDuration = SignedDuration::from_secs(10);

/// The steps of all tests, by whom they asked.
pub(in crate::symptoms) fn steps<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    for step in survey.probes() {
        let Some(at) = step.at() else { continue };
        let fact = step.fact;
        let is_names = fact.step.eq_ignore_ascii_case("dns");
        let target = fact.target.as_ref();
        let Some(name) = target.and_then(|peer| name_of(peer, is_names)) else { continue };
        let waited = fact.took.is_some_and(|took| took >= WAITED);
        let words = words::kind_of(&fact.said, "");
        let lower = fact.said.to_lowercase();
        let says_so = words != Kind::Answered || lower.contains("timed out") || lower.contains("timeout");
        let is_silent = is_names && lower.contains("servfail") || waited || says_so;
        let end = match fact.outcome {
            Outcome::Accepted => End::Answered,
            Outcome::Refused | Outcome::Deferred | Outcome::NotSaid if is_silent => End::Silent,
            // A refusal is an answer.
            Outcome::Refused | Outcome::Deferred => End::Answered,
            Outcome::NotSaid => continue,
        };
        let kind = if is_names { Kind::Names } else { Kind::Hop };
        let (subject, said, record) = ("", fact.said.as_str(), Record::Entry(step.entry));
        field.note(kind, &name, Attempt { at, end, subject, said, record });
    }
    field
}

fn name_of(peer: &Peer, is_names: bool) -> Option<String> {
    let name = peer.name.as_deref().or(peer.ip.as_deref())?;
    match peer.port {
        Some(port) if !is_names => Some(format!("{name}:{port}")),
        _ => Some(name.to_owned()),
    }
}
