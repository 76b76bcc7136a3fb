//! Lists that a command sets as a whole: what it does not repeat is lost.

use evidence::{ChangeKind, Cite, Setting, SettingClass};
use lake::Entry;
use sources::proposed::About;

use super::super::words::{self, condition, folded};
use super::width;
use super::{Case, note, row, unknown};
use crate::Reason;

/// Where a list stands that commands set: which class of setting holds it, and how to fetch it.
const HOLDERS: &[(&str, SettingClass, &str)] = &[
    ("allowedsenders", SettingClass::AntiSpam, "Get-HostedContentFilterPolicy"),
    ("allowedsenderdomains", SettingClass::AntiSpam, "Get-HostedContentFilterPolicy"),
    ("blockedsenders", SettingClass::AntiSpam, "Get-HostedContentFilterPolicy"),
    ("blockedsenderdomains", SettingClass::AntiSpam, "Get-HostedContentFilterPolicy"),
    ("excludedsenders", SettingClass::AntiPhish, "Get-AntiPhishPolicy"),
    ("excludeddomains", SettingClass::AntiPhish, "Get-AntiPhishPolicy"),
    ("targeteduserstoprotect", SettingClass::AntiPhish, "Get-AntiPhishPolicy"),
    ("targeteddomainstoprotect", SettingClass::AntiPhish, "Get-AntiPhishPolicy"),
    ("donotrewriteurls", SettingClass::UrlProtection, "Get-SafeLinksPolicy"),
    ("ipallowlist", SettingClass::ConnectionFilter, "Get-HostedConnectionFilterPolicy"),
    ("ipblocklist", SettingClass::ConnectionFilter, "Get-HostedConnectionFilterPolicy"),
    ("senderipaddresses", SettingClass::InboundConnector, "Get-InboundConnector"),
    ("efskipips", SettingClass::InboundConnector, "Get-InboundConnector"),
    ("efusers", SettingClass::InboundConnector, "Get-InboundConnector"),
    ("trustedsendersanddomains", SettingClass::JunkFilter, "Get-MailboxJunkEmailConfiguration"),
    ("blockedsendersanddomains", SettingClass::JunkFilter, "Get-MailboxJunkEmailConfiguration"),
];

/// What a step would delete because it sets a whole list.
pub(super) fn judge(case: &Case<'_>) -> Vec<Reason> {
    let About::Setting(setting) = &case.step.about else { return Vec::new() };
    // Each value of a list is a step of its own too; what is lost is told once.
    if case.step.kind != ChangeKind::Changed || setting.entry.is_some() {
        return Vec::new();
    }
    case.step.replaces.iter().filter_map(|name| replaced(case, setting, name)).collect()
}

fn replaced(case: &Case<'_>, setting: &Setting, name: &str) -> Option<Reason> {
    let list = folded(name);
    if setting.class == SettingClass::TransportRule {
        return of_rule(case, setting, name, &list);
    }
    let (_, class, fetch) = HOLDERS.iter().find(|(known, ..)| *known == list)?;
    let stated = stated(setting, name);
    // Who sets a list to nothing means to clear it.
    let clears = stated.is_empty();
    let lets_through =
        ["allowed", "excluded", "trusted", "donotrewrite", "ipallow"].iter().any(|head| list.starts_with(head));
    if clears && lets_through {
        return None;
    }
    let current = holder_of(case, class, setting);
    let Some((current, entry)) = current else {
        return Some(unknown(format!(
            "{name} is set as a whole, and what it does not repeat is lost; the list as it is now is not in the evidence: fetch {fetch}"
        )));
    };
    lost(case, current, entry, name, &stated)
}

/// What a rule's condition or exception would no longer name. It narrows or keeps out; to lose it is worth a word.
fn of_rule(case: &Case<'_>, setting: &Setting, name: &str, list: &str) -> Option<Reason> {
    let Some((current, entry)) = case.current(setting) else {
        if list.starts_with("exceptif") && !stated(setting, name).is_empty() {
            return Some(unknown(format!(
                "{name} is set as a whole, and exceptions of now that it does not repeat are lost; the rule is not in the evidence: fetch Get-TransportRule"
            )));
        }
        return Some(note(format!("{name} is set as a whole: values of now that it does not repeat are lost")));
    };
    let is_exception = list.starts_with("exceptif");
    lost(case, current, entry, name, &stated(setting, name)).filter(|_| is_exception)
}

fn holder_of<'a>(case: &Case<'a>, class: &SettingClass, setting: &Setting) -> Option<(&'a Setting, &'a Entry)> {
    let by_name = case.current(setting).filter(|(known, _)| known.class == *class);
    // There is one connection filter only.
    by_name.or_else(|| case.current_of_class(class).filter(|_| *class == SettingClass::ConnectionFilter))
}

/// What the step states for a list.
fn stated(setting: &Setting, name: &str) -> Vec<String> {
    let of_conditions = [&setting.conditions, &setting.exceptions].into_iter().filter_map(|all| condition(all, name));
    let mut stated: Vec<String> = of_conditions.flat_map(|one| &one.values).map(|text| plain(text)).collect();
    stated.extend(words::values(setting, name).map(plain));
    stated
}

/// Names what is in the list now and not in the command.
fn lost(case: &Case<'_>, current: &Setting, entry: &Entry, name: &str, stated: &[String]) -> Option<Reason> {
    let said = case.step.said.to_lowercase();
    let known = self::stated(current, name);
    let is_repeated = |value: &String| stated.contains(value) || is_in(&said, value);
    let lost: Vec<&String> = known.iter().filter(|value| !is_repeated(value)).collect();
    let cite: Cite = entry.observation.cite.clone();
    (!lost.is_empty()).then(|| {
        row("R1", format!("{name} is set as a whole, and {} would be lost; use @{{Add=...}}", width::listed(lost)))
            .cited([cite])
    })
}

/// A value as lists are compared: without the object around it that older modules print.
fn plain(text: &str) -> String {
    let text = text.trim().trim_start_matches("smtp:").to_lowercase();
    let object = text.starts_with('{').then(|| serde_json::from_str::<serde_json::Value>(&text).ok()).flatten();
    let inner = object.as_ref().and_then(|object| {
        ["address", "domain", "sender"].iter().find_map(|key| object.get(key)).and_then(serde_json::Value::as_str)
    });
    inner.map_or(text.clone(), str::to_owned)
}

/// Whether a text holds a value with nothing of a name before or after it.
fn is_in(text: &str, value: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "@.-_*".contains(c);
    !value.is_empty()
        && text.match_indices(value).any(|(at, found)| {
            let (before, after) = (&text[..at], &text[at + found.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
}
