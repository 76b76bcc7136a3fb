//! One system's settings as they stood when a message passed, and what is known of the message there.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeMap, HashMap};

use evidence::{
    Action, Address, Change, Done, Effect, Fact, Folder, ListWord, Setting, SettingClass, SourceId, Verdict,
    VerdictKind,
};
use jiff::{SignedDuration, Timestamp};
use lake::Entry;
use layers::{End, Explained, Stay};
use sources::policy::{self, Acted, Part, Planned, Policies};
use trace::Event;

use crate::Scene;
use crate::causes::stated::verdict;

/// A copy's stay at one system whose settings were supplied.
pub struct View<'s> {
    /// How the system's policies work.
    pub(super) vendor: &'static dyn Policies,
    /// The copy.
    pub(super) copy: &'s Explained<'s>,
    /// Its stay there.
    pub(super) stay: &'s Stay<'s>,
    /// Everything else.
    pub(super) scene: &'s Scene<'s>,
    /// When the filter decided, or the copy was first seen there.
    pub(super) at: Timestamp,
    /// The verdict that acted, if one did.
    pub(super) verdict: Option<&'s Event>,
    /// The verdict on which policies act.
    acted_on: Option<Acted>,
    /// The settings, each as the export shows it that is nearest before the message.
    pub(super) settings: Vec<&'s Entry>,
    /// Of these the policies and their rules: lists of senders can be a thousand times as long.
    pub(super) policies: Vec<&'s Entry>,
}

/// The stays of a copy at systems whose settings were supplied.
pub(super) fn all<'s>(copy: &'s Explained<'s>, scene: &'s Scene<'s>) -> Vec<View<'s>> {
    copy.stays.iter().filter_map(|stay| View::of(copy, stay, scene)).collect()
}

