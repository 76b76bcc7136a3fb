//! Whether a runbook's signal fires on some evidence.
//!
//! A signal is an expression in CEL over what the evidence shows: lists of items (`copies`, `audit`, `settings`, `alerts`, `sign_ins`, `jobs`,
//! `symptoms`) and `counts`. It picks items, each of which is an event, or it is a condition. The fields that it can ask for stand in
//! `fields.toml`, the kinds of export that show a list in `shown_by.toml`.
//!
//! It has three answers, and never takes silence for one: what no export shows is not stated, and a signal that needs it cannot tell. Where the
//! rest of a condition decides (`false && ...`, `true || ...`), it is not needed.
//!
//! Evidence is only ever a value of an expression. How long a signal is, how deep, how many steps it takes and how large a thing it makes is
//! bounded; one that takes more cannot tell.

mod evaluate;
mod expression;
mod fields;
mod propose;
mod shown;
mod value;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use evidence::{Cite, SourceId};
use findings::several::MemberCopy;
use jiff::Timestamp;

use expression::Expression;
pub use fields::{FieldPage, Fields};
pub use propose::{Given, literal, propose, steps};
pub use shown::{FollowedCopy, Shown, Sought};

/// A list of what evidence shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// One message for one recipient.
    Copies,
    /// Who changed which setting, or did something else.
    Audit,
    /// How things are set up.
    Settings,
    /// Alerts.
    Alerts,
    /// Sign-ins.
    SignIns,
    /// What jobs did.
    Jobs,
    /// Symptoms that are recognised.
    Symptoms,
    /// How many there are of what.
    Counts,
}

impl Topic {
    /// All.
    pub const ALL: [Topic; 8] = [
        Topic::Copies,
        Topic::Audit,
        Topic::Settings,
        Topic::Alerts,
        Topic::SignIns,
        Topic::Jobs,
        Topic::Symptoms,
        Topic::Counts,
    ];

    /// Its name in a signal.
    pub fn word(self) -> &'static str {
        match self {
            Topic::Copies => "copies",
            Topic::Audit => "audit",
            Topic::Settings => "settings",
            Topic::Alerts => "alerts",
            Topic::SignIns => "sign_ins",
            Topic::Jobs => "jobs",
            Topic::Symptoms => "symptoms",
            Topic::Counts => "counts",
        }
    }

    /// The kinds of export that show it.
    pub fn kinds(self) -> &'static [String] {
        fields::kinds(self)
    }
}

/// The states that `counts` counts, beside how copies fared.
pub(crate) const COUNTED: [&str; 13] = [
    "through",
    "blocked",
    "put_off",
    "taken_away",
    "held",
    "released",
    "refused",
    "junked",
    "bounced",
    "discarded",
    "removed",
    "delivered",
    "expired",
];

/// A signal that was read.
#[derive(Debug)]
pub struct Signal {
    text: String,
    expression: Expression,
}

/// What a signal says about some evidence.
#[derive(Clone, Debug)]
pub enum Answer {
    /// There it is.
    Fires {
        /// What fired, by time.
        events: Vec<Event>,
        /// How many items are left of which it cannot tell.
        undecided: usize,
        /// What would tell of those.
        ask_for: Vec<SourceId>,
    },
    /// The evidence shows what the signal looks at, and nothing in it is a sign.
    Quiet {
        /// How many items were looked at.
        looked_at: usize,
    },
    /// The evidence does not show what the signal looks at.
    CannotTell {
        /// Why, in one sentence.
        because: String,
        /// What would tell.
        ask_for: Vec<SourceId>,
    },
}

/// One thing that fired.
#[derive(Clone, Debug)]
pub struct Event {
    /// What makes it this event and no other, whatever file, row or export tells of it.
    pub key: String,
    /// Other keys of the same event, for exports that do not know all its ids.
    pub also: Vec<String>,
    /// Whether it is a condition that lasts rather than something that happened once.
    pub lasts: bool,
    /// When, as the records say.
    pub at: Option<Timestamp>,
    /// What it is, in one sentence.
    pub statement: String,
    /// The records.
    pub cites: Vec<Cite>,
    /// The records that made it fire, each by itself: without one of their kinds of export nothing would have been noticed.
    pub grounds: Vec<Cite>,
}

