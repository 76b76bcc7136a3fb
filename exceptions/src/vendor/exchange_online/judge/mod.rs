//! Which rows of the tables a step is: a file a group of rows.

mod act;
mod connector;
mod entry;
mod help;
mod mailbox;
mod mirrored;
mod over;
mod policy;
mod removal;
mod replaced;
mod transport_rule;
mod width;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use evidence::{ChangeKind, Effect, ListWord, Product, Setting, SettingClass};
use jiff::{SignedDuration, Timestamp};
use sources::policy::Device;
use sources::proposed::{About, Step};

use super::{ROWS, words};
use crate::vendor::own;
use crate::{Ends, Grant, Level, Reason, World};

/// What a step is judged with.
struct Case<'a> {
    step: &'a Step,
    world: &'a World<'a>,
    grants: &'a [Grant],
    /// Domains of the organisation, as far as anything shows them; found when they are asked for.
    own: OnceCell<BTreeSet<String>>,
}

/// Which rows a step is, and why.
pub(super) fn judge(step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
    let case = Case { step, world, grants, own: OnceCell::new() };
    let mut reasons = match &step.about {
        About::Act(act) => act::judge(&case, act, grants),
        About::Setting(setting) if own::is_one(setting) => case.by_device(grants, None),
        About::Setting(setting) => case.setting(setting, grants),
    };
    reasons.extend(replaced::judge(&case));
    reasons.extend(over::judge(&case, grants));
    reasons.extend(help::judge(&case, grants));
    reasons.extend(mirrored::judge(&case, grants));
    reasons
}

/// Said of what only holds lists.
const ONE_BY_ONE: &str = "the entries of its lists are judged one by one";

/// Whether settings of a class come as a policy and a rule that says for whom it is.
fn is_protecting(class: &SettingClass) -> bool {
    matches!(
        class,
        SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::AntiMalware
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
            | SettingClass::OutboundSpam
    )
}

/// A row and why it fits.
fn row(id: &str, statement: impl Into<String>) -> Reason {
    Reason::row(ROWS.row(id), statement.into())
}

/// A row that weighs more or less here than by itself.
fn row_at(level: Level, id: &str, statement: impl Into<String>) -> Reason {
    Reason { level, ..row(id, statement) }
}

/// That a step takes nothing away, and why.
fn harmless(statement: impl Into<String>) -> Reason {
    Reason::plain(Level::Narrow, statement.into())
}

fn unknown(statement: impl Into<String>) -> Reason {
    Reason::plain(Level::Unknown, statement.into())
}

fn note(statement: impl Into<String>) -> Reason {
    Reason::plain(Level::Note, statement.into())
}

/// Accepted domains, and those of the recipients that the grants and the samples name.
fn own_domains(grants: &[Grant], world: &World<'_>) -> BTreeSet<String> {
    let mut own = world.accepted_domains();
    let named = grants.iter().flat_map(|grant| grant.scope.on(&crate::On::Recipient)).flat_map(|term| &term.values);
    own.extend(named.filter_map(own::address).filter_map(|address| address.domain()).map(str::to_owned));
    let stopped = world.needs.iter().flat_map(|need| &need.envelope_recipients);
    own.extend(stopped.filter_map(|address| address.domain()).map(str::to_owned));
    own
}

impl<'a> Case<'a> {
    /// Judges what a setting would be.
    fn setting(&self, setting: &'a Setting, grants: &[Grant]) -> Vec<Reason> {
        let kind = self.step.kind;
        if let Some(entry) = &setting.entry {
            return entry::judge(self, setting, entry, grants);
        }
        if matches!(setting.class, SettingClass::ListEntry | SettingClass::SpoofEntry) {
            return entry::by_id(self, setting);
        }
        if super::grants::takes_out(self.step) {
            return removal::taken_out(self, setting);
        }
        if matches!(kind, ChangeKind::Removed | ChangeKind::Disabled) || setting.effect == Effect::Off {
            return removal::judge(self, setting);
        }
        match &setting.class {
            SettingClass::TransportRule => transport_rule::judge(self, setting, grants),
            SettingClass::InboundConnector => connector::judge(self, setting, grants),
            SettingClass::ConnectionFilter => self.connection_filter(setting, grants),
            SettingClass::JunkFilter => mailbox::judge(self, setting, grants),
            SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::AntiMalware
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
            | SettingClass::OutboundSpam
            | SettingClass::QuarantinePolicy
            | SettingClass::Preset => policy::judge(self, setting, grants),
            SettingClass::Organisation => self.organisation(setting),
            SettingClass::RemoteDomain => self.remote_domain(setting),
            SettingClass::DkimSigning => vec![harmless("mail of the organisation is signed; nothing comes in by it")],
            SettingClass::Other(word) if words::folded(word) == "trustedarcsealers" => self.sealers(setting),
            SettingClass::Other(word) if words::folded(word) == "phishingsimulationoverridepolicy" => {
                vec![harmless("it lets nothing through until a rule names a domain and an address")]
            }
            _ if !grants.is_empty() => self.by_device(grants, Some(setting)),
            _ => self.unchanged(setting).into_iter().collect(),
        }
    }

