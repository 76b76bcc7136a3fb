//! What changed beside the exception.
//!
//! Each difference of two exports of the same settings is either what a step of the exception states, or what the system does by itself
//! and the records say so (an entry that was over, a place that only moved, a preset that its vendor changed), or it is unrelated.

mod itself;
mod missing;
mod shown;
mod steps;

use std::collections::HashMap;

use evidence::{Cite, Fact, FileName, Setting};
use jiff::Timestamp;
use lake::{Difference, Entry, Lake, Snapshot};
use sources::proposed::{About, Step};

use crate::audit::made::{Changes, Recorded};
use crate::{Exception, Grant, Level, World, vendor};

/// What changed between exports of the same settings, and what should have and did not.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Every difference, by file and place.
    pub differences: Vec<Explained>,
    /// What the exception should have changed, and the newest export does not show.
    pub missing: Vec<Missing>,
    /// How many exports have one of the same settings before them: without any nothing was compared.
    pub pairs: usize,
}

/// One difference of two exports of the same settings, and whether an exception explains it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What differs.
    pub difference: Difference,
    /// By which step of the exception, as written, or by what the system does by itself; `None` if by neither: it is unrelated.
    pub by: Option<String>,
    /// Whether an unrelated one lets mail through or takes a protection away, as far as the guard can tell.
    pub weakens: bool,
    /// Who changed it and when, in a sentence; `None` if no record says.
    pub changed: Option<String>,
    /// The records of that.
    pub cites: Vec<Cite>,
}

/// A step of the exception that the exports do not show as done.
#[derive(Clone, Debug)]
pub struct Missing {
    /// The step, as written.
    pub step: String,
    /// What is not as it should be, in a sentence.
    pub statement: String,
    /// What the newest export shows instead.
    pub cites: Vec<Cite>,
}

impl Compared {
    /// The differences that nothing explains.
    pub fn unrelated(&self) -> impl Iterator<Item = &Explained> {
        self.differences.iter().filter(|one| one.by.is_none())
    }
}

/// Every difference between exports of the same settings, explained by an exception or not, and what the exception did not change.
pub fn unrelated(lake: &Lake, exception: Option<&Exception>) -> Compared {
    let steps: Vec<&Step> =
        exception.iter().flat_map(|exception| &exception.checked().steps).map(|one| &one.step).collect();
    unrelated_to(lake, &steps)
}

/// The same for a change that was made, whether or not it may be made: every difference, explained by one of its steps or not.
pub fn unrelated_to(lake: &Lake, steps: &[&Step]) -> Compared {
    let steps = steps.to_vec();
    let around = Around { lake, changes: Changes::of(lake), shown: shown(lake), steps };
    let snapshots = lake.snapshots();
    let mut compared = Compared::default();
    for snapshot in &snapshots {
        let Some(earlier) = &snapshot.earlier else { continue };
        compared.pairs += 1;
        let pair = around.pair(snapshot, earlier);
        let explained = snapshot.differences.iter().map(|one| around.explained(&pair, one)).collect();
        compared.differences.extend(around.with_what_follows(explained));
    }
    compared.missing = missing::missing(&around, &snapshots);
    compared
}

/// What differences are explained by.
struct Around<'a> {
    lake: &'a Lake,
    changes: Changes<'a>,
    /// The settings of each record, by file and first byte.
    shown: HashMap<(&'a str, u64), Vec<&'a Entry>>,
    steps: Vec<&'a Step>,
}

/// Two exports of the same settings.
struct Pair<'a> {
    /// When the earlier was taken, where its name says that.
    from: Option<Timestamp>,
    /// When the later was.
    to: Option<Timestamp>,
    /// Settings of which only the number in the order differs.
    moved: itself::Moved<'a>,
}

/// The two showings of what differs.
#[derive(Clone, Copy, Default)]
struct Showings<'a> {
    before: Option<&'a Entry>,
    after: Option<&'a Entry>,
}

fn shown(lake: &Lake) -> HashMap<(&str, u64), Vec<&Entry>> {
    let mut found: HashMap<(&str, u64), Vec<&Entry>> = HashMap::new();
    for entry in lake.surroundings() {
        if matches!(entry.observation.fact, Fact::Setting(_)) {
            let cite = &entry.observation.cite;
            found.entry((&*cite.file, cite.bytes.start)).or_default().push(entry);
        }
    }
    found
}

