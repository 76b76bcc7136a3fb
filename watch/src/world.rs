//! What a watcher looks at and speaks to. The program gives the real ones, a test invented ones.

use std::time::Duration;

use jiff::Timestamp;
use report::Cite;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Kind, Level};

/// The clocks of the machine.
pub trait Clock {
    /// What the clock on the wall shows; somebody may set it.
    fn now(&self) -> Timestamp;
    /// How long ago some fixed moment is; nobody sets it.
    fn passed(&self) -> Duration;
}

/// The watched folder.
pub trait Folder {
    /// Its files, in any order.
    ///
    /// # Errors
    /// A sentence if it cannot be listed.
    fn list(&mut self) -> Result<Vec<Listed>, String>;
    /// The SHA-256 of a file, lower-case hexadecimal digits; `None` if it is gone, or is not as it was listed.
    ///
    /// # Errors
    /// A sentence if it cannot be read.
    fn hash(&mut self, listed: &Listed) -> Result<Option<String>, String>;
}

/// A file as a folder lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name below the folder, with `/` between folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was changed last, by the clock of the one that keeps it.
    pub changed_at: Timestamp,
}

/// A file that nobody writes to any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Settled {
    /// Its name below the folder.
    pub name: String,
    /// Of its content.
    pub sha256: String,
    /// When it was changed last, by the clock of the one that keeps it.
    pub changed_at: Timestamp,
}

/// The checks of a client.
pub trait Checks {
    /// The second looks at changes that are planned.
    ///
    /// # Errors
    /// A sentence if that cannot be found out.
    fn looks(&mut self, client: &str) -> Result<Vec<Look>, String>;
    /// Runs all of them.
    ///
    /// # Errors
    /// A sentence if they did not run to their end; they are tried again later.
    fn run(&mut self, asked: &Asked<'_>) -> Result<Checked, String>;
}

/// A second look at a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Look {
    /// What makes it this look and no other.
    pub key: String,
    /// When it is due.
    pub due: Timestamp,
}

/// What the checks are asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Whose mail it is about.
    pub client: &'a str,
    /// Now, by the clock of the machine.
    pub at: Timestamp,
    /// Why now.
    pub reasons: &'a [Reason],
    /// The files of the folder that nobody writes to any more.
    pub files: &'a [Settled],
    /// The second looks that are due.
    pub looks: &'a [Look],
}

/// Why checks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Exports arrived.
    Arrived,
    /// The schedule says so.
    Scheduled,
    /// A second look is due.
    SecondLook,
    /// They did not run to their end before.
    Retry,
}

impl Reason {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Arrived => "arrived",
            Reason::Scheduled => "scheduled",
            Reason::SecondLook => "second_look",
            Reason::Retry => "retry",
        }
    }
}

/// What the checks found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is to be told.
    pub events: Vec<Event>,
    /// Sources of events that were asked and are quiet: what lasted by their word is over.
    pub quiet: Vec<String>,
    /// Changes to how the mail is filtered that the evidence shows.
    pub changes: Vec<Change>,
    /// The newest instant that a record about a message states: the evidence shows mail until then.
    pub shown_until: Option<Timestamp>,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who says so, such as the runbook.
    pub source: String,
    /// What makes it this event and no other, whatever file, row or export tells of it.
    pub key: String,
    /// Other keys of the same event; if one of them is known, the event is known.
    pub also: Vec<String>,
    /// Whether it lasts until its source is quiet, or happened once.
    pub lasting: Lasting,
    /// What is told of it.
    pub told: Told,
}

/// Whether an event lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// It happened once.
    Once,
    /// It is so until its source says nothing of it any more; then it may begin anew.
    UntilQuiet,
}

/// What is told of an event: the fields of the [`Alert`] that an event knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// See [`Alert::kind`].
    pub kind: Kind,
    /// See [`Alert::happened_at`].
    pub happened_at: Option<Timestamp>,
    /// See [`Alert::title`].
    pub title: String,
    /// See [`Alert::statement`].
    pub statement: String,
    /// See [`Alert::owner`].
    pub owner: Option<String>,
    /// See [`Alert::runbook`].
    pub runbook: Option<String>,
    /// See [`Alert::case`].
    pub case: Option<u64>,
    /// See [`Alert::span`].
    pub span: Option<crate::alert::Span>,
    /// See [`Alert::cites`].
    pub cites: Vec<Cite>,
    /// See [`Alert::ask_for`].
    pub ask_for: Vec<String>,
}

impl Told {
    /// A kind of event in a few words and a sentence, with nothing else known.
    pub fn of(kind: Kind, title: impl Into<String>, statement: impl Into<String>) -> Told {
        Told {
            kind,
            happened_at: None,
            title: title.into(),
            statement: statement.into(),
            owner: None,
            runbook: None,
            case: None,
            span: None,
            cites: Vec::new(),
            ask_for: Vec::new(),
        }
    }
}

/// A change to how the mail is filtered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What makes it this change and no other, whatever file, row or export tells of it.
    pub key: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// What was done, by whom.
    pub said: String,
    /// The record.
    pub cites: Vec<Cite>,
}

/// Where alerts go.
pub trait Sink {
    /// Its name in the configuration.
    fn name(&self) -> &str;
    /// The least level that it takes.
    fn least(&self) -> Level;
    /// Sends an alert; `attempt` counts from 1, and says whether an attempt before may have arrived.
    ///
    /// # Errors
    /// [`NotSent`].
    fn send(&mut self, alert: &Alert, at: Timestamp, before: Before) -> Result<(), NotSent>;
}

/// What is known of an earlier attempt to send the same alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// There was none, or it failed.
    NotThere,
    /// One was broken off: it may have arrived.
    MayBeThere,
}

/// Why an alert was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// Whether the place is at fault, or this alert.
    pub fault: Fault,
    /// In a sentence; it holds no secret.
    pub said: String,
}

/// What is at fault if an alert was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The place does not answer, or not now: nothing else need be tried there for a while.
    Place,
    /// The place does not take this alert; others may pass.
    Alert,
}

/// Hears after each step that the watcher goes on.
pub trait Pulse {
    /// One step is done.
    ///
    /// # Errors
    /// [`Stopped`] if the watcher shall end here.
    fn beat(&mut self) -> Result<(), Stopped>;
}

/// The watcher shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;
