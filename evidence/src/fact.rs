//! What a record states.

use std::sync::Arc;

use crate::{
    Act, Action, Actor, Address, Alert, AuthMethod, AuthResult, Carried, Change, Cite, Click, CopyKey, DnsAnswer,
    Folder, Identifier, JobStep, Peer, PolicyRef, ProbeStep, Scope, Setting, SignIn, System, Total, TraceStatus,
    VerdictKind, When,
};

/// One stated fact: who says what about which copy, when, and where that is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// Where it is written.
    pub cite: Cite,
    /// When it happened, as the record says; `None` for facts without an instant of their own.
    pub when: Option<When>,
    /// Who says so.
    pub speaker: System,
    /// About which copies.
    pub about: Arc<CopyKey>,
    /// What is said.
    pub fact: Fact,
}

/// The kinds of fact. A record gives one or more; none is ever derived from two records.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// Who and what the message is.
    Identity(Identity),
    /// One transfer between two servers, from a Received field.
    Hop(Hop),
    /// A system took the message from outside, refused it, or put it off.
    Arrival(Arrival),
    /// An authentication result as somebody stated it.
    Authentication(Authentication),
    /// What a filter concluded.
    Verdict(Verdict),
    /// The copy is, or is no longer, kept back.
    Quarantine(Quarantine),
    /// A step of letting go a copy that was kept back.
    Release(Release),
    /// An attempt to hand the copy to the next hop.
    Handover(Handover),
    /// A mailbox store took the copy.
    Stored(Stored),
    /// The address was rewritten, expanded, forwarded or redirected.
    Redirect(Redirect),
    /// A summary word for the copy's state.
    Status(Status),
    /// A delivery status notification speaks about the copy.
    Dsn(Dsn),
    /// The message was thrown away without a notice.
    Discarded {
        /// Who threw it away, in the record's words.
        said: String,
    },
    /// A non-delivery notice was sent for this message.
    NoticeSent {
        /// The notice's own id, where the record names it.
        notice: Option<Identifier>,
    },
    /// The system gave up retrying.
    Expired,
    /// The system closed its books on this message (queue file removed, `Completed`).
    Closed,
    /// The copy was removed or moved after delivery (ZAP, purge, a person).
    PostDelivery {
        /// What was done.
        action: Action,
        /// Where it went.
        folder: Option<Folder>,
        /// Who did it, where the record names somebody.
        by: Option<Actor>,
        /// The record's own words.
        said: String,
    },
    /// Worth showing on the timeline, decides nothing (such as `queue active`).
    Note {
        /// One sentence in our words.
        said: String,
    },
    /// The message carries a link or an attachment.
    Carried(Carried),
    /// Somebody followed a link of the message.
    Click(Click),
    /// How something is set up.
    Setting(Box<Setting>),
    /// Somebody changed how something is set up.
    Change(Change),
    /// Somebody did something that changes no setting.
    Act(Act),
    /// A system raised an alert.
    Alert(Alert),
    /// Somebody tried to sign in.
    SignIn(Box<SignIn>),
    /// A report counts something.
    Total(Total),
    /// A job did something.
    Job(JobStep),
    /// The DNS answered.
    Dns(DnsAnswer),
    /// A test did one of its steps.
    Probe(ProbeStep),
}

/// How a note begins that says that a copy lies where its delivery put it, as far as the record's maker knows.
pub const UNMOVED: &str = "latest delivery location, as on delivery";

/// How a note begins that tells of a removal after delivery which was tried and failed.
pub const NOT_REMOVED: &str = "tried after delivery, not done";

/// How a note begins with which a filter says that it kept nothing back: the word of its own record of the processing.
pub const GOES_ON: &str = "processed, goes on";

impl Fact {
    /// Whether the fact is about the way of messages; the others are about what stands around them: settings and their
    /// changes, sign-ins, alerts, totals, jobs, DNS, tests.
    pub fn is_of_a_message(&self) -> bool {
        !matches!(
            self,
            Fact::Setting(_)
                | Fact::Change(_)
                | Fact::Act(_)
                | Fact::Alert(_)
                | Fact::SignIn(_)
                | Fact::Total(_)
                | Fact::Job(_)
                | Fact::Dns(_)
                | Fact::Probe(_)
        )
    }
}

/// Who and what the message is, as one record states it. Every part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    /// RFC 5321 MAIL FROM.
    pub envelope_sender: Option<Address>,
    /// RFC 5322 From address.
    pub header_from: Option<Address>,
    /// RFC 5322 To and Cc addresses: what the reader sees, never a proof of an envelope recipient.
    pub header_to: Vec<Address>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// Size in bytes.
    pub size_bytes: Option<u64>,
    /// For how many envelope recipients the speaker has it, where the record counts more than one.
    pub recipients: Option<u32>,
    /// When its author sent it (the Date field): the sender's clock, never used for ordering.
    pub sent_at: Option<When>,
    /// Which way it goes, as the record says.
    pub direction: Option<Access>,
    /// Whether the client that brought it had logged in: then it is mail of the server's own users, on its way out.
    pub authenticated_sender: Option<AuthenticatedSender>,
}