/// The setting that an entry of the lake states.
fn setting(entry: &Entry) -> Option<&Setting> {
    match &entry.observation.fact {
        Fact::Setting(setting) => Some(setting),
        _ => None,
    }
}

impl<'a> Around<'a> {
    fn pair(&self, later: &Snapshot, earlier: &FileName) -> Pair<'a> {
        let of_file = |file: &FileName| -> Vec<&'a Entry> {
            let entries = self.lake.surroundings().iter();
            let of_it = |entry: &&Entry| entry.observation.cite.file == *file && entry.source == later.source;
            entries.filter(|entry| setting(entry).is_some()).filter(of_it).collect()
        };
        let (before, after) = (of_file(earlier), of_file(&later.file));
        let taken =
            |entries: &[&Entry]| entries.first().and_then(|entry| entry.observation.when.as_ref()).map(|when| when.at);
        Pair { from: taken(&before), to: taken(&after), moved: itself::moved(&before, &after) }
    }

    /// The settings in which a difference was found.
    fn showings(&self, difference: &Difference) -> Showings<'a> {
        let of = |cite: Option<&Cite>| {
            let cite = cite?;
            let entries = self.shown.get(&(&*cite.file, cite.bytes.start))?;
            let is_it = |entry: &&&Entry| {
                let is_of_it = |setting: &Setting| setting.class == difference.class && setting.name == difference.name;
                entry.observation.cite == *cite && setting(entry).is_some_and(is_of_it)
            };
            let same_place = |entry: &&&Entry| {
                entry.observation.cite == *cite && setting(entry).is_some_and(|one| one.class == difference.class)
            };
            entries.iter().find(is_it).or_else(|| entries.iter().find(same_place)).copied()
        };
        match (&difference.property, &difference.after) {
            (Some(_), _) => Showings { before: of(difference.cites.first()), after: of(difference.cites.get(1)) },
            (None, Some(_)) => Showings { before: None, after: of(difference.cites.first()) },
            (None, None) => Showings { before: of(difference.cites.first()), after: None },
        }
    }

    fn explained(&self, pair: &Pair<'a>, difference: &Difference) -> Explained {
        let showings = self.showings(difference);
        let recorded = self.recorded(pair, showings);
        let by_step = || {
            self.steps
                .iter()
                .find_map(|step| steps::explains(step, difference, showings))
                .or_else(|| steps::together(&self.steps, difference, showings))
        };
        let by = by_step().or_else(|| itself::explains(pair, difference, showings, recorded.as_ref(), self.lake));
        let in_export = || itself::changed_in_export(pair, showings);
        let said = recorded.as_ref().map(|one| one.said("changed")).or_else(in_export);
        let cites = recorded.iter().map(|one| one.entry.observation.cite.clone()).collect();
        let weakens = by.is_none() && self.weakens(difference, showings);
        Explained { difference: difference.clone(), by, weakens, changed: said, cites }
    }

    /// What the system writes out of the rest of a setting differs because the rest does.
    fn with_what_follows(&self, mut of_pair: Vec<Explained>) -> Vec<Explained> {
        let key = |one: &Explained| (one.difference.class.clone(), one.difference.name.clone());
        let written = |one: &Explained| {
            let entry = self.showings(&one.difference).after?;
            vendor::by_itself(&entry.observation.speaker.product, one.difference.property.as_deref()?)
        };
        let written: Vec<Option<&'static str>> = of_pair.iter().map(written).collect();
        let mut rest: HashMap<_, Option<String>> = HashMap::new();
        for (one, _) in of_pair.iter().zip(&written).filter(|(_, written)| written.is_none()) {
            let known = rest.entry(key(one)).or_insert_with(|| one.by.clone());
            // What follows from several differences is explained if all of them are.
            *known = known.take().filter(|_| one.by.is_some());
        }
        for (one, because) in of_pair.iter_mut().zip(written) {
            let Some(because) = because.filter(|_| one.by.is_none()) else { continue };
            one.by = match rest.get(&key(one)) {
                Some(by) => by.clone(),
                None => Some(format!("the system writes it itself: {because}")),
            };
            one.weakens &= one.by.is_none();
        }
        of_pair
    }

    /// The last record of a change between the two exports that is about the setting.
    fn recorded(&self, pair: &Pair<'_>, showings: Showings<'a>) -> Option<Recorded<'a>> {
        let entry = showings.after.or(showings.before)?;
        let shown = setting(entry)?;
        let value = shown.entry.as_ref().map(|entry| entry.value.as_str());
        let names: Vec<&str> = std::iter::once(shown.name.as_str())
            .chain(shown.id.as_deref())
            .chain(shown.policy.as_deref())
            .chain(value)
            .chain(shown.mailbox.as_ref().map(|mailbox| mailbox.as_str()))
            .collect();
        let is_between = |one: &Recorded<'_>| {
            let is_after = pair.from.zip(one.at).is_none_or(|(from, at)| at >= from);
            // A name that holds a day only says that it was taken on that day.
            is_after && pair.to.zip(one.at).is_none_or(|(to, at)| at.duration_since(to).as_hours() < 24)
        };
        let is_of_it = |one: &Recorded<'_>| {
            let is_of_class = one.change.class.as_ref() == Some(&shown.class);
            let is_of_value = value.is_some_and(|value| one.names(value));
            is_of_class || is_of_value
        };
        let found = self.changes.mentioning(&entry.observation.speaker.product, names);
        found.into_iter().rfind(|one| is_between(one) && is_of_it(one))
    }

    /// Whether what is shown now lets more through than what was shown before, or takes a protection away.
    fn weakens(&self, difference: &Difference, showings: Showings<'_>) -> bool {
        use evidence::ChangeKind::{Created, Removed};
        let world = World { lake: self.lake, needs: &[], now: None };
        let judged = |entry: Option<&Entry>, kind| judged(&as_step(entry?, kind)?, &world);
        if difference.property.is_none() && difference.after.is_none() {
            return judged(showings.before, Removed).is_some_and(|(_, rows)| !rows.is_empty());
        }
        let Some((grants, rows)) = judged(showings.after, Created) else { return false };
        let (grants_before, rows_before) = judged(showings.before, Created).unwrap_or_default();
        grants.iter().any(|grant| !grants_before.iter().any(|before| grant.is_within(before)))
            || rows.iter().any(|row| !rows_before.contains(row))
            || lowers(difference, showings)
    }
}

