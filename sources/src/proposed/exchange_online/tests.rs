use evidence::{Condition, ListWord, Property, Setting};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::{About, read};
use super::*;
use crate::Input;

fn candidate(text: &str) -> Candidate {
    let clock = Clock { zone: TimeZone::UTC, zone_label: "UTC (default)".to_owned(), reference: Timestamp::UNIX_EPOCH };
    read(&Input { name: FileName::from("change.ps1".to_owned()), bytes: text.as_bytes() }, &clock)
}

fn list(properties: &[Property]) -> String {
    let one = |property: &Property| format!("{}={}", property.name, property.values.join("|"));
    properties.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn conditions(mark: &str, conditions: &[Condition]) -> String {
    conditions.iter().map(|one| format!(" {mark}{}={}", one.name, one.values.join("|"))).collect()
}

fn in_words(setting: &Setting) -> String {
    let mut said = format!("{:?} {}", setting.class, setting.name);
    if let Some(entry) = &setting.entry {
        let says = match &entry.says {
            ListWord::Allow => "allow",
            ListWord::Block => "block",
            ListWord::Other(word) => word,
        };
        said.push_str(&format!(" <{says} {} {}>", entry.on, entry.value));
    }
    said.push_str(&conditions("+", &setting.conditions));
    said.push_str(&conditions("-", &setting.exceptions));
    if let Some(expires) = &setting.expires {
        said.push_str(&format!(" until {}", expires.at));
    }
    if !setting.properties.is_empty() {
        said.push_str(&format!(" [{}]", list(&setting.properties)));
    }
    said
}

/// The steps and the unread parts of a text, a line each.
fn told(text: &str) -> Vec<String> {
    let candidate = candidate(text);
    let steps = candidate.steps.iter().map(|step| {
        let about = match &step.about {
            About::Setting(setting) => in_words(setting),
            About::Act(act) => format!("{} [{}]", act.object.as_deref().unwrap_or_default(), list(&act.details)),
        };
        let replaces =
            if step.replaces.is_empty() { String::new() } else { format!(" replaces {}", step.replaces.join(",")) };
        format!("{} {} {:?}: {about}{replaces}", step.line, step.operation, step.kind)
    });
    let unread =
        candidate.unread.iter().map(|one| format!("{} unread: {}, found {}", one.line, one.expected, one.found));
    steps.chain(unread).collect()
}

fn check(text: &str, expected: &[&str]) {
    assert_eq!(told(text), expected, "{text}");
}

#[test]
fn ok_entries() {
    check(
        "New-TenantAllowBlockListItems -ListType Sender -Allow -Entries 'ann@vendor.example','bob@vendor.example' -RemoveAfter 45",
        &[
            "1 New-TenantAllowBlockListItems Created: ListEntry ann@vendor.example <allow sender ann@vendor.example> [Action=Allow ListType=Sender RemoveAfter=45]",
            "1 New-TenantAllowBlockListItems Created: ListEntry bob@vendor.example <allow sender bob@vendor.example> [Action=Allow ListType=Sender RemoveAfter=45]",
        ],
    );
}
