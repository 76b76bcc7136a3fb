//! A client reaches the service, but one dependency times out.
//!
//! The sign is one of many like things (a server that mail is handed to, a filter, a name server, an agent of sign-ins, one of our own
//! addresses) that gives no answer several times, for several messages or users, while the others do well in the same window. What
//! tells it from a total outage are the others; what tells it from a refusal or greylisting are the words: there was no answer.
//!
//! `attempts` holds what was tried and how it ended; `mail`, `names`, `sign_ins`, `probes`, `scans` find attempts of one field each;
//! `judge` compares those of one field.

pub(super) mod attempts;
mod judge;
pub(super) mod mail;
mod names;
mod pending;
pub(super) mod probes;
mod scans;
pub(super) mod sign_ins;
pub(super) mod words;

use std::collections::BTreeSet;

use evidence::{Cite, Layer, SourceId};
use jiff::Timestamp;

use super::picture::{Count, Counts};
use super::{Apart, Picture, Sign, Survey, Symptom, stale_cache_after_outage};
use crate::Standing;
use attempts::{Dependency, End, count};
use judge::{Others, Suspect};
use words::Kind;

/// How many of one field are told: the worst.
const TOLD_MAX: usize = 2;
/// How many records of one thing are cited.
const CITES_MAX: usize = 4;
/// How many things a picture shows.
const ROWS_MAX: usize = 12;

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "dependency-timeout"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let mail = mail::hand_overs(survey).dependencies();
        // What came back and left something behind is another symptom.
        let over = stale_cache_after_outage::services(survey);
        let mut signs = compared(survey, &mail, "hand-overs", &over, |one, other| match one {
            Kind::Hop | Kind::Names => other == Kind::Hop,
            _ => true,
        });
        for (field, unit) in [
            (mail::own_addresses(survey), "hand-overs"),
            (names::look_ups(survey), "look-ups"),
            (scans::scans(survey), "messages"),
            (probes::steps(survey), "steps of tests"),
            (sign_ins::sign_ins(survey), "sign-ins"),
        ] {
            signs.extend(compared(survey, &field.dependencies(), unit, &over, |one, other| one == other));
        }
        // A test and the log of the mail may tell of one thing.
        let mut told = BTreeSet::new();
        signs.retain(|(name, sign)| told.insert((sign.specific, bare(name))) || sign.specific.is_none());
        if signs.is_empty() {
            signs.extend(pending::waiting(survey).map(|sign| (String::new(), sign)));
        }
        signs.into_iter().map(|(_, sign)| sign).collect()
    }
}

/// A name without its port.
fn bare(name: &str) -> String {
    name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(name, |(name, _)| name).to_owned()
}

