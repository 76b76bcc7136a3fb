//! Names the cause of a copy's fate, what could not be shown, and what to do next; reads no file.
//!
//! [`find`] asks the [`causes`] one after the other about each copy; the first that answers
//! names the cause. What none can name, and what a stage could not show, becomes a gap with the exports to fetch.

pub mod causes;
mod families;
mod gaps;
mod page;
pub mod policy;
mod settle;
pub mod several;
pub mod status;
mod steps;
pub mod symptoms;

use evidence::{Address, Cite, Layer, SourceId};
use jiff::Timestamp;
use lake::Lake;
use layers::{Explained, Fate, Stage, State};
use trace::Trace;

pub use causes::verdict_of;
pub use families::Weighed;
pub use page::{Page, catalogue, page_of};
pub use steps::fill;

/// How well a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Records say so, and none speaks against it.
    Proved,
    /// Records say so, with room for another reading.
    Likely,
    /// A record speaks against it.
    Refuted,
    /// The evidence cannot show it.
    NotShown,
}

/// What sort of claim a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Why the copy met its fate.
    Cause,
    /// One of the eleven symptoms.
    Symptom,
    /// Something that the evidence cannot show.
    Gap,
    /// Something that is dangerous though it is not the cause.
    Risk,
}

/// A claim about a copy.
#[derive(Clone, Debug)]
pub struct Finding {
    /// `family/specific`.
    pub id: String,
    /// What sort of claim.
    pub kind: Kind,
    /// How well it stands.
    pub standing: Standing,
    /// The layer it is about.
    pub layer: Layer,
    /// The copy it is about; `None` if it is about all.
    pub envelope_recipient: Option<Address>,
    /// The claim in one or two sentences.
    pub statement: String,
    /// The records that carry it; never empty unless not shown.
    pub cites: Vec<Cite>,
    /// Exports that would settle it.
    pub ask_for: Vec<SourceId>,
    /// What a symptom tells beside its claim.
    pub told: Option<Box<symptoms::Told>>,
}

/// One thing to do next.
#[derive(Clone, Debug, Default)]
pub struct NextStep {
    /// 1 or 2.
    pub tier: u8,
    /// What to do.
    pub step: String,
    /// Findings that ask for it.
    pub because: Vec<String>,
    /// The export that the step fetches, if it fetches one.
    pub fetches: Option<SourceId>,
    /// The layer that the step shows or settles.
    pub layer: Option<Layer>,
    /// The command, with the ticket's values quoted in it.
    pub command: Option<Command>,
    /// The click path, or where the command is run.
    pub place: Option<String>,
    /// What is looked at, by the name that [`Checked::check`] has once it is done; `None` if the step looks at nothing.
    pub check: Option<&'static str>,
}

/// A command that is made to be copied.
#[derive(Clone, Debug)]
pub struct Command {
    /// The line.
    pub text: String,
    /// By whose rules its words are quoted: `powershell` or `sh`.
    pub shell: &'static str,
}

/// What was already looked at, and what it showed.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was looked at, such as `quarantine`.
    pub check: &'static str,
    /// The layer that it shows.
    pub layer: Layer,
    /// For whose copies.
    pub envelope_recipients: Vec<Address>,
    /// What it showed.
    pub said: String,
    /// The records, the first few.
    pub cites: Vec<Cite>,
}

/// The answer for one copy: the layer that explains its fate, and whether that is shown.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The layer whose doing explains the fate; `None` if the copy is simply in the inbox, or if not shown.
    pub changed_layer: Option<Layer>,
    /// The explanation in one sentence.
    pub because: String,
    /// Whether fate and cause are shown.
    pub shown: bool,
    /// The seven stages, in line with the cause.
    pub stages: Vec<Stage>,
    /// The six families of causes; empty if nothing is to be explained.
    pub families: Vec<Weighed>,
}

/// All that was found about one message.
#[derive(Clone, Debug)]
pub struct Found {
    /// Proved before likely, open, refuted; then by layer.
    pub findings: Vec<Finding>,
    /// What to do, tier 1 first.
    pub next_steps: Vec<NextStep>,
    /// What was already checked, by which record.
    pub checked: Vec<Checked>,
    /// One answer a copy, in the order of the copies.
    pub answers: Vec<Answer>,
}

/// All that findings are made from.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What was supplied and stated.
    pub lake: &'a Lake,
    /// The way.
    pub trace: &'a Trace,
    /// What the stages did, copy by copy.
    pub copies: &'a [Explained<'a>],
    /// The instant that the user calls now.
    pub now: Option<Timestamp>,
}

impl Scene<'_> {
    /// The last instant of which anything is known: what the user calls now, or the newest that a record states.
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        let stated = self.lake.entries().iter().chain(self.lake.surroundings());
        let stated = stated.filter_map(|entry| entry.observation.when.as_ref().map(|when| when.at));
        self.now.into_iter().chain(stated).max()
    }
}