    /// Judges each way of letting mail through by its device.
    fn by_device(&self, grants: &[Grant], setting: Option<&Setting>) -> Vec<Reason> {
        grants.iter().flat_map(|grant| self.grant(grant, setting)).collect()
    }

    fn grant(&self, grant: &Grant, setting: Option<&Setting>) -> Vec<Reason> {
        let grant = &self.with_its_end(grant, setting);
        match grant.device {
            Device::ListEntry | Device::SubmittedEntry => entry::of_list(self, grant),
            Device::SpoofPair => entry::pair(self, grant),
            Device::PolicySender => entry::policy_sender(self, grant),
            Device::ImpersonationExclusion => entry::impersonation(self, grant),
            Device::ConnectingAddress => entry::client(self, grant),
            Device::LinkExclusion => entry::link(self, grant),
            Device::UserList | Device::UserListDomain => mailbox::list(self, grant),
            Device::Rule => transport_rule::bypass(self, grant, setting),
            Device::RuleException => transport_rule::exception(self, grant),
            Device::PolicyException => policy::exception(self, grant),
            Device::Simulation => policy::simulation(self, grant),
            Device::SecurityMailbox => policy::security_mailbox(self, grant),
            Device::InternalTrust => {
                vec![row("B10", "all mail by this connector counts as the organisation's own and is not filtered")]
            }
            Device::EnhancedFiltering => connector::skipped(self, grant),
            Device::VendorSafeList => {
                vec![row("B6", "senders on a list that the vendor keeps are not filtered, and nobody can see the list")]
            }
            Device::Release => act::release(self, grant),
            Device::PermitPolicy => Vec::new(),
        }
    }

    /// The grant with the end that its command states as so many days from when it runs.
    fn with_its_end(&self, grant: &Grant, setting: Option<&Setting>) -> Grant {
        let days = setting.filter(|_| matches!(grant.ends, Ends::Never | Ends::NotSaid)).and_then(words::days_from_now);
        // Without an instant for now, the span alone says that it ends.
        let now = self.world.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let at = days.and_then(|days| now.checked_add(SignedDuration::from_hours(24 * days)).ok());
        Grant { ends: at.map_or(grant.ends, Ends::At), ..grant.clone() }
    }

    fn connection_filter(&self, setting: &Setting, grants: &[Grant]) -> Vec<Reason> {
        let mut reasons = self.by_device(grants, Some(setting));
        if reasons.is_empty() && words::flag(setting, "EnableSafeList") == Some(false) {
            reasons.push(harmless("the vendor's own safe list is not heeded"));
        }
        if reasons.is_empty() {
            let lists = ["ipallowlist", "ipblocklist"];
            let only_lists =
                setting.properties.iter().all(|property| lists.contains(&words::folded(&property.name).as_str()));
            reasons.extend(self.unchanged(setting).or_else(|| only_lists.then(|| harmless(ONE_BY_ONE))));
        }
        reasons
    }

    fn organisation(&self, setting: &Setting) -> Vec<Reason> {
        match words::flag(setting, "RejectDirectSend") {
            Some(true) => {
                vec![harmless("mail in the organisation's own name is refused unless a connector knows its sender")]
            }
            Some(false) if self.is_same(setting, "RejectDirectSend") => {
                vec![harmless("direct send is open already; nothing changes")]
            }
            Some(false) => {
                vec![row("B12", "anybody may then hand in mail in the organisation's own name, not this sender alone")]
            }
            None => self.unchanged(setting).into_iter().collect(),
        }
    }

    fn remote_domain(&self, setting: &Setting) -> Vec<Reason> {
        let all = setting.name.trim() == "*" || setting.name.eq_ignore_ascii_case("default");
        match words::flag(setting, "AutoForwardEnabled") {
            Some(false) => vec![harmless("automatic forwarding to this domain is off")],
            Some(true) if self.is_same(setting, "AutoForwardEnabled") => vec![harmless("nothing changes")],
            Some(true) if all => vec![row("B20", "every mailbox may then forward to every domain")],
            _ => self.unchanged(setting).into_iter().collect(),
        }
    }

