//! Whether one of many fails while the others do well, in the same window.

use jiff::{SignedDuration, Timestamp};

use super::attempts::{Attempt, Dependency, End, count};
use super::words::Kind;

/// How often a dependency has to fail: one message that is tried again and again is an ordinary ticket.
const FAILURES_MIN: usize = 3;
/// For how many messages or users: one of them may have a reason of its own.
const SUBJECTS_MIN: usize = 2;
/// How many attempts have to do well elsewhere, so that it is not luck.
const HEALTHY_MIN: usize = 2;
/// How much before the first and after the last failure still counts as the same time: as long as servers wait between two tries.
const SLACK: SignedDuration = SignedDuration::from_mins(15);
/// After how long a silence between two failures they are two incidents: longer than any server waits between two tries.
const APART: SignedDuration = SignedDuration::from_hours(6);

/// What the others did while one failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Enough of them did well.
    Healthy,
    /// Some did well, too few to be sure.
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
    is_like: impl Fn(Kind, Kind) -> bool,
) -> Vec<Suspect<'d, 'a>> {
    let mut found = Vec::new();
    for one in all {
        let Some((first, last)) = incident(one) else { continue };
        let (from, to) = widened(first, last);
        let own = one.within(first, last);
        let failures = count(own, End::Silent);
        if failures <= count(own, End::Answered) {
            continue;
        }
        let mut healthy = (0, 0);
        let (mut failing, mut tried) = (1, 0);
        for other in all.iter().filter(|other| other.name != one.name && is_like(one.kind, other.kind)) {
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
            _ if tried == 0 => Others::NotShown,
            // If many fail, it is what they share.
            (things, _) if failing > things => continue,
            (_, attempts) if attempts >= HEALTHY_MIN => Others::Healthy,
            _ => Others::Few,
        };
        found.push(Suspect { one, failures: own, first, last, others });
    }
    found.sort_by_key(|suspect| (std::cmp::Reverse(count(suspect.failures, End::Silent)), &suspect.one.name));
    found
}

fn widened(first: Timestamp, last: Timestamp) -> (Timestamp, Timestamp) {
    (first.checked_sub(SLACK).unwrap_or(first), last.checked_add(SLACK).unwrap_or(last))
}

/// The largest run of failures without a long silence in it, if it is large enough; of equal ones the last.
fn incident(one: &Dependency<'_>) -> Option<(Timestamp, Timestamp)> {
    let mut best: Option<(usize, Timestamp, Timestamp)> = None;
    let mut run: Vec<&Attempt<'_>> = Vec::new();
    let mut close = |run: &[&Attempt<'_>]| {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        let mut subjects: Vec<&str> = run.iter().map(|attempt| attempt.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        // Records that name no message stand each for its own.
        let unnamed = run.iter().filter(|attempt| attempt.subject.is_empty()).count();
        let is_enough = run.len() >= FAILURES_MIN && subjects.len().max(unnamed) >= SUBJECTS_MIN;
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
    best.map(|(_, first, last)| (first, last))
}
