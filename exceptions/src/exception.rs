//! What may be done.

use std::fmt;

use evidence::{Property, Setting};
use jiff::Timestamp;
use sources::proposed::{About, Step};

use crate::{Answer, Approval, Checked, Ends, Grant, JudgedStep, Level, vendor};

/// An exception that may be made: a narrow one, or a broad one with the approval that covers it.
#[derive(Clone, Debug)]
pub struct Exception {
    checked: Checked,
    approval: Option<Approval>,
}

/// A candidate that is broad, or that nobody understands whole.
#[derive(Clone, Debug)]
pub struct Broad {
    checked: Checked,
}

/// Why a candidate may not be made.
#[derive(Clone, Debug)]
pub enum Refused {
    /// It is broad, or not understood whole: with an approval it may.
    Broad(Broad),
    /// It would not help: no approval changes that.
    Useless(Checked),
}

/// Why an approval does not cover a candidate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCovered {
    /// It would not help whoever approves it.
    #[error("it would not change the fate of the sample, so no approval is of use")]
    Useless,
    /// A part of it was not read.
    #[error("a part of it is not understood, so nobody can have approved it: line {line}")]
    NotRead {
        /// The first line of it.
        line: u64,
    },
    /// Something is wider or later than what was approved.
    #[error("{what} is not within what {who} approved: {why}")]
    Wider {
        /// What.
        what: String,
        /// Who approved.
        who: String,
        /// In which way.
        why: String,
    },
    /// No sample with the approval's hash is among the evidence.
    #[error("no sample in the evidence has the SHA-256 that the approval names ({sha256}): the need is not shown")]
    NoSample {
        /// The hash.
        sha256: String,
    },
    /// The approval was not given yet.
    #[error("the approval is of {given}, and now is {now}: it was not given yet")]
    NotYet {
        /// When it is given.
        given: Timestamp,
        /// The instant that counts as now.
        now: Timestamp,
    },
    /// The approval had ended.
    #[error("the approval ended {ended}, before {now}")]
    Ended {
        /// When it ended.
        ended: Timestamp,
        /// The instant that counts as now.
        now: Timestamp,
    },
}

impl Exception {
    /// What was judged narrow.
    ///
    /// # Errors
    /// [`Refused`] if it is anything else.
    pub fn narrow(checked: Checked) -> Result<Exception, Box<Refused>> {
        match checked.answer {
            Answer::Narrow => Ok(Exception { checked, approval: None }),
            Answer::Useless => Err(Box::new(Refused::Useless(checked))),
            Answer::Unknown | Answer::Broad => Err(Box::new(Refused::Broad(Broad { checked }))),
        }
    }

    /// Something broad that an approval covers: every step of it is approved as it stands, or is within what is approved and ends no later; the
    /// approval has not ended at `now`, and one of the samples has the hash that it names.
    ///
    /// # Errors
    /// [`NotCovered`] if the approval does not cover it.
    pub fn approved(
        broad: Broad,
        approval: Approval,
        samples_sha256: &[String],
        now: Option<Timestamp>,
    ) -> Result<Exception, Box<NotCovered>> {
        let checked = broad.checked;
        if checked.is_useless() {
            return Err(Box::new(NotCovered::Useless));
        }
        if let Some(unread) = checked.unread.first() {
            return Err(Box::new(NotCovered::NotRead { line: unread.line }));
        }
        if !samples_sha256.iter().any(|hash| hash.eq_ignore_ascii_case(approval.sample_sha256())) {
            return Err(Box::new(NotCovered::NoSample { sha256: approval.sample_sha256().to_owned() }));
        }
        if let Some(now) = now.filter(|now| *now > approval.ends()) {
            return Err(Box::new(NotCovered::Ended { ended: approval.ends(), now }));
        }
        if let Some(now) = now.filter(|now| given_after(&approval, *now)) {
            return Err(Box::new(NotCovered::NotYet { given: approval.when(), now }));
        }
        // Steps that are broad together are approved one by one, or not at all.
        let is_broad_together = checked.together.iter().any(|reason| reason.level > Level::Note);
        let asks = |step: &&JudgedStep| is_broad_together || step.answer != Answer::Narrow;
        let approved = Approved::of(&approval);
        for step in checked.steps.iter().filter(asks) {
            approved.covers(step)?;
        }
        Ok(Exception { checked, approval: Some(approval) })
    }

    /// What was judged.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The approval that covers it, if it is broad.
    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_ref()
    }
}

/// Whether an approval was given after an instant; clocks differ, and the newest record may be some hours old.
fn given_after(approval: &Approval, now: Timestamp) -> bool {
    approval.when().duration_since(now) > jiff::SignedDuration::from_hours(24)
}

