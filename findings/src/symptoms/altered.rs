//! What was altered in how things are set up, whoever says so: an audit record, or two exports that differ.

use std::collections::BTreeMap;

use evidence::{ActorKind, ChangeKind, Cite, Done, FileName, SettingClass};
use jiff::{SignedDuration, Timestamp};
use lake::Order;

use super::Survey;

/// One property of one setting that was altered, or a setting that came or went.
#[derive(Clone, Debug)]
pub(super) struct Altered {
    /// The instant before which it was not; `None` if no record says.
    pub(super) from: Option<Timestamp>,
    /// The instant by which it was done; `None` if no record says.
    pub(super) until: Option<Timestamp>,
    /// What kind of setting.
    pub(super) class: SettingClass,
    /// Which one.
    pub(super) name: String,
    /// The property; `None` if it is about the setting as a whole.
    pub(super) property: Option<String>,
    /// The value before, where stated.
    pub(super) before: Option<String>,
    /// The value after, where stated.
    pub(super) after: Option<String>,
    /// What was done.
    pub(super) kind: ChangeKind,
    /// Who did it, and what kind of actor that is; `None` if two exports tell.
    pub(super) by: Option<(String, ActorKind)>,
    /// The operation; `None` if two exports tell.
    pub(super) operation: Option<String>,
    /// The records.
    pub(super) cites: Vec<Cite>,
}

/// Clocks of the records of mail and of changes may differ so much.
pub(super) const SLACK: SignedDuration = SignedDuration::from_mins(2);

/// All that was altered, by time; what has no time comes first.
pub(super) fn all(survey: &Survey<'_>) -> Vec<Altered> {
    let mut found: Vec<Altered> = by_audit(survey);
    found.extend(by_exports(survey));
    found.sort_by(|a, b| {
        let key = |one: &Altered| (one.until, one.class.clone(), one.name.clone(), one.property.clone());
        key(a).cmp(&key(b))
    });
    found
}

fn by_audit(survey: &Survey<'_>) -> Vec<Altered> {
    let mut found = Vec::new();
    for change in survey.changes() {
        // A class that mail seldom depends on is named by the operation.
        let class = change.fact.class.clone().unwrap_or_else(|| SettingClass::Other(change.fact.operation.clone()));
        if change.fact.done == Done::No {
            continue;
        }
        let actor = &change.fact.by;
        let whole = Altered {
            from: change.at(),
            until: change.at(),
            class,
            name: change.fact.object.clone().unwrap_or_default(),
            property: None,
            before: None,
            after: None,
            kind: change.fact.kind,
            by: actor.name.clone().map(|name| (name, actor.kind)),
            operation: Some(change.fact.operation.clone()),
            cites: vec![change.cite()],
        };
        let parts: Vec<Altered> = change
            .fact
            .alterations
            .iter()
            .filter(|one| !one.name.eq_ignore_ascii_case("Identity"))
            .map(|one| Altered {
                property: Some(one.name.clone()),
                before: one.before.clone(),
                after: one.after.clone(),
                ..whole.clone()
            })
            .collect();
        if parts.is_empty() || matches!(change.fact.kind, ChangeKind::Removed | ChangeKind::Disabled) {
            found.push(whole);
        }
        found.extend(parts);
    }
    found
}

fn by_exports(survey: &Survey<'_>) -> Vec<Altered> {
    let snapshots = survey.ledger.around().snapshots();
    let taken: BTreeMap<FileName, Option<Timestamp>> =
        snapshots.iter().map(|one| (one.file.clone(), one.taken.as_ref().map(|when| when.at))).collect();
    let mut found = Vec::new();
    for snapshot in &snapshots {
        let Some(earlier) = snapshot.earlier.as_ref().filter(|_| snapshot.order != Order::NotShown) else { continue };
        for difference in &snapshot.differences {
            let kind = match (&difference.property, &difference.before, &difference.after) {
                (None, Some(_), None) => ChangeKind::Removed,
                (None, None, Some(_)) => ChangeKind::Created,
                _ => ChangeKind::Changed,
            };
            found.push(Altered {
                from: taken.get(earlier).copied().flatten(),
                until: snapshot.taken.as_ref().map(|when| when.at),
                class: difference.class.clone(),
                name: difference.name.clone(),
                property: difference.property.clone(),
                before: difference.before.clone(),
                after: difference.after.clone(),
                kind,
                by: None,
                operation: None,
                cites: difference.cites.clone(),
            });
        }
    }
    found
}

