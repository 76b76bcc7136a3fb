//! Which denials come after the account was accepted, as the table of this folder has it.

use std::sync::LazyLock;

use serde::Deserialize;

/// One line of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    field: String,
    values: Vec<String>,
    means: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and the test of the table"))]
    source: String,
}

#[derive(Default, Deserialize)]
struct Table {
    denial: Vec<Entry>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // A test reads the table.
    toml::from_str(include_str!("denials.toml")).unwrap_or_default()
});

/// An application or a resource that the account is not assigned to, or for which nobody consented.
pub(super) const NOT_ASSIGNED: &str = "not-assigned-or-no-consent";
/// An access policy stands before one resource and lets another one pass.
pub(super) const SECOND_RESOURCE: &str = "access-policy-on-second-resource";
/// The account lacks the role, scope or right to do it.
pub(super) const ROLE_MISSING: &str = "role-or-release-permission-missing";
/// Signed in, and not allowed to send in that name.
pub(super) const NOT_OWNER: &str = "not-owner-of-sender-address";
/// The group or mailbox takes mail of some senders only.
pub(super) const RECIPIENT: &str = "recipient-restriction";
/// A rule, list or verdict acts on mail that is authenticated.
pub(super) const POLICY: &str = "policy-still-acts";

/// All causes, in the order of the guide.
pub(super) const CAUSES: &[&str] = &[NOT_ASSIGNED, SECOND_RESOURCE, ROLE_MISSING, NOT_OWNER, RECIPIENT, POLICY];

fn of(field: &str, test: impl Fn(&str) -> bool) -> Option<&'static str> {
    let mut entries = TABLE.denial.iter().filter(|entry| entry.field == field);
    let found = entries.find(|entry| entry.values.iter().any(|value| test(value)))?;
    CAUSES.iter().find(|cause| **cause == found.means).copied()
}

/// The cause that an error code of a sign-in stands for.
pub(super) fn by_code(code: i64) -> Option<&'static str> {
    let code = code.to_string();
    of("code", |value| value == code)
}

/// The cause that the words of a denied act or logon name.
pub(super) fn by_words(text: &str) -> Option<&'static str> {
    let text = format!(" {} ", text.to_lowercase());
    of("words", |value| text.contains(value))
}

/// Whether a server denies a sender's address to somebody who signed in.
pub(super) fn is_of_the_owner(text: &str) -> bool {
    let text = text.to_lowercase();
    of("owner", |value| text.contains(value)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_known() {
        let table: Table = toml::from_str(include_str!("denials.toml")).expect("a table");
        for entry in &table.denial {
            let is_known = ["code", "words", "owner"].contains(&entry.field.as_str());
            let is_lower = entry.values.iter().all(|value| value.to_lowercase() == *value);
            assert!(is_known && is_lower && CAUSES.contains(&entry.means.as_str()), "{entry:?}");
            assert!(entry.source.contains("read 20"), "{entry:?}");
        }
    }

    #[test]
    fn codes_and_words() {
        assert_eq!(by_code(50105), Some(NOT_ASSIGNED));
        assert_eq!(by_code(53003), Some(SECOND_RESOURCE));
        assert_eq!(by_code(50126), None);
        assert_eq!(by_words("Response status code does not indicate success: 403"), Some(ROLE_MISSING));
        assert_eq!(by_words("wrong password"), None);
    }
}
