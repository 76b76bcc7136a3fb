//! The same settings exported more than once: which export is the earlier, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, Condition, Effect, Fact, FileName, ListWord, Setting, SettingClass, SourceId, Tier, When};
use jiff::Timestamp;

use crate::{Entry, Lake, Supplied};

/// An export of settings, and the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The file.
    pub file: FileName,
    /// Its kind.
    pub source: SourceId,
    /// When it was taken, where its name says that.
    pub taken: Option<When>,
    /// The export of the same settings before it.
    pub earlier: Option<FileName>,
    /// How that one is known to be the earlier.
    pub order: Order,
    /// What differs from the one before it, by setting and property.
    pub differences: Vec<Difference>,
}

/// How two exports of the same settings are known to be a before and an after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Both names carry an instant.
    ByInstant,
    /// A name says `before` or `after`.
    ByWord,
    /// One of them holds a change that is later than all changes in the other.
    ByContent,
    /// By nothing: in the order of their names.
    #[default]
    NotShown,
}

/// One property that two exports show differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind of setting.
    pub class: SettingClass,
    /// Its name.
    pub name: String,
    /// The property; `None` if the setting is in one of the exports only.
    pub property: Option<String>,
    /// What the earlier export shows, if anything.
    pub before: Option<String>,
    /// What the later export shows, if anything.
    pub after: Option<String>,
    /// Where the two are written.
    pub cites: Vec<Cite>,
}

/// What tells one setting from another: the vendor's lasting id, else its name.
type Key<'l> = (&'l SettingClass, &'l str, Option<&'l str>);

/// The settings of one file.
struct Export<'l> {
    file: &'l FileName,
    source: SourceId,
    taken: Option<&'l When>,
    settings: BTreeMap<Key<'l>, (&'l Setting, &'l Cite)>,
}

impl Lake {
    /// All exports of settings, each with the export of the same settings before it.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut exports = exports(self.surroundings());
        exports.extend(self.empty(&exports));
        exports.sort_by(|one, other| (one.source, one.rank()).cmp(&(other.source, other.rank())));
        let mut found: Vec<Snapshot> = Vec::new();
        for (at, export) in exports.iter().enumerate() {
            let earlier = exports[..at].iter().rev().find(|earlier| earlier.is_of_the_same(export));
            found.push(Snapshot {
                file: export.file.clone(),
                source: export.source,
                taken: export.taken.cloned(),
                earlier: earlier.map(|earlier| earlier.file.clone()),
                order: earlier.map_or(Order::NotShown, |earlier| order(earlier, export)),
                differences: earlier.map(|earlier| differences(earlier, export)).unwrap_or_default(),
            });
        }
        found
    }
}

impl Lake {
    /// Files without a record, where one with records has the same name but for the time: the same export, of nothing.
    fn empty<'l>(&'l self, exports: &[Export<'l>]) -> Vec<Export<'l>> {
        let is_empty = |file: &&Supplied| file.error.as_ref().is_some_and(sources::ReadError::is_without_records);
        let of = |file: &'l Supplied| {
            let like = exports.iter().find(|export| stem(export.file) == stem(&file.file))?;
            Some(Export { file: &file.file, source: like.source, taken: None, settings: BTreeMap::new() })
        };
        self.supplied().iter().filter(is_empty).filter_map(of).collect()
    }
}

fn exports(entries: &[Entry]) -> Vec<Export<'_>> {
    let mut by_file: BTreeMap<(&FileName, SourceId), Export<'_>> = BTreeMap::new();
    for entry in entries {
        let observation = &entry.observation;
        let Fact::Setting(setting) = &observation.fact else { continue };
        let file = &observation.cite.file;
        let export = by_file.entry((file, entry.source)).or_insert_with(|| Export {
            file,
            source: entry.source,
            taken: observation.when.as_ref(),
            settings: BTreeMap::new(),
        });
        export.settings.entry(key(setting)).or_insert((setting, &observation.cite));
    }
    by_file.into_values().collect()
}

/// A list's entry is told by its value: exports give it no lasting name.
fn key(setting: &Setting) -> Key<'_> {
    let named = setting.id.as_deref().unwrap_or(&setting.name);
    (&setting.class, named, setting.entry.as_ref().map(|entry| entry.value.as_str()))
}

impl Export<'_> {
    /// By what exports of one kind are put in order: instant, word, last change, name.
    fn rank(&self) -> (Option<Timestamp>, Word, Option<Timestamp>, &str) {
        (self.taken.map(|taken| taken.at), self.word(), self.last_change(), self.file)
    }

    fn last_change(&self) -> Option<Timestamp> {
        let changes = self.settings.values().filter_map(|(setting, _)| setting.changed.as_ref());
        changes.map(|changed| changed.at).max()
    }

    /// Whether the file's name, or that of a folder around it, says before or after.
    fn word(&self) -> Word {
        let name = self.file.to_lowercase();
        let words: BTreeSet<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
        let has = |any: &[&str]| any.iter().any(|word| words.contains(word));
        match (has(&BEFORE), has(&AFTER)) {
            (true, false) => Word::Before,
            (false, true) => Word::After,
            _ => Word::None,
        }
    }

    /// Whether another export shows at least one of the same settings, or its name is the same but for the day and for before and after: two
    /// exports may share no setting, because all of them were changed.
    fn is_of_the_same(&self, other: &Export<'_>) -> bool {
        let is_dated = self.taken.is_some() && other.taken.is_some() || self.word() != other.word();
        self.source == other.source
            && (self.settings.keys().any(|key| other.settings.contains_key(key))
                || is_dated && stem(self.file) == stem(other.file))
    }
}

