//! Whose loop it is: one person under all names, what stands beside it, and whom it can be compared with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::attempts::{Deed, Loop, Row, Shape, Side, Stream};
use crate::symptoms::Survey;

/// Rows of the person this long before and after the loop belong to it.
const BESIDE: SignedDuration = SignedDuration::from_mins(2);
/// Whoever got in longer ago than this, or later, tells little of the day of the loop.
const COMPARABLE: SignedDuration = SignedDuration::from_hours(72);
/// Whoever got in at most this long before the loop got in while it was so.
const BEFORE_IT_BEGAN: SignedDuration = SignedDuration::from_hours(1);
/// More loops than this are no case of one person, and are not looked into.
const CASES_MAX: usize = 50;
/// How many people are compared with.
const CONTROLS_MAX: usize = 5;
/// A last part shorter than this does not make two names alike.
const NAME_PART_MIN: usize = 3;

/// Which names are one person, as far as records say so.
pub(super) struct People {
    first_name: BTreeMap<String, String>,
}

impl People {
    pub(super) fn of(rows: &[Row<'_>]) -> People {
        let mut people = People { first_name: BTreeMap::new() };
        let own: BTreeSet<&str> = rows
            .iter()
            .filter(|row| row.deed == Deed::Good && row.detail("user").is_none())
            .map(|row| row.who.as_str())
            .collect();
        let mut by_id: BTreeMap<&str, &str> = BTreeMap::new();
        for row in rows {
            for key in ["aliases", "alternateaddresses"] {
                for alias in row.detail(key).unwrap_or_default().split([',', ';']) {
                    people.join(&row.who, alias.trim());
                }
            }
            let is_own = |user: &str| {
                user.contains('@') && (is_of_alias(row) || are_alike(&row.who, user) || !own.contains(row.who.as_str()))
            };
            if let Some(user) = row.detail("user").filter(|user| is_own(user)) {
                people.join(&row.who, user);
            }
            // An id alone joins nothing: exports blank it out, or give one to all.
            if let Some(id) = row.fact().who_id.as_deref() {
                let first = *by_id.entry(id).or_insert(&row.who);
                if are_alike(first, &row.who) {
                    people.join(first, &row.who);
                }
            }
        }
        people
    }

    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.name(one), self.name(&other.to_lowercase()));
        if one != other && !other.is_empty() {
            let (first, second) = if one < other { (one, other) } else { (other, one) };
            self.first_name.insert(second, first);
        }
    }

    /// One name for all names of a person.
    pub(super) fn name(&self, who: &str) -> String {
        let mut name = who.to_owned();
        // Each step leads to a name that sorts before it, so that it ends.
        while let Some(first) = self.first_name.get(&name) {
            name.clone_from(first);
        }
        name
    }
}

/// Whether a failure names its address as an alias.
pub(super) fn is_of_alias(row: &Row<'_>) -> bool {
    row.detail("aliasfor").is_some_and(|said| !matches!(said, "0" | "-1" | "null"))
}

/// Whether two addresses look like two names of one person: the same local part, or one short for the other, as `c.reyes` and
/// `creyes` are for `carla.reyes`.
pub(super) fn are_alike(one: &str, other: &str) -> bool {
    let local = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    let (one, other) = (local(one), local(other));
    let is_short_for = |one: &str, other: &str| {
        short(other).is_some_and(|other| other == one || self::short(one).is_some_and(|one| one == other))
    };
    one == other || is_short_for(&one, &other) || is_short_for(&other, &one)
}

/// The first letter and the last part of a name of several parts.
fn short(name: &str) -> Option<String> {
    let (first, last) = (name.chars().next()?, name.rsplit(['.', '-', '_']).next()?);
    (last.len() >= NAME_PART_MIN && last.len() < name.len()).then(|| format!("{first}{last}"))
}

/// Somebody whose attempts at the same application end well.
pub(super) struct Control {
    /// All rows of this person.
    pub(super) rows: Vec<usize>,
    /// The row that ended an attempt well, the nearest to the loop.
    pub(super) good: usize,
}

/// One person's loop.
pub(super) struct Case<'c, 'a> {
    pub(super) survey: &'c Survey<'a>,
    pub(super) rows: &'c [Row<'a>],
    pub(super) people: &'c People,
    /// The most telling loop.
    pub(super) main: &'c Loop,
    /// Which person or persons, each by one name.
    pub(super) persons: BTreeSet<String>,
    /// All names of theirs.
    pub(super) names: BTreeSet<String>,
    /// Rows of theirs during the loops.
    pub(super) inside: Vec<usize>,
    /// All rows of theirs.
    pub(super) all: Vec<usize>,
    pub(super) controls: Vec<Control>,
}

