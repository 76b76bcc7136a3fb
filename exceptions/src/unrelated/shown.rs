//! Whether two ways of writing a value say the same.

use std::collections::BTreeSet;

use evidence::{Condition, Property, Setting};

/// Whether two texts say the same value: without regard to case, blanks, `$` before a yes or no, and midnight after a date.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (plain(one), plain(other));
    one == other || is_same_instant(&one, &other) || is_same_instant(&other, &one)
}

fn plain(text: &str) -> String {
    text.trim().trim_start_matches('$').trim_matches('"').to_lowercase()
}

/// `2026-12-01` and `2026-12-01T00:00:00Z`.
fn is_same_instant(short: &str, long: &str) -> bool {
    let is_date = short.len() >= 10 && short.starts_with(|c: char| c.is_ascii_digit()) && short.contains('-');
    let rest = long.strip_prefix(short).filter(|_| is_date);
    rest.is_some_and(|rest| rest.chars().all(|c| matches!(c, 't' | ':' | '.' | '0' | 'z' | '+' | ' ')))
}

/// The values of a list that was joined for the comparison.
pub(super) fn values(joined: Option<&str>) -> BTreeSet<String> {
    let parts = joined.unwrap_or_default().split(", ").map(plain);
    parts.filter(|part| !part.is_empty()).collect()
}

/// Whether two lists say the same, in whichever order.
pub(super) fn are_same(one: &[String], other: &[String]) -> bool {
    let has = |list: &[String], value: &String| list.iter().any(|other| is_same(value, other));
    // Long lists are compared as sets, without the leniency for dates.
    if one.len().max(other.len()) > 64 {
        let set = |list: &[String]| list.iter().map(|value| plain(value)).collect::<BTreeSet<String>>();
        return set(one) == set(other);
    }
    one.iter().all(|value| has(other, value)) && other.iter().all(|value| has(one, value))
}

/// The property of this name.
pub(super) fn property<'s>(setting: &'s Setting, name: &str) -> Option<&'s Property> {
    setting.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name))
}

/// The condition or exception of this name.
pub(super) fn condition<'s>(setting: &'s Setting, name: &str) -> Option<&'s Condition> {
    let all = setting.conditions.iter().chain(&setting.exceptions);
    all.into_iter().find(|condition| condition.name.eq_ignore_ascii_case(name))
}
