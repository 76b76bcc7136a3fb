//! What lets mail through already, and how wide it is.

use evidence::{Cite, Product};
use sources::proposed::Step;

use crate::{Answer, Approval, Grant, Measured, Proposal, Radius, Reason, Scope, World};

/// One thing that is set up and lets mail through or takes a protection away.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Whose it is.
    pub product: Product,
    /// What it is, as an export shows it.
    pub step: Step,
    /// What it lets through.
    pub grants: Vec<Grant>,
    /// What the guard says of it.
    pub answer: Answer,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What it let through over the history.
    pub radius: Option<Radius>,
    /// Who made or last changed it and when, in a sentence; `None` if no record says.
    pub made: Option<String>,
    /// What else is wrong with it: expired, unused, shadowed, contradicting, wider than approved.
    pub faults: Vec<Fault>,
    /// What would be enough, narrower.
    pub instead: Vec<Proposal>,
    /// Its records.
    pub cites: Vec<Cite>,
}

/// Something that is wrong with what is set up, beside its width.
#[derive(Clone, Debug)]
pub struct Fault {
    /// `expired`, `unused`, `shadowed`, `contradicting` or `wider-than-approved`.
    pub id: &'static str,
    /// In a sentence.
    pub statement: String,
    /// Records.
    pub cites: Vec<Cite>,
}

/// All that lets mail through or takes a protection away, the widest first.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// One a setting, ranked: by the measured radius where there is one, then by the answer, then by name.
    pub all: Vec<Audited>,
    /// What is to be measured over the history, in the order in which [`Audit::with_radii`] takes the radii.
    pub scopes: Vec<Scope>,
}

/// All that lets mail through by the settings in the evidence; what was approved tells what is wider than that.
pub fn audit(world: &World<'_>, approvals: &[Approval]) -> Audit {
    let _ = (world, approvals);
    Audit::default()
}

impl Audit {
    /// The same with the radii of [`Audit::scopes`], ranked by them; what let nothing through for long is unused.
    #[must_use]
    pub fn with_radii(self, measured: &Measured) -> Audit {
        let _ = measured;
        self
    }
}
