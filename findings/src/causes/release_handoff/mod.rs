//! `release-handoff`: a held copy was, or was to be, let go, and did not reach the next system.
//!
//! A release that worked is none of these, nor is a second filter further on that holds the copy anew: then that filter explains it.

mod deleted_before_release;
mod deleted_from_quarantine;
mod expired_before_release;
mod released_deferred;
mod released_not_handed_over;
mod released_other_recipient;
mod released_rejected;
mod released_requarantined;
mod requested_not_released;

use evidence::{Fact, Layer, Outcome};
use layers::Stay;
use trace::Event;

use super::ground::Ground;
use super::stated::reply;
use super::{Cause, claim, released, told};
use crate::{Claim, Standing};

/// The causes of the family.
pub(super) const ALL: &[&dyn Cause] = &[
    &expired_before_release::Rule,
    &requested_not_released::Rule,
    &deleted_before_release::Rule,
    &deleted_from_quarantine::Rule,
    &released_other_recipient::Rule,
    &released_not_handed_over::Rule,
    &released_requarantined::Rule,
    &released_rejected::Rule,
    &released_deferred::Rule,
];

/// A claim that rests on a step of a release, or on its not coming about, and on the hold.
fn by_release(id: &str, stay: &Stay<'_>, event: &Event, statement: String) -> Claim {
    let events = [event].into_iter().chain(stay.holds.iter().copied());
    claim(id, Standing::Proved, Layer::Release, statement, events)
}

/// The last stay before the one that decided at which the copy was held.
fn before<'a>(ground: &Ground<'a>) -> Option<&'a Stay<'a>> {
    let decided = ground.copy.decided_at?;
    ground.copy.stays[..decided].iter().rev().find(|stay| was_held(stay))
}

/// The stay before at which a filter held the copy and then gave it back to its own mail server, which decided.
fn given_back<'a>(ground: &Ground<'a>) -> Option<&'a Stay<'a>> {
    before(ground).filter(|stay| released(stay).is_some() && stay.station.system == ground.stay.station.system)
}

/// The stay at which the copy was held, if that is this one or an earlier one at the same server: a filter gives what it
/// releases back to its own mail server, under a new queue id, and only the server behind that is the next system.
fn held_here<'a>(ground: &Ground<'a>) -> &'a Stay<'a> {
    let Some(decided) = ground.copy.decided_at else { return ground.stay };
    let same = |stay: &&Stay<'_>| stay.station.system == ground.stay.station.system;
    ground.copy.stays[..=decided].iter().rev().take_while(same).find(|stay| was_held(stay)).unwrap_or(ground.stay)
}

/// A refusal or deferral that followed a release. Without a record of the release the hand-over after the hold implies
/// one, which is likely, not proved.
fn after_release(id: &str, stay: &Stay<'_>, event: &Event, how: &str) -> Option<Claim> {
    if !was_held(stay) {
        return None;
    }
    let by = match event.fact() {
        Fact::Arrival(_) => event.observation.speaker.to_string(),
        Fact::Handover(handover) if handover.spoken_by_next_hop && handover.outcome != Outcome::Accepted => {
            handover.to.as_ref().map_or("the next hop".to_owned(), ToString::to_string)
        }
        _ => "the hand-over".to_owned(),
    };
    Some(match released(stay) {
        Some(release) => claim(
            id,
            Standing::Proved,
            Layer::Release,
            format!("{}, but {by} {how}: {}", told(release), words(event)),
            [event, release],
        ),
        None => claim(
            id,
            Standing::Likely,
            Layer::Release,
            format!(
                "{} held it and later tried to hand it over, which implies a release; {by} {how}: {}",
                stay.station.system,
                words(event)
            ),
            [event].into_iter().chain(stay.holds.last().copied()),
        ),
    })
}

fn words(event: &Event) -> String {
    reply::reply(event).map_or_else(|| layers::of_event(event), |reply| reply.text.trim().to_owned())
}

fn was_held(stay: &Stay<'_>) -> bool {
    !stay.holds.is_empty() || released(stay).is_some()
}
