//! What every object of the admin interface has: a name, a lasting id, and when it was made and changed.

use evidence::{Address, Effect, ListEntry, ListWord, Setting, SettingClass};
use serde_json::Value;

use crate::table::Facts;
use crate::table::row::Row;
use crate::table::setting::{SettingNames, parts};

/// The names that all objects share; those in UTC go first.
pub(super) const OBJECT: SettingNames = SettingNames {
    name: &["name", "identity", "id"],
    id: &["guid", "exchangeobjectid", "immutableid"],
    created: &["whencreatedutc", "whencreated"],
    changed: &["whenchangedutc", "whenchanged"],
    exception_prefix: Some("exceptif"),
    ..SettingNames::NONE
};

/// Their instants, as they print in the culture of whoever exported.
pub(super) const INSTANTS: &[&str] = &["whenchangedutc", "whencreatedutc", "whenchanged", "whencreated"];

/// A list of a policy or a mailbox whose values are settings of their own.
pub(super) struct List {
    /// Its folded name.
    pub(super) name: &'static str,
    /// What an entry of it says.
    pub(super) says: ListWord,
    /// About what kind of value.
    pub(super) on: &'static str,
}

/// States each value of a list as an entry that its holder has.
pub(super) fn say_entries(row: &Row, facts: &mut Facts<'_>, holder: &Setting, class: &SettingClass, list: &List) {
    for value in row.list(&[list.name]).into_iter().flat_map(values_in) {
        let entry = Setting {
            class: class.clone(),
            name: value.clone(),
            id: None,
            policy: (!holder.name.is_empty()).then(|| holder.name.clone()),
            effect: holder.effect,
            tier: holder.tier,
            priority: None,
            conditions: Vec::new(),
            exceptions: Vec::new(),
            entry: Some(ListEntry { says: list.says.clone(), on: list.on.to_owned(), value: value.clone() }),
            mailbox: holder.mailbox.clone(),
            created: None,
            changed: None,
            changed_by: None,
            starts: None,
            expires: None,
            last_used: None,
            properties: Vec::new(),
        };
        facts.say_listed(entry, list.name, &value);
    }
}

/// The values of one text of a list; older modules print an entry as an object.
fn values_in(written: &str) -> Vec<String> {
    let object = written.starts_with('{').then(|| serde_json::from_str::<Value>(written).ok()).flatten();
    let inner = object.as_ref().and_then(|object| {
        let of = |name: &str| object.get(name);
        [of("Address"), of("Domain"), of("Sender").and_then(|sender| sender.get("Address")), of("Sender")]
            .into_iter()
            .flatten()
            .find_map(Value::as_str)
    });
    match inner {
        Some(inner) => vec![inner.to_owned()],
        None => parts(written).into_iter().map(str::to_owned).collect(),
    }
}

/// The mailbox that a row names by an address; an alias or a directory id joins with no recipient.
pub(super) fn mailbox(row: &Row, names: &[&str]) -> Option<Address> {
    let named = names.iter().filter_map(|name| row.text(&[name])).find(|text| text.contains('@'))?;
    Some(Address::new(named))
}

/// What a row without a switch says: what it lists, acts.
pub(super) const LISTED: Effect = Effect::Acts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_values() {
        for (written, expected) in [
            ("ann@example.com", "ann@example.com"),
            (r#"{"Address":"ann@example.com"}"#, "ann@example.com"),
            (r#"{"Domain":"example.net"}"#, "example.net"),
            (r#"{"Sender":{"Address":"ann@example.com"}}"#, "ann@example.com"),
            ("{torn", "{torn"),
            ("Bob Example", "Bob Example"),
        ] {
            assert_eq!(values_in(written), [expected], "{written}");
        }
    }
}
