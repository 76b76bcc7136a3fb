//! One ticket, as its journal tells it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journal::{Deed, Entry};

/// One ticket: what its journal adds up to. [`Case::of`] replays the journal; what a store keeps beside it is only a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Its number in this store; another store may give it another one.
    pub number: u64,
    /// Its name everywhere: 32 hexadecimal digits.
    pub uid: String,
    /// Whose ticket it is, and what they say.
    pub about: About,
    /// Which message is meant.
    pub asked: Asked,
    /// How far it is.
    pub status: Status,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: String,
    /// When the last entry of its journal was made.
    pub changed_at: Timestamp,
    /// When it was closed; null while it is not.
    pub closed_at: Option<Timestamp>,
    /// When an answer with a shown cause was first found; null if none was.
    pub answered_at: Option<Timestamp>,
    /// The last answer; null if none was found yet.
    pub answered: Option<Answered>,
    /// When the fix is to be looked at again; null if it is not.
    pub due: Option<Timestamp>,
    /// How many entries its journal has.
    pub entries: u64,
    /// The hash of the last one: it stands for the whole journal.
    pub head: String,
}

/// Whose ticket it is, and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct About {
    /// The client, as the store tells clients apart; empty if nobody said.
    pub client: String,
    /// Number of the ticket in the ticket system.
    pub ticket: Option<String>,
    /// The client's site.
    pub site: Option<String>,
    /// Who is affected.
    pub user: Option<String>,
    /// On which device.
    pub device: Option<String>,
    /// What the reporter says, in the reporter's words.
    pub words: Option<String>,
}

/// Which message is meant: the options of `follow`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Asked {
    /// Message-IDs.
    pub message_id: Vec<String>,
    /// Envelope sender or From address, or a sender's domain.
    pub sender: Option<String>,
    /// Envelope recipients.
    pub recipient: Vec<String>,
    /// About when it was sent, as it was given.
    pub at: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Hosts or domains that are ours.
    pub trust: Vec<String>,
    /// The zone of records that state none.
    pub tz: Option<String>,
}

/// How far a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being worked on.
    Open,
    /// Waiting for somebody else, such as the reporter.
    Waiting,
    /// Given to somebody else.
    Escalated,
    /// Something was changed, and it is not verified yet.
    Changed,
    /// A change was verified: it held.
    Held,
    /// A change was verified: the trouble came back.
    CameBack,
    /// Done.
    Closed,
}

impl Status {
    /// All, in order.
    pub const ALL: [Status; 7] = [
        Status::Open,
        Status::Waiting,
        Status::Escalated,
        Status::Changed,
        Status::Held,
        Status::CameBack,
        Status::Closed,
    ];

    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Waiting => "waiting",
            Status::Escalated => "escalated",
            Status::Changed => "changed",
            Status::Held => "held",
            Status::CameBack => "came_back",
            Status::Closed => "closed",
        }
    }
}

/// An answer in short: what `follow` said when evidence was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Answered {
    /// Message-IDs and the services' own ids.
    pub message_ids: Vec<String>,
    /// Envelope sender and From address.
    pub senders: Vec<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The Date of the message.
    pub sent_at: Option<Timestamp>,
    /// What became of each copy.
    pub copies: Vec<AnsweredCopy>,
    /// Causes that are proved or likely, the answer first.
    pub causes: Vec<AnsweredCause>,
    /// Symptoms that are proved or likely.
    pub symptoms: Vec<AnsweredCause>,
}

/// What became of one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnsweredCopy {
    /// For whom.
    pub envelope_recipient: String,
    /// Its fate, in the contract's word.
    pub fate: report::Fate,
    /// The layer that explains it.
    pub changed_layer: Option<report::Layer>,
}

/// A cause or symptom that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnsweredCause {
    /// Its id, such as `release-handoff/released-rejected`.
    pub id: String,
    /// Proved or likely.
    pub standing: report::Standing,
    /// The layer.
    pub layer: report::Layer,
    /// For whose copy; null for all.
    pub envelope_recipient: Option<String>,
    /// The product whose record decides; empty if it is not named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub system: String,
    /// The policy, rule, entry or reply that decided, as the records name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

