//! What the system does by itself, where the records say so.

use std::collections::BTreeMap;

use evidence::{ActorKind, Effect, Setting, SettingClass, Tier};
use jiff::{SignedDuration, Timestamp};
use lake::{Difference, Entry};
use sources::policy;

use super::{Pair, Showings, setting};
use crate::audit::made::Recorded;

/// Classes of which all that both exports show stands in the same order.
pub(super) type Moved<'a> = Vec<&'a SettingClass>;

/// Of which classes the order of what both exports show is the same.
pub(super) fn moved<'a>(before: &[&'a Entry], after: &[&'a Entry]) -> Moved<'a> {
    let (before, after) = (places(before), places(after));
    let is_same = |class: &&&SettingClass| {
        let (Some(before), Some(after)) = (before.get(**class), after.get(**class)) else { return false };
        let in_order = |places: &BTreeMap<&str, u32>, others: &BTreeMap<&str, u32>| {
            let mut common: Vec<(u32, String)> = places
                .iter()
                .filter(|(name, _)| others.contains_key(**name))
                .map(|(name, at)| (*at, (*name).to_owned()))
                .collect();
            common.sort();
            common.into_iter().map(|(_, name)| name).collect::<Vec<String>>()
        };
        in_order(before, after) == in_order(after, before)
    };
    after.keys().filter(is_same).copied().collect()
}

/// The place of each setting in the order of its class.
fn places<'a>(entries: &[&'a Entry]) -> BTreeMap<&'a SettingClass, BTreeMap<&'a str, u32>> {
    let mut found: BTreeMap<&SettingClass, BTreeMap<&str, u32>> = BTreeMap::new();
    for shown in entries.iter().filter_map(|entry| setting(entry)) {
        if let Some(priority) = shown.priority {
            let name = shown.id.as_deref().unwrap_or(&shown.name);
            found.entry(&shown.class).or_default().insert(name, priority);
        }
    }
    found
}

/// Why the system itself made a difference; `None` if no record says so.
pub(super) fn explains(
    pair: &Pair<'_>,
    difference: &Difference,
    showings: Showings<'_>,
    recorded: Option<&Recorded<'_>>,
) -> Option<String> {
    let is_in_order = || pair.moved.contains(&&difference.class);
    match difference.property.as_deref() {
        Some("priority") if is_in_order() => {
            Some("only its number moved: the order of all that both exports show is the same".to_owned())
        }
        Some(_) => by_its_vendor(showings, recorded?),
        None if difference.after.is_none() => ended(pair, showings),
        None => None,
    }
}

/// A preset is changed by its vendor alone.
fn by_its_vendor(showings: Showings<'_>, recorded: &Recorded<'_>) -> Option<String> {
    let shown = setting(showings.after?)?;
    let is_of_vendor = matches!(shown.tier, Tier::StrictPreset | Tier::StandardPreset | Tier::BuiltIn);
    let is_body = shown.policy.is_none() && shown.class != SettingClass::Preset;
    (is_of_vendor && is_body && recorded.change.by.kind == ActorKind::Vendor)
        .then(|| format!("its vendor changed the preset: {}", recorded.said("changed")))
}

/// An entry that was over when the later export was taken.
fn ended(pair: &Pair<'_>, showings: Showings<'_>) -> Option<String> {
    let entry = showings.before?;
    let was = setting(entry).filter(|was| was.class == SettingClass::ListEntry)?;
    let taken = pair.to?.checked_add(SignedDuration::from_hours(24)).ok()?;
    if let Some(over) = was.expires.as_ref().filter(|over| over.at <= taken) {
        return Some(format!("it was over {} and ended by itself", over.at));
    }
    let days = policy::of(&entry.observation.speaker.product)?.ends_unused_after(was)?;
    let used = was.last_used.as_ref().or(was.created.as_ref()).or(was.changed.as_ref())?.at;
    let over = used.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok().filter(|over| *over <= taken)?;
    Some(format!("it ends {days} days after its last use, which was {used}: it was over {over}"))
}

/// Who changed it and when, as the later export itself says, if that is new.
pub(super) fn changed_in_export(pair: &Pair<'_>, showings: Showings<'_>) -> Option<String> {
    let after = setting(showings.after?)?;
    let before = showings.before.and_then(setting);
    let at = |setting: &Setting| setting.changed.as_ref().or(setting.created.as_ref()).map(|when| when.at);
    let (now, was): (Option<Timestamp>, _) = (at(after), before.and_then(at));
    let is_new = now.is_some() && now != was && pair.from.zip(now).is_none_or(|(from, now)| now >= from);
    let by = after.changed_by.as_deref().map_or(String::new(), |by| format!(" by {by}"));
    now.filter(|_| is_new).map(|now| format!("changed{by} {now}, as the export says"))
}

/// Whether two showings differ in being switched on or off.
pub(super) fn is_switched(effect: Effect, said: &str) -> bool {
    let said = said.trim().trim_start_matches('$').to_ascii_lowercase();
    match effect {
        Effect::Acts => ["true", "enabled", "on", "acts", "enforce"].contains(&said.as_str()),
        Effect::Off => ["false", "disabled", "off"].contains(&said.as_str()),
        _ => false,
    }
}
