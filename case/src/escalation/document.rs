//! The document of an escalation: `docs/escalation.schema.json`.

use jiff::Timestamp;
use report::{Cite, Fate, Layer, Message, Standing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name and version of the document's form.
pub const ESCALATION_SCHEMA: &str = "throughline.escalation.v1";

/// Whether a ticket may be given to somebody else, why, to whom, and all that the receiver needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalation {
    /// Always `throughline.escalation.v1`.
    pub schema: String,
    /// Whether it is given to somebody else.
    pub answer: EscalationAnswer,
    /// Which case.
    pub case: EscalatedCase,
    /// When the package was made.
    pub prepared_at: Timestamp,
    /// By whom.
    pub prepared_by: String,
    /// The four facts without which nothing is given to anybody.
    pub facts: Vec<EscalationFact>,
    /// The reasons that apply.
    pub reasons: Vec<EscalationReason>,
    /// The reasons that do not apply, or of which it is not shown, and why.
    pub not_reasons: Vec<EscalationReason>,
    /// To whom; null if no reason applies and nobody is named.
    pub receiver: Option<Receiver>,
    /// The message.
    pub message: Message,
    /// The cause; null if it is not shown.
    pub cause: Option<EscalatedCause>,
    /// What became of each copy.
    pub copies: Vec<EscalatedCopy>,
    /// For whom, since when.
    pub impact: Impact,
    /// What was tried, as the journal says.
    pub tried: Vec<Tried>,
    /// The ids by which each vendor finds it; the receiver's first.
    pub ids: Vec<VendorIds>,
    /// What the receiver is asked.
    pub questions: Vec<String>,
    /// What happened, in UTC.
    pub timeline: Vec<EscalatedEvent>,
    /// What the evidence does not show, in sentences.
    pub not_shown: Vec<String>,
    /// What was left out of the package on purpose, in sentences.
    pub left_out: Vec<String>,
    /// The package; null if none was written.
    #[serde(default)]
    pub package: Option<WrittenPackage>,
}

/// Whether a ticket is given to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EscalationAnswer {
    /// It is: the four facts are in, and a reason applies, or somebody wants it anyway.
    Escalated,
    /// It is not: a fact is missing.
    Refused,
    /// It is not: no reason applies.
    NoReason,
}

/// The case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalatedCase {
    /// Its number in the store.
    pub number: u64,
    /// Its name everywhere.
    pub uid: String,
    /// Whose ticket it is.
    pub client: String,
    /// Number of the ticket in the ticket system.
    pub ticket: Option<String>,
    /// The client's site.
    pub site: Option<String>,
    /// Who is affected.
    pub user: Option<String>,
    /// On which device.
    pub device: Option<String>,
    /// What the reporter says.
    pub words: Option<String>,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
}

/// One of the four facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalationFact {
    /// Which.
    pub fact: FactName,
    /// Whether it is in.
    pub state: FactState,
    /// What is known, in one sentence.
    pub statement: String,
    /// The records that say so; never empty if it is in.
    pub cites: Vec<Cite>,
    /// What is missing, in words.
    pub missing: Vec<String>,
    /// How to get it.
    pub fetch: Vec<Fetch>,
}

/// The name of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactName {
    /// Sender, recipient, time, and Message-ID or the service's own id.
    Identifiers,
    /// What the receiving system said about SPF, DKIM, DMARC, ARC, or that it said nothing.
    Authentication,
    /// What a filter, policy or rule concluded.
    Verdict,
    /// What the next system or the mailbox says, or the reply that refused it.
    Downstream,
}

/// Whether a fact is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactState {
    /// Records state it.
    In,
    /// Evidence that would show it was supplied and shows nothing.
    Absent,
    /// An earlier layer provably ended the way.
    NotReached,
    /// It is not there.
    Missing,
}

/// How to get what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fetch {
    /// The kind of export; null if it is a step that gives none.
    pub source: Option<String>,
    /// What it is, in words.
    pub title: String,
    /// The command, if there is one.
    pub command: Option<String>,
    /// The click path, if there is one.
    pub clicks: Option<String>,
}

