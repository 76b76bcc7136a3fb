//! Whether a step of the exception states a difference.

use std::collections::BTreeSet;

use evidence::{ChangeKind, Effect, ListEntry, Setting};
use lake::{Difference, Entry};
use sources::proposed::{About, Step};

use super::itself::is_switched;
use super::shown::{self, is_same};
use super::{Showings, as_step, setting};
use crate::vendor;

/// The step, as written, if it states a difference.
pub(super) fn explains(step: &Step, difference: &Difference, showings: Showings<'_>) -> Option<String> {
    let About::Setting(stated) = &step.about else { return None };
    let entry = showings.after.or(showings.before)?;
    if step.product != entry.observation.speaker.product {
        return None;
    }
    let is_stated = match (&difference.property, &difference.after) {
        (Some(property), after) => {
            is_about(stated, showings)
                && states_property(step, stated, property, difference.before.as_deref(), after.as_deref(), showings)
        }
        (None, Some(_)) => appears(step, stated, showings.after?),
        (None, None) => disappears(step, stated, showings.before?),
    };
    is_stated.then(|| step.said.clone())
}

/// Whether a step is about what differs, by name, lasting id, or value.
pub(super) fn is_about(stated: &Setting, showings: Showings<'_>) -> bool {
    let shown = || [showings.before, showings.after].into_iter().flatten().filter_map(setting);
    shown().any(|shown| is_same_thing(stated, shown))
}

/// Whether a setting that a step states is the one that an export shows.
pub(super) fn is_same_thing(stated: &Setting, shown: &Setting) -> bool {
    let names = |setting: &Setting| -> Vec<String> {
        let all = std::iter::once(setting.name.as_str()).chain(setting.id.as_deref());
        all.filter(|name| !name.is_empty()).map(str::to_lowercase).collect()
    };
    let is_named = || names(stated).iter().any(|name| names(shown).contains(name));
    let is_listed = |one: &ListEntry, other: &ListEntry| is_same(&one.value, &other.value) && one.says == other.says;
    let is_held = stated.policy.as_deref().zip(shown.policy.as_deref()).is_none_or(|(one, other)| is_same(one, other));
    let is_of_mailbox = stated.mailbox.as_ref().zip(shown.mailbox.as_ref()).is_none_or(|(one, other)| one == other);
    stated.class == shown.class
        && is_held
        && is_of_mailbox
        && match (&stated.entry, &shown.entry) {
            (Some(one), Some(other)) => is_listed(one, other),
            (None, None) => is_named(),
            _ => false,
        }
}

/// Whether a step states what a property became.
fn states_property(
    step: &Step,
    stated: &Setting,
    property: &str,
    before: Option<&str>,
    after: Option<&str>,
    showings: Showings<'_>,
) -> bool {
    let switched = match step.kind {
        ChangeKind::Enabled => Some(Effect::Acts),
        ChangeKind::Disabled => Some(Effect::Off),
        _ if stated.effect == Effect::NotSaid => None,
        _ => Some(stated.effect),
    };
    let is_switch = switched.zip(after).is_some_and(|(effect, after)| is_switched(effect, after));
    let shown = showings.after.and_then(setting);
    let text = |of: Option<&str>| of.zip(after).is_some_and(|(stated, after)| is_same(stated, after));
    match property {
        "name" => text(Some(&stated.name)),
        "policy" => text(stated.policy.as_deref()),
        "priority" => stated.priority.is_some() && shown.is_some_and(|shown| shown.priority == stated.priority),
        "expires" => {
            stated.expires.is_some()
                && shown.is_some_and(|shown| at(shown.expires.as_ref()) == at(stated.expires.as_ref()))
        }
        "starts" => {
            stated.starts.is_some()
                && shown.is_some_and(|shown| at(shown.starts.as_ref()) == at(stated.starts.as_ref()))
        }
        "mailbox" => text(stated.mailbox.as_ref().map(|mailbox| mailbox.as_str())),
        "entry" => stated.entry.is_some() && shown.is_some_and(|shown| shown.entry == stated.entry),
        _ => is_switch || states_values(step, stated, property, before, after),
    }
}

