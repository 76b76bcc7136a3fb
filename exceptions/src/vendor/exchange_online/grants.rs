//! What a setting or an act of Exchange Online lets through.

use evidence::{Act, ChangeKind, Effect, ListEntry, ListWord, Property, Setting, SettingClass};
use sources::policy::Device;
use sources::proposed::{About, Step};

use super::rule;
use super::words::{flag, folded, property, states, values};
use crate::vendor::own;
use crate::{Ends, Grant, On, Scope, Term, Value};

/// What a step lets through; nothing if it takes something away, or does not act.
pub(super) fn grants(step: &Step) -> Vec<Grant> {
    if matches!(step.kind, ChangeKind::Removed | ChangeKind::Disabled) || takes_out(step) {
        return Vec::new();
    }
    let setting = match &step.about {
        About::Act(act) => return of_act(step, act),
        About::Setting(setting) => setting,
    };
    if own::is_one(setting) {
        return own::grant(step).into_iter().collect();
    }
    if matches!(setting.effect, Effect::Off | Effect::ReportOnly) && setting.entry.is_none() {
        return Vec::new();
    }
    of_setting(step, setting)
}

/// What a setting lets through that acts.
pub(super) fn of_setting(step: &Step, setting: &Setting) -> Vec<Grant> {
    let make = |device, name: &str, scope| grant(step, setting, device, name, scope);
    if let Some(entry) = &setting.entry {
        return of_entry(step, setting, entry);
    }
    match &setting.class {
        SettingClass::TransportRule => rule::grants(step, setting),
        SettingClass::ConnectionFilter => of_connection_filter(step, setting),
        SettingClass::InboundConnector => of_connector(step, setting),
        SettingClass::UrlProtection if setting.policy.is_none() => {
            let mut grants = listed(step, setting, "DoNotRewriteUrls", Device::LinkExclusion, link);
            grants.extend(excepted(step, setting));
            grants
        }
        SettingClass::Other(word) if folded(word) == "phishingsimulationoverride" => {
            let scope = Scope::of(setting.conditions.iter().filter_map(of_simulation));
            vec![make(Device::Simulation, &setting.name, scope)]
        }
        SettingClass::Other(word) if folded(word) == "securityoperationsoverride" => {
            let to = setting.conditions.iter().flat_map(|condition| &condition.values);
            let to = to.map(String::as_str).chain(values(setting, "SentTo"));
            let term = Term::new(On::Recipient, to.map(|text| Value::party(text, Value::Domain)));
            vec![make(Device::SecurityMailbox, &setting.name, Scope::of([term]))]
        }
        _ => excepted(step, setting),
    }
}

/// Whether a step takes values out of a list that are no settings of their own.
pub(super) fn takes_out(step: &Step) -> bool {
    step.kind == ChangeKind::Other && step.operation.contains("@{Remove}")
}

/// Whether a step is a command, not what an export shows.
pub(super) fn is_command(step: &Step) -> bool {
    let verb = step.operation.split('-').next().unwrap_or_default().to_ascii_lowercase();
    step.operation.contains('-') && ["new", "set", "add", "enable"].contains(&verb.as_str())
}

fn grant(step: &Step, setting: &Setting, device: Device, name: &str, scope: Scope) -> Grant {
    Grant {
        product: step.product.clone(),
        device,
        name: name.to_owned(),
        scope,
        ends: ends(step, setting, device),
        cites: Vec::new(),
    }
}

/// When it ends by itself.
fn ends(step: &Step, setting: &Setting, device: Device) -> Ends {
    if !matches!(device, Device::ListEntry | Device::SubmittedEntry) {
        return or_not_said(own::ends(setting, device), setting);
    }
    if flag(setting, "NoExpiration") == Some(true) {
        return Ends::Never;
    }
    if let Some(when) = &setting.expires {
        return Ends::At(when.at);
    }
    let unused = property(setting, "RemoveAfter").and_then(|days| days.trim().parse().ok());
    let known = unused.map_or(Ends::Never, Ends::Unused);
    if is_by_default(step, setting) { Ends::Unused(DEFAULT_UNUSED) } else { or_not_said(known, setting) }
}