impl<'s> View<'s> {
    fn of(copy: &'s Explained<'s>, stay: &'s Stay<'s>, scene: &'s Scene<'s>) -> Option<View<'s>> {
        let vendor = policy::of(&stay.station.system.product)?;
        let verdict = verdict::best(stay).filter(|_| has_acted(stay));
        let sent_at = || scene.trace.message.sent_at.as_ref().map(|when| when.at);
        let at = verdict.and_then(Event::at).or_else(|| stay.start()).or_else(sent_at)?;
        let settings = settings_at(scene, vendor, at);
        let weighs = settings
            .iter()
            .any(|entry| setting(entry).is_some_and(|one| bears_on_verdicts(one) || vendor.allow(one).is_some()));
        let has_part = |entry: &&&Entry| setting(entry).is_some_and(|setting| vendor.part(setting) != Part::None);
        let policies = settings.iter().filter(has_part).copied().collect();
        let acted_on = verdict.and_then(|verdict| verdict::acted_on(stay, verdict, vendor));
        weighs.then_some(View { vendor, copy, stay, scene, at, verdict, acted_on, settings, policies })
    }

    /// The verdict that acted, as stated.
    pub(super) fn acted(&self) -> Option<(&'s Event, &'s Verdict)> {
        let event = self.verdict?;
        let Fact::Verdict(verdict) = event.fact() else { return None };
        Some((event, verdict))
    }

    /// The kind of verdict on which policies act.
    pub(super) fn kind(&self) -> Option<&VerdictKind> {
        self.acted_on.as_ref().map(|acted| &acted.kind)
    }

    /// What a policy says is done about the verdict that acted.
    pub(super) fn planned(&self, policy: &Setting) -> Option<Planned> {
        self.vendor.planned(policy, self.acted_on.as_ref()?)
    }

    /// The class of policies that acted on the verdict: the one that a record names, else the one that such verdicts are left to.
    pub(super) fn acting_class(&self) -> Option<SettingClass> {
        let (_, verdict) = self.acted()?;
        let book = self.vendor.rulebook();
        let named = verdict.policy.as_ref().and_then(|policy| book.class_named(policy.kind.as_deref()?));
        named.filter(|class| policy::CLASSES.contains(class)).or_else(|| book.class_for(self.kind()?))
    }

    /// The policy of a class that a record about the copy names, by its name, else by its lasting id.
    pub(super) fn named(&self, class: &SettingClass) -> Option<(&'s Event, &'s str)> {
        self.stay.station.events.iter().find_map(|event| {
            let policy = match event.fact() {
                Fact::Verdict(verdict) => verdict.policy.as_ref()?,
                Fact::Quarantine(kept) => kept.policy.as_ref()?,
                _ => return None,
            };
            let of_class = self.vendor.rulebook().class_named(policy.kind.as_deref()?)?;
            (of_class == *class).then_some((event, policy.name.as_deref().or(policy.id.as_deref())?))
        })
    }

    /// What was done with the copy there, as the records show.
    pub(super) fn done(&self) -> Option<Action> {
        let stated = self.acted().map(|(_, verdict)| verdict.action.clone());
        let by_stay = || match self.stay.end {
            _ if !self.stay.holds.is_empty() => Some(Action::Quarantined),
            End::Held(_) => Some(Action::Quarantined),
            End::Junked(_) => Some(Action::Junked),
            End::Stored(event) => match event.fact() {
                Fact::Stored(stored) if stored.folder == Some(Folder::Junk) => Some(Action::Junked),
                Fact::Stored(stored) if stored.folder == Some(Folder::Inbox) => Some(Action::None),
                _ => None,
            },
            End::Discarded(_) => Some(Action::Discarded),
            End::Refused(_) | End::RefusedByFilter(_) => Some(Action::Rejected),
            _ => None,
        };
        stated.filter(|action| !matches!(action, Action::NotSaid | Action::Tagged)).or_else(by_stay)
    }

    /// All addresses under which the recipient went.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &'s Address> {
        std::iter::once(&self.copy.copy.envelope_recipient).chain(&self.copy.copy.aliases)
    }

    /// RFC 5322 From.
    pub(super) fn header_from(&self) -> Option<&'s Address> {
        self.scene.trace.message.header_from.as_ref()
    }

    /// RFC 5321 MAIL FROM.
    pub(super) fn envelope_sender(&self) -> Option<&'s Address> {
        self.scene.trace.message.envelope_sender.as_ref()
    }

    /// The address that connected to the system, as its own records state it.
    pub(super) fn client(&self) -> Option<&'s str> {
        let arrived = self.stay.arrivals.iter().find_map(|event| match event.fact() {
            Fact::Arrival(arrival) => arrival.client.as_ref()?.ip.as_deref(),
            _ => None,
        });
        let by_word = || {
            self.stay.words.iter().find_map(|event| match event.fact() {
                Fact::Status(status) => status.from.as_ref()?.ip.as_deref(),
                _ => None,
            })
        };
        arrived.or_else(by_word)
    }

    /// Whether another system took the message before this one.
    pub(super) fn is_behind_another(&self) -> bool {
        self.copy.stays.first().is_some_and(|first| first.station.system.product != self.stay.station.system.product)
    }

    /// Changes of a setting that a record of changes states, in the order of time.
    pub(super) fn changes(&self, setting: &Setting) -> Vec<(&'s Entry, &'s Change, Timestamp)> {
        let is_it = |change: &Change| {
            let names = [Some(setting.name.as_str()), setting.id.as_deref()];
            let object = change.object.as_deref();
            change.class.as_ref() == Some(&setting.class)
                && change.done != Done::No
                && object.is_some_and(|object| {
                    names.into_iter().flatten().any(|name| !name.is_empty() && name.eq_ignore_ascii_case(object))
                })
        };
        let mut found: Vec<(&Entry, &Change, Timestamp)> = Vec::new();
        for entry in self.scene.lake.surroundings() {
            let Fact::Change(change) = &entry.observation.fact else { continue };
            let of_system = entry.observation.speaker.product == self.vendor.product();
            let Some(when) = entry.observation.when.as_ref().filter(|_| of_system && is_it(change)) else { continue };
            found.push((entry, change, when.at));
        }
        found.sort_by_key(|(.., at)| *at);
        found
    }
}

/// Whether the stay ended by what a filter did, so that a policy's action is there to be compared.
fn has_acted(stay: &Stay<'_>) -> bool {
    match stay.end {
        End::Refused(_) | End::RefusedByFilter(_) | End::Discarded(_) | End::Junked(_) => true,
        End::Stored(event) => matches!(event.fact(), Fact::Stored(stored) if stored.folder == Some(Folder::Junk)),
        _ => !stay.holds.is_empty() || matches!(stay.end, End::Held(_)),
    }
}

/// The setting that an entry states.
pub(super) fn setting(entry: &Entry) -> Option<&Setting> {
    match &entry.observation.fact {
        Fact::Setting(setting) => Some(setting),
        _ => None,
    }
}

