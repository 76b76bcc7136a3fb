//! What was done on a ticket: entries that are only ever added, each bound to all before it by its hash.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::case::{About, Answered, Asked, Status};

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Of which case, by its name everywhere.
    pub uid: String,
    /// Its number in the journal of the case, from 1.
    pub seq: u64,
    /// When it was made, by the clock of the machine, to the millisecond.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// What the maker calls it: one case has no two entries of one deed and one key, so that a command can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What was done.
    pub deed: Deed,
    /// What was done, as it is written in the store: the hash is of these very bytes.
    pub written: String,
    /// The hash of the entry before it; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 of all of the above.
    pub hash: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum Deed {
    /// The ticket was opened.
    Opened {
        /// Whose it is.
        about: About,
        /// Which message is meant.
        asked: Asked,
    },
    /// It was said anew which message is meant.
    Asked {
        /// Which message is meant now.
        asked: Asked,
    },
    /// Files were added.
    EvidenceAdded {
        /// The folder that they stand in, such as `001`.
        batch: String,
        /// What they are for.
        purpose: Purpose,
        /// The files.
        files: Vec<EvidenceFile>,
    },
    /// The evidence was looked at.
    Answered {
        /// What it shows.
        answered: Answered,
    },
    /// Somebody noted something.
    Noted {
        /// What.
        text: String,
    },
    /// Something broad was approved.
    Approved {
        /// Who approved it.
        by: String,
        /// In which role.
        role: String,
        /// Until when.
        ends: Timestamp,
        /// The recorded approval, as it was given.
        document: String,
    },
    /// Something was changed.
    ChangeMade {
        /// When, as the one who made it says.
        made_at: Timestamp,
        /// What, as commands or in throughline's own form.
        candidate: String,
        /// The guard's answer to it: `narrow`, `broad`, `unknown`, `useless`; null if it was not asked.
        guard: Option<String>,
        /// Until when it holds by itself; null if it does not end, or if that is not known.
        ends: Option<Timestamp>,
        /// How many messages of the evidence it would have let through; null if that was not measured.
        messages: Option<u64>,
    },
    /// It was looked at whether a change held.
    Verified {
        /// What was found.
        verification: Verification,
        /// When to look again.
        due: Option<Timestamp>,
    },
    /// The ticket was given to somebody else.
    Escalated {
        /// To whom, such as `vendor`.
        to: String,
        /// Why.
        reasons: Vec<String>,
        /// SHA-256 of the package.
        sha256: String,
    },
    /// A runbook was written from it.
    RunbookWritten {
        /// Which, such as `client/slug`.
        runbook: String,
        /// Which version.
        version: u64,
        /// SHA-256 of its text.
        sha256: String,
    },
    /// Its status was set by hand.
    StatusSet {
        /// To what.
        status: Status,
        /// Why; the resolution, if it was closed.
        why: String,
    },
    /// It was brought from another store.
    Imported {
        /// SHA-256 of the archive.
        sha256: String,
    },
}

impl Deed {
    /// The word for it, as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Deed::Opened { .. } => "opened",
            Deed::Asked { .. } => "asked",
            Deed::EvidenceAdded { .. } => "evidence_added",
            Deed::Answered { .. } => "answered",
            Deed::Noted { .. } => "noted",
            Deed::Approved { .. } => "approved",
            Deed::ChangeMade { .. } => "change_made",
            Deed::Verified { .. } => "verified",
            Deed::Escalated { .. } => "escalated",
            Deed::RunbookWritten { .. } => "runbook_written",
            Deed::StatusSet { .. } => "status_set",
            Deed::Imported { .. } => "imported",
        }
    }
}

/// What evidence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It shows what happened.
    Ticket,
    /// It shows what is so after a change.
    Verification,
}

/// One file of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceFile {
    /// Its name below the evidence of the case, such as `001/trace.csv`: cites name it so.
    pub name: String,
    /// Lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// Whether a change held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Records show that it did.
    Held,
    /// The evidence shows neither.
    CannotTell,
    /// Records show that it did not.
    CameBack,
}