/// What an approval approves: each step with what it lets through.
struct Approved<'a> {
    approval: &'a Approval,
    steps: Vec<(&'a Step, Vec<Grant>)>,
}

impl<'a> Approved<'a> {
    fn of(approval: &'a Approval) -> Approved<'a> {
        let grants = |step: &Step| vendor::of(&step.product).map(|of| of.grants(step)).unwrap_or_default();
        Approved { approval, steps: approval.scope().steps.iter().map(|step| (step, grants(step))).collect() }
    }

    /// Whether a step is approved as it stands, or is within what one approved step lets through and ends no later than the approval.
    fn covers(&self, judged: &JudgedStep) -> Result<(), Box<NotCovered>> {
        let JudgedStep { step, grants, .. } = judged;
        let not = |why: &str| {
            let what = format!("`{}`", step.said);
            Err(Box::new(NotCovered::Wider { what, who: self.approval.who().to_owned(), why: why.to_owned() }))
        };
        let is_approved_as_it_stands = self.steps.iter().any(|(one, _)| is_same(one, step));
        // What grants nothing takes something away, and what replaces a list drops the rest of it: approved only as it stands.
        let may_be_within = !grants.is_empty() && step.replaces.is_empty();
        let is_within = |(one, wider): &(&Step, Vec<Grant>)| {
            let is_for = |grant: &Grant| wider.iter().any(|wide| grant.is_for_no_more_than(wide));
            does_no_more(step, one) && grants.iter().all(is_for)
        };
        if !(is_approved_as_it_stands || may_be_within && self.steps.iter().any(is_within)) {
            return not("it is not what was approved, and not narrower");
        }
        // Where the device knows no end, who approved the very step knew that somebody has to take it back.
        let has_no_end = grants.iter().any(|grant| grant.ends == Ends::DeviceHasNone);
        if has_no_end && !is_approved_as_it_stands {
            return not("it knows no end, so that it has to be approved just as it stands");
        }
        let is_by = |ends: Ends| ends.is_by(Ends::At(self.approval.ends())) || ends == Ends::DeviceHasNone;
        if !grants.iter().all(|grant| is_by(grant.ends)) {
            return not("it ends later than the approval, or not at all");
        }
        Ok(())
    }
}

/// Whether a step does nothing beside its grants that the other does not do: a rule may do more to its mail than let it through.
fn does_no_more(step: &Step, approved: &Step) -> bool {
    let (About::Setting(setting), About::Setting(approved)) = (&step.about, &approved.about) else {
        return matches!((&step.about, &approved.about), (About::Act(one), About::Act(other)) if one.operation == other.operation);
    };
    let vendor = vendor::of(&step.product);
    if vendor::is_own_form(approved) {
        return vendor::is_own_form(setting) || vendor.is_some_and(|vendor| vendor.only_grants(step));
    }
    let is_told = |name: &str| vendor.is_some_and(|vendor| vendor.is_told_elsewhere(name));
    let is_there = |property: &Property| {
        is_told(&property.name)
            || approved
                .properties
                .iter()
                .any(|one| one.name.eq_ignore_ascii_case(&property.name) && same_values(&one.values, &property.values))
    };
    setting.class == approved.class && setting.policy == approved.policy && setting.properties.iter().all(is_there)
}

fn same_values(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

fn same_text(one: &impl fmt::Debug, other: &impl fmt::Debug) -> bool {
    format!("{one:?}").to_lowercase() == format!("{other:?}").to_lowercase()
}

/// Whether two steps do the same to the same.
fn is_same(one: &Step, other: &Step) -> bool {
    one.product == other.product
        && one.operation.eq_ignore_ascii_case(&other.operation)
        && one.kind == other.kind
        && one.replaces == other.replaces
        && match (&one.about, &other.about) {
            // Names, ids and addresses are the same in upper and lower case to all these systems.
            (About::Setting(one), About::Setting(other)) => same_text(&in_order(one), &in_order(other)),
            (About::Act(one), About::Act(other)) => same_text(one, other),
            _ => false,
        }
}

/// A setting with its parts in one order: parameters of a command stand in any.
fn in_order(setting: &Setting) -> Setting {
    let mut setting = setting.clone();
    setting.conditions.sort_unstable();
    setting.exceptions.sort_unstable();
    setting.properties.sort_unstable();
    setting
}

impl Broad {
    /// What was judged.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Broad(_) => "it is broad, or not understood whole, and no approval covers it",
            Refused::Useless(_) => "it would not change the fate of the sample",
        })
    }
}