/// Whether a setting has a say in what is done about a verdict.
fn bears_on_verdicts(setting: &Setting) -> bool {
    policy::CLASSES.contains(&setting.class)
        || matches!(
            setting.class,
            SettingClass::TransportRule
                | SettingClass::ListEntry
                | SettingClass::SpoofEntry
                | SettingClass::ConnectionFilter
                | SettingClass::UserListEntry
                | SettingClass::Preset
        )
}

/// Whether a setting is switched on.
pub(super) fn is_on(setting: &Setting) -> bool {
    !matches!(setting.effect, Effect::Off | Effect::ReportOnly)
}

/// The settings of one system: of those of one kind and class the export that was taken last before the message, else one that does
/// not say when it was taken, else the first that was taken after it.
fn settings_at<'s>(scene: &Scene<'s>, vendor: &dyn Policies, at: Timestamp) -> Vec<&'s Entry> {
    let mut exports: BTreeMap<(SourceId, &SettingClass), BTreeMap<Taken, Vec<&'s Entry>>> = BTreeMap::new();
    for entry in scene.lake.surroundings() {
        let Some(setting) = setting(entry).filter(|_| entry.observation.speaker.product == vendor.product()) else {
            continue;
        };
        let of_class = exports.entry((entry.source, &setting.class)).or_default();
        of_class.entry(Taken::of(taken(entry), at)).or_default().push(entry);
    }
    let nearest = exports.into_values().filter_map(|mut taken| taken.pop_first()).flat_map(|(_, entries)| entries);
    one_each(nearest, at)
}

/// Each setting once, where exports that do not say when they were taken show it twice: as it was last changed before the message.
fn one_each<'s>(entries: impl Iterator<Item = &'s Entry>, at: Timestamp) -> Vec<&'s Entry> {
    let mut places: HashMap<Key<'s>, usize> = HashMap::new();
    let mut kept: Vec<&'s Entry> = Vec::new();
    for entry in entries {
        let Some(key) = setting(entry).map(Key::of) else { continue };
        match places.entry(key) {
            Vacant(place) => {
                place.insert(kept.len());
                kept.push(entry);
            }
            Occupied(place) => {
                let known = &mut kept[*place.get()];
                if nearness(entry, at) > nearness(known, at) {
                    *known = entry;
                }
            }
        }
    }
    kept
}

/// What is changed before the message goes before what is changed after it; the later of the first, the earlier of the second.
fn nearness(entry: &Entry, at: Timestamp) -> (bool, SignedDuration) {
    let changed = setting(entry).and_then(|setting| setting.changed.as_ref());
    match changed.map(|when| when.at) {
        Some(changed) if changed <= at => (true, changed.duration_since(at)),
        Some(changed) => (false, at.duration_since(changed)),
        None => (false, SignedDuration::MIN),
    }
}

/// What tells one setting from another.
#[derive(PartialEq, Eq, Hash)]
struct Key<'s> {
    class: &'s SettingClass,
    name: &'s str,
    policy: Option<&'s str>,
    mailbox: Option<&'s Address>,
    value: Option<(&'s ListWord, &'s str)>,
}

impl<'s> Key<'s> {
    fn of(setting: &'s Setting) -> Key<'s> {
        Key {
            class: &setting.class,
            name: setting.id.as_deref().unwrap_or(&setting.name),
            policy: setting.policy.as_deref(),
            mailbox: setting.mailbox.as_ref(),
            value: setting.entry.as_ref().map(|entry| (&entry.says, entry.value.as_str())),
        }
    }
}

/// When an export was taken, the most telling first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    /// How long before the message.
    Before(SignedDuration),
    NotSaid,
    /// How long after it.
    After(SignedDuration),
}

impl Taken {
    fn of(taken: Option<Timestamp>, at: Timestamp) -> Taken {
        match taken {
            Some(taken) if taken <= at => Taken::Before(at.duration_since(taken)),
            Some(taken) => Taken::After(taken.duration_since(at)),
            None => Taken::NotSaid,
        }
    }
}

/// The instant by which an export was surely taken; a day in a file's name is over only at its end.
pub(super) fn taken(entry: &Entry) -> Option<Timestamp> {
    let when = entry.observation.when.as_ref()?;
    let names_a_day_only = when.said.bytes().filter(u8::is_ascii_digit).count() <= 8;
    if names_a_day_only { when.at.checked_add(SignedDuration::from_hours(24)).ok() } else { Some(when.at) }
}