/// What a look at a change found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// Over all checks.
    pub answer: Answer,
    /// Each check.
    pub checks: Vec<CheckAnswer>,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckAnswer {
    /// Which: `workflow`, `clean_log`, `policy_refresh`, `nothing_else`.
    pub check: String,
    /// What it found.
    pub answer: Answer,
    /// That in a sentence or two.
    pub statement: String,
    /// The records; empty only if it cannot tell, or if what the journal records of a change is what failed.
    pub cites: Vec<report::Cite>,
    /// Kinds of export that would tell.
    pub ask_for: Vec<String>,
}

/// The hash before the first entry.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What an entry says before it stands in a journal.
#[derive(Clone, Debug)]
pub struct Draft {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// See [`Entry::key`].
    pub key: Option<String>,
    /// What was done.
    pub deed: Deed,
}

impl Entry {
    /// Puts a draft behind the entries of a journal.
    ///
    /// # Errors
    /// If what was done is no JSON.
    pub fn behind(uid: &str, last: Option<(u64, &str)>, draft: Draft) -> Result<Entry, serde_json::Error> {
        let (seq, previous) = last.map_or((1, NO_HASH), |(seq, hash)| (seq + 1, hash));
        let Draft { at, who, key, deed } = draft;
        // Down, not to the nearest: an entry is never of an instant that was not yet.
        let milliseconds = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Floor);
        let at = at.round(milliseconds).unwrap_or(at);
        let written = serde_json::to_string(&deed)?;
        let mut entry = Entry {
            uid: uid.to_owned(),
            seq,
            at,
            who,
            key,
            deed,
            written,
            previous: previous.to_owned(),
            hash: String::new(),
        };
        entry.hash = entry.hashed();
        Ok(entry)
    }

    /// The hash that its content has.
    pub fn hashed(&self) -> String {
        let (seq, at) = (self.seq.to_string(), self.at.to_string());
        hash_of(&[&self.uid, &seq, &at, &self.who], self.key.as_deref(), &self.written, &self.previous)
    }
}

/// The hash of an entry: of the name of its case, its number, instant and maker, then of its key, its deed as written, and the hash before it.
pub(crate) fn hash_of(made: &[&str; 4], key: Option<&str>, written: &str, previous: &str) -> String {
    let key = key.map_or_else(|| "-".to_owned(), |key| format!("+{key}"));
    let [uid, seq, at, who] = made;
    chained(&["throughline.journal.v1", uid, seq, at, who, &key, written, previous])
}

/// SHA-256 over some texts, each with its length before it, so that no two lists of texts have the same bytes.
pub(crate) fn chained(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hexadecimal(&hash.finalize())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tampered {
    /// Of which case, by its name everywhere; null if of the store.
    pub uid: Option<String>,
    /// At which entry; null if of none.
    pub seq: Option<u64>,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// What is wrong with the chain of one journal; nothing if it is as it was written.
pub fn tampered(journal: &[Entry]) -> Vec<Tampered> {
    let mut wrong = Vec::new();
    let mut previous = NO_HASH;
    let uid = journal.first().map_or("", |entry| &entry.uid);
    let mut tell = |entry: &Entry, expected: String, found: String| {
        wrong.push(Tampered { uid: Some(entry.uid.clone()), seq: Some(entry.seq), expected, found });
    };
    for (expected_seq, entry) in (1_u64..).zip(journal) {
        if entry.uid != uid {
            tell(entry, format!("an entry of case {uid}"), "one of another case".to_owned());
        }
        if entry.seq != expected_seq {
            tell(entry, format!("entry {expected_seq}"), format!("entry {}", entry.seq));
        }
        if entry.previous != previous {
            tell(entry, format!("an entry behind {previous}"), format!("one behind {}", entry.previous));
        }
        let hash = entry.hashed();
        if entry.hash != hash {
            tell(entry, format!("the hash {} of what was written", entry.hash), format!("{hash} of what stands there"));
        }
        if serde_json::from_str::<Deed>(&entry.written).ok().as_ref() != Some(&entry.deed) {
            tell(entry, "a deed that says what is written".to_owned(), "another one".to_owned());
        }
        previous = &entry.hash;
    }
    wrong
}

/// A key that two entries of one deed have.
pub(crate) fn same_key(journal: &[Entry]) -> Option<&str> {
    let mut seen = std::collections::HashSet::new();
    let keyed = journal.iter().filter_map(|entry| Some((entry.deed.word(), entry.key.as_deref()?)));
    keyed.into_iter().find(|keyed| !seen.insert(*keyed)).map(|(_, key)| key)
}