fn at(when: Option<&evidence::When>) -> Option<jiff::Timestamp> {
    when.map(|when| when.at)
}

/// Whether the values of a list became what a step states: all of it, or with what it adds or takes away.
fn states_values(step: &Step, stated: &Setting, property: &str, before: Option<&str>, after: Option<&str>) -> bool {
    let values = shown::property(stated, property)
        .map(|property| &property.values)
        .or_else(|| shown::condition(stated, property).map(|condition| &condition.values));
    let Some(values) = values else { return false };
    let (was, is) = (shown::values(before), shown::values(after));
    let own: BTreeSet<String> = shown::values(Some(&values.join(", ")));
    let replaces = step.replaces.iter().any(|name| name.eq_ignore_ascii_case(property));
    let added: BTreeSet<&String> = is.difference(&was).collect();
    let removed: BTreeSet<&String> = was.difference(&is).collect();
    if step.kind == ChangeKind::Other {
        return added.is_empty() && !removed.is_empty() && removed.iter().all(|value| own.contains(*value));
    }
    let is_whole = is == own || matches!((values.as_slice(), after), ([one], Some(after)) if is_same(one, after));
    let is_added =
        removed.is_empty() && !replaces && !added.is_empty() && added.iter().all(|value| own.contains(*value));
    is_whole || is_added
}

/// What is new is what a step makes: the same conditions and exceptions, the same values where both state them, and it lets no more through.
fn appears(step: &Step, stated: &Setting, entry: &Entry) -> bool {
    let Some(shown) = setting(entry) else { return false };
    let makes = matches!(step.kind, ChangeKind::Created | ChangeKind::Changed);
    if !makes {
        return false;
    }
    if !is_same_thing(stated, shown) {
        return lists(stated, shown);
    }
    contradictions(step, stated, shown).is_empty() && lets_no_more_through(step, entry)
}

/// Whether a policy that a step states lists the entry that an export shows.
fn lists(stated: &Setting, shown: &Setting) -> bool {
    let Some(entry) = &shown.entry else { return false };
    let is_holder =
        stated.entry.is_none() && shown.policy.as_deref().is_some_and(|policy| is_same(policy, &stated.name));
    let mut values = stated.properties.iter().flat_map(|property| &property.values);
    is_holder && values.any(|value| is_same(value, &entry.value))
}

/// In which parts an export shows something else than a step states, by name.
pub(super) fn contradictions(step: &Step, stated: &Setting, shown: &Setting) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let of_step = stated.conditions.iter().chain(&stated.exceptions);
    for one in of_step {
        let is_shown =
            shown::condition(shown, &one.name).is_some_and(|other| shown::are_same(&one.values, &other.values));
        let is_property =
            || shown::property(shown, &one.name).is_some_and(|other| shown::are_same(&one.values, &other.values));
        if !is_shown && !is_property() {
            found.push(one.name.clone());
        }
    }
    if step.kind == ChangeKind::Created {
        let of_export = shown.conditions.iter().chain(&shown.exceptions);
        let is_beside =
            |name: &str| shown::condition(stated, name).is_none() && shown::property(stated, name).is_none();
        found.extend(of_export.filter(|one| is_beside(&one.name)).map(|one| one.name.clone()));
    }
    for property in &stated.properties {
        let other = shown::property(shown, &property.name);
        if other.is_some_and(|other| !shown::are_same(&property.values, &other.values)) {
            let adds = step.kind == ChangeKind::Changed
                && !step.replaces.iter().any(|name| name.eq_ignore_ascii_case(&property.name));
            let is_held =
                |value: &String| other.is_some_and(|other| other.values.iter().any(|one| is_same(one, value)));
            if !(adds && property.values.iter().all(is_held)) {
                found.push(property.name.clone());
            }
        }
    }
    if stated.expires.is_some() && at(stated.expires.as_ref()) != at(shown.expires.as_ref()) {
        found.push("its end".to_owned());
    }
    if stated.effect != Effect::NotSaid && shown.effect != Effect::NotSaid && stated.effect != shown.effect {
        found.push("whether it acts".to_owned());
    }
    found.sort();
    found.dedup();
    found
}

