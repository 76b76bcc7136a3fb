//! The report as data: the JSON of `follow --format json`.
//!
//! Within [`SCHEMA`] a field may be added, never renamed or removed. Fields that are additions to the first contract
//! have a default, so that an older report is still read.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::picture::Picture;
use crate::sample::SampleHeaders;
use crate::several::{Exception, FollowedCause, FollowedMessage, Several, SharedCause};
use crate::stated::{CopyIdentifier, CopyRelease, StatedPart};

/// The name and version of the report's form.
pub const SCHEMA: &str = "throughline.report.v1";

/// What was found out about one message: its copies, the findings, what to do next, and the evidence it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always `throughline.report.v1`.
    pub schema: String,
    /// Who and what the message is.
    pub message: Message,
    /// One entry an envelope recipient.
    pub copies: Vec<MessageCopy>,
    /// Proved before likely, then by layer; the first of kind `cause` is the answer.
    pub findings: Vec<Finding>,
    /// What to do next, tier 1 first.
    pub next_steps: Vec<NextStep>,
    /// What was already checked, in the order of the steps, by which records: it is no next step any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<Checked>,
    /// What was read from every file, in the order of the files.
    pub evidence: Vec<EvidenceFile>,
    /// What was assumed because a record is silent, such as a zone or a year; one sentence each.
    #[serde(default)]
    pub assumptions: Vec<String>,
    /// How to get each export that a finding asks for.
    #[serde(default)]
    pub exports: Vec<Export>,
    /// The header of each sample: its hops, and whose word each authentication result is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SampleHeaders>,
    /// If several messages were followed: what was asked for, and what became of them. All above is then about one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub several: Option<Several>,
    /// If several messages were followed: each of them by time, that one among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<FollowedMessage>,
    /// If several messages were followed: the causes that they share, that of most messages first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<SharedCause>,
    /// If several messages were followed: the copies that share their cause with no other message; none if all were delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

/// Who and what the message is, from all records that say so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// The service's own ids; several after a bifurcation.
    pub network_message_ids: Vec<String>,
    /// RFC 5321 MAIL FROM; empty text for the null sender.
    pub envelope_sender: Option<String>,
    /// RFC 5322 From, what the reader sees.
    pub header_from: Option<String>,
    /// RFC 5321 RCPT TO, all copies.
    pub envelope_recipients: Vec<String>,
    /// The decoded subject.
    pub subject: Option<String>,
    /// The Date field: the sender's clock.
    pub sent_at: Option<Timestamp>,
    /// The file that held the sample; null if the message was selected by options.
    pub sample: Option<String>,
}

/// One message for one recipient: its way and where it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageCopy {
    /// For whom it is; empty text if no record names the recipient.
    pub envelope_recipient: String,
    /// What became of it.
    pub fate: Fate,
    /// The layer whose doing explains the fate; null if it is simply in the inbox, or if not shown.
    pub changed_layer: Option<Layer>,
    /// The seven layers in order.
    pub layers: Vec<LayerState>,
    /// What happened, by time.
    pub timeline: Vec<Event>,
    /// Why `changed_layer` (or why none), in one sentence.
    #[serde(default)]
    pub because: Option<String>,
    /// The six families of causes, the proved one first; empty if the copy simply arrived.
    #[serde(default)]
    pub families: Vec<Family>,
    /// The replies that refused it or put it off, explained: the one that decided first, then earlier ones that tell something
    /// else, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<ReplyExplained>,
    /// Its cause with what decided: the product, and the policy, rule, entry or reply that its records name; null if it is not shown, or
    /// if the copy is simply in the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FollowedCause>,
    /// The ids by which it went, each with the first record that states it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<CopyIdentifier>,
    /// Who and what it is, each part with the first record that says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stated: Vec<StatedPart>,
    /// The steps of its releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<CopyRelease>,
}

/// How one family of causes stands for a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// The family, such as `connector-routing`.
    pub family: String,
    /// How it stands.
    pub standing: Standing,
    /// Why, in one sentence.
    pub statement: String,
    /// The records that say so; never empty unless not shown.
    pub cites: Vec<Cite>,
    /// Kinds of export that would settle it.
    pub ask_for: Vec<String>,
}

