//! The one word a thing that statements are made of.

/// A stage that decides over a copy, in the order of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// What the mailbox did: folder, rule, forward, junk, removal after delivery.
    Mailbox,
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

    /// The layer's name in reports.
    pub fn id(self) -> &'static str {
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

/// What a filter concluded; never what was then done (that is [`Action`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VerdictKind {
    /// Nothing found.
    Clean,
    /// Spam.
    Spam,
    /// Spam, high confidence.
    HighConfidenceSpam,
    /// Phishing.
    Phish,
    /// Phishing, high confidence.
    HighConfidencePhish,
    /// Malware.
    Malware,
    /// Bulk mail.
    Bulk,
    /// The author's domain was judged forged (spoof intelligence, anti-spoofing), which is not an authentication result.
    Spoof,
    /// A person or domain was imitated.
    Impersonation,
    /// A link was judged bad.
    Url,
    /// An attachment was judged bad or forbidden by type (sandbox, file type).
    Attachment,
    /// A transport rule or content policy of the organisation matched.
    TransportRule,
    /// A data loss prevention rule matched.
    DataLoss,
    /// The organisation blocks this sender, domain, or address by a list entry.
    BlockEntry,
    /// The recipient's own list blocks this sender.
    UserBlock,
    /// The organisation's connection filter or a reputation list blocks the connecting address.
    ConnectionFilter,
    /// The sender is not known yet and is asked to come again (RFC 6647); nothing was found.
    Greylisted,
    /// The filter says that authentication decided (DMARC policy, SPF failure).
    Authentication(AuthMethod),
    /// A verdict whose kind the record does not say; the vendor's word stands in `said`.
    Unknown,
}

/// What was done with the copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Nothing was done.
    None,
    /// Marked (header, subject, tag) and let go on.
    Tagged,
    /// Put into, or told to go to, the junk folder.
    Junked,
    /// Kept back.
    Quarantined,
    /// Refused in the SMTP session.
    Rejected,
    /// Refused for now (4xx).
    Deferred,
    /// Accepted and thrown away.
    Discarded,
    /// Bounced after acceptance.
    Bounced,
    /// Sent to another address.
    Redirected,
    /// Waiting in a sandbox or for a second look.
    Sandboxed,
    /// The record does not say what was done.
    NotSaid,
}

/// An authentication method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthMethod {
    /// RFC 7208.
    Spf,
    /// RFC 6376.
    Dkim,
    /// RFC 9989 (RFC 7489 before).
    Dmarc,
    /// RFC 8617.
    Arc,
    /// Microsoft's composite authentication.
    CompAuth,
}

impl AuthMethod {
    /// The method's name in Authentication-Results.
    pub fn id(self) -> &'static str {
        match self {
            AuthMethod::Spf => "spf",
            AuthMethod::Dkim => "dkim",
            AuthMethod::Dmarc => "dmarc",
            AuthMethod::Arc => "arc",
            AuthMethod::CompAuth => "compauth",
        }
    }
}

/// The result of an authentication check (RFC 8601, 2.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthResult {
    /// Passed.
    Pass,
    /// Failed.
    Fail,
    /// SPF `~all`.
    SoftFail,
    /// No assertion.
    Neutral,
    /// Nothing to check.
    None,
    /// Local policy overrode.
    Policy,
    /// A temporary error, typically DNS.
    TempError,
    /// A permanent error, typically a broken record.
    PermError,
    /// Another word, as written, such as `bestguesspass` or `softpass`.
    Other(String),
}

impl AuthResult {
    /// The result as RFC 8601, 2.7 spells it, or as written.
    pub fn word(&self) -> &str {
        match self {
            AuthResult::Pass => "pass",
            AuthResult::Fail => "fail",
            AuthResult::SoftFail => "softfail",
            AuthResult::Neutral => "neutral",
            AuthResult::None => "none",
            AuthResult::Policy => "policy",
            AuthResult::TempError => "temperror",
            AuthResult::PermError => "permerror",
            AuthResult::Other(word) => word,
        }
    }
}

/// Where a copy lies in a mailbox or beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Folder {
    /// The inbox.
    Inbox,
    /// The junk folder.
    Junk,
    /// A quarantine store that the service calls a folder: not a delivery to the user.
    Quarantine,
    /// Deleted items.
    Deleted,
    /// Another folder, by name.
    Other(String),
}

/// A policy, rule, list or definition that decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyRef {
    /// What kind of object the vendor calls it, such as `HostedContentFilterPolicy`.
    pub kind: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its GUID or id.
    pub id: Option<String>,
}

/// Whether a rule acted or only reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// It acted.
    Enforced,
    /// It only reported (audit mode, `reject_warning`): never a cause.
    ReportOnly,
}

/// The one-word state of a copy in a message trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TraceStatus {
    /// Handed to its destination; does not name the folder.
    Delivered,
    /// A group was expanded; no delivery to the group itself.
    Expanded,
    /// The address was resolved to another; no delivery to this address.
    Resolved,
    /// Delivery failed or was refused.
    Failed,
    /// Marked as spam: refused or sent to junk, not quarantined.
    FilteredAsSpam,
    /// No state yet.
    GettingStatus,
    /// In delivery or deferred.
    Pending,
    /// In quarantine when the trace was read.
    Quarantined,
    /// Recalled by its sender.
    Recalled,
    /// Held by a gateway (Mimecast tracking status).
    Held,
    /// Released, by the status word alone.
    Released,
    /// Finished and archived (Mimecast tracking status): no proof of delivery.
    Archived,
    /// Refused in the SMTP session.
    Rejected,
    /// Bounced after acceptance.
    Bounced,
    /// Any other word, as written.
    Other(String),
}