/// Whether what an export shows lets no more mail through than a step does.
fn lets_no_more_through(step: &Step, entry: &Entry) -> bool {
    let Some(vendor) = vendor::of(&step.product) else { return true };
    let Some(shown) = as_step(entry, ChangeKind::Created) else { return true };
    let stated = vendor.grants(step);
    let holds =
        |grant: &crate::Grant| stated.iter().any(|one| one.device == grant.device && grant.scope.is_within(&one.scope));
    vendor.grants(&shown).iter().all(holds)
}

/// What is gone is what a step takes away.
fn disappears(step: &Step, stated: &Setting, entry: &Entry) -> bool {
    let Some(shown) = setting(entry) else { return false };
    let is_replaced = || step.kind == ChangeKind::Changed && replaces_list_of(step, stated, shown);
    step.kind == ChangeKind::Removed && is_same_thing(&unworded(stated, shown), shown) || is_replaced()
}

/// A removal names a value, and says nothing about what the entry says.
fn unworded(stated: &Setting, shown: &Setting) -> Setting {
    let mut stated = stated.clone();
    if let (Some(one), Some(other)) = (&mut stated.entry, &shown.entry) {
        one.says = other.says.clone();
    }
    stated
}

/// Whether a list that a step writes anew held an entry and holds it no more.
fn replaces_list_of(step: &Step, stated: &Setting, shown: &Setting) -> bool {
    let Some(entry) = &shown.entry else { return false };
    let is_holder =
        stated.entry.is_none() && shown.policy.as_deref().is_some_and(|policy| is_same(policy, &stated.name));
    let says_not = |name: &String| {
        let values = shown::property(stated, name).map(|property| property.values.as_slice()).unwrap_or_default();
        !values.iter().any(|value| is_same(value, &entry.value))
    };
    is_holder && !step.replaces.is_empty() && step.replaces.iter().all(says_not)
}

/// All steps by which a list became what it is: each value that came or went is that of an entry which a step makes or takes away.
pub(super) fn together(steps: &[&Step], difference: &Difference, showings: Showings<'_>) -> Option<String> {
    difference.property.as_ref()?;
    let holder = setting(showings.after?)?;
    let (was, is) = (shown::values(difference.before.as_deref()), shown::values(difference.after.as_deref()));
    let of_holder = |step: &&&Step| match &step.about {
        About::Setting(stated) => {
            stated.entry.is_some()
                && step.product
                    == showings
                        .after
                        .map_or_else(|| step.product.clone(), |entry| entry.observation.speaker.product.clone())
                && [stated.policy.as_deref(), stated.mailbox.as_ref().map(|mailbox| mailbox.as_str())]
                    .into_iter()
                    .flatten()
                    .any(|name| is_same(name, &holder.name))
        }
        About::Act(_) => false,
    };
    let of: Vec<&&Step> = steps.iter().filter(of_holder).collect();
    let find = |value: &String, kinds: &[ChangeKind]| {
        of.iter()
            .find(|step| kinds.contains(&step.kind) && entry_value(step).is_some_and(|stated| is_same(stated, value)))
            .copied()
    };
    let added: Option<Vec<&&Step>> =
        is.difference(&was).map(|value| find(value, &[ChangeKind::Created, ChangeKind::Changed])).collect();
    let removed: Option<Vec<&&Step>> = was.difference(&is).map(|value| find(value, &[ChangeKind::Removed])).collect();
    let all: BTreeSet<&str> = added?.into_iter().chain(removed?).map(|step| step.said.as_str()).collect();
    (!all.is_empty()).then(|| all.into_iter().collect::<Vec<&str>>().join("; "))
}

fn entry_value(step: &Step) -> Option<&str> {
    match &step.about {
        About::Setting(stated) => stated.entry.as_ref().map(|entry| entry.value.as_str()),
        About::Act(_) => None,
    }
}
