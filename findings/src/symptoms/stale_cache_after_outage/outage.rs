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

impl Outage<'_> {
    /// Whether it kept mail of a domain away; what tests, sign-ins and jobs tell of names no domain.
    pub(super) fn may_concern(&self, domain: &str) -> bool {
        self.told_by != ToldBy::Mail || self.failures.iter().any(|one| one.domain == domain)
    }
}

/// The name of signing in as a whole.
pub(in crate::symptoms) const SIGN_IN: &str = "sign-in";

/// In how many outages leftovers are looked for: the largest.
const OUTAGES_MAX: usize = 8;

/// Which records tell of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToldBy {
    /// Attempts to hand mail on.
    Mail,
    /// Tests.
    Tests,
    /// Sign-ins.
    SignIns,
    /// Runs of a job.
    Jobs,
}

/// An outage that is over.
#[derive(Clone, Debug)]
pub(super) struct Outage<'a> {
    /// What failed.
    pub(super) service: String,
    pub(super) kind: Kind,
    /// Which records tell of it.
    pub(super) told_by: ToldBy,
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

/// The largest outages that are over.
pub(super) fn all<'a>(survey: &Survey<'a>) -> Vec<Outage<'a>> {
    let doors = door::by_dependency(survey);
    let mut found: Vec<Outage<'a>> = Vec::new();
    for dependency in mail::hand_overs(survey, mail::Failing::Trouble).dependencies() {
        let empty = Vec::new();
        let at_door = doors.get(&dependency.name).unwrap_or(&empty);
        found.extend(over(&dependency, at_door, FAILURES_MIN, ToldBy::Mail));
    }
    for (field, failures_min, told_by) in [
        (probes::steps(survey), FAILURES_MIN, ToldBy::Tests),
        (signing_in(survey), FAILURES_MIN, ToldBy::SignIns),
        (jobs(survey), RUNS_MIN, ToldBy::Jobs),
    ] {
        found.extend(field.dependencies().iter().filter_map(|one| over(one, &[], failures_min, told_by)));
    }
    found.sort_by(|a, b| (b.failures.len(), &a.service).cmp(&(a.failures.len(), &b.service)));
    found.truncate(OUTAGES_MAX);
    found
}

/// Whether a dependency failed for a while and then did well; `door` holds what a server says of it in its own name.
fn over<'a>(one: &Dependency<'a>, door: &[Attempt<'a>], failures_min: usize, told_by: ToldBy) -> Option<Outage<'a>> {
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
        told_by,
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
        field.note(
            Kind::Agent,
            SIGN_IN,
            Attempt { at, end, subject, domain: "", said, record: Record::Entry(one.entry) },
        );
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
        field.note(Kind::Lookup, &step.fact.job, Attempt { at, end, subject, domain: "", said, record });
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