/// After how many days without use the service takes an allow entry away whose command says nothing of an end.
pub(super) const DEFAULT_UNUSED: u16 = 45;

/// Whether a command makes an entry of the organisation's list, and leaves its end to the service.
pub(super) fn is_by_default(step: &Step, setting: &Setting) -> bool {
    step.operation.eq_ignore_ascii_case("New-TenantAllowBlockListItems")
        && setting.expires.is_none()
        && ["NoExpiration", "ExpirationDate", "RemoveAfter"].iter().all(|name| !states(setting, name))
}

/// An end that is written in a way from which no instant follows is not said; it is not the same as none.
pub(super) fn or_not_said(known: Ends, setting: &Setting) -> Ends {
    let is_written = ["ExpirationDate", "ExpiryDate"].iter().any(|name| property(setting, name).is_some());
    if known == Ends::Never && is_written { Ends::NotSaid } else { known }
}

/// What one entry of a list lets through.
fn of_entry(step: &Step, setting: &Setting, entry: &ListEntry) -> Vec<Grant> {
    if entry.says != ListWord::Allow {
        return Vec::new();
    }
    let one = |device, term| vec![grant(step, setting, device, &entry.value, Scope::of([term]))];
    let on = folded(&entry.on);
    match setting.class {
        SettingClass::ListEntry => {
            let by_hand = property(setting, "SubmissionID").is_none_or(|id| folded(id) == "nonsubmission");
            let device = if by_hand { Device::ListEntry } else { Device::SubmittedEntry };
            one(device, listed_value(&on, &entry.value))
        }
        SettingClass::SpoofEntry => vec![grant(step, setting, Device::SpoofPair, &entry.value, pair(setting, entry))],
        SettingClass::SenderPolicy if on.contains("impersonation") => {
            one(Device::ImpersonationExclusion, Term::one(On::HeaderFrom, party(&entry.value)))
        }
        SettingClass::SenderPolicy => one(Device::PolicySender, Term::one(On::EitherSender, party(&entry.value))),
        SettingClass::ConnectionFilter => {
            one(Device::ConnectingAddress, Term::one(On::Client, own::network(&entry.value)))
        }
        SettingClass::UrlProtection => one(Device::LinkExclusion, Term::one(On::Url, own::link(&entry.value))),
        SettingClass::UserListEntry if on.contains("recipient") => {
            let to = Term::one(On::Header("To".to_owned()), party(&entry.value));
            let mut grants = one(Device::UserList, to);
            grants.iter_mut().for_each(|grant| user_list(grant, setting));
            grants
        }
        SettingClass::UserListEntry => {
            let mut grants = one(Device::UserList, Term::one(On::HeaderFrom, party(&entry.value)));
            grants.iter_mut().for_each(|grant| user_list(grant, setting));
            grants
        }
        SettingClass::InboundConnector => {
            one(Device::EnhancedFiltering, Term::one(On::Client, own::network(&entry.value)))
        }
        _ => Vec::new(),
    }
}

/// What an entry of the organisation's list names.
fn listed_value(on: &str, value: &str) -> Term {
    let is_address = || Value::network(value).is_some();
    if on.contains("url") || on.contains("link") {
        Term::one(On::Url, own::link(value))
    } else if on.contains("hash") || on.contains("file") {
        Term::one(On::Attachment, Value::Name(value.trim().to_lowercase()))
    } else if on.contains("connecting") || on == "ip" || is_address() {
        Term::one(On::Client, own::network(value))
    } else {
        Term::one(On::HeaderFrom, party(value))
    }
}