/// What a server answered, and what that means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyExplained {
    /// Who gave it: the host that a record names, else the system that wrote the record.
    pub from: String,
    /// RFC 5321 reply code, such as 550.
    pub reply_code: Option<u16>,
    /// RFC 3463 enhanced status code, such as `5.7.1`.
    pub enhanced_status_code: Option<String>,
    /// The text as written, cut at 300 characters.
    pub said: String,
    /// Whose list it was explained by, such as `Exchange Online` or `the standards`.
    pub list: String,
    /// What it means, in one sentence.
    pub means: String,
    /// The layer that said it; null if that cannot be told.
    pub layer: Option<Layer>,
    /// The cause that it names, `family/specific`; null where neither code nor words say one.
    pub cause: Option<String>,
    /// Who can mend it; null if that cannot be told.
    pub owner: Option<Owner>,
    /// What to do, as narrowly as possible.
    pub to_do: String,
    /// The page that says what it means, and the day on which it was read.
    pub source: String,
    /// The records that carry it.
    pub cites: Vec<Cite>,
}

/// Who can mend what a reply tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Whoever runs the sending side.
    SenderAdministrator,
    /// Whoever runs the receiving side.
    RecipientAdministrator,
    /// Whoever runs the gateway in front of the receiving side.
    GatewayAdministrator,
    /// The person who sent it.
    Sender,
    /// The person it is for.
    Recipient,
    /// The vendor of the service.
    Vendor,
    /// Nobody has to: it mends itself by waiting.
    Nobody,
}

/// What one layer decided over one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerState {
    /// Which layer.
    pub layer: Layer,
    /// What it did.
    pub state: State,
    /// That in one sentence.
    pub summary: String,
    /// The records that say so.
    pub cites: Vec<Cite>,
    /// The system that spoke, such as `Mimecast`; null if none did.
    #[serde(default)]
    pub system: Option<String>,
}

/// One thing that happened to a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When, in UTC, by the clock of the system that wrote the record.
    pub at: Timestamp,
    /// Who says so, such as `Mimecast` or `Postfix mx1`.
    pub system: String,
    /// The layer it belongs to.
    pub layer: Layer,
    /// What happened, in one sentence.
    pub summary: String,
    /// The records that say so.
    pub cites: Vec<Cite>,
    /// What was assumed to place it in time, such as `UTC by --tz`; null if the record states its zone.
    #[serde(default)]
    pub assumed: Option<String>,
}

/// A claim: what was proved, is likely, was refuted, or could not be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `family/specific`, such as `release-handoff/released-rejected`.
    pub id: String,
    /// What sort of claim it is.
    pub kind: FindingKind,
    /// How well it stands.
    pub standing: Standing,
    /// The layer it is about.
    pub layer: Layer,
    /// The copy it is about; null for all copies.
    pub envelope_recipient: Option<String>,
    /// The claim in one or two sentences.
    pub statement: String,
    /// The records that carry it; never empty unless `not_shown`.
    pub cites: Vec<Cite>,
    /// Kinds of export that would settle it, each explained in [`Report::exports`].
    pub ask_for: Vec<String>,
    /// Who has to mend it; null if it is not shown, or refuted.
    #[serde(default)]
    pub owner: Option<String>,
    /// The narrowest thing that mends causes of this kind; null as `owner`.
    #[serde(default)]
    pub narrow_fix: Option<String>,
    /// Of a symptom: which of its causes, as `throughline symptoms ID` lists them; null if the records do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specific: Option<String>,
    /// Of a symptom: how its other causes stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_apart: Vec<ToldApart>,
    /// Of a symptom whose cause is shown: when to take the fix back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<String>,
    /// Of a symptom whose cause is shown: what shows that the fix held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
    /// Of a symptom: what people would rather see than read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

/// How another cause of the same symptom stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldApart {
    /// The cause, as `throughline symptoms ID` lists it.
    pub specific: String,
    /// How it stands.
    pub standing: Standing,
    /// Why.
    pub because: String,
    /// The records that say so.
    pub cites: Vec<Cite>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextStep {
    /// 1 or 2: who may do it.
    pub tier: u8,
    /// What to do.
    pub step: String,
    /// Ids of the findings that ask for it.
    pub because: Vec<String>,
    /// The command line, if there is one, with the ticket's own values quoted in it.
    #[serde(default)]
    pub command: Option<String>,
    /// By whose rules the words of the command are quoted: `powershell` or `sh`; null for a call or a query.
    #[serde(default)]
    pub shell: Option<String>,
    /// The click path, or where the command is run.
    #[serde(default)]
    pub r#where: Option<String>,
    /// The layer that the step shows or settles.
    #[serde(default)]
    pub layer: Option<Layer>,
    /// The kind of export that the step gives: with it, run again.
    #[serde(default)]
    pub fetches: Option<String>,
    /// What is looked at, by the name that [`Checked::check`] has once it is done; null if the step looks at nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
}

