//! Exceptions in throughline's own form, which are the same for every vendor.

use std::net::IpAddr;

use evidence::{Address, Condition, Setting, SettingClass};
use sources::policy::Device;
use sources::proposed::{About, Step};

use crate::{Ends, Grant, On, Scope, Term, Value};

/// What an exception in our own form lets through; `None` if the step is none, or names no device that is known.
pub(crate) fn grant(step: &Step) -> Option<Grant> {
    let About::Setting(setting) = &step.about else { return None };
    if !is_one(setting) {
        return None;
    }
    let device = setting.properties.iter().find(|property| property.name.eq_ignore_ascii_case("device"));
    let device = Device::of_id(&device?.values.first()?.trim().to_lowercase())?;
    let terms = |conditions: &[Condition]| conditions.iter().map(term).collect();
    Some(Grant {
        product: step.product.clone(),
        device,
        name: setting.name.clone(),
        scope: Scope { terms: terms(&setting.conditions), except: terms(&setting.exceptions) },
        ends: ends(setting, device),
        cites: Vec::new(),
    })
}

/// Whether a setting is an exception in our own form.
pub(crate) fn is_one(setting: &Setting) -> bool {
    matches!(&setting.class, SettingClass::Other(word) if word == "exception")
}

/// When something that this device does ends, by the end that its setting states.
pub(crate) fn ends(setting: &Setting, device: Device) -> Ends {
    match &setting.expires {
        _ if device == Device::Release => Ends::AtOnce,
        Some(when) => Ends::At(when.at),
        None if device.can_end() => Ends::Never,
        None => Ends::DeviceHasNone,
    }
}

/// One condition by our own name of it.
fn term(condition: &Condition) -> Term {
    let name = condition.name.to_ascii_lowercase();
    let (on, value): (On, fn(&str) -> Value) = match name.as_str() {
        "header_from" => (On::HeaderFrom, party),
        "envelope_sender" => (On::EnvelopeSender, party),
        "sender" => (On::EitherSender, party),
        "sender_group" => (On::SenderGroup, name_or_any),
        "client" => (On::Client, network),
        "signed_by" => (On::SignedBy, party),
        "dmarc" => (On::Dmarc, name_or_any),
        "infrastructure" => (On::Infrastructure, infrastructure),
        "recipient" => (On::Recipient, party),
        "recipient_group" => (On::RecipientGroup, name_or_any),
        "subject" => (On::Subject, |text| Value::Holds(text.to_owned())),
        "url" => (On::Url, link),
        "attachment" => (On::Attachment, name_or_any),
        "message" => (On::Message, name_or_any),
        name => match name.strip_prefix("header:") {
            Some(header) => (On::Header(header.to_owned()), |text| Value::Holds(text.to_owned())),
            None => (On::Other(condition.name.clone()), name_or_any),
        },
    };
    Term::new(on, condition.values.iter().map(|text| value(text.trim())))
}

/// An address or a domain; a bare domain is exactly that one.
fn party(text: &str) -> Value {
    Value::party(text, Value::Domain)
}

/// A name, or anything.
fn name_or_any(text: &str) -> Value {
    if matches!(text, "" | "*") { Value::Any } else { Value::Name(text.to_lowercase()) }
}

/// A network; what is none, nobody can follow.
pub(crate) fn network(text: &str) -> Value {
    Value::network(text).unwrap_or_else(|| if text == "*" { Value::Any } else { Value::Pattern(text.to_owned()) })
}

/// A network, or the domain of the host's name.
pub(crate) fn infrastructure(text: &str) -> Value {
    Value::network(text).unwrap_or_else(|| party(text))
}

/// A link as lists write it: `host/path` is that link, `host`, `host/*` and `~host` are all links of the host.
pub(crate) fn link(text: &str) -> Value {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, path) = text.split_once('/').unwrap_or((text, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).to_lowercase();
    let bare = host.trim_start_matches(['~', '*', '.']).trim_end_matches('.');
    let below = bare.len() != host.trim_end_matches('.').len();
    if bare.is_empty() || bare.contains(['*', '?']) {
        return Value::Any;
    }
    let stem = path.trim_end_matches(['*', '~']);
    let is_whole_host = stem.trim_matches('/').is_empty();
    match (below, is_whole_host) {
        (true, _) => Value::DomainAndBelow(bare.to_owned()),
        (false, true) => Value::Domain(bare.to_owned()),
        (false, false) if stem.contains('*') => Value::Pattern(format!("{bare}/{path}")),
        (false, false) if stem.len() < path.len() => Value::Holds(format!("{bare}/{stem}")),
        (false, false) => Value::Name(format!("{bare}/{}", stem.trim_end_matches('/'))),
    }
}

/// The host of a link's value, and whether the value names more of the link than its host.
pub(crate) fn host(value: &Value) -> Option<(&str, Link)> {
    match value {
        Value::Domain(host) | Value::DomainAndBelow(host) => Some((host, Link::WholeHost)),
        Value::Name(link) | Value::Holds(link) | Value::Pattern(link) => {
            let (host, path) = link.split_once('/')?;
            // A beginning of a path so short that it says nothing is the whole host.
            let is_short = !matches!(value, Value::Name(_)) && path.trim_matches('/').len() < 3;
            let is_whole = is_short || matches!(value, Value::Pattern(_)) || path.is_empty();
            Some((host, if is_whole { Link::WholeHost } else { Link::OnePath }))
        }
        _ => None,
    }
}

/// How much of a host a link's value takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// All of it, or nobody can tell.
    WholeHost,
    /// One path, or what lies below it.
    OnePath,
}

/// An address that is one mailbox, so far as its form shows.
pub(crate) fn address(value: &Value) -> Option<&Address> {
    match value {
        Value::Address(address) if address.domain().is_some_and(|domain| domain.contains('.')) => Some(address),
        _ => None,
    }
}

/// Whether a value is one sending address.
pub(crate) fn is_one_client(value: &Value) -> bool {
    matches!(value, Value::Network(first, last) if first == last && !is_everybody(*first))
}

fn is_everybody(address: IpAddr) -> bool {
    address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_links() {
        for (text, expected) in [
            ("https://files.example/a/b?c=d", "files.example/a/b?c=d"),
            ("files.example/a/", "files.example/a"),
            ("FILES.example/A", "files.example/A"),
            ("files.example", "@files.example"),
            ("files.example/", "@files.example"),
            ("files.example/*", "@files.example"),
            ("https://files.example/**", "@files.example"),
            ("~files.example", "@files.example and below"),
            ("~files.example~", "anything"),
            ("*.files.example/*", "@files.example and below"),
            ("*.files.example/a/b", "@files.example and below"),
            ("files.example/a/*", "\"files.example/a/\" anywhere"),
            ("files.example/*/b", "pattern files.example/*/b"),
            ("*", "anything"),
            ("*/a", "anything"),
        ] {
            assert_eq!(link(text).to_string(), expected, "{text}");
        }
    }
}