/// What a step lets through, and the rows of the tables that call for an approval.
fn judged(step: &Step, world: &World<'_>) -> Option<(Vec<Grant>, Vec<&'static str>)> {
    let vendor = vendor::of(&step.product)?;
    let grants = vendor.grants(step);
    let reasons = vendor.judge(step, &grants, world);
    let rows = reasons.iter().filter(|one| one.level >= Level::Approval).map(|one| one.row).collect();
    Some((grants, rows))
}

/// Whether the one property that differs protects less than before, judged as if it alone were changed and nothing else were known.
fn lowers(difference: &Difference, showings: Showings<'_>) -> bool {
    let Some(name) = &difference.property else { return false };
    let nothing = Lake::default();
    let world = World { lake: &nothing, needs: &[], now: None };
    let rows = |entry: Option<&Entry>| {
        let mut step = as_step(entry?, evidence::ChangeKind::Changed)?;
        if let About::Setting(setting) = &mut step.about {
            setting.properties.retain(|property| property.name == *name);
        }
        judged(&step, &world).map(|(_, rows)| rows)
    };
    let (before, after) = (rows(showings.before).unwrap_or_default(), rows(showings.after).unwrap_or_default());
    after.iter().any(|row| !before.contains(row))
}

/// That a setting shall be as it is shown, or be taken away.
fn as_step(entry: &Entry, kind: evidence::ChangeKind) -> Option<Step> {
    let observation = &entry.observation;
    Some(Step {
        said: observation.cite.said.to_string(),
        line: 1,
        product: observation.speaker.product.clone(),
        operation: sources::source(entry.source).map_or(entry.source, |source| source.title()).to_owned(),
        kind,
        about: About::Setting(Box::new(setting(entry)?.clone())),
        replaces: Vec::new(),
    })
}
