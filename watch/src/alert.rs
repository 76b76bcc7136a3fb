//! What is told: one document an event.

use jiff::Timestamp;
use report::Cite;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name and version of the form of [`Alert`].
pub const ALERT_SCHEMA: &str = "throughline.alert.v1";

/// One event, told once: a line of the results, the body of a webhook, the matter of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Always `throughline.alert.v1`.
    pub schema: String,
    /// Its name everywhere. It stays the same however often the alert is sent, so that a receiver can drop a repeat.
    pub id: String,
    /// Whose mail it is about.
    pub client: String,
    /// What it is.
    pub kind: Kind,
    /// Whether somebody has to do something.
    pub level: Level,
    /// When it was noticed, by the clock of the machine.
    pub at: Timestamp,
    /// When it happened, by the records; null if none says.
    pub happened_at: Option<Timestamp>,
    /// What it is, in a few words. It may hold text from the evidence, which anybody may have written.
    pub title: String,
    /// What it is, in a sentence or more. It may hold text from the evidence.
    pub statement: String,
    /// Who looks after it; null if nobody is named.
    pub owner: Option<String>,
    /// The runbook that says so; null if none does.
    pub runbook: Option<String>,
    /// The case, by its number; null if it is about none.
    pub case: Option<u64>,
    /// The time in question; null if it is about no span.
    pub span: Option<Span>,
    /// The records; a file is named as it is in the watched folder, or in the evidence of the case.
    pub cites: Vec<Cite>,
    /// Kinds of export that would tell more.
    pub ask_for: Vec<String>,
}

/// From when to when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// How many runs were due in it and did not take place.
    pub runs_missed: u64,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The signal of a runbook fired.
    Signal,
    /// A change did not hold.
    CameBack,
    /// A change held.
    Held,
    /// A check cannot tell.
    CannotTell,
    /// A change was seen, and the checks ran on evidence of the time after it.
    ChangeChecked,
    /// A change was seen, and no evidence of the time after it came.
    ChangeNotChecked,
    /// Runs were due and did not take place.
    RunsMissed,
    /// The checks did not run to their end.
    RunFailed,
    /// The watched folder, or a file in it, cannot be read.
    NotReadable,
    /// The evidence ends too long ago.
    Stale,
    /// The clock of the machine was set back so far that the schedule was planned anew.
    ClockSetBack,
}

impl Kind {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Signal => "signal",
            Kind::CameBack => "came_back",
            Kind::Held => "held",
            Kind::CannotTell => "cannot_tell",
            Kind::ChangeChecked => "change_checked",
            Kind::ChangeNotChecked => "change_not_checked",
            Kind::RunsMissed => "runs_missed",
            Kind::RunFailed => "run_failed",
            Kind::NotReadable => "not_readable",
            Kind::Stale => "stale",
            Kind::ClockSetBack => "clock_set_back",
        }
    }

    /// What it is, in fixed words: safe where text from the evidence is not.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Signal => "the signal of a runbook fired",
            Kind::CameBack => "a change did not hold",
            Kind::Held => "a change held",
            Kind::CannotTell => "a check cannot tell",
            Kind::ChangeChecked => "a change was checked",
            Kind::ChangeNotChecked => "a change could not be checked",
            Kind::RunsMissed => "runs did not take place",
            Kind::RunFailed => "a run failed",
            Kind::NotReadable => "exports cannot be read",
            Kind::Stale => "exports are too old",
            Kind::ClockSetBack => "the clock was set back",
        }
    }

    /// Whether somebody has to do something.
    pub fn level(self) -> Level {
        match self {
            Kind::Held | Kind::ChangeChecked | Kind::ClockSetBack => Level::Info,
            Kind::Signal
            | Kind::CameBack
            | Kind::CannotTell
            | Kind::ChangeNotChecked
            | Kind::RunsMissed
            | Kind::RunFailed
            | Kind::NotReadable
            | Kind::Stale => Level::Alert,
        }
    }

    /// The exit status that it calls for, as in the contract: 5 came back, 6 cannot tell, 0 nothing to do.
    pub fn status(self) -> u8 {
        match self {
            Kind::Signal | Kind::CameBack => 5,
            _ if self.level() == Level::Alert => 6,
            _ => 0,
        }
    }
}

/// Whether somebody has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nobody has to; it is good to know.
    Info,
    /// Somebody has to look.
    Alert,
}

impl Level {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Alert => "alert",
        }
    }
}

/// The name of an alert: it follows from the client, the key of the event, and how often it was there before.
pub(crate) fn id(client: &str, key: &str, times: u64) -> String {
    let mut hash = Sha256::new();
    for part in [ALERT_SCHEMA, client, key, &times.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("alert_{}", hex(&hash.finalize()[..16]))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
