//! What was changed on tickets: how old each change is, whether it ends, how much it lets through, and whether anybody looked since.

use std::collections::BTreeMap;

use jiff::Timestamp;
use report::{ChangeEnd, ChangeVerified};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AskedFigures, Clients, seconds};
use crate::case::Case;
use crate::journal::{Answer, Deed, Entry};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeFigure {
    /// On which case, by its number in this store.
    pub case: u64,
    /// By its name everywhere.
    pub uid: String,
    /// Number of the ticket in the ticket system.
    pub ticket: Option<String>,
    /// Whose.
    pub client: String,
    /// Which entry of the journal says so.
    pub seq: u64,
    /// What was changed, as it was given.
    pub candidate: String,
    /// When, as the one who made it says.
    pub made_at: Timestamp,
    /// How old it is.
    pub age_seconds: u64,
    /// Whether it ends.
    pub end: ChangeEnd,
    /// When; null if no end is stated.
    pub ends: Option<Timestamp>,
    /// How many messages of the evidence it would have let through; null if that was not measured.
    pub messages: Option<u64>,
    /// The guard's answer; null if it was not asked.
    pub guard: Option<String>,
    /// What the last look at the case after it found.
    pub verified: ChangeVerified,
}

/// The changes of some cases: those that want a look first. An expired one comes before one without an end, one that was never verified
/// before one that held, a wide one before a narrow one, an old one before a young one.
pub(super) fn of(cases: &[&Case], clients: &Clients, entries: &[Entry], asked: &AskedFigures) -> Vec<ChangeFigure> {
    let by_uid: BTreeMap<&str, &Case> = cases.iter().map(|case| (case.uid.as_str(), *case)).collect();
    let mut verified: BTreeMap<&str, Vec<(u64, Answer)>> = BTreeMap::new();
    for entry in entries {
        if let Deed::Verified { verification, .. } = &entry.deed {
            verified.entry(&entry.uid).or_default().push((entry.seq, verification.answer));
        }
    }
    let mut changes: Vec<ChangeFigure> = entries
        .iter()
        .filter_map(|entry| {
            let case = by_uid.get(entry.uid.as_str())?;
            let looks = verified.get(entry.uid.as_str()).map_or(&[][..], Vec::as_slice);
            change(case, clients, entry, looks, asked)
        })
        .collect();
    changes.sort_by_key(order);
    changes
}

type Order = (ChangeEnd, bool, ChangeVerified, std::cmp::Reverse<u64>, std::cmp::Reverse<u64>, u64, u64);

/// What was not measured may be as wide as can be.
fn order(change: &ChangeFigure) -> Order {
    let wide = std::cmp::Reverse(change.messages.unwrap_or(u64::MAX));
    let held = change.verified == ChangeVerified::Held;
    (change.end, held, change.verified, wide, std::cmp::Reverse(change.age_seconds), change.case, change.seq)
}

fn change(
    case: &Case,
    clients: &Clients,
    entry: &Entry,
    looks: &[(u64, Answer)],
    asked: &AskedFigures,
) -> Option<ChangeFigure> {
    let Deed::ChangeMade { made_at, candidate, guard, ends, messages, .. } = &entry.deed else { return None };
    if asked.to.is_some_and(|to| *made_at >= to) {
        return None;
    }
    let last = looks.iter().filter(|(seq, _)| *seq > entry.seq).max_by_key(|(seq, _)| *seq);
    Some(ChangeFigure {
        case: case.number,
        uid: case.uid.clone(),
        ticket: case.about.ticket.clone(),
        client: clients.shown(&case.about.client),
        seq: entry.seq,
        candidate: candidate.clone(),
        made_at: *made_at,
        age_seconds: seconds(*made_at, asked.now),
        end: match ends {
            Some(ends) if *ends <= asked.now => ChangeEnd::Expired,
            Some(_) => ChangeEnd::Ends,
            None => ChangeEnd::NoEnd,
        },
        ends: *ends,
        messages: *messages,
        guard: guard.clone(),
        verified: match last {
            Some((_, Answer::Held)) => ChangeVerified::Held,
            Some((_, Answer::CameBack)) => ChangeVerified::CameBack,
            Some((_, Answer::CannotTell)) => ChangeVerified::CannotTell,
            None => ChangeVerified::Never,
        },
    })
}