/// Finds cause and gaps of every copy, and what to do next.
pub fn find(scene: &Scene<'_>) -> Found {
    let mut findings: Vec<Finding> = Vec::new();
    let mut answers = Vec::new();
    for copy in scene.copies {
        let recipient = Some(copy.copy.envelope_recipient.clone()).filter(|address| !address.is_null());
        let claims = causes::of(copy, scene);
        // What a record refutes explains nothing.
        let cause = claims.iter().find(|claim| claim.standing != Standing::Refuted);
        let gaps = gaps::of(copy, cause, scene);
        let mut answer = answer(copy, cause, gaps.first());
        answer.families = families::weigh(copy, &answer, &claims, scene.lake);
        let of_policies = policy::weigh(copy, scene, &mut answer.stages);
        answers.push(answer);
        let named: Vec<String> = claims.iter().filter(|claim| claim.is_shown()).map(|claim| claim.id.clone()).collect();
        findings.extend(claims.into_iter().map(|claim| claim.finding(Kind::Cause, recipient.clone())));
        findings.extend(gaps.into_iter().map(|claim| claim.finding(Kind::Gap, recipient.clone())));
        let is_named = |risk: &Claim| named.contains(&risk.id);
        let risks = causes::risks(copy, scene).filter(|risk| !is_named(risk));
        findings.extend(risks.map(|claim| claim.finding(Kind::Risk, recipient.clone())));
        findings.extend(of_policies.into_iter().map(|(kind, claim)| claim.finding(kind, recipient.clone())));
    }
    findings.extend(gaps::recipients_not_shown(scene).into_iter().map(|claim| claim.finding(Kind::Gap, None)));
    if scene.copies.is_empty() {
        findings.push(gaps::nothing(scene).finding(Kind::Gap, None));
    }
    in_order(&mut findings);
    let (next_steps, checked) = steps::of(scene, &findings, &answers);
    Found { findings, next_steps, checked, answers }
}

/// Puts findings in the order of a report: proved before likely, then by layer. The first cause is the answer: what a record refutes
/// is none, so it stands behind what is open.
fn in_order(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| {
        let is_refuted = finding.standing == Standing::Refuted;
        (is_refuted, finding.standing, finding.layer, finding.kind)
    });
}

impl Found {
    /// Adds the symptoms that the rows of all files show, and what to do about them.
    pub fn with_symptoms(mut self, symptoms: Vec<Finding>) -> Found {
        self.next_steps.extend(symptoms::steps(&symptoms));
        self.findings.extend(symptoms);
        in_order(&mut self.findings);
        self
    }
}

/// A claim before it is tied to its copy.
#[derive(Clone, Debug)]
pub struct Claim {
    /// `family/specific`.
    pub id: String,
    /// How well it stands.
    pub standing: Standing,
    /// The layer it is about.
    pub layer: Layer,
    /// The claim in one or two sentences.
    pub statement: String,
    /// The records that carry it.
    pub cites: Vec<Cite>,
    /// Exports that would settle it.
    pub ask_for: Vec<SourceId>,
}

impl Claim {
    fn finding(self, kind: Kind, envelope_recipient: Option<Address>) -> Finding {
        let Claim { id, standing, layer, statement, cites, ask_for } = self;
        // What may not happen cannot be written: a claim without a record is not shown.
        let standing = if cites.is_empty() { Standing::NotShown } else { standing };
        Finding { id, kind, standing, layer, envelope_recipient, statement, cites, ask_for, told: None }
    }

    fn is_shown(&self) -> bool {
        matches!(self.standing, Standing::Proved | Standing::Likely)
    }
}

/// The layer that explains the fate follows the cause; without one, the stage that provably holds or stops the copy.
fn answer(copy: &Explained<'_>, cause: Option<&Claim>, gap: Option<&Claim>) -> Answer {
    let shown_cause = cause.filter(|claim| claim.is_shown());
    let plain = |changed_layer, because, shown| Answer {
        changed_layer,
        because,
        shown,
        stages: Vec::new(),
        families: Vec::new(),
    };
    let mut answer = match (copy.fate, shown_cause) {
        (_, Some(claim)) => plain(Some(claim.layer), claim.statement.clone(), true),
        (Fate::Delivered, None) => plain(None, delivered(copy), true),
        (fate, None) => {
            let layer = stopping_layer(copy, fate);
            let because = gap
                .or(cause)
                .map_or("the evidence does not show what became of it".to_owned(), |claim| claim.statement.clone());
            plain(layer, because, false)
        }
    };
    answer.stages = settle::stages(copy, &answer, cause);
    answer
}

fn delivered(copy: &Explained<'_>) -> String {
    [Layer::Mailbox, Layer::Delivery]
        .into_iter()
        .filter_map(|layer| copy.stage(layer))
        .find(|stage| matches!(stage.state, State::Passed))
        .map_or("delivered".to_owned(), |stage| stage.summary.clone())
}

/// The stage that provably keeps, moved or stopped the copy, whatever the reason.
fn stopping_layer(copy: &Explained<'_>, fate: Fate) -> Option<Layer> {
    match fate {
        Fate::Quarantined | Fate::ReleasePending => Some(Layer::Quarantine),
        // A filter that refused at the door without naming a reason is the verdict's doing all the same.
        Fate::Rejected => Some(stopped(copy).unwrap_or(Layer::Arrival)),
        Fate::Discarded => stopped(copy),
        Fate::Junked | Fate::Filed | Fate::Forwarded | Fate::RemovedAfterDelivery => Some(Layer::Mailbox),
        Fate::Bounced if matches!(copy.decided().map(|stay| stay.end), Some(layers::End::RefusedByFilter(_))) => {
            Some(Layer::Verdict)
        }
        Fate::Deferred if copy.stage(Layer::Arrival).is_some_and(|stage| stage.state == State::Pending) => {
            Some(Layer::Arrival)
        }
        Fate::Bounced | Fate::Deferred if has_reason(copy) => Some(Layer::Delivery),
        _ => None,
    }
}

/// The stage that ended the path.
fn stopped(copy: &Explained<'_>) -> Option<Layer> {
    copy.stages.iter().find(|stage| stage.state == State::Stopped).map(|stage| stage.layer)
}

/// Whether a record of the refusal itself, not only a summary word, is there.
fn has_reason(copy: &Explained<'_>) -> bool {
    !matches!(
        copy.decided().map(|stay| stay.end),
        None | Some(layers::End::Failed(_) | layers::End::UnderWay(_) | layers::End::Unknown)
    )
}