/// One of the four reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalationReason {
    /// Which.
    pub reason: ReasonName,
    /// That in a sentence or two: why it applies, or why not.
    pub statement: String,
    /// The records; never empty if it applies, unless it rests on journals or on what a person says.
    pub cites: Vec<Cite>,
    /// Entries of journals.
    pub entries: Vec<JournalEntry>,
    /// Who says so; null if records do.
    pub said_by: Option<String>,
}

/// The name of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonName {
    /// Several users or sites.
    SeveralUsersOrSites,
    /// Somebody else owns what has to be mended.
    OwnershipElsewhere,
    /// The fix changes something for everybody.
    DisruptiveFix,
    /// The trouble is back after a fix that was verified.
    SameSymptomAfterFix,
    /// A person says why.
    SaidByAPerson,
}

/// An entry of a journal: it can be looked up, and its hash stands for all before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct JournalEntry {
    /// Of which case, by its name everywhere.
    pub uid: String,
    /// The number of that case in the store.
    pub case: u64,
    /// Its number in the journal.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// What was done, in the journal's word.
    pub deed: String,
    /// Its hash.
    pub hash: String,
}

/// To whom a ticket goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receiver {
    /// What they are.
    pub to: ReceiverKind,
    /// Who, as the records name them.
    pub name: String,
    /// Why they.
    pub because: String,
    /// The records that say so.
    pub cites: Vec<Cite>,
    /// Who says so; null if it was computed.
    pub said_by: Option<String>,
    /// Which sign that the vendor has to act fits; null if none does.
    pub sign: Option<String>,
    /// What that sign asks to be attached; empty if none fits.
    pub attach: Vec<String>,
    /// The vendor's page, and the day on which it was read.
    pub source: Option<String>,
}

/// What a receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiverKind {
    /// The vendor of a service.
    Vendor,
    /// Who runs a server, or the network to it.
    Server,
    /// The security team.
    Security,
    /// Who owns a policy, rule, connector or list.
    PolicyOwner,
    /// The sending side's administrator.
    Sender,
}

impl ReceiverKind {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            ReceiverKind::Vendor => "vendor",
            ReceiverKind::Server => "server",
            ReceiverKind::Security => "security",
            ReceiverKind::PolicyOwner => "policy_owner",
            ReceiverKind::Sender => "sender",
        }
    }
}

impl FactName {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            FactName::Identifiers => "identifiers",
            FactName::Authentication => "authentication",
            FactName::Verdict => "verdict",
            FactName::Downstream => "downstream",
        }
    }
}

impl ReasonName {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            ReasonName::SeveralUsersOrSites => "several_users_or_sites",
            ReasonName::OwnershipElsewhere => "ownership_elsewhere",
            ReasonName::DisruptiveFix => "disruptive_fix",
            ReasonName::SameSymptomAfterFix => "same_symptom_after_fix",
            ReasonName::SaidByAPerson => "said_by_a_person",
        }
    }

    /// The reason in words for people.
    pub fn title(self) -> &'static str {
        match self {
            ReasonName::SeveralUsersOrSites => "several users or sites",
            ReasonName::OwnershipElsewhere => "ownership elsewhere",
            ReasonName::DisruptiveFix => "disruptive fix",
            ReasonName::SameSymptomAfterFix => "same symptom after a verified fix",
            ReasonName::SaidByAPerson => "said by a person",
        }
    }
}

/// The cause of the trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalatedCause {
    /// `family/specific`.
    pub id: String,
    /// Proved or likely.
    pub standing: Standing,
    /// The layer.
    pub layer: Layer,
    /// The product whose record decides; empty if it is not named.
    pub system: String,
    /// The policy, rule, entry or reply that decided, as the records name it.
    pub decided_by: Option<String>,
    /// The claim.
    pub statement: String,
    /// Who owns it, as the cause's page says.
    pub owner: Option<String>,
    /// The records.
    pub cites: Vec<Cite>,
}

/// What became of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalatedCopy {
    /// For whom.
    pub envelope_recipient: String,
    /// What became of it.
    pub fate: Fate,
    /// The layer that explains that.
    pub changed_layer: Option<Layer>,
    /// Why, in one sentence.
    pub because: Option<String>,
    /// Whether the escalation is about it.
    pub is_concerned: bool,
}

