//! The totals of reports, those together that belong to one window.

use std::collections::BTreeMap;

use evidence::{Access, Cite, Property, SourceId, Total};
use jiff::{SignedDuration, Timestamp};

use super::counted::{self, Counts, ReportEntry};
use crate::symptoms::{Stated, Survey};

/// Totals of one report for one window and direction.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The kind of report.
    pub source: SourceId,
    /// What its totals count.
    pub entry: &'static ReportEntry,
    /// Who made it, where reports of several makers are of one kind.
    pub maker: String,
    /// The window; `None` for a count of what there is at one instant.
    pub from: Option<Timestamp>,
    /// The end, exclusive, or the instant.
    pub to: Option<Timestamp>,
    /// Whether the report names a zone of its own for its day, and by how much its day begins later than the UTC day.
    pub zone_offset: SignedDuration,
    /// Which way the mail goes.
    pub way: Option<Access>,
    /// By what else it is parted.
    pub parted: Vec<(String, String)>,
    /// The numbers.
    pub items: Vec<Item>,
}

/// One number.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// What was counted, as written.
    pub measure: String,
    /// What that means.
    pub counts: Counts,
    /// The number; of two readings of the same the smaller one.
    pub count: u64,
    /// The record.
    pub cite: Cite,
    /// A later reading of the same number, which is larger.
    pub later: Option<(u64, Cite)>,
}

type Key = (SourceId, String, Option<Timestamp>, Option<Timestamp>, Option<Access>, Vec<(String, String)>);
type Number = (String, Counts, Vec<(String, String)>);
type Readings = BTreeMap<Number, BTreeMap<u64, Cite>>;

/// All totals, by kind, window and direction.
pub(super) fn groups(survey: &Survey<'_>) -> Vec<Group> {
    let mut found: BTreeMap<Key, (SignedDuration, Readings)> = BTreeMap::new();
    for stated in survey.totals() {
        let Some(entry) = counted::report(stated.source()) else { continue };
        let total = stated.fact;
        let counts = kind_of(entry, total);
        let mut parted = properties(&total.by, |name| entry.parted_by.iter().any(|known| known == name));
        if counts == Counts::Event || counts == Counts::RuleHits {
            parted.push(("EventType".to_owned(), total.measure.clone()));
        }
        let maker = if entry.sender.is_some() { maker(&stated) } else { String::new() };
        let (from, to, zone_offset) = window(total);
        let key = (stated.source(), maker, from, to, way(entry, total), parted);
        let (_, readings) = found.entry(key).or_insert_with(|| (zone_offset, Readings::new()));
        let of = (total.measure.clone(), counts, properties(&total.by, |_| true));
        readings.entry(of).or_default().entry(total.count).or_insert_with(|| stated.cite());
    }
    let mut groups: Vec<Group> = found.into_iter().filter_map(|(key, found)| group(key, found)).collect();
    known_beside(&mut groups);
    groups
}

fn group(key: Key, (zone_offset, readings): (SignedDuration, Readings)) -> Option<Group> {
    let (source, maker, from, to, way, parted) = key;
    let item = |((measure, counts, _), read): (Number, BTreeMap<u64, Cite>)| {
        let mut read = read.into_iter();
        let (count, cite) = read.next()?;
        Some(Item { measure, counts, count, cite, later: read.next_back() })
    };
    let items: Vec<Item> = readings.into_iter().filter_map(item).collect();
    Some(Group { source, entry: counted::report(source)?, maker, from, to, zone_offset, way, parted, items })
}

/// A word that no page lists is mail of its report if the report has known measures for the same window and direction.
fn known_beside(groups: &mut Vec<Group>) {
    let is_event = |group: &Group| group.items.iter().all(|item| item.counts == Counts::Event);
    let plain: Vec<(SourceId, Option<Timestamp>, Option<Access>)> =
        groups.iter().filter(|group| !is_event(group)).map(|group| (group.source, group.from, group.way)).collect();
    let (events, rest): (Vec<Group>, Vec<Group>) = std::mem::take(groups).into_iter().partition(is_event);
    *groups = rest;
    for event in events {
        let beside = (event.source, event.from, event.way);
        if !plain.contains(&beside) {
            groups.push(event);
            continue;
        }
        let home = groups.iter_mut().find(|group| {
            (group.source, group.from, group.way) == beside
                && group.items.iter().any(|item| matches!(item.counts, Counts::Good | Counts::Filtered))
        });
        if let Some(home) = home {
            home.items.extend(event.items.into_iter().map(|item| Item { counts: Counts::Filtered, ..item }));
        }
    }
}

fn kind_of(entry: &ReportEntry, total: &Total) -> Counts {
    let counts = counted::measure(&entry.source, &total.measure).unwrap_or(Counts::Event);
    if entry.passes.is_empty() {
        return counts;
    }
    let passes = total.by.iter().any(|one| {
        entry.passes.contains(&one.name) && one.values.iter().any(|value| value.eq_ignore_ascii_case("pass"))
    });
    // Who uses a domain without passing sends by servers that are not ours, as far as the report shows.
    if passes { counts } else { Counts::Edge }
}

fn properties(by: &[Property], wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let some = by.iter().filter(|one| wanted(&one.name) && one.values.iter().any(|value| !value.is_empty()));
    let mut all: Vec<(String, String)> = some.map(|one| (one.name.clone(), one.values.join(", "))).collect();
    all.sort();
    all
}

fn maker(stated: &Stated<'_, Total>) -> String {
    stated.entry.observation.speaker.id()
}

fn way(entry: &ReportEntry, total: &Total) -> Option<Access> {
    let name = entry.direction.as_deref()?;
    let said = total.by.iter().find(|one| one.name == name)?.values.first()?.to_ascii_lowercase();
    match said.replace(['-', ' '], "").as_str() {
        "inbound" => Some(Access::Inbound),
        "outbound" => Some(Access::Outbound),
        "intraorg" => Some(Access::Internal),
        _ => None,
    }
}

/// The window, its end exclusive, and by how much a day begins later than the UTC day.
fn window(total: &Total) -> (Option<Timestamp>, Option<Timestamp>, SignedDuration) {
    let from = total.from.as_ref().map(|when| when.at);
    // A report that names the last second of its day means all of it.
    let second = SignedDuration::from_secs(1);
    let to = total.to.as_ref().map(|when| match when.at.as_second().rem_euclid(60) {
        59 => when.at.checked_add(second).unwrap_or(when.at),
        _ => when.at,
    });
    let offset = match (from, to) {
        (Some(from), Some(to)) if to.duration_since(from) == SignedDuration::from_hours(24) => {
            let past = from.as_second().rem_euclid(24 * 60 * 60);
            let noon = 12 * 60 * 60;
            SignedDuration::from_secs(if past > noon { past - 2 * noon } else { past })
        }
        _ => SignedDuration::ZERO,
    };
    (from, to, offset)
}
