//! What the workbench asks of the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use case::escalation::{Escalation, Sample};
use case::runbook::{Listed, Runbook};
use case::told::{AddedEvidence, CaseDocument, Done};
use case::{About, Asked, Case, Entry, Purpose, Status, VerificationReport, Wanted};
use jiff::Timestamp;
use report::{Comparison, ExceptionCheck, ExceptionProposal, Report};
use serde::Serialize;

use crate::progress::Progress;

/// Everything that a page shows and everything that it does. Calls may take long; they are made on threads of their own.
///
/// `who` is the user in whose name something is done: the journal keeps it. Whether a user may do it was asked before.
pub trait Office: Send + Sync + 'static {
    /// The cases that fit, the newest first.
    fn list(&self, wanted: &Wanted) -> Result<Vec<Case>, Trouble>;

    /// A case with its journal.
    fn case(&self, number: u64) -> Result<Worked, Trouble>;

    /// Opens a case; a ticket that a case of the same client has already is refused.
    fn open(&self, who: &str, about: About, asked: Asked) -> Result<Case, Trouble> {
        self.open_once(who, None, about, asked)
    }

    /// Opens a case like [`Office::open`], unless one was opened with this key: then gives that one, as it is now.
    fn open_once(&self, who: &str, key: Option<String>, about: About, asked: Asked) -> Result<Case, Trouble>;

    /// Says anew which message is meant.
    fn ask(&self, who: &str, number: u64, asked: Asked) -> Result<Done, Trouble>;

    /// A new and empty folder that only this user of the machine can read, on the disk of the store. Whoever asked for it removes it.
    fn staging(&self) -> Result<PathBuf, Trouble>;

    /// What a file is, or what the files in it are if it is an archive: looked at, not read. `name` is how it is told.
    fn recognise(&self, file: &Path, name: &str) -> Vec<Recognised>;

    /// Copies the files of a folder into a case as evidence: what was added, what was there already, what was refused.
    fn add(&self, who: &str, number: u64, folder: &Path, purpose: Purpose) -> Result<AddedEvidence, Trouble>;

    /// Keeps in the journal what the evidence shows, if that is another answer than before; `None` if it shows none.
    fn answered(&self, who: &str, number: u64, report: Option<&Report>) -> Result<(), Trouble>;

    /// The case looked at: its evidence, its triage, its journal. `report` is what its evidence shows, or why that is not known.
    fn document(
        &self,
        number: u64,
        report: Result<&Report, &Trouble>,
        compared: Option<&Comparison>,
    ) -> Result<CaseDocument, Trouble>;

    /// What the evidence of a case shows.
    fn report(&self, number: u64, progress: &Arc<Progress>) -> Result<Report, Trouble>;

    /// Two messages of the evidence beside each other.
    fn compare(&self, number: u64, sides: &Sides, progress: &Arc<Progress>) -> Result<Comparison, Trouble>;

    /// The narrowest exception.
    fn propose(&self, number: u64, progress: &Arc<Progress>) -> Result<ExceptionProposal, Trouble>;

    /// What the guard says of a change that somebody proposes; approvals of the journal count.
    fn check(&self, number: u64, candidate: &str, progress: &Arc<Progress>) -> Result<ExceptionCheck, Trouble>;

    /// Whether the change of a case held, by the evidence that is there.
    fn verification(&self, number: u64, progress: &Arc<Progress>) -> Result<VerificationReport, Trouble>;

    /// Puts an answer of [`Office::verification`] into the journal.
    ///
    /// `decided` is [`Worked::decided`] of the case that was verified: if it is another by now, nothing is recorded.
    fn verified(&self, who: &str, number: u64, found: &VerificationReport, decided: u64) -> Result<Done, Trouble>;

    /// Records an approval, as its document says it.
    fn approve(&self, who: &str, number: u64, document: &str) -> Result<Done, Trouble>;

    /// Records a change that was made; the guard's warnings are in what comes back.
    fn change(&self, who: &str, number: u64, made: &ChangeMade, progress: &Arc<Progress>) -> Result<Done, Trouble>;

    /// Notes something in the journal.
    fn note(&self, who: &str, number: u64, text: &str) -> Result<Done, Trouble>;

    /// Says how far a case is: open (again), waiting, escalated, or closed with `why` as its resolution.
    fn status(&self, who: &str, number: u64, status: Status, why: &str) -> Result<Done, Trouble>;

    /// Open cases of the same client that share a cause, for an escalation.
    fn others(&self, case: &Case) -> Result<Others, Trouble>;

    /// Gives a ticket away: the package as a ZIP archive, named by the entry that the journal gets.
    fn escalate(&self, asked: &EscalationAsked<'_>) -> Result<Vec<u8>, Trouble>;

    /// A record of a case's evidence, raw and decoded.
    fn record(&self, number: u64, place: &RecordPlace) -> Result<RecordShown, Trouble>;

    /// Follows the message in a folder and keeps nothing.
    fn follow(&self, folder: &Path, asked: &Asked, progress: &Arc<Progress>) -> Result<Report, Trouble>;

    /// The runbooks of all clients.
    fn runbooks(&self) -> Result<Listed, Trouble>;

    /// A runbook of a client, the newest version.
    fn runbook(&self, client: &str, slug: &str) -> Result<Runbook, Trouble>;

    /// How the watchers of the store are.
    fn watched(&self) -> Result<watch::Status, Trouble>;

    /// The last runs of the watcher of a client, the newest first.
    fn runs(&self, client: &str) -> Result<Vec<watch::LastRun>, Trouble>;

    /// The last alerts of all watchers, the newest first.
    fn alerts(&self) -> Result<Vec<watch::Alert>, Trouble>;

    /// The catalogue of symptoms: all, one by its id, or those that words fit.
    fn symptoms(&self, words: &str) -> Result<report::Symptoms, Trouble>;

    /// The instant that the journal would write now.
    fn now(&self) -> Timestamp;
}