/// For whom, since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// How many messages share the cause, as far as they were followed.
    pub messages: u64,
    /// How many copies.
    pub copies: u64,
    /// The recipients of these copies.
    pub envelope_recipients: Vec<String>,
    /// Sites of the cases that share it.
    pub sites: Vec<String>,
    /// The first instant at which a record shows the trouble.
    pub first: Option<Timestamp>,
    /// The last.
    pub last: Option<Timestamp>,
    /// The last copy that was delivered before.
    pub delivered_before: Option<Timestamp>,
    /// Messages that fit and were not followed.
    pub not_followed: u64,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
    /// What, in a sentence.
    pub what: String,
    /// The change as it was made; null if nothing was changed, or if it is kept from this receiver.
    pub change: Option<String>,
    /// The entry of the journal.
    pub entry: JournalEntry,
}

/// By what a vendor finds the message in its own records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VendorIds {
    /// Who.
    pub vendor: String,
    /// The system.
    pub system: String,
    /// For whose copy.
    pub envelope_recipient: String,
    /// The ids.
    pub ids: Vec<VendorId>,
    /// The page that says what is needed, and the day on which it was read.
    pub source: String,
}

/// One of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VendorId {
    /// What it is, as in `vendors.toml`.
    pub kind: String,
    /// That in the vendor's words.
    pub label: String,
    /// The values; empty if no record states one.
    pub values: Vec<String>,
    /// The records.
    pub cites: Vec<Cite>,
    /// Whether the vendor cannot do without.
    pub needed: bool,
}

/// One event of one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EscalatedEvent {
    /// When, in UTC.
    pub at: Timestamp,
    /// Who says so.
    pub system: String,
    /// The layer.
    pub layer: Layer,
    /// Whose copy; empty text if all are meant.
    pub envelope_recipient: String,
    /// What happened.
    pub summary: String,
    /// The records.
    pub cites: Vec<Cite>,
    /// What was assumed to place it in time.
    pub assumed: Option<String>,
}

/// The package that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenPackage {
    /// Its name.
    pub path: String,
    /// SHA-256 of the archive; of a folder, that of its `SHA256SUMS`.
    pub sha256: String,
    /// What is in it.
    pub files: Vec<PackedFile>,
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackedFile {
    /// Its name in the package.
    pub name: String,
    /// SHA-256.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// The records that a package cites: its `records.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CitedRecords {
    /// Always `throughline.escalation-records.v1`.
    pub schema: String,
    /// The records, by file and place.
    pub records: Vec<CitedRecord>,
    /// The files that they stand in.
    pub files: Vec<CitedFile>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CitedRecord {
    /// Its number in this package.
    pub number: u64,
    /// Where it is written.
    pub cite: Cite,
    /// SHA-256 of its bytes; null if the file could not be opened.
    pub sha256: Option<String>,
}

/// One file of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CitedFile {
    /// Its name, as cites have it.
    pub file: String,
    /// SHA-256 of the whole file; null if it could not be opened.
    pub sha256: Option<String>,
    /// The kind of export.
    pub source: Option<String>,
    /// Its name in the package; null if it is not in it.
    pub attached: Option<String>,
    /// What of it is in the package, in words.
    pub what: String,
}

impl Escalation {
    /// Visits every cite.
    pub fn each_cite(&mut self, mut visit: impl FnMut(&mut Cite)) {
        self.facts.iter_mut().flat_map(|fact| &mut fact.cites).for_each(&mut visit);
        self.reasons.iter_mut().chain(&mut self.not_reasons).flat_map(|one| &mut one.cites).for_each(&mut visit);
        self.receiver.iter_mut().flat_map(|receiver| &mut receiver.cites).for_each(&mut visit);
        self.cause.iter_mut().flat_map(|cause| &mut cause.cites).for_each(&mut visit);
        let ids = self.ids.iter_mut().flat_map(|vendor| &mut vendor.ids);
        ids.flat_map(|id| &mut id.cites).for_each(&mut visit);
        self.timeline.iter_mut().flat_map(|event| &mut event.cites).for_each(&mut visit);
    }
}