/// How a field stands with those who get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versus {
    /// They have it otherwise.
    Differs,
    /// They have the same, and get in.
    Same(usize),
    /// There is nobody to compare with.
    Nobody,
}

impl<'c, 'a> Case<'c, 'a> {
    pub(super) fn row(&self, number: usize) -> Option<&'c Row<'a>> {
        self.rows.get(number)
    }

    /// Rows during the loops.
    pub(super) fn inside(&self) -> impl Iterator<Item = (usize, &'c Row<'a>)> + '_ {
        self.inside.iter().filter_map(|number| Some((*number, self.rows.get(*number)?)))
    }

    /// All rows of the person.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &'c Row<'a>)> + '_ {
        self.all.iter().filter_map(|number| Some((*number, self.rows.get(*number)?)))
    }

    /// Whether those who get in have the same.
    pub(super) fn versus(&self, is_meant: impl Fn(&Row<'a>) -> bool) -> Versus {
        if self.controls.is_empty() {
            return Versus::Nobody;
        }
        let of_place = |row: &Row<'a>| row.side != self.main.side || row.app == self.main.app || row.app.is_empty();
        let mut numbers = self.controls.iter().flat_map(|control| control.rows.iter().copied());
        let same = numbers.find(|number| self.row(*number).is_some_and(|row| of_place(row) && is_meant(row)));
        same.map_or(Versus::Differs, Versus::Same)
    }

    /// The application as the records write it.
    pub(super) fn application(&self) -> &'c str {
        let mut numbers = self.main.attempts.iter().flat_map(|attempt| &attempt.rows);
        numbers.find_map(|number| self.row(*number)?.fact().application.as_deref()).unwrap_or_default()
    }

    /// Somebody else who gets in, or nobody.
    pub(super) fn somebody(&self) -> Versus {
        if self.controls.is_empty() { Versus::Nobody } else { Versus::Differs }
    }

    pub(super) fn from(&self) -> Timestamp {
        self.main.from()
    }

    pub(super) fn to(&self) -> Timestamp {
        self.main.to()
    }

    /// Whether there are rows of a side at all.
    pub(super) fn has_side(&self, side: Side) -> bool {
        self.rows.iter().any(|row| row.side == side)
    }
}

/// What the loops of all people come to.
pub(super) struct Cases<'c, 'a> {
    pub(super) cases: Vec<Case<'c, 'a>>,
    /// Loops at applications where nobody, or hardly anybody, gets in.
    pub(super) of_everybody: Vec<Vec<&'c Loop>>,
}

/// How telling a shape is: what says most about why goes first.
fn rank(shape: Shape) -> u8 {
    match shape {
        Shape::Alternating => 0,
        Shape::NoneEndsWell => 1,
        Shape::NotTakenUp => 2,
        Shape::Undone => 3,
        Shape::Enrolment => 4,
        Shape::Regular(_) => 5,
    }
}

