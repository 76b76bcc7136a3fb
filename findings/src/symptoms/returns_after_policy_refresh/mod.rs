//! A remediation removes the symptom, and it returns after a policy refresh.
//!
//! The sign is mail of one sender to one recipient that is stopped, comes through after a change, and is stopped again for the same
//! reason ([`cycle`]). What explains it lies between the last copy that came through and the first that was stopped again, and bears on
//! this mail: the same setting that was changed the first time, the policy that the second stop names, or a setting that names the
//! sender or the recipient ([`between`]). The nearest to that stop counts.

mod between;
mod cycle;

use evidence::{Layer, SourceId};
use jiff::{SignedDuration, Timestamp};

use super::picture::{EventStrip, Lane, Mark, MarkTone};
use super::{Apart, Picture, Sign, Survey, Symptom};
use crate::Standing;
use between::{Between, Refresh};
use cycle::Cycle;

/// The rule.
pub struct Rule;

/// If mail of so many pairs of sender and recipient came and went, it is the traffic, not a remediation that was undone; only
/// what a record explains is told then.
const MAX_UNEXPLAINED: usize = 3;
/// So many signs are told; they share their record.
const MAX_SIGNS: usize = 5;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "returns-after-policy-refresh"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let cycles = cycle::all(survey);
        if cycles.is_empty() {
            return Vec::new();
        }
        let between = Between::of(survey);
        let told: Vec<(Sign, bool)> = cycles.iter().filter_map(|cycle| sign(survey, cycle, &between)).collect();
        let is_rare = cycles.len() <= MAX_UNEXPLAINED;
        let kept = told.into_iter().filter(|(_, is_explained)| *is_explained || is_rare);
        kept.map(|(sign, _)| sign).take(MAX_SIGNS).collect()
    }
}

/// The sign of one cycle, and whether a record explains it.
fn sign(survey: &Survey<'_>, cycle: &Cycle<'_>, between: &Between<'_>) -> Option<(Sign, bool)> {
    let fix = between.fix(survey, cycle);
    let found = between.refreshes(survey, cycle, fix.as_ref());
    let mail = format!("Mail from {} to {}", cycle.sender(survey), cycle.recipient(survey));
    let story = format!(
        "{mail} was {} until {}, came through until {}, and was {} again from {}",
        cycle.how_before(survey),
        minute(cycle.before.at),
        minute(cycle.last_through.at),
        cycle.how_again(survey),
        minute(cycle.again.at)
    );
    let of_mail = [cycle.before, cycle.first_through, cycle.last_through, cycle.again]
        .map(|one| survey.cite(survey.deciding(one)));
    let mut cites = of_mail.to_vec();
    cites.dedup_by(|a, b| a.order() == b.order());
    cites.extend(fix.iter().map(|fix| fix.cite.clone()));
    let Some((first, others)) = found.split_first() else {
        let ask_for = not_supplied(survey, cycle)
            .or_else(|| fix.as_ref().filter(|fix| fix.is_tied()).and_then(|_| settings_of(survey, cycle)))?;
        let fixed = fix.as_ref().map(|fix| format!(" after {}", fix.told)).unwrap_or_default();
        let statement = format!("{story}{fixed}; what was changed between the last two is not shown");
        let sign = Sign {
            specific: None,
            standing: Standing::NotShown,
            layer: Layer::Verdict,
            envelope_recipient: None,
            statement,
            cites,
            ask_for,
            apart: Vec::new(),
            picture: Some(picture(survey, cycle, fix.as_ref(), &[])),
        };
        return Some((sign, false));
    };
    let standing = first.standing(fix.is_some());
    let after = cycle.again.at.duration_since(first.at);
    let mut statement = format!("{story}: {} after {}", span(after), first.told);
    if let Some(fix) = &fix {
        statement = format!("{statement}; the remediation was {}", fix.told);
    }
    if let Some(next) = between.next(first) {
        statement = format!("{statement}; it runs again about {}", minute(next));
    }
    if cycle.times > 1 {
        statement = format!("{statement}; it came and went {} times", cycle.times);
    }
    cites.extend(first.cites.iter().cloned());
    let mut ask_for = Vec::new();
    if first.specific.is_none() || standing != Standing::Proved {
        ask_for = not_supplied(survey, cycle).unwrap_or_default();
    }
    let apart = others.iter().filter_map(|other| {
        Some(Apart {
            specific: other.specific.filter(|specific| Some(*specific) != first.specific)?,
            standing: Standing::Likely,
            because: format!("{} lies between the two as well", other.told),
            cites: other.cites.clone(),
        })
    });
    let sign = Sign {
        specific: first.specific,
        standing,
        layer: Layer::Verdict,
        envelope_recipient: None,
        statement,
        cites,
        ask_for,
        apart: apart.collect(),
        picture: Some(picture(survey, cycle, fix.as_ref(), &found)),
    };
    Some((sign, true))
}

/// The exports that would show who changed what before mail was stopped again; `None` if they are there and show nothing.
fn not_supplied(survey: &Survey<'_>, cycle: &Cycle<'_>) -> Option<Vec<SourceId>> {
    let speaker = survey.text(survey.deciding(cycle.again).speaker);
    let log = match speaker.split('/').next() {
        Some("exchange-online") => "exchange-online/audit-log",
        Some("mimecast") => "mimecast/audit-events",
        Some("google-workspace") => "google/activity",
        _ => "job/systemd-journal",
    };
    let spans = |at: Timestamp| {
        let ledger = survey.ledger.around();
        ledger.covers_until(log, at).is_some()
    };
    // A log that goes from before the last copy that came through to after the first that was stopped shows all that was changed.
    if spans(cycle.last_through.at) && spans(cycle.again.at) { None } else { Some(vec![log]) }
}

/// The exports of settings that would show what became of the remediation; `None` if they are there.
fn settings_of(survey: &Survey<'_>, cycle: &Cycle<'_>) -> Option<Vec<SourceId>> {
    let all: &[SourceId] = match survey.text(survey.deciding(cycle.again).speaker) {
        "exchange-online" => &["exchange-online/allow-block-list", "exchange-online/threat-policies"],
        "mimecast" => &["mimecast/managed-senders", "mimecast/policies"],
        _ => &[],
    };
    let missing: Vec<SourceId> = all.iter().copied().filter(|source| !survey.has(source)).collect();
    (!missing.is_empty()).then_some(missing)
}

fn picture(survey: &Survey<'_>, cycle: &Cycle<'_>, fix: Option<&Refresh>, found: &[Refresh]) -> Picture {
    let mail = cycle.marks(survey);
    let change =
        |one: &Refresh| Mark { at: one.at, tone: MarkTone::Change, label: one.told.clone(), cites: one.cites.clone() };
    let of_fix = fix.map(|fix| Mark {
        at: fix.at,
        tone: MarkTone::Change,
        label: fix.told.clone(),
        cites: vec![fix.cite.clone()],
    });
    let mut settings: Vec<Mark> = of_fix.into_iter().chain(found.iter().map(change)).collect();
    settings.sort_by_key(|mark| mark.at);
    let mut lanes = vec![Lane { label: format!("mail from {}", cycle.sender(survey)), marks: mail }];
    if !settings.is_empty() {
        lanes.push(Lane { label: "settings".to_owned(), marks: settings });
    }
    Picture::EventStrip(EventStrip { lanes })
}

/// An instant to the minute.
fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// A span in the two largest units.
fn span(span: SignedDuration) -> String {
    let minutes = span.as_mins();
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{} s", span.as_secs()),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
