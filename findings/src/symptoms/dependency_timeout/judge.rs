//! Whether one of many fails while the others do well, in the same window.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::attempts::{Attempt, Dependency, End, count};
use super::words::Kind;

/// How often and for whom something has to fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enough {
    /// How often it has to fail at all.
    pub(super) failures: usize,
    /// For how many messages or users: one of them may have a reason of its own.
    pub(super) subjects: usize,
    /// How often it has to fail so that it is sure.
    pub(super) sure: usize,
}

/// Of mail: one message that is tried again and again is an ordinary ticket.
pub(super) const OF_MAIL: Enough = Enough { failures: 3, subjects: 2, sure: 3 };
/// Of look-ups: who asks by hand asks less often.
pub(super) const OF_NAMES: Enough = Enough { failures: 2, subjects: 2, sure: 3 };
/// Of tests: a test that somebody runs is meant; a second run makes it sure.
pub(super) const OF_TESTS: Enough = Enough { failures: 1, subjects: 1, sure: 2 };
/// Of sign-ins: one user tries again and again, too.
pub(super) const OF_SIGN_INS: Enough = Enough { failures: 3, subjects: 2, sure: 3 };

/// How many attempts have to do well elsewhere, so that it is not luck.
const HEALTHY_MIN: usize = 2;
/// How much before the first and after the last failure still counts as the same time: as long as servers wait between two tries.
const SLACK: SignedDuration = SignedDuration::from_mins(15);
/// How many of them are compared with all others: the worst.
const JUDGED_MAX: usize = 40;
/// After how long a silence between two failures they are two incidents: longer than any server waits between two tries.
const APART: SignedDuration = SignedDuration::from_hours(6);

/// What the others did while one failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Enough of them did well.
    Healthy,
    /// Some did well; too few of them, or too few failures, to be sure.
    Few,
    /// Nothing else was tried, as far as the records show.
    NotShown,
}

/// One of many that fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect<'d, 'a> {
    /// Which.
    pub(super) one: &'d Dependency<'a>,
    /// Its failures in the window.
    pub(super) failures: &'d [Attempt<'a>],
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) others: Others,
}

impl Suspect<'_, '_> {
    /// The window in which it is compared with the others.
    pub(super) fn window(&self) -> (Timestamp, Timestamp) {
        widened(self.first, self.last)
    }
}

/// All of a field that fail while the others do well. `is_like` says which ones are compared with a kind.
pub(super) fn suspects<'d, 'a>(
    all: &'d [Dependency<'a>],
    enough: Enough,
    is_like: impl Fn(Kind, Kind) -> bool,
) -> Vec<Suspect<'d, 'a>> {
    let mut found = Vec::new();
    let mut incidents: Vec<Incident<'d, 'a>> = all.iter().filter_map(|one| incident(one, enough)).collect();
    incidents.sort_by_key(|incident| std::cmp::Reverse(incident.failures));
    for Incident { one, first, last, .. } in incidents.into_iter().take(JUDGED_MAX) {
        let (from, to) = widened(first, last);
        let own = one.within(first, last);
        let failures = count(own, End::Silent);
        if failures <= count(own, End::Answered) {
            continue;
        }
        let mut healthy = (0, 0);
        let (mut failing, mut tried) = (1, 0);
        let whose: BTreeSet<String> = own.iter().map(|attempt| format!("mail to {}", attempt.domain)).collect();
        let others = all.iter().filter(|other| other.name != one.name && is_like(one.kind, other.kind));
        // What became of the very mail that it keeps waiting says nothing about others.
        for other in others.filter(|other| !whose.contains(&other.name)) {
            let attempts = other.within(from, to);
            let (good, bad) = (count(attempts, End::Answered), count(attempts, End::Silent));
            tried += attempts.len();
            if good > bad {
                healthy = (healthy.0 + 1, healthy.1 + good);
            } else if bad > 1 {
                failing += 1;
            }
        }
        let others = match healthy {
            // What is over, and was all there is, is no dependency of many.
            _ if tried == 0 && is_over(one, own, last, all) => continue,
            // Others are known, and nothing goes to them at that time: all mail takes this way.
            _ if tried == 0 && all.iter().any(|other| other.name != one.name && is_like(one.kind, other.kind)) => {
                continue;
            }
            _ if tried == 0 => Others::NotShown,
            // If many fail, it is what they share.
            (things, _) if failing > things => continue,
            (_, attempts) if attempts >= HEALTHY_MIN && failures >= enough.sure => Others::Healthy,
            _ => Others::Few,
        };
        found.push(Suspect { one, failures: own, first, last, others });
    }
    found.sort_by_key(|suspect| (std::cmp::Reverse(count(suspect.failures, End::Silent)), &suspect.one.name));
    found
}

/// Whether it answers again, or those for whom it failed were served afterwards.
fn is_over(one: &Dependency<'_>, own: &[Attempt<'_>], last: Timestamp, all: &[Dependency<'_>]) -> bool {
    let well = one.of(End::Answered).filter(|attempt| attempt.at > last).count();
    let for_whom: BTreeSet<&str> = own.iter().map(|attempt| attempt.subject).filter(|one| !one.is_empty()).collect();
    let is_served =
        |attempt: &Attempt<'_>| attempt.end == End::Answered && attempt.at > last && for_whom.contains(attempt.subject);
    well >= HEALTHY_MIN || all.iter().flat_map(|one| &one.attempts).any(is_served)
}

fn widened(first: Timestamp, last: Timestamp) -> (Timestamp, Timestamp) {
    (first.checked_sub(SLACK).unwrap_or(first), last.checked_add(SLACK).unwrap_or(last))
}

/// A run of failures of one dependency.
struct Incident<'d, 'a> {
    one: &'d Dependency<'a>,
    failures: usize,
    first: Timestamp,
    last: Timestamp,
}

/// The largest run of failures without a long silence in it, if it is large enough; of equal ones the last.
fn incident<'d, 'a>(one: &'d Dependency<'a>, enough: Enough) -> Option<Incident<'d, 'a>> {
    let mut best: Option<(usize, Timestamp, Timestamp)> = None;
    let mut run: Vec<&Attempt<'_>> = Vec::new();
    let mut close = |run: &[&Attempt<'_>]| {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        let mut subjects: Vec<&str> = run.iter().map(|attempt| attempt.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        // Records that name no message stand each for its own.
        let unnamed = run.iter().filter(|attempt| attempt.subject.is_empty()).count();
        let is_enough = run.len() >= enough.failures && subjects.len().max(unnamed) >= enough.subjects;
        if is_enough && best.is_none_or(|(size, ..)| run.len() >= size) {
            best = Some((run.len(), first.at, last.at));
        }
    };
    for attempt in one.of(End::Silent) {
        if run.last().is_some_and(|last| attempt.at.duration_since(last.at) > APART) {
            close(&run);
            run.clear();
        }
        run.push(attempt);
    }
    close(&run);
    best.map(|(failures, first, last)| Incident { one, failures, first, last })
}