    /// Trusted sealers: the command sets the whole list.
    fn sealers(&self, setting: &Setting) -> Vec<Reason> {
        let name = "ArcTrustedSealers";
        let of = |setting: &'a Setting| -> Vec<String> {
            let said = words::values(setting, name).flat_map(|text| text.split(','));
            said.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect()
        };
        let About::Setting(stated) = &self.step.about else { return Vec::new() };
        let stated = of(stated);
        let Some((current, entry)) = self.current_of_class(&setting.class) else {
            return vec![unknown(
                "the command sets the whole list of trusted sealers; the list as it is now is not in the evidence: fetch Get-ArcConfig",
            )];
        };
        let known = of(current);
        let cite = || entry.observation.cite.clone();
        let lost: Vec<&String> = known.iter().filter(|one| !stated.contains(one)).collect();
        let added: Vec<&String> = stated.iter().filter(|one| !known.contains(one)).collect();
        if !lost.is_empty() {
            return vec![
                row("R1", format!("{} would no longer be a trusted sealer", width::listed(lost))).cited([cite()]),
            ];
        }
        match added.as_slice() {
            [] => vec![harmless("the list stays as it is").cited([cite()])],
            [one] if width::is_plain_domain(one) => {
                vec![row("N11", format!("{one} is added to the sealers that are trusted already")).cited([cite()])]
            }
            more => vec![row_at(
                Level::Approval,
                "N11",
                format!("{} would all be trusted to say who sent a message", width::listed(more.iter().copied())),
            )],
        }
    }

    /// That something is set up just so already, if the evidence shows it and nothing of it differs.
    fn unchanged(&self, setting: &Setting) -> Option<Reason> {
        let (current, entry) = self.current(setting)?;
        let states = |current: &Setting| {
            setting.conditions.iter().all(|one| current.conditions.contains(one))
                && setting.exceptions == current.exceptions
                && setting.properties.iter().all(|one| {
                    words::values(current, &one.name).eq(one
                        .values
                        .iter()
                        .map(String::as_str)
                        .filter(|v| !v.trim().is_empty()))
                })
        };
        let is_same = states(current) && (setting.effect == current.effect || setting.effect == Effect::NotSaid);
        is_same.then(|| harmless("it is set up just so already").cited([entry.observation.cite.clone()]))
    }

    /// How the same thing is set up now. A policy and the rule that says for whom it is often bear one name.
    fn current(&self, setting: &Setting) -> Option<(&'a Setting, &'a lake::Entry)> {
        let names: Vec<&str> = [Some(setting.name.as_str()), setting.id.as_deref()].into_iter().flatten().collect();
        let is_named = |known: &Setting| {
            let of = |name: &&str| {
                !name.is_empty()
                    && (known.name.eq_ignore_ascii_case(name)
                        || known.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(name)))
            };
            names.iter().any(of)
        };
        let is_rule = self.is_scope(setting);
        self.newest(|known| {
            known.class == setting.class
                && is_named(known)
                && (known.policy.is_some() == is_rule || !is_protecting(&known.class))
        })
    }

    /// Whether a setting says for whom a policy is.
    fn is_scope(&self, setting: &Setting) -> bool {
        setting.policy.is_some()
            || self.step.operation.to_ascii_lowercase().ends_with("rule")
                && setting.class != SettingClass::TransportRule
    }

    /// The newest of the settings that fit; entries of lists are none.
    fn newest(&self, fits: impl Fn(&Setting) -> bool) -> Option<(&'a Setting, &'a lake::Entry)> {
        let of = self.world.settings().filter(|(setting, entry)| {
            setting.entry.is_none() && entry.observation.speaker.product == self.step.product && fits(setting)
        });
        of.max_by_key(|(_, entry)| entry.observation.when.as_ref().map(|when| when.at))
    }

    /// The newest of something of which there is one only.
    fn current_of_class(&self, class: &SettingClass) -> Option<(&'a Setting, &'a lake::Entry)> {
        self.newest(|known| known.class == *class)
    }

    /// Whether a property is now what the setting states.
    fn is_same(&self, setting: &Setting, name: &str) -> bool {
        let is_only_one = matches!(setting.class, SettingClass::Organisation | SettingClass::ConnectionFilter);
        let one = || self.newest(|known| known.class == setting.class && words::states(known, name));
        let current = self.current(setting).filter(|_| !is_only_one).or_else(|| one().filter(|_| is_only_one));
        current.is_some_and(|(current, _)| {
            let (now, then) = (words::property(current, name), words::property(setting, name));
            now.is_some() && now.map(words::folded) == then.map(words::folded)
        })
    }

    /// Whether a domain is one of the organisation's own.
    fn is_own(&self, domain: &str) -> bool {
        let own = self.own.get_or_init(|| own_domains(self.grants, self.world));
        own.iter().any(|own| domain.eq_ignore_ascii_case(own) || width::is_below(domain, own))
    }

    /// Entries of this class in the evidence with this value, and what they say.
    fn listed(&self, class: &SettingClass, value: &str) -> Option<(&'a Setting, &'a lake::Entry)> {
        let is_it = |(setting, entry): &(&Setting, &lake::Entry)| {
            setting.class == *class
                && entry.observation.speaker.product == Product::ExchangeOnline
                && setting.entry.as_ref().is_some_and(|entry| {
                    entry.value.eq_ignore_ascii_case(value)
                        || setting.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(value))
                })
        };
        self.world.settings().filter(is_it).max_by_key(|(_, entry)| entry.observation.when.as_ref().map(|when| when.at))
    }
}

/// What an entry says, where a command need not say it: what it is about is looked up.
fn says(case: &Case<'_>, setting: &Setting, said: &ListWord, value: &str) -> ListWord {
    match said {
        ListWord::Other(_) => {
            let found = case.listed(&setting.class, value).and_then(|(listed, _)| listed.entry.as_ref());
            found.map_or_else(|| said.clone(), |entry| entry.says.clone())
        }
        said => said.clone(),
    }
}