/// What was already looked at, by which records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    /// What was looked at, such as `quarantine`.
    pub check: String,
    /// The layer that it shows.
    pub layer: Layer,
    /// For whose copies.
    pub envelope_recipients: Vec<String>,
    /// What it showed, in one sentence.
    pub said: String,
    /// The records that say so, the first few.
    pub cites: Vec<Cite>,
}

/// How to get an export, with the ticket's values filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// The kind, such as `exchange-online/message-trace`.
    pub source: String,
    /// The kind in words.
    pub title: String,
    /// The command line, if there is one.
    pub command: Option<String>,
    /// The click path, if there is one.
    pub clicks: Option<String>,
}

/// What was read from one file.
///
/// `rows` is the sum of `observed`, `problems` and `passed_over`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceFile {
    /// Relative path, `archive.zip/inner` within an archive.
    pub file: String,
    /// Hex; null for a file that was not opened, and for one over 64 MiB unless `--hash-all` was given.
    pub sha256: Option<String>,
    /// The kind; null if nobody recognises the file.
    pub source: Option<String>,
    /// How many rows the file has.
    pub rows: u64,
    /// Rows that say something about the message.
    pub observed: u64,
    /// Rows that could not be read.
    pub problems: u64,
    /// Rows left out with a reason.
    pub passed_over: u64,
    /// Earliest instant of any row.
    pub from: Option<Timestamp>,
    /// Latest instant of any row.
    pub to: Option<Timestamp>,
    /// What the file cannot show.
    pub limits: Vec<String>,
    /// Why nothing could be read from it, with what to try; null if it was read.
    #[serde(default)]
    pub error: Option<String>,
    /// The first rows that could not be read.
    #[serde(default)]
    pub problem_rows: Vec<Problem>,
    /// Why rows were left out.
    #[serde(default)]
    pub passed_over_reasons: Vec<PassedOver>,
    /// For an export of settings: when it was taken, and what differs from the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
}

/// An export of settings at one moment, beside the export of the same settings before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// When it was taken, where its name says that.
    pub taken: Option<Timestamp>,
    /// How that is known, or what was assumed.
    pub taken_by: Option<String>,
    /// The export of the same settings before it; null if there is none.
    pub earlier: Option<String>,
    /// How the other one is known to be the earlier: `instant`, `word`, `content`; `not_shown` if it is not.
    pub order: String,
    /// How many properties differ.
    pub different: u64,
    /// What differs, at most 200 properties.
    pub differences: Vec<SettingDifference>,
}

/// One property that two exports show differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingDifference {
    /// The setting's name.
    pub setting: String,
    /// The property; null if only one of the exports has the setting.
    pub property: Option<String>,
    /// What the earlier one shows.
    pub before: Option<String>,
    /// What the later one shows.
    pub after: Option<String>,
    /// Where the two are written.
    pub cites: Vec<Cite>,
}

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Where it stands.
    pub cite: Cite,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Rows left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PassedOver {
    /// Why, such as `other message`.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// The exact place of a record, with its own words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Cite {
    /// The evidence file.
    pub file: String,
    /// The line at which the record starts, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Instead of `line`: the record's number from 1, in binary files and single-line JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// The record as byte offsets into the file, end exclusive.
    pub bytes: [u64; 2],
    /// The part of the record that says it, as byte offsets into the file, end exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<[u64; 2]>,
    /// The record's own words, cut at 300 characters.
    pub said: String,
    /// The record around the mark, decoded; where `mark` lies beyond `said`, only this shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

/// The marked part of a record with some text around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// The text before the mark, without line breaks at its end; begins with `…` if cut.
    pub before: String,
    /// The marked text.
    pub marked: String,
    /// The text after the mark; ends with `…` if cut.
    pub after: String,
}

/// A stage that decides over a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Our first system accepts the message, or does not.
    Arrival,
    /// SPF, DKIM, DMARC, ARC as the receiving system stated them.
    Authentication,
    /// What a filter, policy or rule concluded.
    Verdict,
    /// Kept back by a filter.
    Quarantine,
    /// Let go by someone.
    Release,
    /// Handed to, and taken by, the next system up to the mailbox store.
    Delivery,
    /// What the mailbox did.
    Mailbox,
}

