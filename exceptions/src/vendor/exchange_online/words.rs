//! Reading a setting's properties by name.

use evidence::{Condition, Setting};

/// Letters and digits of a name, lower case.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The first value of a property.
pub(super) fn property<'s>(setting: &'s Setting, name: &str) -> Option<&'s str> {
    values(setting, name).next()
}

/// All values of a property.
pub(super) fn values<'s>(setting: &'s Setting, name: &str) -> impl Iterator<Item = &'s str> + use<'s> {
    let name = folded(name);
    let found = setting.properties.iter().find(|property| folded(&property.name) == name);
    found.into_iter().flat_map(|property| &property.values).map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// Whether a property is stated at all, empty or not.
pub(super) fn states(setting: &Setting, name: &str) -> bool {
    let name = folded(name);
    setting.properties.iter().any(|property| folded(&property.name) == name)
}

/// A yes or no.
pub(super) fn flag(setting: &Setting, name: &str) -> Option<bool> {
    yes_or_no(property(setting, name)?)
}

/// A yes or no, as commands and exports write it.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().trim_start_matches('$').to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// In how many days something ends, where its end is written as a sum from the instant at which the command runs; at most a year.
pub(super) fn days_from_now(setting: &Setting) -> Option<i64> {
    if flag(setting, "NoExpiration") == Some(true) {
        return None;
    }
    let said = property(setting, "ExpirationDate").or_else(|| property(setting, "ExpiryDate"))?.to_ascii_lowercase();
    let is_from_now = ["get-date", "::now", "::utcnow", "::today"].iter().any(|now| said.contains(now));
    let (_, rest) = said.split_once(".add").filter(|(_, rest)| is_from_now && !rest.contains(".add"))?;
    let (unit, rest) = rest.split_once('(')?;
    let number: i64 = rest.split(')').next()?.trim().trim_matches(['\'', '"']).parse().ok()?;
    let days = match unit.trim() {
        "days" => number,
        "hours" => number / 24 + 1,
        "months" => number.checked_mul(31)?,
        "years" => number.checked_mul(366)?,
        _ => return None,
    };
    (1..=366).contains(&days).then_some(days)
}

/// The condition of this name.
pub(super) fn condition<'s>(conditions: &'s [Condition], name: &str) -> Option<&'s Condition> {
    let name = folded(name);
    conditions.iter().find(|condition| folded(&condition.name) == name)
}
