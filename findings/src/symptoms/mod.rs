//! The eleven symptoms: what people say first, recognised from the records of many messages at once.
//!
//! A symptom is one folder and one line in [`ALL`]: `mod.rs` with the rule, `guide.toml` with its page for people (what to collect,
//! what to look at in which order, what tells its causes apart, how each is mended), and `cases/` with tickets. A rule looks at a
//! [`Survey`] and gives [`Sign`]s: one a thing that it recognised.
//!
//! A rule is quiet unless the visible sign is in the records. If the sign is there and the record that tells why is not, the sign
//! is not shown, and asks for the export. A look-alike that a record explains otherwise is no sign.

mod altered;
mod catalogue;
mod courses;
mod guide;
pub mod picture;
mod refusal;
mod survey;

mod authorization_blocks_after_authentication;
mod dependency_timeout;
mod duplicate_actions;
mod failover_cutover;
mod function_lost_after_update;
mod login_challenge_loop;
mod returns_after_policy_refresh;
mod stale_cache_after_outage;
mod stale_search;
mod totals_diverge;
mod unattended_job_fails;

use std::collections::BTreeSet;

use evidence::{Address, Cite, Layer, SourceId};

use rayon::prelude::*;

use crate::{Finding, Kind, NextStep, Standing};
pub use catalogue::{Fit, cause, closest, guides};
pub use courses::Course;
pub use guide::{CauseGuide, Collect, Guide, Look, Meaning, Need};
pub use picture::Picture;
pub use survey::{Followed, Stated, Survey};
pub use totals_diverge::{Reconciled, Reconciliation, ReportSide, RowsSide, Step, reconcile};

/// A symptom.
pub trait Symptom: Sync {
    /// Its id in the contract.
    fn id(&self) -> &'static str;

    /// Its page for people: the folder's `guide.toml`.
    fn guide(&self) -> &'static str;

    /// What it recognises in the records.
    fn find(&self, survey: &Survey<'_>) -> Vec<Sign>;
}

/// All symptoms, in the order in which people know them.
pub const ALL: &[&dyn Symptom] = &[
    &duplicate_actions::Rule,
    &failover_cutover::Rule,
    &returns_after_policy_refresh::Rule,
    &dependency_timeout::Rule,
    &totals_diverge::Rule,
    &stale_cache_after_outage::Rule,
    &unattended_job_fails::Rule,
    &function_lost_after_update::Rule,
    &authorization_blocks_after_authentication::Rule,
    &stale_search::Rule,
    &login_challenge_loop::Rule,
];

/// A symptom that a rule recognised.
#[derive(Clone, Debug)]
pub struct Sign {
    /// Which of the symptom's causes it is, as its guide names it; `None` if the records do not tell.
    pub specific: Option<&'static str>,
    /// How well it stands.
    pub standing: Standing,
    /// The layer at which it shows.
    pub layer: Layer,
    /// Whose copies, if it is about one recipient.
    pub envelope_recipient: Option<Address>,
    /// The claim in one or two sentences.
    pub statement: String,
    /// The records that carry it.
    pub cites: Vec<Cite>,
    /// Exports that would settle it.
    pub ask_for: Vec<SourceId>,
    /// The other causes, and why it is none of them, or may be.
    pub apart: Vec<Apart>,
    /// What people would rather see than read.
    pub picture: Option<Picture>,
}

/// How another cause of the same symptom stands.
#[derive(Clone, Debug)]
pub struct Apart {
    /// The cause, as the guide names it.
    pub specific: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// Why, in one sentence.
    pub because: String,
    /// The records that say so.
    pub cites: Vec<Cite>,
}

/// What a finding of a symptom holds beside its claim.
#[derive(Clone, Debug)]
pub struct Told {
    /// Which of its causes; `None` if it is not told.
    pub specific: Option<&'static str>,
    /// The other causes.
    pub apart: Vec<Apart>,
    /// What people would rather see than read.
    pub picture: Option<Picture>,
}

/// All symptoms that the records show, proved before likely.
pub fn find(survey: &Survey<'_>) -> Vec<Finding> {
    let signs: Vec<Vec<Sign>> = ALL.par_iter().map(|symptom| symptom.find(survey)).collect();
    let of_each = ALL.iter().zip(signs);
    let mut found: Vec<Finding> =
        of_each.flat_map(|(symptom, signs)| signs.into_iter().map(|sign| finding(symptom.id(), sign))).collect();
    let explained = explained(&found);
    let mut explained = explained.iter();
    found.retain(|_| explained.next().is_none_or(|is_explained| !is_explained));
    found.sort_by_key(|finding| (finding.standing == Standing::Refuted, finding.standing));
    found
}

/// Which findings are not shown, and rest on a record that carries another symptom that is proved: that one explains it.
fn explained(found: &[Finding]) -> Vec<bool> {
    let is_named = |finding: &&Finding| finding.told.as_ref().is_some_and(|told| told.specific.is_some());
    let proved = found.iter().filter(|finding| finding.standing == Standing::Proved).filter(is_named);
    let carried: BTreeSet<(&str, (&str, u64, u64))> =
        proved.flat_map(|finding| finding.cites.iter().map(|cite| (finding.id.as_str(), cite.order()))).collect();
    let is_carried = |finding: &Finding| {
        let by_another = |cite: &Cite| carried.iter().any(|(id, order)| *id != finding.id && *order == cite.order());
        finding.standing == Standing::NotShown && finding.cites.iter().any(by_another)
    };
    found.iter().map(is_carried).collect()
}

/// What to do about symptoms: mend a cause that is shown and see that it held, or fetch what would show it.
pub fn steps(found: &[Finding]) -> Vec<NextStep> {
    let mut steps: Vec<NextStep> = Vec::new();
    for finding in found {
        let step = |tier, step: String| NextStep {
            tier,
            step,
            because: vec![finding.id.clone()],
            layer: Some(finding.layer),
            ..NextStep::default()
        };
        let specific = finding.told.as_ref().and_then(|told| told.specific);
        let cause = specific.and_then(|specific| cause(&finding.id, specific));
        match finding.standing {
            Standing::Proved | Standing::Likely => {
                let told = cause.map(|cause| [cause.fix.clone(), format!("Then verify: {}", cause.verify)]);
                steps.extend(told.into_iter().flatten().map(|text| step(2, text)));
            }
            Standing::NotShown => steps.extend(finding.ask_for.iter().filter_map(|id| {
                let source = sources::source(id)?;
                let shows = catalogue::shows(&finding.id, id).map(|shows| format!(": {shows}")).unwrap_or_default();
                let text = format!("Fetch the {}{shows}", source.title());
                Some(NextStep { fetches: Some(source.id()), ..step(1, text) })
            })),
            Standing::Refuted => {}
        }
    }
    steps
}

fn finding(id: &str, sign: Sign) -> Finding {
    let Sign { specific, standing, layer, envelope_recipient, statement, cites, ask_for, apart, picture } = sign;
    // What may not happen cannot be written: a claim without a record is not shown.
    let standing = if cites.is_empty() { Standing::NotShown } else { standing };
    let apart = apart.into_iter().map(|one| match one.cites.is_empty() {
        true => Apart { standing: Standing::NotShown, ..one },
        false => one,
    });
    let told = Told { specific, apart: apart.collect(), picture };
    let (id, kind, told) = (id.to_owned(), Kind::Symptom, Some(Box::new(told)));
    Finding { id, kind, standing, layer, envelope_recipient, statement, cites, ask_for, told }
}