/// What a layer did with a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Let it go on.
    Passed,
    /// Marked, held, moved, or let go.
    Changed,
    /// The path ended here.
    Stopped,
    /// Not decided yet.
    Pending,
    /// An earlier layer provably ended the path.
    NotReached,
    /// Evidence that would show it was supplied, covers the time, and shows nothing.
    Absent,
    /// No evidence that would show it was supplied.
    NotSupplied,
    /// Two speakers disagree.
    Conflict,
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// In the inbox, or taken by the mailbox store without a folder being named.
    Delivered,
    /// In the junk folder.
    Junked,
    /// In another folder, by a rule.
    Filed,
    /// Sent on to another address.
    Forwarded,
    /// Thrown away without a notice.
    Discarded,
    /// Kept back.
    Quarantined,
    /// Let go or asked for, and not yet handed over.
    ReleasePending,
    /// Refused in an SMTP session.
    Rejected,
    /// Given up, its sender was told.
    Bounced,
    /// Will be tried again.
    Deferred,
    /// Taken out of the mailbox afterwards.
    RemovedAfterDelivery,
    /// The trail ends although the evidence covers what should follow.
    Lost,
    /// Not shown.
    Unknown,
}

/// What sort of claim a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Why the copy's fate is what it is.
    Cause,
    /// A known pattern of trouble.
    Symptom,
    /// Something that the evidence cannot show.
    Gap,
    /// Something dangerous on the way.
    Risk,
}

/// How well a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Records say it and none says otherwise.
    Proved,
    /// Records point to it; another explanation is left.
    Likely,
    /// Records say otherwise.
    Refuted,
    /// The deciding record is missing.
    NotShown,
}

impl Default for Report {
    fn default() -> Report {
        Report {
            schema: SCHEMA.to_owned(),
            message: Message::default(),
            copies: Vec::new(),
            findings: Vec::new(),
            next_steps: Vec::new(),
            checked: Vec::new(),
            evidence: Vec::new(),
            assumptions: Vec::new(),
            exports: Vec::new(),
            samples: Vec::new(),
            several: None,
            messages: Vec::new(),
            shared: Vec::new(),
            exceptions: Vec::new(),
        }
    }
}

impl Report {
    /// Visits every cite of the report.
    pub fn each_cite(&mut self, mut visit: impl FnMut(&mut Cite)) {
        for copy in &mut self.copies {
            copy.layers.iter_mut().flat_map(|layer| &mut layer.cites).for_each(&mut visit);
            copy.timeline.iter_mut().flat_map(|event| &mut event.cites).for_each(&mut visit);
            copy.families.iter_mut().flat_map(|family| &mut family.cites).for_each(&mut visit);
            copy.replies.iter_mut().flat_map(|reply| &mut reply.cites).for_each(&mut visit);
            copy.cause.iter_mut().flat_map(|cause| &mut cause.cites).for_each(&mut visit);
            copy.identifiers.iter_mut().flat_map(|id| &mut id.cites).for_each(&mut visit);
            copy.stated.iter_mut().flat_map(|part| &mut part.cites).for_each(&mut visit);
            copy.releases.iter_mut().flat_map(|release| &mut release.cites).for_each(&mut visit);
        }
        for finding in &mut self.findings {
            finding.cites.iter_mut().for_each(&mut visit);
            finding.told_apart.iter_mut().flat_map(|one| &mut one.cites).for_each(&mut visit);
            if let Some(picture) = &mut finding.picture {
                picture.each_cite(&mut visit);
            }
        }
        for sample in &mut self.samples {
            sample.hops.iter_mut().map(|hop| &mut hop.cite).for_each(&mut visit);
            sample.results.iter_mut().map(|result| &mut result.cite).for_each(&mut visit);
            sample.filters.iter_mut().map(|word| &mut word.cite).for_each(&mut visit);
            let own = sample.own.iter_mut().flat_map(|own| &mut own.results);
            own.filter_map(|result| result.cite.as_mut()).for_each(&mut visit);
        }
        for message in &mut self.messages {
            let causes = message.copies.iter_mut().filter_map(|copy| copy.cause.as_mut()).chain(&mut message.cause);
            causes.flat_map(|cause| &mut cause.cites).for_each(&mut visit);
        }
        self.shared.iter_mut().flat_map(|group| &mut group.cause.cites).for_each(&mut visit);
        for file in &mut self.evidence {
            file.problem_rows.iter_mut().map(|problem| &mut problem.cite).for_each(&mut visit);
        }
    }
}

impl From<&evidence::Problem> for Problem {
    fn from(problem: &evidence::Problem) -> Problem {
        Problem { cite: Cite::from(&problem.cite), expected: problem.expected.clone(), found: problem.found.clone() }
    }
}