/// Which way a message crosses the organisation's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// From outside to us.
    Inbound,
    /// From us to outside.
    Outbound,
    /// Within.
    Internal,
}

/// One Received field (RFC 5321, 4.4). The newest stands first in the message: `index` 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Position from the top, 0 is the newest.
    pub index: u32,
    /// The sending server.
    pub from: Option<Peer>,
    /// The receiving server.
    pub by: Option<Peer>,
    /// Transport words after `with`, such as `ESMTPS`.
    pub with: Option<String>,
    /// The id after `id`, as written.
    pub id: Option<String>,
    /// The address after `for`.
    pub envelope_recipient: Option<Address>,
    /// What the writer says about encryption; `None` if it says nothing, which does not mean that there was none.
    pub tls: Option<Tls>,
    /// The name by which the client called itself, where that is not the name that its address resolves to.
    pub helo: Option<String>,
    /// Whether the client logged in, as the writer says.
    pub authenticated_sender: Option<AuthenticatedSender>,
}

/// That a transfer was encrypted, as the server that took it wrote it down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// The version as written, such as `TLS1_2` or `TLSv1.3`; `None` if only the fact is stated.
    pub version: Option<String>,
    /// The cipher as written.
    pub cipher: Option<String>,
    /// The words that say it, such as `ESMTPS` or `version=TLS1_2, cipher=...`.
    pub said: String,
}

/// That the client of a transfer logged in (RFC 4954).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticatedSender {
    /// As this user.
    User(String),
    /// The record does not say as whom (`ESMTPSA`).
    NotNamed,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// 2xx.
    Accepted,
    /// 4xx, will be tried again.
    Deferred,
    /// 5xx, or given up.
    Refused,
    /// Tried, and the record does not say how it ended.
    NotSaid,
}

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reply {
    /// RFC 5321 reply code, such as 550.
    pub reply_code: Option<u16>,
    /// RFC 3463 enhanced status code, such as `5.7.1`.
    pub enhanced_status_code: Option<String>,
    /// The text, in full as written.
    pub text: String,
}

/// A message came to a system's door.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arrival {
    /// Who delivered it.
    pub client: Option<Peer>,
    /// Whether it was taken.
    pub outcome: Outcome,
    /// The answer given, where known.
    pub reply: Option<Reply>,
    /// Connector, listener or route through which it came.
    pub connector: Option<String>,
    /// The id under which the same system, or the filter's caller, held it before (re-injection, XFORWARD).
    pub earlier: Option<Identifier>,
    /// Whether the refusal was enforced (`reject_warning` is not).
    pub scope: Scope,
}

/// An authentication result (RFC 8601), and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authentication {
    /// The method.
    pub method: AuthMethod,
    /// Its result.
    pub result: AuthResult,
    /// The domain it is about: smtp.mailfrom, header.d, or header.from.
    pub domain: Option<String>,
    /// The authserv-id as written; `None` if the field has none.
    pub authserv_id: Option<String>,
    /// The instance of the ARC set that keeps it (RFC 8617, 4.1.1): a word that an earlier system stated and sealed. `None`
    /// for what the speaker states itself.
    pub arc_instance: Option<u32>,
    /// For SPF: the address that was checked, where the record names it.
    pub client: Option<String>,
    /// For DMARC: what the receiver applied (`none`, `quarantine`, `oreject`, ...).
    pub disposition: Option<String>,
    /// What was wrong, where the record's comment says it.
    pub fault: Option<AuthFault>,
    /// The reason code or comment, such as `000` or `body hash did not verify`.
    pub reason: Option<String>,
    /// The part of the record that says it, as written.
    pub said: String,
}

/// What was wrong with a signature or its key, or with the DNS, as the one who checked says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthFault {
    /// The body is not as it was signed.
    BodyChanged,
    /// The signature does not hold: a signed header field was changed, or the key is not the one.
    SignatureWrong,
    /// There is no key record.
    KeyMissing,
    /// The key record cannot be used: revoked, too short, not valid.
    KeyUnusable,
    /// The signature had expired.
    Expired,
    /// The DNS did not answer.
    DnsFailed,
    /// The chain of ARC seals holds, and the checker does not trust its sealer.
    SealerNotTrusted,
}

