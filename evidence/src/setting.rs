//! How the systems around a message are set up, and who changed that.

use crate::{Action, Address, Peer, VerdictKind, When};

/// One property, by the vendor's name for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Property {
    /// The vendor's name, as written.
    pub name: String,
    /// Its values, as written; none if it is empty.
    pub values: Vec<String>,
}

/// What kind of thing is set up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SettingClass {
    /// A mail flow rule of the whole organisation.
    TransportRule,
    /// Where mail may come in, and by which marks the other side is known.
    InboundConnector,
    /// Where mail goes out.
    OutboundConnector,
    /// Anti-spam policy, or the rule that gives it its scope.
    AntiSpam,
    /// Outbound spam policy or rule.
    OutboundSpam,
    /// Anti-phishing and impersonation policy or rule.
    AntiPhish,
    /// Anti-malware policy or rule.
    AntiMalware,
    /// Protection of links: Safe Links, URL protection.
    UrlProtection,
    /// Sandboxing of attachments: Safe Attachments, attachment protection.
    AttachmentProtection,
    /// A preset that goes before all custom policies.
    Preset,
    /// Allow and block lists by connecting address.
    ConnectionFilter,
    /// What recipients may do with what is held.
    QuarantinePolicy,
    /// One entry of an allow or block list of the organisation.
    ListEntry,
    /// One entry of a user's own list of senders.
    UserListEntry,
    /// One pair of sender and infrastructure that is, or is not, allowed to spoof.
    SpoofEntry,
    /// Who is blocked or permitted as a sender, by policy.
    SenderPolicy,
    /// Another policy of a gateway, by its type.
    GatewayPolicy(String),
    /// Which route mail for a domain takes.
    DeliveryRoute,
    /// A rule of one mailbox.
    MailboxRule,
    /// The junk filter of one mailbox.
    JunkFilter,
    /// Forwarding by a mailbox's own setting.
    Forwarding,
    /// Who may act on behalf of a mailbox.
    MailboxPermission,
    /// A mailbox.
    Mailbox,
    /// A group or distribution list.
    Group,
    /// A domain for which mail is accepted.
    AcceptedDomain,
    /// How mail to another domain is treated.
    RemoteDomain,
    /// DKIM signing of a domain.
    DkimSigning,
    /// Settings of the whole organisation.
    Organisation,
    /// Who may sign in under which conditions.
    ConditionalAccess,
    /// An application, its permissions and credentials.
    Application,
    /// A user of the directory.
    User,
    /// When an alert is raised.
    AlertPolicy,
    /// Something else, by the vendor's name.
    Other(String),
}

/// Whether something that is set up acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// It acts.
    Acts,
    /// It is switched off.
    Off,
    /// It only reports or tests.
    ReportOnly,
    /// The record does not say.
    #[default]
    NotSaid,
}

/// Which of several policies of one class goes first; the order of the variants is that order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Strict preset.
    StrictPreset,
    /// Standard preset.
    StandardPreset,
    /// Evaluation.
    Evaluation,
    /// Made by the organisation; ordered by priority.
    #[default]
    Custom,
    /// Built-in protection.
    BuiltIn,
    /// The default that takes the rest.
    Default,
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionOn {
    /// Envelope recipients or mailboxes.
    Recipient,
    /// Members of a group.
    RecipientGroup,
    /// Domains of recipients.
    RecipientDomain,
    /// Sender addresses, of envelope or header as the vendor's name says.
    Sender,
    /// Members of a group as senders.
    SenderGroup,
    /// Domains of senders.
    SenderDomain,
    /// Connecting addresses.
    SourceAddress,
    /// Something else, by the vendor's name.
    Other,
}

/// One condition or exception: any one of its values is enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition {
    /// What it looks at.
    pub on: ConditionOn,
    /// The vendor's name, as written, such as `RecipientDomainIs`.
    pub name: String,
    /// The values, as written.
    pub values: Vec<String>,
}

