//! What a setting or a release lets through.

use evidence::{Act, ChangeKind, Identifier, ListEntry, ListWord, Product, Setting, SettingClass};
use sources::policy::Device;
use sources::proposed::{About, Step};

use super::policy::{self, Doing};
use crate::vendor::common::host_of;
use crate::{Ends, Grant, On, Scope, Term, Value};

/// Properties that are told by the scope and the end of a grant, in lower case without signs.
pub(super) const TOLD: &[&str] = &[
    "id",
    "frompart",
    "frometernal",
    "toeternal",
    "fromdate",
    "fromdatetime",
    "todate",
    "todatetime",
    "createtime",
    "lastupdated",
    "enabled",
    "scheme",
    "domain",
    "port",
    "path",
    "querystring",
    "url",
    "matchtype",
    "type",
    "sender",
    "to",
];

/// What a step lets through that a filter would stop.
pub(super) fn grants(step: &Step) -> Vec<Grant> {
    match &step.about {
        About::Act(act) => released(act),
        About::Setting(_) if matches!(step.kind, ChangeKind::Removed | ChangeKind::Disabled) => Vec::new(),
        About::Setting(setting) if !policy::acts(setting) => Vec::new(),
        About::Setting(setting) => match setting.class {
            SettingClass::UserListEntry => managed_sender(setting),
            SettingClass::ListEntry => managed_url(setting),
            _ if policy::is_policy(setting) => of_policy(step, setting),
            _ => Vec::new(),
        },
    }
}

fn grant(setting: &Setting, device: Device, scope: Scope, ends: Ends) -> Grant {
    let name = setting.name.clone();
    Grant { product: Product::Mimecast, device, name, scope, ends, cites: Vec::new() }
}

/// The entry of a setting, if it lets something through.
fn allowed(setting: &Setting) -> Option<&ListEntry> {
    setting.entry.as_ref().filter(|entry| entry.says == ListWord::Allow)
}

/// A managed sender is for one recipient and never ends.
fn managed_sender(setting: &Setting) -> Vec<Grant> {
    let Some(entry) = allowed(setting) else { return Vec::new() };
    let sender = Value::party(&entry.value, Value::Domain);
    let device = if matches!(sender, Value::Address(_)) { Device::UserList } else { Device::UserListDomain };
    let recipient = setting.mailbox.as_ref().map(|mailbox| Value::party(mailbox.as_str(), Value::Domain));
    let terms = [Term::one(On::EitherSender, sender)].into_iter();
    let scope = Scope::of(terms.chain(recipient.map(|recipient| Term::one(On::Recipient, recipient))));
    vec![grant(setting, device, scope, Ends::DeviceHasNone)]
}

/// A managed URL is for everybody.
fn managed_url(setting: &Setting) -> Vec<Grant> {
    let Some(entry) = allowed(setting) else { return Vec::new() };
    let is_domain = entry.on.to_lowercase().contains("domain") || entry.value.contains('*');
    let value = match host_of(&entry.value) {
        Some(host) if is_domain => Value::DomainAndBelow(host),
        None if is_domain => Value::Any,
        _ => Value::Name(entry.value.trim().to_owned()),
    };
    let ends = setting.expires.as_ref().map_or(Ends::DeviceHasNone, |when| Ends::At(when.at));
    vec![grant(setting, Device::ListEntry, Scope::of([Term::one(On::Url, value)]), ends)]
}

fn of_policy(step: &Step, setting: &Setting) -> Vec<Grant> {
    let device = match policy::doing(step, setting) {
        Doing::Protects => return Vec::new(),
        Doing::LetsThrough(_) if setting.class == SettingClass::SenderPolicy => Device::PermitPolicy,
        _ => Device::Rule,
    };
    let ends = policy::ends(setting);
    policy::scopes(setting).into_iter().map(|scope| grant(setting, device, scope, ends)).collect()
}

/// A release lets one message through, once.
fn released(act: &Act) -> Vec<Grant> {
    let Some(id) = act.object.as_deref().map(str::trim).filter(|id| !id.is_empty()) else { return Vec::new() };
    let scope = Scope::of([Term::one(On::Message, Value::Name(id.to_owned()))]);
    let name = Identifier::message_id(id).map_or_else(|| id.to_owned(), |id| id.text().to_owned());
    vec![Grant {
        product: Product::Mimecast,
        device: Device::ListEntry,
        name,
        scope,
        ends: Ends::AtOnce,
        cites: Vec::new(),
    }]
}
