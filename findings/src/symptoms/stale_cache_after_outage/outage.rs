//! When a service failed, and when it came back.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{JobStage, SignInOutcome};
use jiff::Timestamp;
use lake::Fared;

use super::super::dependency_timeout::attempts::{Attempt, Dependency, End, Field, Record};
use super::super::dependency_timeout::words::Kind;
use super::super::dependency_timeout::{mail, probes, sign_ins};
use super::door;
use crate::symptoms::Survey;

/// How many failures make an outage: fewer are a hiccup.
const FAILURES_MIN: usize = 3;
/// How many attempts have to do well afterwards, so that it is back and not a lucky moment.
const BACK_MIN: usize = 2;
/// Fewer failed runs of a job than of single attempts: a run stands for all that it would have done.
const RUNS_MIN: usize = 2;

/// An outage that is over.
#[derive(Clone, Debug)]
pub(super) struct Outage<'a> {
    /// What failed.
    pub(super) service: String,
    pub(super) kind: Kind,
    /// Whether a job tells of it.
    pub(super) is_job: bool,
    pub(super) from: Timestamp,
    /// Its last failure before it came back.
    pub(super) last: Timestamp,
    /// Since when it does well.
    pub(super) back: Timestamp,
    pub(super) failures: Vec<Attempt<'a>>,
    /// What did well afterwards.
    pub(super) well: Vec<Attempt<'a>>,
    /// Failures after it came back.
    pub(super) late: Vec<Attempt<'a>>,
}

/// All outages that are over, by service.
pub(super) fn all<'a>(survey: &Survey<'a>) -> Vec<Outage<'a>> {
    let doors = door::by_dependency(survey);
    let mut found: Vec<Outage<'a>> = Vec::new();
    for dependency in mail::hand_overs(survey).dependencies() {
        let empty = Vec::new();
        let at_door = doors.get(&dependency.name).unwrap_or(&empty);
        found.extend(over(&dependency, at_door, FAILURES_MIN));
    }
    for field in [probes::steps(survey), signing_in(survey)] {
        found.extend(field.dependencies().iter().filter_map(|one| over(one, &[], FAILURES_MIN)));
    }
    let runs = jobs(survey).dependencies();
    found.extend(runs.iter().filter_map(|one| over(one, &[], RUNS_MIN)).map(|one| Outage { is_job: true, ..one }));
    found
}

/// Whether a dependency failed for a while and then did well; `door` holds what a server says of it in its own name.
fn over<'a>(one: &Dependency<'a>, door: &[Attempt<'a>], failures_min: usize) -> Option<Outage<'a>> {
    let first = one.of(End::Silent).chain(door).map(|attempt| attempt.at).min()?;
    let well: Vec<&Attempt<'a>> = one.of(End::Answered).filter(|attempt| attempt.at > first).collect();
    let silent: Vec<&Attempt<'a>> = one.of(End::Silent).collect();
    // It is back at the first success after which it mostly does well.
    let back = well.iter().enumerate().find_map(|(number, attempt)| {
        let good = well.len() - number;
        let bad = silent.len() - silent.partition_point(|silent| silent.at <= attempt.at);
        let before = silent.partition_point(|silent| silent.at <= attempt.at);
        let at_door = door.iter().filter(|door| door.at <= attempt.at).count();
        (good >= BACK_MIN && good > bad && before + at_door >= failures_min).then_some(attempt.at)
    })?;
    let before = |attempt: &&Attempt<'a>| attempt.at <= back;
    let mut failures: Vec<Attempt<'a>> = silent.iter().copied().chain(door).filter(before).copied().collect();
    failures.sort_by_key(|attempt| attempt.at);
    // What failed here and there among successes is no outage.
    let last = failures.last()?.at;
    if well.iter().filter(|attempt| attempt.at <= last).count() >= failures.len() {
        return None;
    }
    let subjects: BTreeSet<&str> = failures.iter().map(|one| one.subject).filter(|one| !one.is_empty()).collect();
    let unnamed = failures.iter().filter(|one| one.subject.is_empty()).count();
    if subjects.len() + unnamed < RUNS_MIN {
        return None;
    }
    Some(Outage {
        service: one.name.clone(),
        kind: one.kind,
        is_job: false,
        from: failures.first()?.at,
        last,
        back,
        failures,
        well: well.into_iter().filter(|attempt| attempt.at >= back).copied().collect(),
        late: silent.into_iter().filter(|attempt| attempt.at > back).copied().collect(),
    })
}

/// Signing in as a whole: errors that blame the service, and successes.
fn signing_in<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    for one in survey.sign_ins() {
        let end = match (one.fact.error_code.and_then(sign_ins::agent_of), one.fact.outcome) {
            (Some(_), _) => End::Silent,
            (None, SignInOutcome::Succeeded) => End::Answered,
            _ => continue,
        };
        let Some(at) = one.at() else { continue };
        let subject = one.fact.who.as_deref().unwrap_or("");
        let said = one.fact.reason.as_deref().unwrap_or("");
        field.note(Kind::Agent, "sign-in", Attempt { at, end, subject, said, record: Record::Entry(one.entry) });
    }
    field
}

/// The runs of jobs: one failed, or ended well.
fn jobs<'a>(survey: &Survey<'a>) -> Field<'a> {
    let mut field = Field::default();
    for step in survey.jobs() {
        let end = match step.fact.stage {
            JobStage::Failed => End::Silent,
            JobStage::Succeeded => End::Answered,
            _ => continue,
        };
        let Some(at) = step.at() else { continue };
        // A run that fails says so more than once.
        let subject = step.fact.run.as_deref().unwrap_or("");
        let (said, record) = (step.fact.said.as_str(), Record::Entry(step.entry));
        field.note(Kind::Lookup, &step.fact.job, Attempt { at, end, subject, said, record });
    }
    field
}

/// The last word on each of some messages after an instant: the line and how the copy fared.
pub(super) fn last_words<'a>(
    survey: &Survey<'a>,
    of: &BTreeSet<&str>,
) -> BTreeMap<(&'a str, &'a str), (&'a lake::Line, Fared)> {
    let mut words = BTreeMap::new();
    for line in survey.lines() {
        let id = survey.text(line.message_id.or(line.id));
        if !of.contains(id) {
            continue;
        }
        let Some(fared) = line.fared() else { continue };
        words.insert((id, survey.text(line.envelope_recipient)), (line, fared));
    }
    words
}