/// One thing that is set up, as an export shows it at one moment.
///
/// The observation's `when` is the moment of the export, where it is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// What it is.
    pub class: SettingClass,
    /// Its name, as people see it.
    pub name: String,
    /// The vendor's lasting id: survives renames.
    pub id: Option<String>,
    /// For a rule that gives a policy its scope: the policy's name or id.
    pub policy: Option<String>,
    /// Whether it acts.
    pub effect: Effect,
    /// Which goes first.
    pub tier: Tier,
    /// Place within the tier, 0 goes first.
    pub priority: Option<u32>,
    /// All of these have to hold; none means everybody.
    pub conditions: Vec<Condition>,
    /// None of these may hold.
    pub exceptions: Vec<Condition>,
    /// For an entry of a list: what it says about which value.
    pub entry: Option<ListEntry>,
    /// For a setting of one mailbox: whose.
    pub mailbox: Option<Address>,
    /// When it was made.
    pub created: Option<When>,
    /// When it was last changed.
    pub changed: Option<When>,
    /// By whom.
    pub changed_by: Option<String>,
    /// When it begins to act.
    pub starts: Option<When>,
    /// When it stops to act.
    pub expires: Option<When>,
    /// When it last matched.
    pub last_used: Option<When>,
    /// Everything else that the export shows, as written, in its order.
    pub properties: Vec<Property>,
}

/// One entry of an allow or block list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListEntry {
    /// Allow, block, or another word.
    pub says: ListWord,
    /// What kind of value: sender, domain, URL, file hash, address, ...
    pub on: String,
    /// The value, as written.
    pub value: String,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListWord {
    /// Let it through.
    Allow,
    /// Keep it out.
    Block,
    /// Something else, as written.
    Other(String),
}

/// What was done to something that is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Made.
    Created,
    /// Altered.
    Changed,
    /// Taken away.
    Removed,
    /// Switched on.
    Enabled,
    /// Switched off.
    Disabled,
    /// Something else: see the operation.
    Other,
}

/// What kind of actor it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActorKind {
    /// A person without special rights.
    Person,
    /// An administrator of the organisation.
    Administrator,
    /// An application, service principal or system account of the organisation.
    Application,
    /// The vendor, its data centre or its service.
    Vendor,
    /// The record does not say.
    #[default]
    NotSaid,
}

/// Who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The name as written.
    pub name: Option<String>,
    /// What kind of actor.
    pub kind: ActorKind,
    /// From where.
    pub client: Option<Peer>,
}

/// What became of one property.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alteration {
    /// The vendor's name, as written.
    pub name: String,
    /// The value before, where stated.
    pub before: Option<String>,
    /// The value after, where stated.
    pub after: Option<String>,
}

/// Whether something that was tried was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Done {
    /// It was.
    Yes,
    /// It failed or was refused.
    No,
    /// The record does not say.
    #[default]
    NotSaid,
}

/// Somebody changed how things are set up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// The vendor's name of what was done, such as `Set-HostedContentFilterPolicy`.
    pub operation: String,
    /// What was done.
    pub kind: ChangeKind,
    /// To what kind of thing; `None` if it is none that mail depends on.
    pub class: Option<SettingClass>,
    /// To which one, by name or id.
    pub object: Option<String>,
    /// By whom.
    pub by: Actor,
    /// The id of the tenant in which it was done; `None` where the record does not name one.
    pub tenant: Option<String>,
    /// What became of its properties.
    pub alterations: Vec<Alteration>,
    /// Whether it was done.
    pub done: Done,
}

/// Somebody did something that changes no setting: read, searched, sent, moved, previewed, ran.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    /// The vendor's name of what was done.
    pub operation: String,
    /// To what, by name or id.
    pub object: Option<String>,
    /// By whom.
    pub by: Actor,
    /// Whether it was done.
    pub done: Done,
    /// Details, as written.
    pub details: Vec<Property>,
}

/// A system raised an alert.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alert {
    /// The alert's own id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Which service or integration raised it, as written.
    pub raised_by: Option<String>,
    /// The rule or policy that raised it.
    pub rule: Option<String>,
    /// Severity, as written.
    pub severity: Option<String>,
    /// State, as written.
    pub status: Option<String>,
    /// The incident that it belongs to.
    pub incident: Option<String>,
    /// Whom or what it is about, as written.
    pub entities: Vec<String>,
}

/// Somebody followed a link that a message carried.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Click {
    /// The link, as written.
    pub url: String,
    /// Who.
    pub by: Option<String>,
    /// What the link was judged to be.
    pub verdict: VerdictKind,
    /// What was done.
    pub action: Action,
    /// The record's own words.
    pub said: String,
}

/// Something that a message carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Carried {
    /// A link.
    Url {
        /// As written.
        url: String,
        /// Where in the message, as written.
        place: Option<String>,
    },
    /// An attachment.
    Attachment {
        /// File name.
        name: Option<String>,
        /// SHA-256 in hexadecimal digits, lower case.
        sha256: Option<String>,
        /// Media type or extension, as written.
        media_type: Option<String>,
        /// Size in bytes.
        size_bytes: Option<u64>,
    },
}
