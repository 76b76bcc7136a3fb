//! A symptom's page for people, as its `guide.toml` has it.

use serde::{Deserialize, Serialize};

/// How to find out about one symptom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// The contract's id.
    #[serde(skip_deserializing)]
    pub id: String,
    /// The symptom as a user would say it, in one sentence.
    pub title: String,
    /// What it is and why it happens, in a few sentences.
    pub what: String,
    /// The sign that tells it from what looks alike, in one or two sentences.
    pub sign: String,
    /// What looks alike and is something else, and how that shows.
    pub alike: String,
    /// Words and phrases by which people ask for it, in lower case.
    pub words: Vec<String>,
    /// What to collect, the most telling first.
    pub collect: Vec<Collect>,
    /// What to look at, in order, and what each result would mean.
    pub look: Vec<Look>,
    /// The causes that are told apart, the most frequent first.
    pub cause: Vec<CauseGuide>,
}

/// An export to collect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// The kind of export, as `throughline sources` lists it.
    pub source: String,
    /// Whether there is an answer without it.
    pub need: Need,
    /// What it shows here.
    pub shows: String,
}

/// Whether there is an answer without an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// None of the causes can be proved without it, or without one that is its like.
    Required,
    /// It tells causes apart or proves one of them.
    Helpful,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// What to look at.
    pub at: String,
    /// What each result would mean.
    pub means: Vec<Meaning>,
}

/// What a result would mean.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// The result.
    pub seen: String,
    /// What it means, or what to look at next.
    pub then: String,
}

/// One cause of a symptom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CauseGuide {
    /// Its name within the symptom, such as `automation-reverts`.
    pub id: String,
    /// The cause in one sentence.
    pub title: String,
    /// Which records prove it.
    pub proof: String,
    /// Which record would speak against it.
    pub disproof: String,
    /// The narrowest thing that mends it.
    pub fix: String,
    /// When to take the fix back.
    pub rollback: String,
    /// What shows that the fix held.
    pub verify: String,
    /// Who has to mend it.
    pub owner: String,
}
