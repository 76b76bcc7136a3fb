//! How wide a scope is on the side of the sender, of the recipient, and of the proof of who sends.

use std::net::IpAddr;

use evidence::SettingClass;
use lake::Entry;

use super::Case;
use crate::vendor::common::{self, FEW};
use crate::vendor::own;
use crate::{On, Scope, Term, Value};

/// Who sends; what is less is narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// One address, or a few.
    Addresses,
    /// A domain, or so many addresses that they come to one.
    Domain,
    /// A word, a pattern, a top-level domain, a sending address, or no condition at all.
    Anybody,
}

/// Who receives; what is less is narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ToWhom {
    /// One mailbox, or a few.
    Mailboxes,
    /// By names that nobody can tell from those of groups.
    Names,
    /// A group, or a list.
    Group,
    /// Everybody.
    Everybody,
}

/// How it is made sure who sends; what is less is surer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// By a result of authentication for the sender's domain.
    Authentication,
    /// By a narrow sending address.
    Address,
    /// Not at all.
    None,
}

/// The conditions that look at a sender's address.
const SENDER: [On; 3] = [On::HeaderFrom, On::EnvelopeSender, On::EitherSender];

/// Local parts by which organisations name the list of everybody.
const EVERYBODY: &[&str] = &[
    "all",
    "everyone",
    "everybody",
    "allstaff",
    "allusers",
    "allemployees",
    "allcompany",
    "company",
    "staff",
    "employees",
    "alle",
    "mitarbeiter",
    "allmail",
    "organisation",
    "organization",
    "allhands",
];

/// The narrowest of the conditions on senders, since all have to hold.
pub(super) fn who(scope: &Scope) -> Who {
    let of = |term: &Term| {
        let widest = term.values.iter().map(who_of).max().unwrap_or(Who::Addresses);
        if term.values.len() > FEW { widest.max(Who::Domain) } else { widest }
    };
    scope.terms.iter().filter(|term| SENDER.contains(&term.on)).map(of).min().unwrap_or(Who::Anybody)
}

/// How wide one value is as a sender.
pub(super) fn who_of(value: &Value) -> Who {
    match value {
        Value::Address(_) if own::address(value).is_some() => Who::Addresses,
        Value::Domain(domain) | Value::DomainAndBelow(domain) if is_plain_domain(domain) => Who::Domain,
        _ => Who::Anybody,
    }
}

/// Whether a text is a domain of one owner: no top-level domain, and none under which countries give out names.
pub(super) fn is_plain_domain(domain: &str) -> bool {
    let labels: Vec<&str> = domain.split('.').collect();
    let is_name =
        |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    let second = ["co", "com", "org", "net", "gov", "ac", "edu", "or", "ne", "go", "gv", "mil", "sch", "ltd", "plc"];
    let is_of_a_country =
        labels.len() == 2 && labels[1].len() == 2 && second.contains(&labels[0].to_ascii_lowercase().as_str());
    labels.len() >= 2 && labels.iter().all(is_name) && !is_of_a_country
}

/// Domains that a scope names as senders'.
pub(super) fn domains(scope: &Scope) -> impl Iterator<Item = &str> {
    common::sender_domains(scope)
}

/// Who receives: the narrowest of the conditions on recipients.
pub(super) fn to_whom(case: &Case<'_>, scope: &Scope) -> ToWhom {
    let of = |term: &Term| match term.on {
        On::Recipient => {
            let widest = term.values.iter().map(|value| to_whom_of(case, value)).max().unwrap_or(ToWhom::Mailboxes);
            if term.values.len() > FEW { widest.max(ToWhom::Group) } else { widest }
        }
        On::RecipientGroup if term.values.iter().any(is_everybody) => ToWhom::Everybody,
        On::RecipientGroup if !term.values.is_empty() => ToWhom::Group,
        _ => ToWhom::Everybody,
    };
    scope.terms.iter().map(of).min().unwrap_or(ToWhom::Everybody)
}

