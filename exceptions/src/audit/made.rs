//! Who made what stands, and when: by the records of changes, else by what the export itself says.

use std::collections::{BTreeSet, HashMap};

use evidence::{Alteration, Change, ChangeKind, Cite, Done, Fact, Product, Setting, SettingClass};
use jiff::Timestamp;
use lake::{Entry, Lake};

/// Every record of a change that was done, found by the names and values that it mentions.
pub(crate) struct Changes<'a> {
    all: Vec<Recorded<'a>>,
    by_word: HashMap<String, Vec<usize>>,
}

/// One record of a change.
#[derive(Clone, Copy)]
pub(crate) struct Recorded<'a> {
    /// The record.
    pub(crate) entry: &'a Entry,
    /// What it says.
    pub(crate) change: &'a Change,
    /// When it was done, where the record says so.
    pub(crate) at: Option<Timestamp>,
}

/// Who made something, in a sentence, with the records.
pub(super) struct Made {
    /// In a sentence without its full stop.
    pub(super) said: String,
    /// The records of changes; none if the export itself says it.
    pub(super) cites: Vec<Cite>,
    /// When it was made or last changed, where a record of changes says so.
    pub(super) at: Option<Timestamp>,
}

/// How many values of one altered property are looked up: a list of ten thousand senders is named by its object.
const WORDS_MAX: usize = 4096;

impl<'a> Changes<'a> {
    /// All changes among what stands around messages, the earliest first.
    pub(crate) fn of(lake: &'a Lake) -> Changes<'a> {
        let recorded = |entry: &'a Entry| match &entry.observation.fact {
            Fact::Change(change) if change.done != Done::No => {
                Some(Recorded { entry, change, at: entry.observation.when.as_ref().map(|when| when.at) })
            }
            _ => None,
        };
        let mut all: Vec<Recorded<'a>> = lake.surroundings().iter().filter_map(recorded).collect();
        all.sort_by_key(|recorded| recorded.at);
        let mut by_word: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, recorded) in all.iter().enumerate() {
            for word in recorded.words() {
                by_word.entry(word).or_default().push(at);
            }
        }
        Changes { all, by_word }
    }

    /// The changes of a product that mention any of these names or values, the earliest first.
    pub(crate) fn mentioning<'s>(
        &self,
        product: &Product,
        words: impl IntoIterator<Item = &'s str>,
    ) -> Vec<Recorded<'a>> {
        let places: BTreeSet<usize> =
            words.into_iter().filter_map(|word| self.by_word.get(&folded(word))).flatten().copied().collect();
        let found = places.into_iter().filter_map(|at| self.all.get(at).copied());
        found.filter(|one| one.entry.observation.speaker.product == *product).collect()
    }
}

impl Recorded<'_> {
    /// Everything by which the thing that was changed can be known: its name, the end of its path, each value.
    fn words(&self) -> BTreeSet<String> {
        let objects = self.change.object.iter().flat_map(|object| {
            let last = object.rsplit(['\\', '/']).next().unwrap_or_default();
            [object.as_str(), last]
        });
        let values = self.change.alterations.iter().filter_map(|one| one.after.as_deref()).flat_map(values);
        objects.chain(values).map(folded).filter(|word| !word.is_empty()).collect()
    }

    /// Whether it is about a thing of this name or id.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        let is_it = |said: &str| !name.is_empty() && folded(said) == folded(name);
        self.change
            .object
            .as_deref()
            .is_some_and(|object| is_it(object) || object.rsplit(['\\', '/']).next().is_some_and(is_it))
    }

    /// Whether it names a value, as its object or in what it altered.
    pub(crate) fn names(&self, value: &str) -> bool {
        self.words().contains(&folded(value)) || value.split(", ").all(|part| self.words().contains(&folded(part)))
    }

    /// Whether a value came in by it: it stands after, and not before.
    fn brings(&self, value: &str) -> bool {
        let holds = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| values(text).any(|one| folded(one) == folded(value)))
        };
        self.change.alterations.iter().any(|one: &Alteration| holds(&one.after) && !holds(&one.before))
    }

    /// Who did it, when, by what.
    pub(crate) fn said(&self, verb: &str) -> String {
        let by = self.change.by.name.as_deref().map_or(String::new(), |by| format!(" by {by}"));
        let at = self.at.map_or(String::new(), |at| format!(" {at}"));
        format!("{verb}{by}{at} ({})", self.change.operation)
    }
}

/// The values that one text holds, as lists are joined.
fn values(text: &str) -> impl Iterator<Item = &str> {
    let parts = text
        .split([',', ';', '|', '\n'])
        .map(|part| part.trim().trim_matches(['"', '\'', '{', '}', '[', ']', '(', ')']).trim());
    std::iter::once(text.trim()).chain(parts).take(WORDS_MAX)
}

fn folded(word: &str) -> String {
    word.trim().trim_start_matches('@').to_lowercase()
}

/// Who made a setting and who changed it last. `holder` is the policy that holds an entry.
pub(super) fn made(
    changes: &Changes<'_>,
    product: &Product,
    setting: &Setting,
    holder: Option<&Setting>,
) -> Option<Made> {
    let of_entry = setting.entry.as_ref().and_then(|_| of_entry(changes, product, setting, holder));
    let of_thing = || if setting.entry.is_none() { of_thing(changes, product, setting) } else { None };
    of_entry.or_else(of_thing).or_else(|| by_itself(setting)).or_else(|| by_holder(changes, product, holder?))
}