/// Puts the loops of each person together, and finds whom to compare with.
pub(super) fn cases<'c, 'a>(
    survey: &'c Survey<'a>,
    rows: &'c [Row<'a>],
    people: &'c People,
    streams: &[Stream],
    loops: &'c [Loop],
) -> Cases<'c, 'a> {
    let persons_of = |one: &Loop| one.who.iter().map(|who| people.name(who)).collect::<BTreeSet<String>>();
    // Two identities of one seat are one case.
    let mut seats: Vec<(BTreeSet<String>, Vec<&'c Loop>)> = Vec::new();
    let mut sorted: Vec<&Loop> = loops.iter().collect();
    sorted.sort_by_key(|one| {
        (rank(one.shape), std::cmp::Reverse(one.attempts.len()), one.from(), one.source, one.app.clone())
    });
    let mut seat_of: BTreeMap<String, usize> = BTreeMap::new();
    for one in sorted {
        let persons = persons_of(one);
        let known = persons.iter().find_map(|person| seat_of.get(person)).copied();
        let at = known.unwrap_or(seats.len());
        if known.is_none() {
            seats.push((BTreeSet::new(), Vec::new()));
        }
        for person in &persons {
            seat_of.entry(person.clone()).or_insert(at);
        }
        if let Some((names, own)) = seats.get_mut(at) {
            names.extend(persons);
            own.push(one);
        }
    }
    // Who loops, and who gets in, at each application.
    type Place<'p> = (&'static str, &'p str);
    let mut loopers: BTreeMap<Place<'_>, BTreeSet<usize>> = BTreeMap::new();
    for (at, (_, own)) in seats.iter().enumerate() {
        for one in own {
            loopers.entry((one.source, &one.app)).or_default().insert(at);
        }
    }
    let mut fine: BTreeMap<Place<'_>, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for stream in streams {
        let person = people.name(&stream.who);
        if seat_of.contains_key(&person) {
            continue;
        }
        let well = stream.attempts.iter().filter(|attempt| attempt.is_well).filter_map(|attempt| attempt.rows.last());
        let well: Vec<usize> = well.copied().collect();
        if !well.is_empty() {
            fine.entry((stream.source, &stream.app)).or_default().entry(person).or_default().extend(well);
        }
    }
    let mut numbers_of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        numbers_of.entry(people.name(&row.who)).or_default().push(number);
    }
    // Devices that were enrolled once.
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.deed == Deed::Enrolled) {
        let person = people.name(&row.who);
        if !seat_of.contains_key(&person) {
            fine.entry((row.source, "")).or_default().entry(person).or_default().push(number);
        }
    }
    let mut all = Cases { cases: Vec::new(), of_everybody: Vec::new() };
    let mut told: BTreeSet<Place<'_>> = BTreeSet::new();
    for (persons, own) in &seats {
        if all.cases.len() >= CASES_MAX {
            break;
        }
        let Some(main) = own.first().copied() else { continue };
        let place: Place<'_> = (main.source, &main.app);
        let looping = loopers.get(&place).map_or(1, BTreeSet::len);
        let others = fine.get(&place);
        // Who got in before it began says nothing of what was changed since.
        let since = main.from().checked_sub(BEFORE_IT_BEGAN).unwrap_or_default();
        let is_since =
            |numbers: &&Vec<usize>| numbers.iter().any(|number| rows.get(*number).is_some_and(|row| row.at >= since));
        let well = others.map_or(0, |others| others.values().filter(is_since).count());
        if looping >= 2 && (well == 0 || (looping > 2 && well < looping)) {
            if told.insert(place) {
                let of_place = loops.iter().filter(|one| (one.source, one.app.as_str()) == place);
                all.of_everybody.push(of_place.collect());
            }
            continue;
        }
        let mut mine: Vec<usize> =
            persons.iter().filter_map(|person| numbers_of.get(person)).flatten().copied().collect();
        mine.sort_unstable();
        let spans: Vec<(Timestamp, Timestamp)> = own
            .iter()
            .map(|one| {
                let (from, to) = (one.from(), one.to());
                (from.checked_sub(BESIDE).unwrap_or(from), to.checked_add(BESIDE).unwrap_or(to))
            })
            .collect();
        let is_inside = |row: &Row<'_>| spans.iter().any(|(from, to)| *from <= row.at && row.at <= *to);
        let mut inside: Vec<usize> =
            mine.iter().copied().filter(|number| rows.get(*number).is_some_and(is_inside)).collect();
        inside.extend(own.iter().flat_map(|one| &one.attempts).flat_map(|attempt| &attempt.rows));
        inside.sort_unstable();
        inside.dedup();
        let mut near: Vec<(SignedDuration, &String, usize)> = others
            .into_iter()
            .flatten()
            .filter_map(|(who, good)| {
                let apart = |number: &usize| {
                    rows.get(*number).map_or(SignedDuration::MAX, |row| row.at.duration_since(main.from()).abs())
                };
                let nearest = *good.iter().min_by_key(|number| apart(number))?;
                Some((apart(&nearest), who, nearest))
            })
            .filter(|(apart, ..)| *apart <= COMPARABLE)
            .collect();
        near.sort();
        let controls = near
            .into_iter()
            .take(CONTROLS_MAX)
            .map(|(_, who, good)| Control { rows: numbers_of.get(who).cloned().unwrap_or_default(), good });
        all.cases.push(Case {
            survey,
            rows,
            people,
            main,
            persons: persons.clone(),
            names: mine.iter().filter_map(|number| rows.get(*number)).map(|row| row.who.clone()).collect(),
            inside,
            all: mine,
            controls: controls.collect(),
        });
    }
    all
}
