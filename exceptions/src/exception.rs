//! What may be done.

use std::fmt;

use jiff::Timestamp;
use sources::proposed::{About, Step};

use crate::{Answer, Approval, Checked, Ends, Grant, vendor};

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
        for step in checked.steps.iter().filter(|step| step.answer != Answer::Narrow) {
            covered(&step.step, &step.grants, &approval)?;
        }
        // Steps that are broad together are approved one by one, or not at all.
        if !checked.together.is_empty() {
            for step in &checked.steps {
                covered(&step.step, &step.grants, &approval)?;
            }
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

/// Whether an approval covers a step.
fn covered(step: &Step, grants: &[Grant], approval: &Approval) -> Result<(), Box<NotCovered>> {
    let not = |why: &str| {
        let what = format!("`{}`", step.said);
        Err(Box::new(NotCovered::Wider { what, who: approval.who().to_owned(), why: why.to_owned() }))
    };
    let approved = &approval.scope().steps;
    let is_approved_as_it_stands = approved.iter().any(|one| is_same(one, step));
    // Where the device knows no end, who approved the very step knew that somebody has to take it back.
    let is_by =
        |ends: Ends| ends.is_by(Ends::At(approval.ends())) || is_approved_as_it_stands && ends == Ends::DeviceHasNone;
    if !grants.iter().all(|grant| is_by(grant.ends)) {
        return not("it ends later than the approval, or not at all");
    }
    if is_approved_as_it_stands {
        return Ok(());
    }
    let of_approved: Vec<Grant> =
        approved.iter().flat_map(|one| vendor::of(&one.product).map(|of| of.grants(one)).unwrap_or_default()).collect();
    // What grants nothing takes something away: only as it stands is it approved.
    let is_within = !grants.is_empty() && grants.iter().all(|grant| of_approved.iter().any(|one| grant.is_within(one)));
    if is_within { Ok(()) } else { not("it is not what was approved, and not narrower") }
}

/// Whether two steps do the same to the same.
fn is_same(one: &Step, other: &Step) -> bool {
    one.product == other.product
        && one.operation.eq_ignore_ascii_case(&other.operation)
        && one.kind == other.kind
        && one.replaces == other.replaces
        && match (&one.about, &other.about) {
            (About::Setting(one), About::Setting(other)) => one == other,
            (About::Act(one), About::Act(other)) => one == other,
            _ => false,
        }
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