/// A sender and where it may come from.
fn pair(setting: &Setting, entry: &ListEntry) -> Scope {
    let of = |name: &str| {
        let found = setting.conditions.iter().find(|condition| folded(&condition.name) == name);
        found.map(|condition| condition.values.clone())
    };
    let split = entry.value.split_once(',').unwrap_or((&entry.value, "*"));
    let user = of("spoofeduser").unwrap_or_else(|| vec![split.0.to_owned()]);
    let from = of("sendinginfrastructure").unwrap_or_else(|| vec![split.1.to_owned()]);
    Scope::of([
        Term::new(On::HeaderFrom, user.iter().map(|text| party(text))),
        Term::new(On::Infrastructure, from.iter().map(|text| own::infrastructure(text.trim()))),
    ])
}

/// A sender as most lists write it: a bare domain is that one only.
fn party(text: &str) -> Value {
    Value::party(text, Value::Domain)
}

fn link(text: &str) -> Term {
    Term::one(On::Url, own::link(text))
}

/// One grant a value of a list that a setting holds.
fn listed(step: &Step, setting: &Setting, name: &str, device: Device, term: fn(&str) -> Term) -> Vec<Grant> {
    values(setting, name).map(|text| grant(step, setting, device, text, Scope::of([term(text)]))).collect()
}

/// Tells an entry of a user's own list whose it is, and whether it is a domain.
fn user_list(grant: &mut Grant, setting: &Setting) {
    let is_address = grant.scope.terms.iter().flat_map(|term| &term.values).all(|value| own::address(value).is_some());
    grant.device = if is_address { Device::UserList } else { Device::UserListDomain };
    if let Some(mailbox) = &setting.mailbox {
        grant.scope.terms.insert(Term::one(On::Recipient, Value::Address(mailbox.clone())));
    }
}

fn of_connection_filter(step: &Step, setting: &Setting) -> Vec<Grant> {
    let mut grants = Vec::new();
    if flag(setting, "EnableSafeList") == Some(true) {
        let scope = Scope::of([other("senders on the vendor's list", "any")]);
        grants.push(grant(step, setting, Device::VendorSafeList, &setting.name, scope));
    }
    grants
}

fn of_connector(step: &Step, setting: &Setting) -> Vec<Grant> {
    let mut grants = Vec::new();
    if flag(setting, "TreatMessagesAsInternal") == Some(true) {
        let scope = Scope::of(setting.conditions.iter().map(of_connector_condition));
        grants.push(grant(step, setting, Device::InternalTrust, &setting.name, scope));
    }
    let of = |text: &str| Term::one(On::Client, own::network(text));
    grants.extend(listed(step, setting, "EFSkipIPs", Device::EnhancedFiltering, of));
    if flag(setting, "EFSkipLastIP") == Some(true) {
        let scope = Scope::of([other("the last hop of the connector", &setting.name)]);
        grants.push(grant(step, setting, Device::EnhancedFiltering, &setting.name, scope));
    }
    grants
}

fn of_connector_condition(condition: &evidence::Condition) -> Term {
    let name = folded(&condition.name);
    let domain = |text: &String| {
        let text = text.trim().split(';').next().unwrap_or_default();
        let text = text.get(..5).filter(|head| head.eq_ignore_ascii_case("smtp:")).map_or(text, |_| &text[5..]);
        Value::party(text, Value::DomainAndBelow)
    };
    match name.as_str() {
        "senderdomains" => Term::new(On::EitherSender, condition.values.iter().map(domain)),
        "senderipaddresses" => Term::new(On::Client, condition.values.iter().map(|text| own::network(text))),
        "tlssendercertificatename" => Term::new(On::Infrastructure, condition.values.iter().map(domain)),
        _ => other(&condition.name, &condition.values.join(", ")),
    }
}