/// Those of one field that fail while the others do well.
fn compared(
    survey: &Survey<'_>,
    all: &[Dependency<'_>],
    unit: &str,
    over: &BTreeSet<String>,
    is_like: impl Fn(Kind, Kind) -> bool + Copy,
) -> Vec<(String, Sign)> {
    let suspects = judge::suspects(all, is_like);
    let told = suspects.iter().filter(|suspect| !over.contains(&suspect.one.name)).take(TOLD_MAX);
    told.filter_map(|suspect| {
        let sign = told_of(survey, suspect, all, unit, is_like)?;
        Some((suspect.one.name.clone(), sign))
    })
    .collect()
}

fn told_of(
    survey: &Survey<'_>,
    suspect: &Suspect<'_, '_>,
    all: &[Dependency<'_>],
    unit: &str,
    is_like: impl Fn(Kind, Kind) -> bool,
) -> Option<Sign> {
    let one = suspect.one;
    let (from, to) = suspect.window();
    let rows = rows(survey, suspect, all, is_like);
    let failures = count(suspect.failures, End::Silent);
    let subjects: BTreeSet<&str> =
        suspect.failures.iter().filter(|one| one.end == End::Silent).map(|one| one.subject).collect();
    let standing = match suspect.others {
        Others::Healthy => Standing::Proved,
        Others::Few => Standing::Likely,
        Others::NotShown => Standing::NotShown,
    };
    let (specific, layer, did) = cause_of(one.kind);
    let things = match one.kind {
        Kind::Agent => "users",
        Kind::Names => "messages or names",
        _ => "messages",
    };
    let of_whom = match subjects.iter().filter(|subject| !subject.is_empty()).count() {
        0 => String::new(),
        number => format!(", for {number} {things}"),
    };
    let others: Vec<&Count> = rows.iter().skip(1).collect();
    let (well, tried): (u64, u64) =
        others.iter().fold((0, 0), |sum, row| (sum.0 + row.good, sum.1 + row.good + row.bad));
    let elsewhere = match suspect.others {
        Others::NotShown => "; whether anything else did well at that time is not shown".to_owned(),
        _ => format!("; in the same window {well} of {tried} {unit} elsewhere were answered"),
    };
    let after = one.attempts.iter().filter(|attempt| attempt.at > suspect.last && attempt.end == End::Answered);
    let since = match after.clone().next() {
        Some(first) => format!("; it answered again at {}", minute(first.at)),
        None => String::new(),
    };
    let statement = format!(
        "{} {did} {failures} of {} times between {} and {}{of_whom}{elsewhere}{since}",
        one.name,
        suspect.failures.len(),
        minute(suspect.first),
        minute(suspect.last),
    );
    let silent = suspect.failures.iter().filter(|attempt| attempt.end == End::Silent);
    let mut cites: Vec<Cite> = silent.clone().take(CITES_MAX).map(|attempt| attempt.record.cite(survey)).collect();
    if failures > CITES_MAX {
        cites.extend(silent.clone().next_back().map(|attempt| attempt.record.cite(survey)));
    }
    cites.extend(others.iter().filter(|row| row.good > 0).filter_map(|row| row.cites.first().cloned()).take(CITES_MAX));
    cites.extend(after.take(1).map(|attempt| attempt.record.cite(survey)));
    let ask_for = match suspect.others {
        Others::Healthy => Vec::new(),
        _ => asks(one.kind, suspect.failures.first().map(|attempt| attempt.record.source(survey))),
    };
    let told = Apart {
        specific: "",
        standing: Standing::Refuted,
        because: String::new(),
        cites: silent.clone().take(1).map(|attempt| attempt.record.cite(survey)).collect(),
    };
    Some(Sign {
        specific: (standing != Standing::NotShown).then_some(specific),
        standing,
        layer,
        envelope_recipient: None,
        statement,
        cites,
        ask_for,
        apart: apart(one.kind, &told, others.iter().find_map(|row| row.cites.first())),
        picture: Some(Picture::Counts(Counts { from: Some(from), to: Some(to), unit: unit.to_owned(), rows })),
    })
}

/// How often each did well and failed in the window: the suspect first, then the worst.
fn rows(
    survey: &Survey<'_>,
    suspect: &Suspect<'_, '_>,
    all: &[Dependency<'_>],
    is_like: impl Fn(Kind, Kind) -> bool,
) -> Vec<Count> {
    let (from, to) = suspect.window();
    let row = |one: &Dependency<'_>| {
        let attempts = one.within(from, to);
        let first = |end: End| attempts.iter().filter(move |attempt| attempt.end == end);
        let said = first(End::Silent).map(|attempt| attempt.said).find(|said| !said.is_empty());
        let number = |end: End| u64::try_from(count(attempts, end)).unwrap_or(u64::MAX);
        Count {
            name: one.name.clone(),
            good: number(End::Answered),
            bad: number(End::Silent),
            note: said.map(shortened),
            cites: first(End::Silent).chain(first(End::Answered)).take(2).map(|one| one.record.cite(survey)).collect(),
        }
    };
    let others = all.iter().filter(|other| other.name != suspect.one.name && is_like(suspect.one.kind, other.kind));
    let mut others: Vec<Count> = others.filter(|other| !other.within(from, to).is_empty()).map(row).collect();
    others.sort_by(|a, b| (b.bad, b.good, &a.name).cmp(&(a.bad, a.good, &b.name)));
    let left = others.split_off(others.len().min(ROWS_MAX - 1));
    if let Some(first) = left.first() {
        // What is not drawn still counts.
        others.push(Count {
            name: format!("{} others", left.len()),
            good: left.iter().map(|row| row.good).sum(),
            bad: left.iter().map(|row| row.bad).sum(),
            note: None,
            cites: first.cites.clone(),
        });
    }
    [row(suspect.one)].into_iter().chain(others).collect()
}

fn shortened(said: &str) -> String {
    const CHARS: usize = 90;
    match said.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said.to_owned(),
    }
}

/// The cause that a sort of dependency stands for, where it shows, and what it did.
fn cause_of(kind: Kind) -> (&'static str, Layer, &'static str) {
    match kind {
        Kind::Hop | Kind::Answered => ("next-hop-does-not-answer", Layer::Delivery, "gave no answer"),
        Kind::Scanner => ("scan-or-detonation-slow", Layer::Verdict, "kept mail waiting"),
        Kind::Policy => ("scan-or-detonation-slow", Layer::Arrival, "gave no answer"),
        Kind::Lookup => ("directory-does-not-answer", Layer::Arrival, "gave no answer"),
        Kind::Names => ("dns-of-one-domain-does-not-answer", Layer::Authentication, "had look-ups without an answer"),
        Kind::Agent => ("identity-agent-does-not-answer", Layer::Arrival, "failed"),
        Kind::OwnAddress => ("one-address-throttled", Layer::Delivery, "was put off for its rate"),
    }
}

/// Exports that would show the others.
fn asks(kind: Kind, own: Option<SourceId>) -> Vec<SourceId> {
    let mut asks: Vec<SourceId> = match kind {
        Kind::Agent => vec!["entra/sign-ins"],
        Kind::Names => vec!["dns/answers"],
        // A log of everything shows the others; what was searched for one message does not.
        _ => match own {
            Some(own) if own.starts_with("exchange-online/") || own.starts_with("message/") => {
                vec!["exchange-online/extended-report"]
            }
            Some(own) if own.starts_with("mimecast/") => vec!["mimecast/siem"],
            Some(own) => vec![own],
            None => Vec::new(),
        },
    };
    if matches!(kind, Kind::Hop | Kind::Answered) {
        asks.push("probe/result");
    }
    asks.dedup();
    asks
}

/// Why it is none of the other causes; `told` carries the first failure.
fn apart(kind: Kind, told: &Apart, healthy: Option<&Cite>) -> Vec<Apart> {
    let refuted =
        |specific: &'static str, because: &str| Apart { specific, because: because.to_owned(), ..told.clone() };
    match kind {
        Kind::Hop | Kind::Answered => vec![
            refuted("one-address-throttled", "There was no answer at all, hence no limit that the other end told of."),
            refuted("scan-or-detonation-slow", "The filters had let the mail go: it was being handed on."),
        ],
        Kind::Scanner | Kind::Policy | Kind::Lookup => {
            vec![refuted("next-hop-does-not-answer", "It failed before the mail was to be handed on.")]
        }
        Kind::OwnAddress => {
            vec![refuted("next-hop-does-not-answer", "The other end answered, and named a limit.")]
        }
        Kind::Names => match healthy {
            Some(cite) => vec![Apart {
                specific: "next-hop-does-not-answer",
                standing: Standing::Refuted,
                because: "Only look-ups of this domain failed; others were answered by the same checks.".to_owned(),
                cites: vec![cite.clone()],
            }],
            None => Vec::new(),
        },
        Kind::Agent => Vec::new(),
    }
}

/// An instant as statements have it.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}
