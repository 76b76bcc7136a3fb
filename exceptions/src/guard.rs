//! The guard: whether a proposed change is narrow, broad, useless, or not understood.

use std::collections::BTreeSet;

use evidence::{Cite, Fact, Product, Setting, SettingClass};
use jiff::Timestamp;
use lake::{Entry, Lake};
use serde::Deserialize;
use sources::proposed::{About, Candidate, Step, Unread};

use crate::vendor::{self, Row};
use crate::{Grant, Need};

mod together;

/// What a proposed change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Lets through what it has to, and little else.
    Narrow,
    /// Would not change the fate of the sample.
    Useless,
    /// Not understood whole: nobody can say that it is narrow, so it is treated like a broad one.
    Unknown,
    /// Lets through more than it has to, or takes a protection away.
    Broad,
}

/// What a reason comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Speaks for it.
    Narrow,
    /// Worth knowing; decides nothing.
    Note,
    /// It would not help.
    Useless,
    /// Nobody can tell.
    Unknown,
    /// Needs an approval.
    Approval,
    /// Is refused, and should not even be asked for; an approval can still let it through.
    Refuse,
}

/// Why a change is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The row of the vendor's table, such as `B3`; empty if none says so.
    pub row: &'static str,
    /// What it comes to.
    pub level: Level,
    /// In a sentence.
    pub statement: String,
    /// The page that the row rests on, and the day it was read; empty if none.
    pub source: &'static str,
    /// Records of the evidence.
    pub cites: Vec<Cite>,
}

impl Reason {
    /// That a row of a table fits, and what in the change makes it fit.
    pub fn row(row: &'static Row, statement: String) -> Reason {
        Reason { row: &row.id, level: row.level, statement, source: &row.source, cites: Vec::new() }
    }

    /// Something that no row says.
    pub fn plain(level: Level, statement: String) -> Reason {
        Reason { row: "", level, statement, source: "", cites: Vec::new() }
    }

    /// The same with records of the evidence.
    #[must_use]
    pub fn cited(mut self, cites: impl IntoIterator<Item = Cite>) -> Reason {
        self.cites.extend(cites);
        self
    }
}

/// What is known beside the candidate.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Settings, changes and all else that stands around messages.
    pub lake: &'a Lake,
    /// What the samples need; empty if no message is followed.
    pub needs: &'a [Need],
    /// The instant that the user calls now, else the newest that the evidence states.
    pub now: Option<Timestamp>,
}

/// One step of a candidate, judged.
#[derive(Clone, Debug)]
pub struct JudgedStep {
    /// The step.
    pub step: Step,
    /// What it is.
    pub answer: Answer,
    /// Why: what weighs most first.
    pub reasons: Vec<Reason>,
    /// What it would let through.
    pub grants: Vec<Grant>,
}

/// A candidate, judged.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it is as a whole.
    pub answer: Answer,
    /// Its steps.
    pub steps: Vec<JudgedStep>,
    /// What the steps are together that none of them is alone.
    pub together: Vec<Reason>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// Judges a candidate: each step by its vendor's tables, then all together.
pub fn check(candidate: &Candidate, world: &World<'_>) -> Checked {
    let steps: Vec<JudgedStep> = candidate.steps.iter().map(|step| judged(step, world)).collect();
    let together = together::reasons(&steps, world);
    let of_reasons = answer(&together);
    let unread = if candidate.unread.is_empty() { None } else { Some(Answer::Unknown) };
    let worst = steps.iter().map(|step| step.answer).chain(of_reasons).chain(unread).max();
    Checked { answer: worst.unwrap_or(Answer::Unknown), steps, together, unread: candidate.unread.clone() }
}

fn judged(step: &Step, world: &World<'_>) -> JudgedStep {
    let vendor = vendor::of(&step.product);
    let grants = vendor.map(|vendor| vendor.grants(step)).unwrap_or_default();
    let mut reasons = vendor.map(|vendor| vendor.judge(step, &grants, world)).unwrap_or_default();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level));
    let answer = answer(&reasons).unwrap_or(Answer::Unknown);
    if answer == Answer::Unknown && reasons.iter().all(|reason| reason.level != Level::Unknown) {
        let statement = format!("no row of the tables says what `{}` does: it is treated as broad", step.operation);
        reasons.push(Reason::plain(Level::Unknown, statement));
    }
    JudgedStep { step: step.clone(), answer, reasons, grants }
}

/// What reasons come to; `None` if none of them decides.
pub(crate) fn answer(reasons: &[Reason]) -> Option<Answer> {
    let of = |reason: &Reason| match reason.level {
        Level::Narrow => Some(Answer::Narrow),
        Level::Note => None,
        Level::Useless => Some(Answer::Useless),
        Level::Unknown => Some(Answer::Unknown),
        Level::Approval | Level::Refuse => Some(Answer::Broad),
    };
    reasons.iter().filter_map(of).max()
}

impl Checked {
    /// All reasons: of the steps, then of all together.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.steps.iter().flat_map(|step| &step.reasons).chain(&self.together)
    }

    /// Whether the evidence shows that it would not help.
    pub fn is_useless(&self) -> bool {
        self.reasons().any(|reason| reason.level == Level::Useless)
    }
}

impl<'a> World<'a> {
    /// The settings in the evidence, by file and place.
    pub fn settings(&self) -> impl Iterator<Item = (&'a Setting, &'a Entry)> + use<'a> {
        self.lake.surroundings().iter().filter_map(|entry| match &entry.observation.fact {
            Fact::Setting(setting) => Some((&**setting, entry)),
            _ => None,
        })
    }

    /// How something of this class and name (or lasting id) is set up now, as the newest export shows.
    pub fn current(&self, product: &Product, class: &SettingClass, name: &str) -> Option<(&'a Setting, &'a Entry)> {
        let named = |setting: &Setting| {
            setting.entry.is_none()
                && (setting.name.eq_ignore_ascii_case(name)
                    || setting.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(name)))
        };
        let of = |(setting, entry): &(&Setting, &Entry)| {
            entry.observation.speaker.product == *product && setting.class == *class && named(setting)
        };
        self.settings().filter(of).max_by_key(|(_, entry)| entry.observation.when.as_ref().map(|when| when.at))
    }

    /// Domains for which the organisation accepts mail, as far as the evidence shows, lower case.
    pub fn accepted_domains(&self) -> BTreeSet<String> {
        let accepted = self.settings().filter(|(setting, _)| setting.class == SettingClass::AcceptedDomain);
        accepted.map(|(setting, _)| setting.name.to_lowercase()).collect()
    }
}

impl JudgedStep {
    /// The setting that the step is about, if it is about one.
    pub fn setting(&self) -> Option<&Setting> {
        match &self.step.about {
            About::Setting(setting) => Some(setting),
            About::Act(_) => None,
        }
    }
}
