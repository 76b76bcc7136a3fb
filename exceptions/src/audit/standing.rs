//! What stands now: of several exports of the same settings the newest counts, and each setting once.

use std::collections::{BTreeMap, HashMap, HashSet};

use evidence::{Address, Cite, Effect, FileName, ListWord, Place, Setting, SettingClass, SourceId};
use jiff::{SignedDuration, Timestamp};
use lake::{Entry, Lake, Order};
use sources::proposed::{About, Step};

use crate::World;

/// A setting as the newest export shows it.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// What is set up.
    pub(crate) setting: &'a Setting,
    /// The record.
    pub(crate) entry: &'a Entry,
}

/// Exports that lie further apart and share nothing are not parts of one export.
const ONE_EXPORT: SignedDuration = SignedDuration::from_hours(6);

/// All settings that stand, by file and place.
pub(crate) fn all<'a>(world: &World<'a>) -> Vec<Standing<'a>> {
    let order = order(world.lake);
    let mut groups: HashMap<Group<'a>, Files<'a>> = HashMap::new();
    for (setting, entry) in world.settings() {
        let file = &entry.observation.cite.file;
        let at = order.places.get(&(file.clone(), entry.source)).copied().unwrap_or(usize::MAX);
        let of_group = groups.entry(Group::of(setting, entry)).or_default();
        of_group.entry(at).or_default().push(Standing { setting, entry });
    }
    let mut found: Vec<Standing<'a>> = groups.into_values().flat_map(|files| newest(files, &order)).collect();
    found.sort_by(|one, other| {
        one.cite().order().cmp(&other.cite().order()).then_with(|| one.name_and_value().cmp(&other.name_and_value()))
    });
    found
}

/// What one export shows whole or not at all.
#[derive(PartialEq, Eq, Hash)]
struct Group<'a> {
    source: SourceId,
    class: &'a SettingClass,
    /// Rules and policies are exported one after the other, and each list of a system by itself.
    is_held: bool,
    on: Option<&'a str>,
    mailbox: Option<&'a Address>,
}

impl<'a> Group<'a> {
    fn of(setting: &'a Setting, entry: &Entry) -> Group<'a> {
        Group {
            source: entry.source,
            class: &setting.class,
            is_held: setting.policy.is_some(),
            on: setting.entry.as_ref().map(|entry| entry.on.as_str()),
            mailbox: setting.mailbox.as_ref(),
        }
    }
}

/// The settings of each file of a group, by the file's place in the order of exports.
type Files<'a> = BTreeMap<usize, Vec<Standing<'a>>>;

/// The order of exports, the earliest first, and which of them are known to follow which.
struct Exports {
    places: HashMap<(FileName, SourceId), usize>,
    known: HashSet<(FileName, FileName)>,
}

fn order(lake: &Lake) -> Exports {
    let mut exports = Exports { places: HashMap::new(), known: HashSet::new() };
    for (at, snapshot) in lake.snapshots().into_iter().enumerate() {
        exports.places.insert((snapshot.file.clone(), snapshot.source), at);
        if let Some(earlier) = snapshot.earlier.filter(|_| snapshot.order != Order::NotShown) {
            exports.known.insert((earlier, snapshot.file));
        }
    }
    exports
}

/// What no later file of the group shows anew, each setting once.
fn newest<'a>(files: Files<'a>, order: &Exports) -> Vec<Standing<'a>> {
    let files: Vec<Vec<Standing<'a>>> = files.into_values().collect();
    let mut last: Option<Timestamp> = None;
    // By key: the files that show it, of those that stand so far.
    let mut shown: HashMap<Key<'a>, Vec<(Option<Timestamp>, FileName)>> = HashMap::new();
    let mut kept: HashMap<Key<'a>, Standing<'a>> = HashMap::new();
    for of_file in files.into_iter().rev() {
        let Some(first) = of_file.first() else { continue };
        let (taken, name) = (first.taken(), first.cite().file.clone());
        let follows = |(later, other): &(Option<Timestamp>, FileName)| {
            let by_instant = later.zip(taken).is_some_and(|(later, taken)| later > taken);
            by_instant || order.known.contains(&(name.clone(), other.clone()))
        };
        let is_shown_anew =
            of_file.iter().any(|one| shown.get(&one.key()).is_some_and(|in_files| in_files.iter().any(follows)));
        let is_long_before = last.zip(taken).is_some_and(|(last, taken)| last.duration_since(taken) > ONE_EXPORT);
        for one in &of_file {
            let in_files = shown.entry(one.key()).or_default();
            if in_files.last().is_none_or(|(_, last)| *last != name) {
                in_files.push((taken, name.clone()));
            }
        }
        last = last.max(taken);
        if is_shown_anew || is_long_before {
            continue;
        }
        for one in of_file {
            let known = kept.entry(one.key()).or_insert(one);
            if one.changed() > known.changed() {
                *known = one;
            }
        }
    }
    kept.into_values().collect()
}

/// What tells one setting from another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'a> {
    class: &'a SettingClass,
    name: &'a str,
    policy: Option<&'a str>,
    mailbox: Option<&'a Address>,
    value: Option<(&'a ListWord, &'a str, &'a str)>,
}

impl<'a> Standing<'a> {
    fn key(&self) -> Key<'a> {
        let setting = self.setting;
        Key {
            class: &setting.class,
            name: setting.id.as_deref().unwrap_or(&setting.name),
            policy: setting.policy.as_deref(),
            mailbox: setting.mailbox.as_ref(),
            value: setting.entry.as_ref().map(|entry| (&entry.says, entry.on.as_str(), entry.value.as_str())),
        }
    }

    /// Where it is written.
    pub(crate) fn cite(&self) -> &'a Cite {
        &self.entry.observation.cite
    }

    /// When the export was taken, where its name says that.
    pub(crate) fn taken(&self) -> Option<Timestamp> {
        self.entry.observation.when.as_ref().map(|when| when.at)
    }

    fn changed(&self) -> Option<Timestamp> {
        self.setting.changed.as_ref().map(|when| when.at)
    }

    fn name_and_value(&self) -> (&'a str, Option<&'a str>) {
        (&self.setting.name, self.setting.entry.as_ref().map(|entry| entry.value.as_str()))
    }

    /// How people know it: an entry by its value.
    pub(crate) fn name(&self) -> &'a str {
        self.setting.entry.as_ref().map_or(&self.setting.name, |entry| &entry.value)
    }

    /// Whether it is switched on.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.setting.effect, Effect::Off | Effect::ReportOnly)
    }

    /// Whether it acts at an instant: switched on, begun, not over.
    pub(crate) fn acts(&self, at: Option<Timestamp>) -> bool {
        let is_before =
            |bound: &Option<evidence::When>| bound.as_ref().zip(at).is_some_and(|(bound, at)| bound.at <= at);
        let begins_later = self.setting.starts.is_some() && at.is_some() && !is_before(&self.setting.starts);
        self.is_on() && !begins_later && !is_before(&self.setting.expires)
    }

    /// That it shall be as it is: the step that makes it so.
    pub(crate) fn step(&self) -> Step {
        let observation = &self.entry.observation;
        Step {
            said: observation.cite.said.to_string(),
            line: match observation.cite.place {
                Place::Line(number) | Place::Record(number) => number,
            },
            product: observation.speaker.product.clone(),
            operation: sources::source(self.entry.source).map_or(self.entry.source, |source| source.title()).to_owned(),
            kind: evidence::ChangeKind::Created,
            about: About::Setting(Box::new(self.setting.clone())),
            replaces: Vec::new(),
        }
    }
}