impl Answered {
    /// The short form of a report.
    pub fn of(report: &report::Report) -> Answered {
        let message = &report.message;
        let shown = |kind: report::FindingKind| {
            let of_kind = report.findings.iter().filter(move |finding| finding.kind == kind);
            let is_shown = |standing| matches!(standing, report::Standing::Proved | report::Standing::Likely);
            let shown = of_kind.filter(move |finding| is_shown(finding.standing));
            let decided = |finding: &report::Finding| {
                let recipient = finding.envelope_recipient.as_deref().unwrap_or_default();
                let is_its = |copy: &&report::MessageCopy| copy.envelope_recipient == recipient;
                let cause = report.copies.iter().find(is_its).and_then(|copy| copy.cause.as_ref());
                cause.filter(|cause| cause.id == finding.id)
            };
            let cause = |finding: &report::Finding| AnsweredCause {
                id: finding.id.clone(),
                standing: finding.standing,
                layer: finding.layer,
                envelope_recipient: finding.envelope_recipient.clone(),
                system: decided(finding).map(|cause| cause.system.clone()).unwrap_or_default(),
                decided_by: decided(finding).and_then(|cause| cause.policy.clone().or_else(|| cause.reply.clone())),
            };
            shown.map(cause).collect()
        };
        let copies = report.copies.iter().map(|copy| AnsweredCopy {
            envelope_recipient: copy.envelope_recipient.clone(),
            fate: copy.fate,
            changed_layer: copy.changed_layer,
        });
        let mut senders: Vec<String> = message.envelope_sender.iter().chain(&message.header_from).cloned().collect();
        senders.dedup();
        Answered {
            message_ids: message.message_id.iter().chain(&message.network_message_ids).cloned().collect(),
            senders,
            subject: message.subject.clone(),
            sent_at: message.sent_at,
            copies: copies.collect(),
            causes: shown(report::FindingKind::Cause),
            symptoms: shown(report::FindingKind::Symptom),
        }
    }

    /// Whether it says anything.
    pub fn is_empty(&self) -> bool {
        *self == Answered::default()
    }
}

impl Case {
    /// What a journal adds up to; `None` if it does not begin with an opening.
    pub fn of(number: u64, journal: &[Entry]) -> Option<Case> {
        let (first, rest) = journal.split_first()?;
        let mut case = Case::opened(number, first)?;
        rest.iter().for_each(|entry| case.take(entry));
        Some(case)
    }

    fn opened(number: u64, entry: &Entry) -> Option<Case> {
        let Deed::Opened { about, asked } = &entry.deed else { return None };
        Some(Case {
            number,
            uid: entry.uid.clone(),
            about: about.clone(),
            asked: asked.clone(),
            status: Status::Open,
            opened_at: entry.at,
            opened_by: entry.who.clone(),
            changed_at: entry.at,
            closed_at: None,
            answered_at: None,
            answered: None,
            due: None,
            entries: 1,
            head: entry.hash.clone(),
        })
    }

    /// Goes on by one entry.
    pub fn take(&mut self, entry: &Entry) {
        self.changed_at = self.changed_at.max(entry.at);
        self.entries += 1;
        self.head.clone_from(&entry.hash);
        match &entry.deed {
            Deed::Answered { answered } => {
                if self.answered_at.is_none() && !answered.causes.is_empty() {
                    self.answered_at = Some(entry.at);
                }
                self.answered = Some(answered.clone());
            }
            Deed::Asked { asked } => self.asked = asked.clone(),
            Deed::ChangeMade { .. } => self.status = Status::Changed,
            Deed::Verified { verification, due } => {
                self.status = match verification.answer {
                    crate::journal::Answer::Held => Status::Held,
                    crate::journal::Answer::CameBack => Status::CameBack,
                    crate::journal::Answer::CannotTell => self.status,
                };
                self.due = *due;
            }
            Deed::Escalated { .. } => self.status = Status::Escalated,
            Deed::StatusSet { status, .. } => self.set(*status, entry.at),
            Deed::Opened { .. }
            | Deed::EvidenceAdded { .. }
            | Deed::Noted { .. }
            | Deed::Approved { .. }
            | Deed::RunbookWritten { .. }
            | Deed::Imported { .. } => {}
        }
    }

    fn set(&mut self, status: Status, at: Timestamp) {
        self.status = status;
        self.closed_at = (status == Status::Closed).then_some(at);
        if status == Status::Closed {
            self.due = None;
        }
    }
}
