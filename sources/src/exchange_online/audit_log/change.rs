//! Changes: cmdlets of administrators and of the service, rules made in Outlook, operations on the directory.

use evidence::{Alteration, Change, ChangeKind, Fact, SettingClass};

use super::{CODES, OPERATION, actor, done, object, tenant};
use crate::entra::directory::{change_of, class_of, kind_of, modified_property};
use crate::microsoft::{beside, pairs};
use crate::table::Facts;
use crate::table::row::Row;

/// Properties of a mailbox by which its mail goes elsewhere.
const FORWARDING: [&str; 3] = ["ForwardingSmtpAddress", "ForwardingAddress", "DeliverToMailboxAndForward"];

/// What a record changes; `None` if it changes nothing.
pub(super) fn of(row: &Row, operation: &str) -> Option<Change> {
    let (kind, class) = cmdlet(operation).or_else(|| directory(row, operation))?;
    let alterations = alterations(row);
    let forwards = || alterations.iter().any(|one| FORWARDING.contains(&one.name.as_str()));
    let class = match class {
        Some(SettingClass::Mailbox) if forwards() => Some(SettingClass::Forwarding),
        other => other,
    };
    Some(Change {
        operation: operation.to_owned(),
        kind,
        class,
        object: object(row).or_else(|| named(&alterations)),
        by: actor(row),
        tenant: tenant(row),
        alterations,
        done: done(row),
    })
}

/// Whether a record changes something that all messages depend on.
pub(super) fn stays(row: &Row) -> bool {
    let operation = row.text(OPERATION).unwrap_or_default();
    if operation == "UpdateInboxRules" {
        return true;
    }
    match cmdlet(operation) {
        Some((_, Some(SettingClass::Mailbox))) => {
            let parameters = pairs(row, &["parameters"]);
            FORWARDING.iter().any(|name| beside(&parameters, name).is_some())
        }
        Some((_, class)) => class.is_some_and(|class| bears_on_mail(&class)),
        None => directory(row, operation)
            .and_then(|(_, class)| class)
            .is_some_and(|class| matches!(class, SettingClass::ConditionalAccess | SettingClass::AcceptedDomain)),
    }
}

/// Whether the way of mail depends on settings of a class.
pub(super) fn bears_on_mail(class: &SettingClass) -> bool {
    !matches!(
        class,
        SettingClass::Mailbox
            | SettingClass::MailboxPermission
            | SettingClass::User
            | SettingClass::Group
            | SettingClass::Application
            | SettingClass::AlertPolicy
    )
}

/// Kind and class of a `Verb-Noun`; `None` for a verb that changes nothing, and for what is no cmdlet.
fn cmdlet(operation: &str) -> Option<(ChangeKind, Option<SettingClass>)> {
    let (verb, noun) = operation.split_once('-')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_word(verb) || !is_word(noun) {
        return None;
    }
    let kind = kind_of(CODES.means("Verb", verb)?)?;
    Some((kind, CODES.means("Noun", noun).and_then(class_of)))
}

/// The workload's number for operations on the directory, and its name.
const DIRECTORY: [&str; 2] = ["8", "AzureActiveDirectory"];

/// Kind and class of an operation on the directory, such as `Update conditional access policy.`
fn directory(row: &Row, operation: &str) -> Option<(ChangeKind, Option<SettingClass>)> {
    if !row.list(super::RECORD_TYPE).iter().any(|said| DIRECTORY.contains(said)) {
        return None;
    }
    change_of(operation)
}

/// What became of each property: parameters of the cmdlet, and modified properties with their values before and after.
fn alterations(row: &Row) -> Vec<Alteration> {
    let modified = row.objects(&["modifiedproperties"]);
    let modified = modified.iter().filter_map(modified_property);
    let mut found: Vec<Alteration> = modified.take(ALTERATIONS_MAX).collect();
    let given = match row.text(&["parameters"]) {
        Some(line) if line.starts_with('-') => switches(line),
        _ => pairs(row, &["parameters"]),
    };
    for (name, value) in given.into_iter().take(ALTERATIONS_MAX) {
        if !found.iter().any(|known| known.name.eq_ignore_ascii_case(&name)) {
            found.push(Alteration { name, before: None, after: Some(value) });
        }
    }
    found
}

