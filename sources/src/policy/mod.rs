//! What each vendor's policies do about a verdict, which goes first, and what an allow cannot undo.
//!
//! A vendor is one folder (`mod.rs`, `rules.toml`) and one line in [`ALL`]. The tables say what the vendor's pages say, each line
//! with the page and the day it was read; the code turns a [`Setting`] into words that all vendors share. Nothing here looks at
//! a message: whoever asks compares.

mod exchange_online;
mod mimecast;
mod rulebook;

use std::cmp::Reverse;

use evidence::{Action, Condition, Product, Setting, SettingClass, SourceId, VerdictKind};

pub use rulebook::{Honoured, Overriding, Planned, Rulebook};

/// How one vendor's policies work.
pub trait Policies: Sync {
    /// Whose policies they are.
    fn product(&self) -> Product;

    /// What the vendor's pages say, dated.
    fn rulebook(&self) -> &'static Rulebook;

    /// The part that a setting plays in the choice of a policy.
    fn part(&self, setting: &Setting) -> Part;

    /// Which of the policies that fit goes first: the least.
    fn rank(&self, rule: &Setting) -> Rank;

    /// Why the first of two goes before the second, in a clause.
    fn before(&self, first: &Setting, second: &Setting) -> String;

    /// What a policy does about a verdict, as far as the export shows.
    fn planned(&self, policy: &Setting, acted: &Acted) -> Option<Planned> {
        self.rulebook().planned(policy, &acted.kind)
    }

    /// How bulky a verdict's own words say that the sender is.
    fn bulk_level(&self, said: &str) -> Option<u8> {
        let _ = said;
        None
    }

    /// Which way of letting mail through a setting is; `None` if it is none.
    fn allow(&self, setting: &Setting) -> Option<Allow>;

    /// After how many days without a use an entry ends by itself; `None` if it does not.
    fn ends_unused_after(&self, entry: &Setting) -> Option<u16> {
        let _ = entry;
        None
    }

    /// Which sender the conditions of a rule look at.
    fn looks(&self, rule: &Setting) -> Looks;

    /// How the values of a rule's condition are compared.
    fn comparison(&self, rule: &Setting, condition: &Condition) -> Comparison;

    /// Names of conditions that the export shows only in part, so that nobody can tell whom the setting is for.
    fn unread(&self, rule: &Setting) -> Vec<String>;

    /// Whether rules after this one are still looked at once it has matched.
    fn after_a_match(&self, rule: &Setting) -> AfterAMatch;

    /// The exports that show what.
    fn exports(&self) -> Exports;
}

/// All vendors whose policies are weighed.
pub const ALL: &[&dyn Policies] = &[&exchange_online::ExchangeOnline, &mimecast::Mimecast];

/// The policies of a product, if they are weighed.
pub fn of(product: &Product) -> Option<&'static dyn Policies> {
    ALL.iter().copied().find(|vendor| vendor.product() == *product)
}

/// The verdict on which policies act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// Its kind.
    pub kind: VerdictKind,
    /// For a forged sender: how it failed.
    pub forged: Forged,
    /// How bulky the sender is, where the records say so.
    pub bulk_level: Option<u8>,
}

/// How a sender that was taken for forged failed, where the records say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forged {
    /// They do not.
    NotSaid,
    /// Without a record that asks for anything.
    Implicit,
    /// The author's domain asks for this.
    Asked(Action),
}

/// The part that a setting plays in the choice of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Says for whom a policy of another record is.
    Rule,
    /// Says what is done; a rule says for whom.
    Body,
    /// Says both.
    Whole,
    /// Says what is done for everybody whom nothing else takes.
    Default,
    /// None.
    None,
}

/// A place in the order; what is less goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// What is set to override the order stands in the first.
    tier: evidence::Tier,
    /// Wider goes later.
    narrow: Reverse<(u8, u8, u8)>,
    priority: u32,
}

/// Whether further rules are looked at after one has matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterAMatch {
    /// They are.
    GoesOn,
    /// They are not.
    Stops,
    /// The record does not say.
    NotSaid,
}

/// How the values of a condition are compared with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// An address or domain is that value.
    Equal,
    /// A domain is that value or below it.
    EqualOrBelow,
    /// The text holds the value.
    Holds,
    /// In a way that nobody can follow from the records (patterns, directory attributes, scores).
    NotFollowed,
}

/// Which sender of a message is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// RFC 5322 From.
    Header,
    /// RFC 5321 MAIL FROM.
    Envelope,
    /// One or the other.
    Either,
}

/// A way of letting mail through; the pages say against which verdicts each helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Device {
    /// An entry of the organisation's list that somebody made by hand.
    ListEntry,
    /// An entry of the organisation's list that came out of a submission to the vendor.
    SubmittedEntry,
    /// A pair of sender and infrastructure that may spoof.
    SpoofPair,
    /// A sender or domain allowed in a policy.
    PolicySender,
    /// A connecting address.
    ConnectingAddress,
    /// A rule that tells the filter to stand aside.
    Rule,
    /// A sender in the user's own list.
    UserList,
    /// A domain in the user's own list.
    UserListDomain,
    /// A policy that permits senders.
    PermitPolicy,
    /// A sender of simulated phishing that passes all filters.
    Simulation,
    /// A mailbox of those who study attacks, whose mail passes all filters.
    SecurityMailbox,
    /// One message is let go out of quarantine.
    Release,
    /// An exception of a rule of the organisation's own.
    RuleException,
    /// Recipients to whom a policy does not apply.
    PolicyException,
    /// A sender whose likeness to a protected one is not looked at.
    ImpersonationExclusion,
    /// A link that is not looked at.
    LinkExclusion,
    /// Senders on the vendor's own list.
    VendorSafeList,
    /// A connector whose mail counts as the organisation's own.
    InternalTrust,
    /// A hop in front that is skipped when the sending address is looked for.
    EnhancedFiltering,
}