fn of_simulation(condition: &evidence::Condition) -> Option<Term> {
    let name = folded(&condition.name);
    let values = condition.values.iter();
    Some(match name.as_str() {
        name if name.contains("domain") => {
            Term::new(On::EitherSender, values.map(|text| Value::party(text, Value::Domain)))
        }
        name if name.contains("ip") => Term::new(On::Client, values.map(|text| own::network(text))),
        _ => return None,
    })
}

/// Recipients whom a policy's rule leaves out.
fn excepted(step: &Step, setting: &Setting) -> Vec<Grant> {
    let of = |condition: &evidence::Condition| {
        let term = rule::condition_term(condition, On::EitherSender);
        grant(step, setting, Device::PolicyException, &setting.name, Scope::of([term]))
    };
    let is_policy = matches!(
        setting.class,
        SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::AntiMalware
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
            | SettingClass::Preset
    );
    setting.exceptions.iter().filter(|_| is_policy).map(of).collect()
}

/// A condition that nobody can follow; it narrows nothing.
pub(super) fn other(what: &str, value: &str) -> Term {
    Term::one(On::Other(what.to_owned()), Value::Name(value.to_owned()))
}

/// What an act lets through: a release, or a submission that asks for an entry.
fn of_act(step: &Step, act: &Act) -> Vec<Grant> {
    let Some(release) = Release::of(act) else { return Vec::new() };
    if !release.lets_go {
        return Vec::new();
    }
    let message = Term::new(On::Message, release.messages.iter().map(|id| Value::Name((*id).to_owned())));
    let mut terms: Vec<Term> = if release.messages.is_empty() { Vec::new() } else { vec![message] };
    if !release.to_all && !release.to.is_empty() {
        terms.push(Term::new(On::Recipient, release.to.iter().map(|text| party(text))));
    }
    vec![Grant {
        product: step.product.clone(),
        device: Device::Release,
        name: release.messages.first().copied().unwrap_or("messages in quarantine").to_owned(),
        scope: Scope::of(terms),
        ends: Ends::AtOnce,
        cites: Vec::new(),
    }]
}

/// A release of something that is kept back, as its command states it.
pub(super) struct Release<'a> {
    /// Which messages.
    pub(super) messages: Vec<&'a str>,
    /// To whom.
    pub(super) to: Vec<&'a str>,
    /// To all its recipients.
    pub(super) to_all: bool,
    /// Whether the sender is allowed for the future too.
    pub(super) allows_sender: bool,
    /// Whether a copy goes to the vendor.
    pub(super) reports: bool,
    /// Whether anything is let go: a denial and a request let nothing go.
    pub(super) lets_go: bool,
}

impl<'a> Release<'a> {
    /// Reads an act; `None` if it is no release.
    pub(super) fn of(act: &'a Act) -> Option<Release<'a>> {
        if !folded(&act.operation).contains("releasequarantinemessage") {
            return None;
        }
        let of = |name: &str| values_of(&act.details, name);
        let set = |name: &str| of(name).is_some_and(|values| !values.iter().any(|value| is_no(value)));
        let mut messages: Vec<&str> = act.object.as_deref().into_iter().collect();
        if messages.is_empty() {
            messages.extend(["Identity", "Identities"].into_iter().filter_map(of).flatten());
        }
        messages.retain(|id| !id.trim().is_empty());
        let action = of("ActionType").and_then(|values| values.into_iter().next()).map(folded);
        Some(Release {
            messages,
            to: of("User").into_iter().flatten().collect(),
            to_all: set("ReleaseToAll"),
            allows_sender: set("AllowSender"),
            reports: set("ReportFalsePositive"),
            lets_go: !matches!(action.as_deref(), Some("deny" | "request")),
        })
    }
}

fn is_no(value: &str) -> bool {
    matches!(folded(value).as_str(), "false" | "0" | "no")
}

fn values_of<'a>(details: &'a [Property], name: &str) -> Option<Vec<&'a str>> {
    let name = folded(name);
    let found = details.iter().find(|property| folded(&property.name) == name)?;
    Some(found.values.iter().map(String::as_str).collect())
}
