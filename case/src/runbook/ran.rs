//! What runbooks said about evidence.

use jiff::Timestamp;
use report::{Cite, EvidenceFile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name and version of the form of [`Checked`].
pub const CHECK_SCHEMA: &str = "throughline.runbook-check.v1";

/// What the signals of runbooks said about some evidence: the JSON of `runbook check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// Always `throughline.runbook-check.v1`.
    pub schema: String,
    /// Over all runbooks: fires before cannot tell before quiet.
    pub answer: Signalled,
    /// Each runbook.
    pub runbooks: Vec<Ran>,
    /// What was read.
    pub evidence: Vec<EvidenceFile>,
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signalled {
    /// The evidence shows what the signal looks at, and nothing in it is a sign.
    Quiet,
    /// The evidence does not show what the signal looks at.
    CannotTell,
    /// There it is.
    Fires,
}

impl Signalled {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Signalled::Quiet => "quiet",
            Signalled::CannotTell => "cannot_tell",
            Signalled::Fires => "fires",
        }
    }
}

/// What one runbook said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ran {
    /// Which, `client/slug`.
    pub runbook: String,
    /// Its version; 0 if its file could not be read.
    pub version: u64,
    /// Its title.
    pub title: String,
    /// The cause or symptom that it watches for.
    pub root_cause: String,
    /// Its signal.
    pub signal: String,
    /// Who looks after it; empty if nobody is named.
    pub owner: String,
    /// What it said.
    pub answer: Signalled,
    /// That in a sentence or two.
    pub statement: String,
    /// What fired, by time: one a copy, audit row or other item; one alone for a signal that is a condition.
    pub events: Vec<Fired>,
    /// How many items are left of which it cannot tell.
    pub undecided: u64,
    /// Kinds of export that would tell more.
    pub ask_for: Vec<String>,
}

/// One thing that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fired {
    /// What makes it this event and no other, whatever file, row or export tells of it: 64 hexadecimal digits.
    pub key: String,
    /// Other keys of the same event: exports that do not know all its ids give it one of these. An event whose key or one of whose
    /// other keys is known already is known.
    pub also: Vec<String>,
    /// Whether it is a condition that lasts rather than something that happened once: its key stays the same as long as it is so,
    /// and it is over when a later check is quiet.
    pub lasts: bool,
    /// When; null if no record says.
    pub at: Option<Timestamp>,
    /// What it is, in one sentence.
    pub statement: String,
    /// The records.
    pub cites: Vec<Cite>,
}

impl Ran {
    /// Visits every cite.
    pub fn each_cite(&mut self, visit: &mut dyn FnMut(&mut Cite)) {
        self.events.iter_mut().flat_map(|event| &mut event.cites).for_each(visit);
    }
}