impl From<&evidence::Cite> for Cite {
    fn from(cite: &evidence::Cite) -> Cite {
        let (line, record) = match cite.place {
            evidence::Place::Line(line) => (Some(line), None),
            evidence::Place::Record(record) => (None, Some(record)),
        };
        Cite {
            file: cite.file.to_string(),
            line,
            record,
            bytes: [cite.bytes.start, cite.bytes.end],
            mark: cite.mark.as_ref().map(|mark| [mark.start, mark.end]),
            said: cite.said.to_string(),
            excerpt: None,
        }
    }
}

impl Cite {
    /// `file:line`, or `file#record`.
    pub fn place(&self) -> String {
        match (self.line, self.record) {
            (Some(line), _) => format!("{}:{line}", self.file),
            (None, Some(record)) => format!("{}#{record}", self.file),
            (None, None) => self.file.clone(),
        }
    }
}

impl From<evidence::Layer> for Layer {
    fn from(layer: evidence::Layer) -> Layer {
        match layer {
            evidence::Layer::Arrival => Layer::Arrival,
            evidence::Layer::Authentication => Layer::Authentication,
            evidence::Layer::Verdict => Layer::Verdict,
            evidence::Layer::Quarantine => Layer::Quarantine,
            evidence::Layer::Release => Layer::Release,
            evidence::Layer::Delivery => Layer::Delivery,
            evidence::Layer::Mailbox => Layer::Mailbox,
        }
    }
}

impl Layer {
    /// All layers in order.
    pub const ALL: [Layer; 7] = [
        Layer::Arrival,
        Layer::Authentication,
        Layer::Verdict,
        Layer::Quarantine,
        Layer::Release,
        Layer::Delivery,
        Layer::Mailbox,
    ];

    /// The layer's name in the contract.
    pub fn word(self) -> &'static str {
        match self {
            Layer::Arrival => "arrival",
            Layer::Authentication => "authentication",
            Layer::Verdict => "verdict",
            Layer::Quarantine => "quarantine",
            Layer::Release => "release",
            Layer::Delivery => "delivery",
            Layer::Mailbox => "mailbox",
        }
    }
}

impl State {
    /// The state in words for people.
    pub fn word(self) -> &'static str {
        match self {
            State::Passed => "passed",
            State::Changed => "changed",
            State::Stopped => "stopped",
            State::Pending => "pending",
            State::NotReached => "not reached",
            State::Absent => "absent",
            State::NotSupplied => "not supplied",
            State::Conflict => "conflict",
        }
    }
}

impl Fate {
    /// The fate in words for people.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Delivered => "delivered",
            Fate::Junked => "junked",
            Fate::Filed => "filed",
            Fate::Forwarded => "forwarded",
            Fate::Discarded => "discarded",
            Fate::Quarantined => "quarantined",
            Fate::ReleasePending => "release pending",
            Fate::Rejected => "rejected",
            Fate::Bounced => "bounced",
            Fate::Deferred => "deferred",
            Fate::RemovedAfterDelivery => "removed after delivery",
            Fate::Lost => "lost",
            Fate::Unknown => "unknown",
        }
    }
}

impl Owner {
    /// The owner in words for people.
    pub fn word(self) -> &'static str {
        match self {
            Owner::SenderAdministrator => "the sender's administrator",
            Owner::RecipientAdministrator => "the recipient's administrator",
            Owner::GatewayAdministrator => "the gateway's administrator",
            Owner::Sender => "the sender",
            Owner::Recipient => "the recipient",
            Owner::Vendor => "the vendor",
            Owner::Nobody => "nobody: wait",
        }
    }
}

impl From<findings::status::Owner> for Owner {
    fn from(owner: findings::status::Owner) -> Owner {
        use findings::status::Owner as Found;
        match owner {
            Found::SenderAdministrator => Owner::SenderAdministrator,
            Found::RecipientAdministrator => Owner::RecipientAdministrator,
            Found::GatewayAdministrator => Owner::GatewayAdministrator,
            Found::Sender => Owner::Sender,
            Found::Recipient => Owner::Recipient,
            Found::Vendor => Owner::Vendor,
            Found::Nobody => Owner::Nobody,
        }
    }
}

impl FindingKind {
    /// The kind's name in the contract.
    pub fn word(self) -> &'static str {
        match self {
            FindingKind::Cause => "cause",
            FindingKind::Symptom => "symptom",
            FindingKind::Gap => "gap",
            FindingKind::Risk => "risk",
        }
    }
}

impl Standing {
    /// The standing in words for people.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Proved => "proved",
            Standing::Likely => "likely",
            Standing::Refuted => "refuted",
            Standing::NotShown => "not shown",
        }
    }
}