/// What a filter concluded, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// The conclusion.
    pub kind: VerdictKind,
    /// What was done.
    pub action: Action,
    /// The vendor's own words, such as `SFV:SKQ` or `Type=HighConfPhish`.
    pub said: String,
    /// The policy, rule or definition named.
    pub policy: Option<PolicyRef>,
    /// Whether it acted.
    pub scope: Scope,
}

/// State of a copy in a quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuarantineState {
    /// Kept back now.
    Held,
    /// The record says that it was let go; the row may stay in the list afterwards.
    Released,
    /// Deleted from quarantine, or its time ran out.
    Gone,
}

/// A copy in a quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quarantine {
    /// Held, released, or gone.
    pub state: QuarantineState,
    /// Where, such as `Exchange Online quarantine` or `held queue (Administrator)`.
    pub store: String,
    /// The policy that held it.
    pub policy: Option<PolicyRef>,
    /// The id by which the store releases it, as its list writes it; `None` if the record is no such list's.
    pub id: Option<String>,
    /// Until when it is kept.
    pub until: Option<When>,
    /// The vendor's own words for the reason.
    pub said: String,
}

/// A step on the way out of a quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReleaseStep {
    /// Asked for; nothing has happened yet.
    Requested,
    /// Approved, or being prepared; not yet let go.
    Approved,
    /// Refused by a reviewer.
    Denied,
    /// Let go.
    Released,
    /// The attempt failed inside the quarantine.
    Failed,
    /// The retention time ran out before a release.
    Expired,
}

/// Who let go a copy, and how far that got.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// How far it got.
    pub step: ReleaseStep,
    /// Who did it.
    pub by: Option<String>,
    /// For whom; empty if the record does not say.
    pub for_recipients: Vec<Address>,
    /// The id under which the released copy goes on, where named.
    pub next: Option<Identifier>,
    /// The record's own words.
    pub said: String,
}

/// What stands at the other end of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NextHop {
    /// Another mail server.
    MailServer,
    /// The system's own content filter or next instance on the same machine: never a delivery.
    ContentFilter,
    /// A mailbox store (LMTP, local delivery).
    MailboxStore,
    /// A program or pipe.
    Program,
    /// The record does not say.
    NotSaid,
}

/// One attempt to hand a copy to the next hop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handover {
    /// The other end.
    pub to: Option<Peer>,
    /// What stands there.
    pub next_hop: NextHop,
    /// How it ended.
    pub outcome: Outcome,
    /// What the other end answered.
    pub reply: Option<Reply>,
    /// Whether the answer came from the other end, or the local system made it up (connection refused, time-out).
    pub spoken_by_next_hop: bool,
    /// The id that the other end gave the copy, such as `queued as`.
    pub next: Option<Identifier>,
    /// Number of the attempt, from 1, where stated.
    pub attempt: Option<u32>,
    /// Route or connector used.
    pub connector: Option<String>,
    /// Whether TLS was used, where stated.
    pub tls: Option<String>,
}

/// A mailbox store took the copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    /// Where it lies; `None` if the record does not name the folder.
    pub folder: Option<Folder>,
    /// What chose the folder, such as `sieve` or `OFR:SpamFilterAuthJ`; `None` if not said.
    pub chosen_by: Option<String>,
}

/// How an address became another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Redirect {
    /// A group or list was expanded into its members.
    Expanded {
        /// Members named by the record, possibly none.
        members: Vec<Address>,
    },
    /// The directory resolved the address to another one (alias to primary).
    Resolved {
        /// The other address, if named.
        to: Option<Address>,
    },
    /// Forwarded or redirected to another address by a rule or mailbox setting.
    Forwarded {
        /// To where.
        to: Vec<Address>,
        /// Whether the mailbox keeps a copy, where stated.
        keeps_copy: Option<bool>,
    },
}

/// A summary word for the copy's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// The state.
    pub status: TraceStatus,
    /// The record's own word.
    pub said: String,
    /// The address that the system connected to, where stated (`ToIP`).
    pub to: Option<Peer>,
    /// The address that it came from, where stated (`FromIP`).
    pub from: Option<Peer>,
}

/// RFC 3464 action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DsnAction {
    /// Final: not delivered.
    Failed,
    /// Still trying: not a bounce.
    Delayed,
    /// A final host says so.
    Delivered,
    /// Passed to a host that reports nothing further.
    Relayed,
    /// Expanded by a list or alias.
    Expanded,
}

/// One recipient block of a delivery status notification.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dsn {
    /// What became of the copy.
    pub action: DsnAction,
    /// The status and text; the text's own enhanced code overrides a lazy `5.0.0`.
    pub reply: Reply,
    /// Who writes the report.
    pub reporting: Option<Peer>,
    /// Who refused; `None` if the reporting server itself did.
    pub remote: Option<Peer>,
}