fn to_whom_of(case: &Case<'_>, value: &Value) -> ToWhom {
    let is_of = |class: &SettingClass, name: &str| known(case, class, name).is_some();
    match value {
        Value::Address(_) | Value::Name(_) if is_everybody(value) => ToWhom::Everybody,
        Value::Address(address) if is_of(&SettingClass::Group, address.as_str()) => ToWhom::Group,
        Value::Address(_) if own::address(value).is_some() => ToWhom::Mailboxes,
        Value::Name(name) if is_of(&SettingClass::Group, name) => ToWhom::Group,
        Value::Name(name) if is_of(&SettingClass::Mailbox, name) => ToWhom::Mailboxes,
        Value::Name(_) => ToWhom::Names,
        _ => ToWhom::Everybody,
    }
}

/// A mailbox or group in the evidence of this name or address.
fn known<'a>(case: &Case<'a>, class: &SettingClass, name: &str) -> Option<&'a Entry> {
    let is_it = |setting: &evidence::Setting| {
        setting.class == *class
            && (setting.name.eq_ignore_ascii_case(name)
                || setting.mailbox.as_ref().is_some_and(|mailbox| mailbox.as_str().eq_ignore_ascii_case(name)))
    };
    case.world.settings().find(|(setting, _)| is_it(setting)).map(|(_, entry)| entry)
}

/// Whether a recipient is by its name the list of everybody.
fn is_everybody(value: &Value) -> bool {
    let name = match value {
        Value::Address(address) => address.as_str().split('@').next().unwrap_or_default().to_owned(),
        Value::Name(name) => name.split('@').next().unwrap_or_default().to_owned(),
        _ => return value.is_everything(),
    };
    EVERYBODY.contains(&super::words::folded(&name).as_str())
}

/// How it is made sure who sends: the surest of the conditions.
pub(super) fn proof(scope: &Scope) -> Proof {
    let senders: Vec<&str> = domains(scope).collect();
    let is_of_sender = |domain: &str| {
        let aligned = |sender: &&str| *sender == domain || is_below(sender, domain) || is_below(domain, sender);
        senders.is_empty() || senders.iter().all(aligned)
    };
    let signs = |value: &Value| match value {
        Value::Domain(domain) | Value::DomainAndBelow(domain) => {
            is_plain_domain(domain) && is_of_sender(domain) && common::service_of(domain).is_none()
        }
        _ => false,
    };
    let of = |term: &Term| match &term.on {
        _ if term.values.is_empty() => Proof::None,
        On::Dmarc if term.values.iter().all(|value| *value == Value::Name("pass".to_owned())) => Proof::Authentication,
        On::SignedBy if term.values.iter().all(signs) => Proof::Authentication,
        On::Client if term.values.iter().all(|value| !common::is_wide(value)) && term.values.len() <= FEW => {
            Proof::Address
        }
        _ => Proof::None,
    };
    scope.terms.iter().map(of).min().unwrap_or(Proof::None)
}

/// Conditions that narrow in a way that nobody can follow from here.
pub(super) fn not_followed(scope: &Scope) -> Vec<String> {
    let is_open = |term: &&Term| matches!(term.on, On::Other(_) | On::Header(_) | On::Subject);
    scope.terms.iter().filter(is_open).map(ToString::to_string).collect()
}

/// Whether a domain lies below another.
pub(super) fn is_below(domain: &str, of: &str) -> bool {
    domain.strip_suffix(of).is_some_and(|head| head.ends_with('.'))
}

/// Whether addresses are no wider than a /24, or one network of IPv6.
pub(super) fn is_narrow_network(value: &Value) -> bool {
    matches!(value, Value::Network(..)) && !common::is_wide(value)
}

/// Whether an address is reserved for what is inside a network, where it names nobody.
pub(super) fn is_private(value: &Value) -> bool {
    let private = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    };
    matches!(value, Value::Network(first, _) if private(first))
}

/// The first few of a list, in words.
pub(super) fn listed<'v>(values: impl IntoIterator<Item = &'v String>) -> String {
    let values: Vec<&str> = values.into_iter().map(String::as_str).collect();
    let shown = values.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    if values.len() > 5 { format!("{shown} and {} more", values.len() - 5) } else { shown }
}