impl Device {
    /// All of them.
    pub const ALL: &[Device] = &[
        Device::ListEntry,
        Device::SubmittedEntry,
        Device::SpoofPair,
        Device::PolicySender,
        Device::ConnectingAddress,
        Device::Rule,
        Device::UserList,
        Device::UserListDomain,
        Device::PermitPolicy,
        Device::Simulation,
        Device::SecurityMailbox,
        Device::Release,
        Device::RuleException,
        Device::PolicyException,
        Device::ImpersonationExclusion,
        Device::LinkExclusion,
        Device::VendorSafeList,
        Device::InternalTrust,
        Device::EnhancedFiltering,
    ];

    /// What people call it, with its article.
    pub fn words(self) -> &'static str {
        match self {
            Device::ListEntry => "an entry of the organisation's allow list",
            Device::SubmittedEntry => "an allow entry made by a submission",
            Device::SpoofPair => "an allowed pair of sender and infrastructure",
            Device::PolicySender => "an allowed sender of a policy",
            Device::ConnectingAddress => "an allowed connecting address",
            Device::Rule => "a rule that tells the filter to stand aside",
            Device::UserList | Device::UserListDomain => "an entry of the user's own safe list",
            Device::PermitPolicy => "a policy that permits the sender",
            Device::Simulation => "an override for simulated phishing",
            Device::SecurityMailbox => "a mailbox for studying attacks",
            Device::Release => "the release of a message",
            Device::RuleException => "an exception of a rule",
            Device::PolicyException => "an exception of a policy for recipients",
            Device::ImpersonationExclusion => "a sender whose likeness to a protected one is not looked at",
            Device::LinkExclusion => "a link that is not looked at",
            Device::VendorSafeList => "the vendor's own list of safe senders",
            Device::InternalTrust => "a connector whose mail counts as the organisation's own",
            Device::EnhancedFiltering => "a hop that is skipped when the sending address is looked for",
        }
    }

    /// The device of this name.
    pub fn of_id(id: &str) -> Option<Device> {
        Device::ALL.iter().copied().find(|device| device.id() == id)
    }

    /// Whether it can be told to end by itself.
    pub fn can_end(self) -> bool {
        matches!(
            self,
            Device::ListEntry | Device::SubmittedEntry | Device::Rule | Device::RuleException | Device::PermitPolicy
        )
    }

    /// Its name in the tables, and in throughline's own form of an exception.
    pub fn id(self) -> &'static str {
        match self {
            Device::ListEntry => "list_entry",
            Device::SubmittedEntry => "submitted_entry",
            Device::SpoofPair => "spoof_pair",
            Device::PolicySender => "policy_sender",
            Device::ConnectingAddress => "connecting_address",
            Device::Rule => "rule",
            Device::UserList => "user_list",
            Device::UserListDomain => "user_list_domain",
            Device::PermitPolicy => "permit_policy",
            Device::Simulation => "simulation",
            Device::SecurityMailbox => "security_mailbox",
            Device::Release => "release",
            Device::RuleException => "rule_exception",
            Device::PolicyException => "policy_exception",
            Device::ImpersonationExclusion => "impersonation_exclusion",
            Device::LinkExclusion => "link_exclusion",
            Device::VendorSafeList => "vendor_safe_list",
            Device::InternalTrust => "internal_trust",
            Device::EnhancedFiltering => "enhanced_filtering",
        }
    }
}

/// What a setting lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// By which device.
    pub device: Device,
    /// Which sender it looks at.
    pub looks: Looks,
    /// How domains are compared.
    pub domains: Comparison,
}

/// Which exports show what.
#[derive(Clone, Copy, Debug)]
pub struct Exports {
    /// Policies and for whom they are.
    pub policies: SourceId,
    /// Who is allowed.
    pub allows: &'static [SourceId],
    /// Rules that act one after the other.
    pub rules: SourceId,
    /// Who changed what.
    pub changes: SourceId,
    /// Which policy acted on a message that is kept back.
    pub acted_on_held: SourceId,
    /// Which policy acted on a message that was let go on.
    pub acted: SourceId,
}

/// The classes of which one policy each applies to a recipient, in the order in which they are told.
pub const CLASSES: &[SettingClass] = &[
    SettingClass::AntiSpam,
    SettingClass::AntiPhish,
    SettingClass::AntiMalware,
    SettingClass::AttachmentProtection,
    SettingClass::UrlProtection,
    SettingClass::SenderPolicy,
];

/// A class in words.
pub fn words(class: &SettingClass) -> &'static str {
    match class {
        SettingClass::AntiSpam => "anti-spam",
        SettingClass::AntiPhish => "anti-phishing",
        SettingClass::AntiMalware => "anti-malware",
        SettingClass::AttachmentProtection => "attachment protection",
        SettingClass::UrlProtection => "link protection",
        SettingClass::SenderPolicy => "blocked and permitted senders",
        _ => "policy",
    }
}

/// The first value of a property whose folded name is this.
fn property<'s>(setting: &'s Setting, folded: &str) -> Option<&'s str> {
    let found = setting.properties.iter().find(|property| crate::codes::folded(&property.name) == folded)?;
    found.values.first().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_export_is_read() {
        for vendor in ALL {
            let Exports { policies, allows, rules, changes, acted_on_held, acted } = vendor.exports();
            for id in [policies, rules, changes, acted_on_held, acted].iter().chain(allows) {
                assert!(crate::source(id).is_some(), "{id}");
            }
        }
    }
}