/// The change by which an entry's value came in.
fn of_entry(changes: &Changes<'_>, product: &Product, setting: &Setting, holder: Option<&Setting>) -> Option<Made> {
    let value = &setting.entry.as_ref()?.value;
    let parts: Vec<&str> = value.split(", ").collect();
    let is_of_it = |one: &Recorded<'_>| is_of_class(one.change, setting, holder) && is_in_holder(one, setting, holder);
    let (mut made, mut last): (Option<Recorded<'_>>, Option<Recorded<'_>>) = (None, None);
    for one in changes.mentioning(product, parts.first().copied()).into_iter().filter(is_of_it) {
        if one.change.kind == ChangeKind::Removed {
            (made, last) = (None, None);
        } else if parts.iter().all(|part| one.brings(part)) {
            last = made.is_some().then_some(one);
            made = made.or(Some(one));
        }
    }
    let said: Vec<String> =
        made.iter().map(|one| one.said("allowed")).chain(last.iter().map(|one| one.said("last set"))).collect();
    let cites = made.iter().chain(&last).map(|one| one.entry.observation.cite.clone()).collect();
    made.map(|one| Made { said: said.join(", "), cites, at: one.at })
}

/// Whether a change is of the class of a setting, or of what holds it.
fn is_of_class(change: &Change, setting: &Setting, holder: Option<&Setting>) -> bool {
    let Some(class) = &change.class else { return false };
    let of_lists = |class: &SettingClass| matches!(class, SettingClass::JunkFilter | SettingClass::UserListEntry);
    *class == setting.class
        || holder.is_some_and(|holder| holder.class == *class)
        || of_lists(class) && of_lists(&setting.class)
}

/// An entry that something else holds came in by a change of that.
fn is_in_holder(one: &Recorded<'_>, setting: &Setting, holder: Option<&Setting>) -> bool {
    let names = holder.iter().flat_map(|holder| [Some(holder.name.as_str()), holder.id.as_deref()]);
    let names = names
        .flatten()
        .chain(setting.policy.as_deref())
        .chain(setting.mailbox.as_ref().map(|mailbox| mailbox.as_str()));
    let names: Vec<&str> = names.collect();
    let local = setting.mailbox.as_ref().and_then(|mailbox| mailbox.as_str().split('@').next());
    names.is_empty() || one.change.object.is_none() || names.into_iter().chain(local).any(|name| one.is_about(name))
}

/// The change that made a thing, and the last one of it.
fn of_thing(changes: &Changes<'_>, product: &Product, setting: &Setting) -> Option<Made> {
    let names: Vec<&str> = std::iter::once(setting.name.as_str()).chain(setting.id.as_deref()).collect();
    let is_of_it = |one: &Recorded<'_>| {
        is_of_class(one.change, setting, None) && names.iter().any(|name| one.is_about(name) || is_named(one, name))
    };
    let found: Vec<Recorded<'_>> =
        changes.mentioning(product, names.iter().copied()).into_iter().filter(is_of_it).collect();
    let made = found.iter().rev().find(|one| one.change.kind == ChangeKind::Created);
    let last = found.last().filter(|last| last.change.kind != ChangeKind::Created);
    let said: Vec<String> =
        made.map(|one| one.said("made")).into_iter().chain(last.map(|one| one.said("last changed"))).collect();
    let cites = made.into_iter().chain(last).map(|one| one.entry.observation.cite.clone()).collect();
    let at = last.or(made).and_then(|one| one.at);
    (!said.is_empty()).then(|| Made { said: said.join(", "), cites, at })
}

/// Whether a change gives its thing this name.
fn is_named(one: &Recorded<'_>, name: &str) -> bool {
    let is_name = |one: &Alteration| ["name", "identity"].contains(&folded(&one.name).as_str());
    one.change.object.is_none()
        && one
            .change
            .alterations
            .iter()
            .any(|one| is_name(one) && one.after.as_deref().is_some_and(|after| folded(after) == folded(name)))
}

/// What the export itself says.
fn by_itself(setting: &Setting) -> Option<Made> {
    let by = setting.changed_by.as_deref().map_or(String::new(), |by| format!(" by {by}"));
    let said = match (&setting.created, &setting.changed) {
        (Some(created), Some(changed)) if changed.at.duration_since(created.at).as_secs() > 1 => {
            format!("made {}, last changed{by} {}", created.at, changed.at)
        }
        (Some(created), _) => format!("made{by} {}", created.at),
        (None, Some(changed)) => format!("last changed{by} {}", changed.at),
        (None, None) if !by.is_empty() => format!("last changed{by}"),
        (None, None) => return None,
    };
    Some(Made { said: format!("{said}, as the export says"), cites: Vec::new(), at: None })
}

/// Of an entry without a past of its own: who changed last what holds it.
fn by_holder(changes: &Changes<'_>, product: &Product, holder: &Setting) -> Option<Made> {
    let of_holder = of_thing(changes, product, holder).or_else(|| by_itself(holder))?;
    let said = format!("who added it is not shown; \"{}\", which holds it, was {}", holder.name, of_holder.said);
    Some(Made { said, cites: of_holder.cites, at: None })
}
