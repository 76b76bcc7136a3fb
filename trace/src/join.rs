//! Puts passages of different systems together by Message-ID, recipient and time.
//!
//! Never on the Message-ID alone across two passages of one system: senders repeat it, and a gateway may rewrite it.

use evidence::{Fact, Outcome, QuarantineState, Zone};
use jiff::{SignedDuration, Timestamp};

use crate::passage::Passage;
use crate::{Event, is_sample};

/// How far two systems' clocks, or the minute that a list was cut to, may part.
const SKEW: SignedDuration = SignedDuration::from_secs(5 * 60);
/// How long after the last word of one system the next may first speak.
const TRANSFER: SignedDuration = SignedDuration::from_secs(15 * 60);

/// Joins passages until none fits another: first those near in time, then those that have no other partner.
pub(crate) fn across_systems(passages: Vec<Passage>) -> Vec<Passage> {
    let (mut held, loose): (Vec<Passage>, Vec<Passage>) =
        passages.into_iter().partition(|passage| !passage.ids.is_empty());
    held.sort_by_key(|passage| passage.span());
    overcome_deferrals(&mut held);
    while let Some((left, right)) = nearest_pair(&held) {
        let other = held.remove(right.max(left));
        held[left.min(right)].take(other);
    }
    for passage in loose {
        attach(&mut held, passage);
    }
    held.sort_by_key(|passage| passage.span());
    held
}

/// How long a sender tries again after a door put it off.
const RETRIES: SignedDuration = SignedDuration::from_hours(24);

/// Puts an attempt that a door put off beside the attempt that the same door took later: they have different ids, and
/// where the door put off before DATA, the first names no message at all.
fn overcome_deferrals(held: &mut Vec<Passage>) {
    let mut at = 0;
    while at < held.len() {
        if !is_only_put_off(&held[at]) {
            at += 1;
            continue;
        }
        match (0..held.len()).filter(|other| *other != at).find(|other| is_overcome(&held[at], &held[*other])) {
            Some(other) => {
                let attempt = held.remove(at);
                held[if other > at { other - 1 } else { other }].take(attempt);
            }
            None => at += 1,
        }
    }
}

/// Whether a passage is nothing but attempts that a door put off.
fn is_only_put_off(passage: &Passage) -> bool {
    let mut arrivals = passage.events.iter().filter_map(arrival).peekable();
    arrivals.peek().is_some()
        && arrivals.all(|outcome| outcome == Outcome::Deferred)
        && passage.events.iter().all(|event| {
            matches!(event.fact(), Fact::Arrival(_) | Fact::Identity(_) | Fact::Note { .. } | Fact::Verdict(_))
        })
}

/// Whether the same system took the message of an attempt later, for the same recipient, within the time of retries.
fn is_overcome(attempt: &Passage, taken: &Passage) -> bool {
    let systems = attempt.systems();
    let came =
        taken.events.iter().filter(|event| arrival(event) == Some(Outcome::Accepted)).filter_map(Event::at).min();
    let wait = came.zip(attempt.span()).map(|(came, (_, last))| came.duration_since(last));
    let ids = attempt.message_ids();
    wait.is_some_and(|wait| wait >= SignedDuration::ZERO && wait <= RETRIES)
        && systems.is_subset(&taken.systems())
        && (ids.is_empty() || ids.intersection(&taken.message_ids()).next().is_some())
        && attempt.recipients().intersection(&taken.recipients()).next().is_some()
}

/// How an attempt to come in ended, if the event is one.
fn arrival(event: &Event) -> Option<Outcome> {
    match event.fact() {
        Fact::Arrival(arrival) => Some(arrival.outcome),
        _ => None,
    }
}

/// The two passages that belong together most surely: of all pairs that fit, the nearest in time; if none is near, a pair
/// in which neither has another partner, however far their clocks part.
fn nearest_pair(held: &[Passage]) -> Option<(usize, usize)> {
    let mut fitting = Vec::new();
    for left in 0..held.len() {
        for right in left + 1..held.len() {
            if fits(&held[left], &held[right]) {
                fitting.push((distance(&held[left], &held[right]), left, right));
            }
        }
    }
    let near = fitting.iter().filter(|(distance, ..)| distance.is_none_or(|(gap, _)| gap <= TRANSFER)).min();
    let partners = |of: usize| fitting.iter().filter(|(_, left, right)| *left == of || *right == of).count();
    near.or_else(|| fitting.iter().find(|(_, left, right)| partners(*left) == 1 && partners(*right) == 1))
        .map(|(_, left, right)| (*left, *right))
}

/// Whether two passages can be one: they share a Message-ID and a recipient (where both name any), and no system has
/// handled both.
fn fits(left: &Passage, right: &Passage) -> bool {
    let (left_ids, right_ids) = (left.message_ids(), right.message_ids());
    let (left_recipients, right_recipients) = (left.recipients(), right.recipients());
    let shared_id = left_ids.intersection(&right_ids).next().is_some();
    let shared_recipient = left_recipients.intersection(&right_recipients).next().is_some();
    let no_id = left_ids.is_empty() || right_ids.is_empty();
    let no_recipient = left_recipients.is_empty() || right_recipients.is_empty();
    // One recipient on each side under two names: an alias that the next system resolved.
    let renamed = left_recipients.len() == 1 && right_recipients.len() == 1;
    left.systems().is_disjoint(&right.systems())
        && ((shared_id && (shared_recipient || no_recipient || renamed)) || (no_id && shared_recipient))
}

