//! What operations on the directory change, by their words.

use std::sync::LazyLock;

use evidence::{Alteration, ChangeKind, SettingClass};
use serde_json::{Map, Value};

use crate::codes::Codes;
use crate::microsoft::{text, text_of};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// The kind of change that a code table means.
pub(crate) fn kind_of(means: &str) -> Option<ChangeKind> {
    Some(match means {
        "created" => ChangeKind::Created,
        "changed" => ChangeKind::Changed,
        "removed" => ChangeKind::Removed,
        "enabled" => ChangeKind::Enabled,
        "disabled" => ChangeKind::Disabled,
        "other" => ChangeKind::Other,
        _ => return None,
    })
}

/// The class of setting that a code table means.
pub(crate) fn class_of(means: &str) -> Option<SettingClass> {
    Some(match means {
        "transport_rule" => SettingClass::TransportRule,
        "inbound_connector" => SettingClass::InboundConnector,
        "outbound_connector" => SettingClass::OutboundConnector,
        "anti_spam" => SettingClass::AntiSpam,
        "outbound_spam" => SettingClass::OutboundSpam,
        "connection_filter" => SettingClass::ConnectionFilter,
        "anti_phish" => SettingClass::AntiPhish,
        "anti_malware" => SettingClass::AntiMalware,
        "attachment_protection" => SettingClass::AttachmentProtection,
        "url_protection" => SettingClass::UrlProtection,
        "preset" => SettingClass::Preset,
        "quarantine_policy" => SettingClass::QuarantinePolicy,
        "list_entry" => SettingClass::ListEntry,
        "spoof_entry" => SettingClass::SpoofEntry,
        "journal_rule" => SettingClass::Other("journal rule".to_owned()),
        "delivery_override" => SettingClass::Other("advanced delivery".to_owned()),
        "mailbox_rule" => SettingClass::MailboxRule,
        "junk_filter" => SettingClass::JunkFilter,
        "mailbox_permission" => SettingClass::MailboxPermission,
        "mailbox" => SettingClass::Mailbox,
        "group" => SettingClass::Group,
        "accepted_domain" => SettingClass::AcceptedDomain,
        "remote_domain" => SettingClass::RemoteDomain,
        "dkim_signing" => SettingClass::DkimSigning,
        "organisation" => SettingClass::Organisation,
        "alert_policy" => SettingClass::AlertPolicy,
        "data_loss" => SettingClass::Other("data loss prevention".to_owned()),
        "conditional_access" => SettingClass::ConditionalAccess,
        "application" => SettingClass::Application,
        "user" => SettingClass::User,
        _ => return None,
    })
}

/// Kind and class of an operation on the directory by its words; of several names that it holds the first one listed counts.
pub(crate) fn change_of(operation: &str) -> Option<(ChangeKind, Option<SettingClass>)> {
    let verb = operation.split([' ', '.']).next()?;
    let kind = kind_of(CODES.means("DirectoryVerb", verb)?)?;
    let operation = operation.to_ascii_lowercase();
    // A member, an owner or a credential more or less changes the thing that has it.
    let is_part = [" to ", " from ", "credential", "assignment", "owner"].iter().any(|word| operation.contains(word));
    let kind = if is_part && kind != ChangeKind::Other { ChangeKind::Changed } else { kind };
    const OBJECTS: [&str; 15] = [
        "conditional access policy",
        "named location",
        "service principal",
        "consent to application",
        "delegated permission grant",
        "oauth2permissiongrant",
        "app role assignment",
        "application",
        "member to role",
        "member from role",
        "group",
        "company information",
        "domain",
        "policy",
        "user",
    ];
    let object = OBJECTS.iter().find(|object| operation.contains(*object));
    Some((kind, object.and_then(|object| CODES.means("DirectoryObject", object)).and_then(class_of)))
}

/// One of the `ModifiedProperties`: `{"Name", "OldValue", "NewValue"}`.
pub(crate) fn modified_property(object: &Map<String, Value>) -> Option<Alteration> {
    // An empty text is a value too: the property was, or is now, empty.
    let value = |names: &[&str]| match names.iter().find_map(|name| object.get(*name))? {
        Value::String(text) => Some(text.trim().to_owned()),
        other => text(other),
    };
    Some(Alteration {
        name: text_of(object, &["Name", "displayName"])?,
        before: value(&["OldValue", "oldValue"]),
        after: value(&["NewValue", "newValue"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{self, Code};

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |Code { field, means, .. }| match field.as_str() {
            "DirectoryVerb" => kind_of(means).is_some(),
            "DirectoryObject" => class_of(means).is_some(),
            _ => false,
        });
    }

    #[test]
    fn ok_operations() {
        for (operation, expected) in [
            ("Update conditional access policy", Some((ChangeKind::Changed, Some(SettingClass::ConditionalAccess)))),
            ("Add conditional access policy.", Some((ChangeKind::Created, Some(SettingClass::ConditionalAccess)))),
            ("Add member to group", Some((ChangeKind::Changed, Some(SettingClass::Group)))),
            ("Add service principal credentials.", Some((ChangeKind::Changed, Some(SettingClass::Application)))),
            ("Hard Delete user", Some((ChangeKind::Removed, Some(SettingClass::User)))),
            ("Add device", Some((ChangeKind::Created, None))),
            ("User registered security info", None),
            ("", None),
        ] {
            assert_eq!(change_of(operation), expected, "{operation}");
        }
    }
}