impl Altered {
    /// Whether it may have been done after `good` and before `bad`.
    pub(super) fn may_lie_between(&self, good: Option<Timestamp>, bad: Timestamp) -> bool {
        let not_before = |edge: Timestamp| edge.checked_add(SLACK).unwrap_or(edge);
        let after_good = match (self.until, good) {
            (Some(until), Some(good)) => not_before(until) >= good,
            _ => true,
        };
        let before_bad = self.from.is_none_or(|from| from <= not_before(bad));
        after_good && before_bad
    }

    /// Whether this is about a property, or about the setting as a whole.
    pub(super) fn is_about(&self, properties: &[&str]) -> bool {
        let is_named = |property: &String| properties.iter().any(|one| property.eq_ignore_ascii_case(one));
        self.property.as_ref().is_some_and(is_named)
    }

    /// Whether the setting is gone or switched off by it.
    pub(super) fn takes_away(&self) -> bool {
        let is_off = |value: &Option<String>| {
            value
                .as_deref()
                .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "off" | "false" | "disabled"))
        };
        match (&self.property, self.kind) {
            (None, ChangeKind::Removed | ChangeKind::Disabled) => true,
            _ => self.is_about(&["enabled", "effect", "state"]) && is_off(&self.after),
        }
    }

    /// In a few words: what, from what to what, when, by whom.
    pub(super) fn told(&self) -> String {
        let class = class(&self.class);
        let name = short(&self.name);
        let what = match (&self.property, self.kind) {
            (Some(property), _) => {
                let to = |value: &Option<String>| value.as_deref().map_or("not stated".to_owned(), shown);
                match &self.before {
                    Some(_) => {
                        format!("{property} of {class} `{name}` went from {} to {}", to(&self.before), to(&self.after))
                    }
                    None if self.operation.is_none() => {
                        format!("{property} of {class} `{name}` came as {}", to(&self.after))
                    }
                    None => format!("{property} of {class} `{name}` was set to {}", to(&self.after)),
                }
            }
            (None, ChangeKind::Removed) => format!("{class} `{name}` was removed"),
            (None, ChangeKind::Disabled) => format!("{class} `{name}` was switched off"),
            (None, ChangeKind::Created) => format!("{class} `{name}` was made"),
            (None, _) => format!("{class} `{name}` was changed"),
        };
        let when = match (&self.operation, self.from, self.until) {
            (Some(operation), _, Some(at)) => format!(" at {} ({operation}", minute(at)),
            (Some(operation), ..) => format!(" ({operation}"),
            (None, Some(from), Some(until)) => {
                format!(" between the exports of {} and {}", minute(from), minute(until))
            }
            (None, ..) => " between the two exports".to_owned(),
        };
        let by = match (&self.by, &self.operation) {
            (Some((name, _)), Some(_)) => format!(" by {name})"),
            (None, Some(_)) => ")".to_owned(),
            _ => String::new(),
        };
        format!("{what}{when}{by}")
    }
}

/// The last part of a name that audit records write as a path.
pub(super) fn short(name: &str) -> &str {
    name.rsplit(['\\', '/']).next().unwrap_or(name)
}

/// A value as people read it, not longer than a line.
pub(super) fn shown(value: &str) -> String {
    const MAX: usize = 80;
    match (value.trim().is_empty(), value.char_indices().nth(MAX)) {
        (true, _) => "nothing".to_owned(),
        (false, Some((at, _))) => format!("`{}...`", &value[..at]),
        (false, None) => format!("`{value}`"),
    }
}

/// A class of settings in words.
pub(super) fn class(class: &SettingClass) -> String {
    let word = match class {
        SettingClass::TransportRule => "transport rule",
        SettingClass::InboundConnector => "inbound connector",
        SettingClass::OutboundConnector => "outbound connector",
        SettingClass::AntiSpam => "anti-spam policy",
        SettingClass::OutboundSpam => "outbound spam policy",
        SettingClass::AntiPhish => "anti-phishing policy",
        SettingClass::AntiMalware => "anti-malware policy",
        SettingClass::DeliveryRoute => "delivery route",
        SettingClass::Mailbox => "mailbox",
        SettingClass::AcceptedDomain => "accepted domain",
        SettingClass::RemoteDomain => "remote domain",
        SettingClass::Organisation => "organisation setting",
        SettingClass::ConditionalAccess => "conditional access policy",
        SettingClass::Application => "application",
        SettingClass::GatewayPolicy(kind) | SettingClass::Other(kind) => return kind.clone(),
        _ => "setting",
    };
    word.to_owned()
}

/// An instant to the minute.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}