/// How far apart two passages are: the gap between their spans (none within the skew), then the distance of their first
/// instants; unknown without instants.
fn distance(left: &Passage, right: &Passage) -> Option<(SignedDuration, SignedDuration)> {
    let (first, second) = (left.span()?, right.span()?);
    let gap = if first.1 < second.0 {
        second.0.duration_since(first.1)
    } else if second.1 < first.0 {
        first.0.duration_since(second.1)
    } else {
        SignedDuration::ZERO
    };
    let gap = if gap <= SKEW { SignedDuration::ZERO } else { gap };
    Some((gap, first.0.duration_since(second.0).abs()))
}

/// Adds records without an id to the passage that they fit best; if there is none, to one of their own.
fn attach(held: &mut Vec<Passage>, passage: Passage) {
    let ids = passage.message_ids();
    let recipients = passage.recipients();
    let is_ours = |other: &Passage| contradiction(other, &passage).is_none();
    if !held.is_empty() && by_looks_only(&passage) && !held.iter().any(is_ours) {
        // Another message with the same sender, recipient and subject.
        return;
    }
    let best = held
        .iter()
        .enumerate()
        .filter(|(_, other)| is_ours(other))
        .filter(|(_, other)| {
            let other_ids = other.message_ids();
            ids.is_empty() || other_ids.is_empty() || ids.intersection(&other_ids).next().is_some()
        })
        .min_by_key(|(_, other)| {
            let others = other.recipients();
            let strange =
                !(recipients.is_empty() || others.is_empty() || recipients.intersection(&others).next().is_some());
            (strange, distance(&passage, other))
        })
        .map(|(number, _)| number);
    match best {
        Some(number) => held[number].take(passage),
        None => held.push(passage),
    }
}

/// How long after its arrival a gateway lists a message as held, at most: the list bears the instant of the arrival.
const ARRIVAL_TO_HOLD: SignedDuration = SignedDuration::from_hours(1);

/// Whether records are a gateway's list rows, which name no id of the message.
fn by_looks_only(passage: &Passage) -> bool {
    passage.events.iter().all(|event| !is_sample(event.source) && event.observation.about.ids.is_empty())
}

/// The record of a hold or a release that cannot be about a passage, going by its instant: before the message came,
/// long after it came, or after the system had already handed it over without a hold.
fn contradiction<'p>(known: &Passage, listed: &'p Passage) -> Option<&'p Event> {
    listed.events.iter().find(|event| {
        let system = &event.observation.speaker.product;
        let own = |other: &&Event| other.observation.speaker.product == *system && !is_sample(other.source);
        let came = known.events.iter().filter(own).filter_map(Event::at).min();
        let is_hold = matches!(event.fact(), Fact::Quarantine(kept) if kept.state == QuarantineState::Held);
        let is_release = matches!(event.fact(), Fact::Release(_));
        let Some(at) = stated_instant(event) else {
            // A row about a hold's end that bears no instant, beside a message that went on without a hold.
            let last = known.events.iter().filter_map(Event::at).max();
            let after = last.and_then(|last| last.checked_add(TRANSFER).ok());
            return is_release
                && event.at().is_none()
                && after.is_some_and(|after| went_on_unheld(known, listed, own, after));
        };
        match came {
            Some(came) if is_hold => {
                came.duration_since(at) > TRANSFER
                    || at.duration_since(came) > ARRIVAL_TO_HOLD
                    || went_on_unheld(known, listed, own, at)
            }
            Some(came) if is_release => came.duration_since(at) > SKEW || went_on_unheld(known, listed, own, at),
            // Only systems further on are known: what they already had, the gateway did not hold or release afterwards.
            None if is_hold || is_release => known.span().is_some_and(|(_, last)| at.duration_since(last) > TRANSFER),
            _ => false,
        }
    })
}

/// The instant of a record whose zone is no assumption.
fn stated_instant(event: &Event) -> Option<Timestamp> {
    let when = event.observation.when.as_ref()?;
    (when.zone == Zone::Stated).then_some(when.at)
}

/// Whether a system handed the message over for these recipients before an instant, and never says that it held it.
fn went_on_unheld(known: &Passage, listed: &Passage, own: impl Fn(&&Event) -> bool, at: Timestamp) -> bool {
    let recipients = listed.recipients();
    let same = |event: &&Event| {
        let named = &event.observation.about.envelope_recipients;
        named.is_empty() || named.iter().any(|recipient| recipients.contains(recipient))
    };
    let says = |wanted: fn(&Fact) -> bool| {
        known.events.iter().filter(&own).filter(same).filter(move |event| wanted(event.fact())).collect::<Vec<_>>()
    };
    let held = says(|fact| matches!(fact, Fact::Quarantine(kept) if kept.state == QuarantineState::Held));
    let handed = says(|fact| matches!(fact, Fact::Handover(handover) if handover.outcome == Outcome::Accepted));
    held.is_empty() && handed.iter().any(|event| event.at().is_some_and(|handed| at.duration_since(handed) > SKEW))
}
