//! The service recovers after an outage, but cached state never normalises.
//!
//! Three things have to be in the records: an outage (several failures of one service), that it is over (the same service does well
//! again, mostly), and something that still behaves as if it were not. An outage that goes on, errors without an outage, and new
//! refusals for another reason are something else.
//!
//! [`outage`] finds what failed and came back; each other file finds one sort of leftover: mail in a queue (`backlog`), a memory at the
//! door (`verify`), an old answer of the DNS (`dns`), addresses (`recipients`), tokens (`tokens`), a block list (`reputation`), held
//! mail (`held`).

mod backlog;
mod dns;
mod door;
mod held;
mod outage;
mod recipients;
mod reputation;
mod tokens;
mod verify;

use std::collections::BTreeSet;

use evidence::{Address, ChangeKind, Cite, Layer, SettingClass, SourceId};
use jiff::Timestamp;

use super::dependency_timeout::attempts::{Attempt, End};
use super::picture::{EventStrip, Lane, Mark, MarkTone};
use super::{Apart, Picture, Sign, Survey, Symptom};
use crate::Standing;
use outage::Outage;

/// So many signs are told; several outages may leave the same behind.
const SIGNS_MAX: usize = 3;
/// How many marks a lane shows of each sort.
const MARKS_MAX: usize = 6;

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "stale-cache-after-outage"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        found(survey).into_iter().map(|(_, sign)| sign).collect()
    }
}

/// Something that still carries the old state.
#[derive(Clone, Debug)]
struct Leftover {
    specific: &'static str,
    standing: Standing,
    layer: Layer,
    envelope_recipient: Option<Address>,
    /// What it is, and until when it would live.
    said: String,
    /// Its lane in the picture.
    lane: String,
    marks: Vec<Mark>,
    cites: Vec<Cite>,
    ask_for: Vec<SourceId>,
    apart: Vec<Apart>,
}

/// What failed, came back and left old state behind, by name.
pub(super) fn services(survey: &Survey<'_>) -> BTreeSet<String> {
    found(survey).into_iter().filter_map(|(service, _)| service).collect()
}

/// All signs, each with the service that had failed.
fn found(survey: &Survey<'_>) -> Vec<(Option<String>, Sign)> {
    let mut signs: Vec<(Option<String>, Sign)> = Vec::new();
    let mut told: BTreeSet<&'static str> = BTreeSet::new();
    let outages = outage::all(survey);
    for outage in &outages {
        let leftovers = [
            dns::cached(survey, outage),
            verify::remembered(survey, outage),
            backlog::left(survey, outage),
            recipients::not_synced(survey, outage),
            recipients::cached(survey, outage.back),
            tokens::old(survey, outage),
        ];
        for leftover in leftovers.into_iter().flatten() {
            if told.insert(leftover.specific) {
                signs.push((Some(outage.service.clone()), sign(survey, outage, leftover)));
            }
        }
    }
    if !told.contains("recipient-cache") {
        signs.extend(moved(survey).map(|sign| (None, sign)));
    }
    if let Some(bad) = reputation::not_lifted(survey) {
        let story = format!(
            "{} messages were refused for our reputation from {} on; from {} mail is taken again",
            bad.refused.len(),
            clock(bad.from),
            clock(bad.back)
        );
        let marks = |lines: &[&lake::Line], tone, label: &str| marks_of(survey, lines, tone, label);
        let lane = [marks(&bad.refused, MarkTone::Bad, "refused"), marks(&bad.taken, MarkTone::Good, "taken again")];
        let own = lane.iter().flat_map(|marks| marks.iter().take(2)).flat_map(|mark| mark.cites.clone()).collect();
        signs.push((None, told_of(story, "mail that we send".to_owned(), lane.concat(), own, bad.leftover)));
    }
    if let Some(cluster) = held::cluster(survey) {
        let marks = marks_of(survey, &cluster.held, MarkTone::Bad, "held");
        let own = marks.iter().take(2).flat_map(|mark| mark.cites.clone()).collect();
        let story = format!("{}, and by {} the service had let go a part", cluster.story(), clock(cluster.let_go));
        signs.push((None, told_of(story, "quarantine".to_owned(), marks, own, cluster.leftover)));
    }
    signs.sort_by_key(|(_, sign)| sign.standing);
    signs.truncate(SIGNS_MAX);
    signs
}