/// What a signal says, and what it needs to say more.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it says.
    pub answer: Answer,
    /// Copies of which only following their message would tell: [`Shown::follow`] takes what that gives, and the signal is asked again.
    pub to_follow: BTreeSet<usize>,
    /// How many items were left aside, see [`Shown::leave_aside`].
    pub left_aside: usize,
}

/// Why a text is no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// Its grammar.
    #[error("line {line}, column {column}: expected an expression in CEL, found: {found}")]
    Syntax {
        /// Line of the expression, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found.
        found: String,
    },
    /// Its length.
    #[error("expected 1 to {most} characters, found {found}")]
    Length {
        /// So many characters.
        found: usize,
        /// So many it may have.
        most: usize,
    },
    /// Its depth.
    #[error("expected parts that are not nested so deeply. Split it into two signals")]
    Depth,
    /// It looks at nothing.
    #[error("expected a look at copies, audit, settings, alerts, sign_ins, jobs, symptoms or counts, found none")]
    Nothing,
    /// A name that is none.
    #[error("expected copies, audit, settings, alerts, sign_ins, jobs, symptoms or counts, found `{found}`")]
    Name {
        /// The name.
        found: String,
    },
    /// A field that no item has.
    #[error("expected a field that items have, found `{found}`. Perhaps `{nearest}`; docs/runbook.md lists all")]
    Field {
        /// The field.
        found: String,
        /// The one that is nearest.
        nearest: String,
    },
    /// A question that is always answered yes.
    #[error("expected `\"{field}\" in x.properties`, found has(... .{field}): what was not set is an empty text")]
    HasOfLookup {
        /// The property.
        field: String,
    },
    /// A function that is none.
    #[error(
        "expected one of size, contains, startsWith, endsWith, matches, lower, int, string, minutes, hours, days, time, has, exists, exists_one, all, filter, map, found `{found}`"
    )]
    Function {
        /// The function.
        found: String,
    },
    /// A pattern that cannot be read.
    #[error("expected a regular expression, found `{found}`: {why}")]
    Pattern {
        /// The pattern.
        found: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something that CEL has and signals do not.
    #[error("expected names, fields, constants, operators and functions, found {what}")]
    NotAllowed {
        /// What.
        what: String,
    },
}

impl Signal {
    /// Reads a signal.
    ///
    /// # Errors
    /// [`SignalError`] if it is no expression, names what there is not, or could take too much.
    pub fn read(text: &str) -> Result<Signal, SignalError> {
        Ok(Signal { text: text.to_owned(), expression: Expression::read(text)? })
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lists that it reads.
    pub fn topics(&self) -> &BTreeSet<Topic> {
        &self.expression.topics
    }

    /// Whether it asks for symptoms: they are looked for only then.
    pub fn reads_symptoms(&self) -> bool {
        self.expression.topics.contains(&Topic::Symptoms) || self.expression.fields.contains("symptoms")
    }

    /// What it says about some evidence. It is quiet only if one of the kinds `needs` was supplied, where there are some.
    pub fn check(&self, shown: &Shown<'_>, needs: &[String]) -> Checked {
        evaluate::check(&self.text, &self.expression, shown, needs)
    }
}

impl FollowedCopy {
    /// What following a message told about one copy. One that came only because it was let go did not simply arrive: its cause is that of the
    /// hold.
    pub fn of(copy: &MemberCopy) -> FollowedCopy {
        let undone = copy.undone.clone().filter(|_| copy.cause.is_none());
        let (undone, records) = undone.map_or((None, Vec::new()), |(cause, records)| (Some(cause), records));
        FollowedCopy {
            fate: words::fate(copy.fate).map(str::to_owned),
            changed_layer: copy.changed_layer.map(|layer| layer.id().to_owned()),
            cause: copy.cause.as_ref().map(|cause| cause.id.clone()).or(undone),
            is_shown: copy.shown,
            cites: copy.cause.as_ref().map_or(records, |cause| cause.cites.clone()),
        }
    }
}