/// A name without the words and numbers that say when it was made.
fn stem(file: &str) -> Vec<String> {
    let name = file.to_lowercase();
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let is_when = |part: &&str| {
        part.bytes().filter(u8::is_ascii_digit).count() * 2 >= part.len()
            || BEFORE.contains(part)
            || AFTER.contains(part)
    };
    parts.filter(|part| !is_when(part)).map(str::to_owned).collect()
}

/// Words in names that say that an export was made before a change, or after it.
const BEFORE: [&str; 5] = ["before", "pre", "baseline", "old", "earlier"];
const AFTER: [&str; 4] = ["after", "post", "new", "later"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Before,
    None,
    After,
}

fn order(earlier: &Export<'_>, later: &Export<'_>) -> Order {
    match (earlier.taken, later.taken) {
        (Some(one), Some(other)) if one.at != other.at => Order::ByInstant,
        (None, None) | (Some(_), Some(_)) if earlier.word() != later.word() => Order::ByWord,
        (None, None) | (Some(_), Some(_)) if earlier.last_change() != later.last_change() => Order::ByContent,
        _ => Order::NotShown,
    }
}

fn differences(earlier: &Export<'_>, later: &Export<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (key, (before, before_cite)) in &earlier.settings {
        let cited = |cite: &Cite| vec![(*before_cite).clone(), cite.clone()];
        match later.settings.get(key) {
            Some((after, after_cite)) => {
                let changes = changes(before, after).into_iter();
                found.extend(changes.map(|(property, was, is)| Difference {
                    class: after.class.clone(),
                    name: after.name.clone(),
                    property: Some(property),
                    before: was,
                    after: is,
                    cites: cited(after_cite),
                }));
            }
            None => found.push(whole(before, Some(before.name.clone()), None, before_cite)),
        }
    }
    for (key, (after, cite)) in &later.settings {
        if !earlier.settings.contains_key(key) {
            found.push(whole(after, None, Some(after.name.clone()), cite));
        }
    }
    found
}

/// A setting that only one of two exports shows.
fn whole(setting: &Setting, before: Option<String>, after: Option<String>, cite: &Cite) -> Difference {
    let cites = vec![cite.clone()];
    Difference { class: setting.class.clone(), name: setting.name.clone(), property: None, before, after, cites }
}

/// The properties in which two showings of one setting differ: name, before, after.
fn changes(before: &Setting, after: &Setting) -> Vec<(String, Option<String>, Option<String>)> {
    let (before, after) = (properties(before), properties(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| (name.clone(), before.get(name).cloned(), after.get(name).cloned())).collect()
}

/// Everything of a setting that decides what it does, by name. Who changed it and when, and when it last matched, decide
/// nothing.
fn properties(setting: &Setting) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            found.insert(name.to_owned(), value);
        }
    };
    put("name", Some(setting.name.clone()));
    put("policy", setting.policy.clone());
    put("priority", setting.priority.map(|priority| priority.to_string()));
    put("effect", effect(setting.effect).map(str::to_owned));
    put("tier", tier(setting.tier).map(str::to_owned));
    put("mailbox", setting.mailbox.as_ref().map(ToString::to_string));
    put("starts", setting.starts.as_ref().map(|when| when.at.to_string()));
    put("expires", setting.expires.as_ref().map(|when| when.at.to_string()));
    put("entry", setting.entry.as_ref().map(|entry| list_word(&entry.says)));
    for Condition { name, values, .. } in setting.conditions.iter().chain(&setting.exceptions) {
        put(name, Some(joined(values)));
    }
    for property in &setting.properties {
        put(&property.name, Some(joined(&property.values)));
    }
    found
}

/// Values in an order of their own: a list that was printed in another order is the same.
fn joined(values: &[String]) -> String {
    let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
    values.sort_unstable();
    values.join(", ")
}

fn effect(effect: Effect) -> Option<&'static str> {
    match effect {
        Effect::Acts => Some("acts"),
        Effect::Off => Some("off"),
        Effect::ReportOnly => Some("reports only"),
        Effect::NotSaid => None,
    }
}

fn tier(tier: Tier) -> Option<&'static str> {
    match tier {
        Tier::StrictPreset => Some("strict preset"),
        Tier::StandardPreset => Some("standard preset"),
        Tier::Evaluation => Some("evaluation"),
        Tier::BuiltIn => Some("built-in"),
        Tier::Default => Some("default"),
        Tier::Custom => None,
    }
}

fn list_word(says: &ListWord) -> String {
    match says {
        ListWord::Allow => "allow".to_owned(),
        ListWord::Block => "block".to_owned(),
        ListWord::Other(word) => word.clone(),
    }
}
