//! What is told of cases: the document of one, the document of a list, and their pages.

mod deeds;
mod evidence;
mod list;
mod next;
mod page;

pub use deeds::{JournalLine, in_words};
pub use evidence::{AddedEvidence, CaseFile, KnownFile, ReadFile};
pub use list::{CASES_SCHEMA, CaseList};
pub use next::next_steps;

use report::{Finding, FindingKind, NextStep, Report, Standing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::journal::Entry;
use crate::triage::{Looked, Triage};

/// The name and version of the form of a case's document.
pub const CASE_SCHEMA: &str = "throughline.case.v1";

/// One case: whose it is, how far it is, what was found out, what is still open, and what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseDocument {
    /// Always `throughline.case.v1`.
    pub schema: String,
    /// What its journal adds up to.
    #[serde(flatten)]
    pub case: Case,
    /// What this command did; null if it only shows.
    pub done: Option<Done>,
    /// Causes and symptoms that are proved or likely, the answer first, with their records.
    pub findings: Vec<Finding>,
    /// Why there is no answer; null if a message was followed, or if the command did not look.
    pub not_followed: Option<String>,
    /// What is looked at before anything is changed; null if the command did not look at the evidence.
    pub triage: Option<Triage>,
    /// What this command copied; null if it added nothing.
    pub added: Option<AddedEvidence>,
    /// All evidence, in the order in which it was added.
    pub evidence: Vec<CaseFile>,
    /// Where the evidence stands: cites are relative to it.
    pub evidence_folder: String,
    /// The journal in short.
    pub journal: Vec<JournalLine>,
    /// What to do next, the nearest first.
    pub next_steps: Vec<NextStep>,
}

/// What a command did to a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// That in a sentence.
    pub said: String,
    /// The entries that it added to the journal; none if all of that key were there already.
    pub entries: Vec<u64>,
    /// What to bear in mind about it, the gravest first.
    pub warnings: Vec<String>,
}

/// All that a case's document is made from.
pub struct Known<'a> {
    /// The case.
    pub case: &'a Case,
    /// Its journal.
    pub journal: &'a [Entry],
    /// The look at its evidence, and the triage; `None` if the command did not look.
    pub looked: Option<(Looked<'a>, Triage)>,
    /// Its evidence.
    pub evidence: Vec<CaseFile>,
    /// Where that stands.
    pub evidence_folder: String,
    /// What this command did.
    pub done: Option<Done>,
    /// What it copied.
    pub added: Option<AddedEvidence>,
}

impl CaseDocument {
    /// The document of what is known about a case.
    pub fn of(known: Known<'_>) -> CaseDocument {
        let (looked, triage) = known.looked.unzip();
        let report = match looked {
            Some(Looked::Followed(report)) => Some(report),
            Some(Looked::NoEvidence | Looked::NotFollowed(_)) | None => None,
        };
        let not_followed = match looked {
            Some(Looked::NoEvidence) => Some("no evidence was added yet".to_owned()),
            Some(Looked::NotFollowed(why)) => Some(why.to_owned()),
            Some(Looked::Followed(_)) | None => None,
        };
        CaseDocument {
            schema: CASE_SCHEMA.to_owned(),
            next_steps: next_steps(known.case, known.journal, report, triage.as_ref()),
            case: known.case.clone(),
            done: known.done,
            findings: report.map(shown).unwrap_or_default(),
            not_followed,
            triage,
            added: known.added,
            evidence: known.evidence,
            evidence_folder: known.evidence_folder,
            journal: known.journal.iter().map(JournalLine::of).collect(),
        }
    }
}

/// Causes and symptoms that are shown.
fn shown(report: &Report) -> Vec<Finding> {
    let is_shown = |finding: &&Finding| {
        matches!(finding.kind, FindingKind::Cause | FindingKind::Symptom)
            && matches!(finding.standing, Standing::Proved | Standing::Likely)
    };
    report.findings.iter().filter(is_shown).cloned().collect()
}
