//! When a change was over: it ended by itself, or was taken back. What came through after that came through without it.

use evidence::{ChangeKind, Product, SettingClass};
use jiff::Timestamp;
use sources::proposed::{About, Step};

use super::change::{self, Change, Row};
use super::{Scene, nothing_else, shown};

/// The lives of the changes that make something.
pub(super) struct Lives {
    all: Vec<Life>,
}

/// From when to when one change stood.
struct Life {
    made_at: Timestamp,
    ends: Option<Timestamp>,
    /// What was done to it later, by time.
    later: Vec<(Timestamp, Later)>,
}

/// What was done to something that a change made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Later {
    /// It was made or altered anew: its end is not known any more.
    Renewed,
    /// It was removed or switched off.
    TakenBack,
}

/// Something that a change makes.
struct Thing {
    product: Product,
    class: SettingClass,
    /// What it is known by, in lower case: of an entry its value.
    names: Vec<String>,
}

impl Lives {
    /// What the journal and the records tell of the changes.
    pub(super) fn of(scene: &Scene<'_>, changes: &[Change]) -> Lives {
        let rows = change::rows(scene);
        let things: Vec<Vec<Thing>> = changes.iter().map(|change| things(change, &rows)).collect();
        let takes_back = |number: usize| {
            let own = changes[number].steps();
            let earlier = || changes.iter().zip(&things).filter(|(one, _)| one.made_at < changes[number].made_at);
            !own.is_empty()
                && own.iter().all(|step| is_gone(step.kind))
                && own.iter().any(|step| earlier().any(|(_, things)| things.iter().any(|thing| thing.is_of(step))))
        };
        let making = changes.iter().zip(&things).enumerate().filter(|(number, _)| !takes_back(*number));
        let life = |(_, (change, things)): (usize, (&Change, &Vec<Thing>))| {
            let is_own =
                |row: &&Row<'_>| change.cites.iter().any(|cite| cite.order() == row.entry.observation.cite.order());
            let by_rows = rows.iter().filter(|row| row.at > change.made_at && !is_own(row)).filter_map(|row| {
                let is_it = things.iter().any(|thing| thing.is_named_by(row));
                is_it.then(|| (row.at, if is_gone(row.change.kind) { Later::TakenBack } else { Later::Renewed }))
            });
            let others = changes.iter().filter(|other| other.made_at > change.made_at);
            let by_changes = others.filter_map(|other| {
                let step = other.steps().iter().find(|step| things.iter().any(|thing| thing.is_of(step)))?;
                Some((other.made_at, if is_gone(step.kind) { Later::TakenBack } else { Later::Renewed }))
            });
            let mut later: Vec<(Timestamp, Later)> = by_rows.chain(by_changes).collect();
            later.sort_by_key(|(at, _)| *at);
            Life { made_at: change.made_at, ends: change.ends.or_else(|| ends(change, &rows)), later }
        };
        Lives { all: making.map(life).collect() }
    }

    /// Why nothing of what was changed stood at an instant; `None` if something did, or if that is not known.
    pub(super) fn over_at(&self, at: Timestamp) -> Option<String> {
        let made = self.all.iter().filter(|life| life.made_at <= at);
        let over: Option<Vec<(Timestamp, String)>> = made.map(|life| life.over_at(at)).collect();
        over?.into_iter().max().map(|(_, why)| why)
    }
}

impl Life {
    fn over_at(&self, at: Timestamp) -> Option<(Timestamp, String)> {
        let last = self.later.iter().rev().find(|(moment, _)| *moment <= at);
        match (last, self.ends) {
            (Some((moment, Later::TakenBack)), _) => {
                Some((*moment, format!("it was taken back at {}", shown(*moment))))
            }
            (None, Some(ends)) if ends <= at => Some((ends, format!("it ended by itself at {}", shown(ends)))),
            _ => None,
        }
    }
}

impl Thing {
    fn of_step(step: &Step) -> Option<Thing> {
        let About::Setting(stated) = &step.about else { return None };
        let name = stated.entry.as_ref().map_or(&stated.name, |entry| &entry.value);
        let names = vec![name.to_lowercase()].into_iter().filter(|name| !name.is_empty()).collect();
        Some(Thing { product: step.product.clone(), class: stated.class.clone(), names })
    }

    fn is_of(&self, step: &Step) -> bool {
        let other = Thing::of_step(step);
        other.is_some_and(|other| {
            self.product == other.product
                && self.class == other.class
                && self.names.iter().any(|name| other.names.contains(name))
        })
    }

    fn is_named_by(&self, row: &Row<'_>) -> bool {
        row.entry.observation.speaker.product == self.product
            && row.change.class.as_ref() == Some(&self.class)
            && self.names.iter().any(|name| change::names(row.change, name))
    }
}

fn is_gone(kind: ChangeKind) -> bool {
    matches!(kind, ChangeKind::Removed | ChangeKind::Disabled)
}

/// What a change makes: as it was written down, else as its records state it.
fn things(change: &Change, rows: &[Row<'_>]) -> Vec<Thing> {
    let written: Vec<Thing> =
        change.steps().iter().filter(|step| !is_gone(step.kind)).filter_map(Thing::of_step).collect();
    if !change.steps().is_empty() {
        return written;
    }
    recorded(change, rows).iter().filter(|step| !is_gone(step.kind)).filter_map(Thing::of_step).collect()
}

/// When a change that was not written down with its end ends by itself, as its record states it.
fn ends(change: &Change, rows: &[Row<'_>]) -> Option<Timestamp> {
    let end = |step: &Step| match &step.about {
        About::Setting(stated) => stated.expires.as_ref().map(|when| when.at),
        About::Act(_) => None,
    };
    let steps = recorded(change, rows);
    let ends: Option<Vec<Timestamp>> = steps.iter().map(end).collect();
    ends?.into_iter().max()
}

/// The commands that the records of a change state.
fn recorded(change: &Change, rows: &[Row<'_>]) -> Vec<Step> {
    let is_own = |row: &&Row<'_>| change.cites.iter().any(|cite| cite.order() == row.entry.observation.cite.order());
    let read = |row: &Row<'_>| Some(nothing_else::read_at(&nothing_else::command(row.change)?, row.at).steps);
    rows.iter().filter(is_own).filter_map(read).flatten().collect()
}
