//! The notes as data: the JSON of `notes --format json`.

use jiff::Timestamp;
use report::Cite;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Status;

/// The name and version of the document's form.
pub const NOTES_SCHEMA: &str = "throughline.notes.v1";

/// The notes of a ticket: three texts, and the records that they rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notes {
    /// Always `throughline.notes.v1`.
    pub schema: String,
    /// Whether people, hosts and addresses were replaced.
    pub redacted: bool,
    /// Which ticket it is; null if only the text for the customer was asked for.
    pub about: Option<NotedCase>,
    /// The six points, always all of them; empty if this text was not asked for.
    pub facts: Vec<Point>,
    /// Why it is so, what speaks against it, what is open; empty if this text was not asked for.
    pub analysis: Vec<Point>,
    /// What the customer may read; null if it was not asked for.
    pub customer: Option<CustomerText>,
    /// The records that the claims cite by number, from 1.
    pub records: Vec<NumberedRecord>,
    /// The entries of the journal that the claims cite by number.
    pub journal: Vec<NotedEntry>,
}

/// Which ticket the notes are of, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotedCase {
    /// Its number in the store.
    pub number: u64,
    /// Its name everywhere.
    pub uid: String,
    /// Number of the ticket in the ticket system.
    pub ticket: Option<String>,
    /// How far it is.
    pub status: Status,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// How many entries the journal had when the notes were written, without those that say that it came from another store.
    pub entries: u64,
    /// The hash of the last of them: it stands for the whole journal.
    pub head: String,
}

/// One point of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Which; of the facts: `affected`, `symptom`, `scope`, `checked`, `cause`, `fix`.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What is claimed.
    pub claims: Vec<Claim>,
}

/// One claim, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// A word or two in front, such as `user`.
    pub label: String,
    /// The claim.
    pub text: String,
    /// How it is known.
    pub known: Known,
    /// That in words.
    pub known_as: String,
    /// Numbers of [`Notes::records`].
    pub records: Vec<u64>,
    /// Numbers of entries of the journal.
    pub entries: Vec<u64>,
    /// Kinds of export that would settle it.
    pub ask_for: Vec<String>,
    /// The deciding record's own words.
    pub quote: Option<String>,
    /// A command line, if there is one.
    pub command: Option<String>,
}

/// How a claim is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Somebody said so: the reporter, or whoever worked on the ticket.
    Said,
    /// A record states it.
    Recorded,
    /// It was looked at.
    Looked,
    /// Records prove it and none says otherwise.
    Proved,
    /// Records point to it; another explanation is left.
    Likely,
    /// Records say otherwise.
    Refuted,
    /// The deciding record is missing.
    NotShown,
    /// It was looked for where it would be, and is not there.
    Absent,
    /// It could not be looked at.
    Unchecked,
    /// What would show it was not supplied.
    NotSupplied,
    /// Nobody said.
    NotSaid,
    /// It is still to be done.
    Open,
}

impl Known {
    /// All of them.
    pub const ALL: [Known; 12] = [
        Known::Said,
        Known::Recorded,
        Known::Looked,
        Known::Proved,
        Known::Likely,
        Known::Refuted,
        Known::NotShown,
        Known::Absent,
        Known::Unchecked,
        Known::NotSupplied,
        Known::NotSaid,
        Known::Open,
    ];

    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Known::Said => "said",
            Known::Recorded => "recorded",
            Known::Looked => "looked at",
            Known::Proved => "proved",
            Known::Likely => "likely",
            Known::Refuted => "refuted",
            Known::NotShown => "not shown",
            Known::Absent => "looked for, not there",
            Known::Unchecked => "could not be looked at",
            Known::NotSupplied => "not supplied",
            Known::NotSaid => "nobody said",
            Known::Open => "to do",
        }
    }
}

impl From<report::Standing> for Known {
    fn from(standing: report::Standing) -> Known {
        match standing {
            report::Standing::Proved => Known::Proved,
            report::Standing::Likely => Known::Likely,
            report::Standing::Refuted => Known::Refuted,
            report::Standing::NotShown => Known::NotShown,
        }
    }
}

/// A record with the number by which claims cite it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberedRecord {
    /// From 1.
    pub number: u64,
    /// Where it stands, in a few words: `001/trace.csv, line 12`.
    pub place: String,
    /// The record.
    pub cite: Cite,
}

/// An entry of the journal, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotedEntry {
    /// Its number.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// What was done.
    pub deed: String,
}

/// What the customer may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerText {
    /// Which ticket and which message, each a name and what it is.
    pub about: Vec<NamedValue>,
    /// What happened.
    pub what_happened: Vec<String>,
    /// What was done.
    pub what_was_done: Vec<String>,
    /// What the customer has to do.
    pub what_to_do: Vec<String>,
}

/// A name and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedValue {
    /// The name.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// One of the three texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Text {
    /// The six points.
    Facts,
    /// Why it is so.
    Analysis,
    /// What the customer may read.
    Customer,
    /// All three.
    All,
}

impl Notes {
    /// Visits every text of foreign words or about foreign things; codes and numbers of our own are left out.
    pub(super) fn each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        if let Some(about) = &mut self.about {
            visit(&mut about.uid);
            about.ticket.iter_mut().for_each(&mut *visit);
        }
        for claim in self.facts.iter_mut().chain(&mut self.analysis).flat_map(|point| &mut point.claims) {
            visit(&mut claim.label);
            visit(&mut claim.text);
            claim.quote.iter_mut().for_each(&mut *visit);
            claim.command.iter_mut().for_each(&mut *visit);
        }
        if let Some(customer) = &mut self.customer {
            customer.each_text(visit);
        }
        self.journal.iter_mut().for_each(|entry| {
            visit(&mut entry.who);
            visit(&mut entry.deed);
        });
    }
}

impl CustomerText {
    /// Visits every text of it.
    pub(super) fn each_text(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.about.iter_mut().for_each(|one| visit(&mut one.value));
        self.what_happened.iter_mut().for_each(&mut *visit);
        self.what_was_done.iter_mut().for_each(&mut *visit);
        self.what_to_do.iter_mut().for_each(&mut *visit);
    }
}