/// A case and its journal.
#[derive(Clone, Debug)]
pub struct Worked {
    /// What it is.
    pub case: Case,
    /// What was done.
    pub journal: Vec<Entry>,
}

impl Worked {
    /// The number of the last entry that says what the evidence is, or which message is meant: as long as it is the same, so is the answer.
    pub fn revision(&self) -> u64 {
        self.last(|entry| matches!(entry.deed.word(), "opened" | "asked" | "evidence_added"))
    }

    /// The same with approvals and changes, on which the guard and the verification rest too.
    pub fn decided(&self) -> u64 {
        self.last(|entry| !matches!(entry.deed.word(), "noted" | "answered" | "status_set" | "runbook_written"))
    }

    /// Whether any evidence was added.
    pub fn has_evidence(&self) -> bool {
        self.journal.iter().any(|entry| entry.deed.word() == "evidence_added")
    }

    fn last(&self, counts: impl Fn(&Entry) -> bool) -> u64 {
        self.journal.iter().rev().find(|entry| counts(entry)).map_or(0, |entry| entry.seq)
    }
}

/// What a file that is about to be added is recognised as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recognised {
    /// Its name.
    pub file: String,
    /// Its kind in words; null if nobody recognises it.
    pub kind: Option<String>,
    /// Why nobody does, and what to try.
    pub why: Option<String>,
}

/// A message that could be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meant {
    /// Its Message-ID without brackets; `None` if the records carry none.
    pub message_id: Option<String>,
    /// Who sent it.
    pub sender: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// Its first instant.
    pub at: Option<Timestamp>,
    /// A file that speaks of it.
    pub file: String,
}

/// Which two messages are laid beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sides {
    /// Message-ID of the one that was kept back; the case's own, if it is not said.
    pub blocked: Option<String>,
    /// Message-ID of the delivered one; the one most like it, if it is not said.
    pub delivered: Option<String>,
}

/// A change as somebody says that it was made.
#[derive(Clone, Debug)]
pub struct ChangeMade {
    /// What: commands, or throughline's own form.
    pub candidate: String,
    /// When, as RFC 3339 or as a date and time in the case's zone.
    pub made_at: String,
}

/// Open cases of a client that share a cause, each with the entry that holds its last answer.
pub type Others = Vec<(Case, Entry)>;

/// An escalation that is packed.
#[derive(Clone, Copy, Debug)]
pub struct EscalationAsked<'a> {
    /// Who.
    pub who: &'a str,
    /// Which case.
    pub number: u64,
    /// What it says.
    pub document: &'a Escalation,
    /// How much of the sample goes with it.
    pub sample: Sample,
}

/// Where a record stands in the evidence of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// The fingerprint of its file's name: see [`RecordPlace::fingerprint`].
    pub file: String,
    /// The record as byte offsets into the file, end exclusive.
    pub bytes: [u64; 2],
    /// What is marked in it, as byte offsets into the file.
    pub marks: Vec<[u64; 2]>,
}

impl RecordPlace {
    /// The fingerprint under which a file is asked for: 16 hexadecimal digits of the SHA-256 of its name. A name itself never comes from a
    /// client.
    pub fn fingerprint(file: &str) -> String {
        use sha2::Digest as _;
        sha2::Sha256::digest(file.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A record as its page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordShown {
    /// Its file.
    pub file: String,
    /// The kind of the file in words; `None` if nobody recognises it.
    pub kind: Option<String>,
    /// The line at which it starts, from 1; `None` where lines mean nothing.
    pub line: Option<u64>,
    /// Its number from 1, where records are counted instead.
    pub number: Option<u64>,
    /// Its text in pieces, each marked or not.
    pub raw: Vec<(bool, String)>,
    /// Whether it begins before the first piece.
    pub begins_before: bool,
    /// Whether it goes on behind the last piece.
    pub is_cut: bool,
    /// Its fields, as its kind reads them.
    pub fields: Vec<Field>,
    /// What the reader took from it, one sentence each.
    pub facts: Vec<String>,
    /// Why its reader cannot read it.
    pub problem: Option<String>,
    /// What is to be known of how it is shown, one sentence each.
    pub notes: Vec<String>,
    /// The record before it, where lines or fields tell records apart.
    pub before: Option<[u64; 2]>,
    /// The record behind it.
    pub after: Option<[u64; 2]>,
    /// What the kind of its file cannot show.
    pub limits: Vec<String>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value, decoded.
    pub value: String,
    /// What it means, part by part.
    pub means: Vec<String>,
    /// Whether a cite marks it.
    pub is_marked: bool,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    /// What sort of trouble it is.
    pub kind: TroubleKind,
    /// What was expected, what was found, and what to try.
    pub what: String,
    /// Messages that could be meant, if it is [`TroubleKind::WhichMessage`] and the evidence names some.
    pub meant: Box<[Meant]>,
}

/// What sort of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// There is no such thing.
    NotFound,
    /// What was given cannot be used.
    Unfit,
    /// The evidence singles out no message.
    WhichMessage,
    /// There is no evidence, or none of a kind that is read.
    NothingReadable,
    /// It is not allowed.
    Refused,
    /// Something else was done meanwhile.
    Conflict,
    /// More than is taken.
    TooLarge,
    /// It was stopped, or the program ends.
    Stopped,
    /// A fault of the program or of the machine.
    Internal,
}

impl Trouble {
    /// Trouble of a sort.
    pub fn new(kind: TroubleKind, what: impl Into<String>) -> Trouble {
        Trouble { kind, what: what.into(), meant: Box::default() }
    }
}