fn sign(survey: &Survey<'_>, outage: &Outage<'_>, leftover: Leftover) -> Sign {
    let silent = outage.failures.iter().filter(|one| one.end == End::Silent).count();
    let story = format!(
        "{} failed {silent} times between {} and {}, and does well since {}",
        outage.service,
        clock(outage.from),
        clock(outage.last),
        clock(outage.back)
    );
    let mark = |one: &Attempt<'_>, tone, label: &str| Mark {
        at: one.at,
        tone,
        label: label.to_owned(),
        cites: vec![one.record.cite(survey)],
    };
    let bad = outage.failures.iter().take(MARKS_MAX - 1).chain(outage.failures.iter().skip(MARKS_MAX - 1).next_back());
    let marks = bad.map(|one| mark(one, MarkTone::Bad, "failed"));
    let marks = marks.chain(outage.well.iter().take(MARKS_MAX).map(|one| mark(one, MarkTone::Good, "did well")));
    let mut own: Vec<Cite> = outage.failures.iter().take(2).map(|one| one.record.cite(survey)).collect();
    own.extend(outage.failures.last().map(|one| one.record.cite(survey)));
    own.extend(outage.well.iter().take(2).map(|one| one.record.cite(survey)));
    told_of(story, outage.service.clone(), marks.collect(), own, leftover)
}

/// A mailbox that was made anew counts as an outage of its old address.
fn moved(survey: &Survey<'_>) -> Option<Sign> {
    let changes = survey.changes();
    let change = changes.iter().find(|change| {
        change.fact.class == Some(SettingClass::Mailbox)
            && matches!(change.fact.kind, ChangeKind::Created | ChangeKind::Enabled)
    })?;
    let at = change.at()?;
    let leftover = recipients::cached(survey, at)?;
    let object = change.fact.object.as_deref().unwrap_or("a mailbox");
    let story = format!("{object} was made anew at {} ({})", clock(at), change.fact.operation);
    let mark = Mark { at, tone: MarkTone::Change, label: change.fact.operation.clone(), cites: vec![change.cite()] };
    Some(told_of(story, object.to_owned(), vec![mark], vec![change.cite()], leftover))
}

fn told_of(story: String, lane: String, marks: Vec<Mark>, own: Vec<Cite>, leftover: Leftover) -> Sign {
    let mut cites = leftover.cites;
    cites.extend(own);
    let mut seen = BTreeSet::new();
    cites.retain(|cite| seen.insert(format!("{:?}", cite.order())));
    let mut of_leftover = leftover.marks;
    of_leftover.sort_by_key(|mark| mark.at);
    of_leftover.truncate(2 * MARKS_MAX);
    let mut of_service = marks;
    of_service.sort_by_key(|mark| mark.at);
    let lanes = vec![Lane { label: lane, marks: of_service }, Lane { label: leftover.lane, marks: of_leftover }];
    Sign {
        specific: (leftover.standing != Standing::NotShown).then_some(leftover.specific),
        standing: leftover.standing,
        layer: leftover.layer,
        envelope_recipient: leftover.envelope_recipient,
        statement: format!("{story}; {}", leftover.said),
        cites,
        ask_for: leftover.ask_for,
        apart: leftover.apart,
        picture: Some(Picture::EventStrip(EventStrip { lanes })),
    }
}

fn marks_of(survey: &Survey<'_>, lines: &[&lake::Line], tone: MarkTone, label: &str) -> Vec<Mark> {
    let marks = lines.iter().take(MARKS_MAX);
    marks
        .filter_map(|line| Some(Mark { at: line.at?, tone, label: label.to_owned(), cites: vec![survey.cite(line)] }))
        .collect()
}

/// An instant as statements have it.
fn clock(at: Timestamp) -> String {
    super::dependency_timeout::minute(at)
}