/// How many altered properties of one record are stated; no cmdlet has as many parameters.
const ALTERATIONS_MAX: usize = 512;

/// The `-Name "value"` pairs of a cmdlet as one text; a switch without a value has an empty one.
fn switches(line: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = line.trim_start();
    while let Some(after) = rest.strip_prefix('-') {
        let name_end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (name, tail) = after.split_at(name_end);
        let tail = tail.trim_start();
        let (value, next) = match tail.strip_prefix('"') {
            Some(quoted) => match quoted.find("\" -").or_else(|| quoted.rfind('"')) {
                Some(end) => (&quoted[..end], quoted[end + 1..].trim_start()),
                None => (quoted, ""),
            },
            None => {
                let end = if tail.starts_with('-') { 0 } else { tail.find(" -").unwrap_or(tail.len()) };
                (&tail[..end], tail[end..].trim_start())
            }
        };
        found.push((name.trim_end_matches(':').to_owned(), value.trim().to_owned()));
        rest = next;
    }
    found
}

/// The object's name among the parameters, for records that leave `ObjectId` empty.
fn named(alterations: &[Alteration]) -> Option<String> {
    let of = |name: &str| alterations.iter().find(|one| one.name == name).and_then(|one| one.after.clone());
    of("Identity").or_else(|| of("Name")).filter(|name| !name.is_empty())
}

/// States that a rule of a mailbox was made, changed or removed in Outlook.
pub(super) fn inbox_rule(row: &Row, facts: &mut Facts<'_>) {
    let properties = pairs(row, &["operationproperties"]);
    let operation = beside(&properties, "RuleOperation").unwrap_or_default();
    let kind = CODES.means("RuleOperation", operation).and_then(kind_of).unwrap_or(ChangeKind::Other);
    let rule = ["RuleName", "RuleId"].iter().filter_map(|name| beside(&properties, name)).find(|name| !name.is_empty());
    let mailbox = row.text(&["mailboxownerupn"]);
    let object = match (mailbox, rule) {
        (Some(mailbox), Some(rule)) => Some(format!("{mailbox}\\{rule}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    };
    let altered = properties.iter().filter(|(_, value)| !value.is_empty());
    let alterations = altered
        .map(|(name, value)| Alteration { name: name.clone(), before: None, after: Some(value.clone()) })
        .take(ALTERATIONS_MAX)
        .collect();
    facts.say_by(
        OPERATION,
        Fact::Change(Change {
            operation: "UpdateInboxRules".to_owned(),
            kind,
            class: Some(SettingClass::MailboxRule),
            object,
            by: actor(row),
            tenant: tenant(row),
            alterations,
            done: done(row),
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_switches() {
        for (line, expected) in [
            ("-Identity \"a b\" -Enabled \"True\"", vec![("Identity", "a b"), ("Enabled", "True")]),
            ("-Identity a -Force -Note \"x - y\"", vec![("Identity", "a"), ("Force", ""), ("Note", "x - y")]),
            ("-Open \"never closed", vec![("Open", "never closed")]),
            ("- -", vec![("", ""), ("", "")]),
            ("none", vec![]),
        ] {
            let found = switches(line);
            let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn ok_cmdlets() {
        for (operation, expected) in [
            ("Set-TransportRule", Some((ChangeKind::Changed, Some(SettingClass::TransportRule)))),
            ("New-Thing", Some((ChangeKind::Created, None))),
            ("Get-Mailbox", None),
            ("Move", None),
            ("COMPLIANCEMANAGER-SCORECHANGE", None),
        ] {
            assert_eq!(cmdlet(operation), expected, "{operation}");
        }
    }
}
