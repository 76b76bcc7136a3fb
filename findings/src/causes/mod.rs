//! The cause families, in the order in which they are asked; the first that answers names the cause.

mod alignment;
mod by_reply;
pub(crate) mod by_verdict;
pub(crate) mod gateway_address;
mod mailbox_rule;
mod release_handoff;
mod reply;

use std::time::Duration;

use evidence::{Action, Fact, Layer};
use layers::{End, Explained, Stay};
use trace::Event;

use crate::{Claim, Scene, Standing};

/// A family of causes: looks at one copy and names the cause if it is one of its own.
pub trait Family: Sync {
    /// What the family is about, in one sentence for people.
    fn about(&self) -> &'static str;

    /// The cause of the copy's fate, if it is of this family.
    fn find(&self, copy: &Explained<'_>, scene: &Scene<'_>) -> Option<Claim>;
}

/// All families. A release goes first: as long as the next system has not accepted the copy, the hand-off explains.
pub const FAMILIES: &[&dyn Family] = &[&release_handoff::Rule, &mailbox_rule::Rule, &by_verdict::Rule, &by_reply::Rule];

/// The cause of a copy's fate, then what looks like a cause and is refuted by a record.
pub(crate) fn of(copy: &Explained<'_>, scene: &Scene<'_>) -> Vec<Claim> {
    let mut cause = FAMILIES.iter().find_map(|family| family.find(copy, scene));
    if let Some(cause) = &mut cause
        && let Some(against) = copy.decided().and_then(Stay::against_the_hold)
    {
        cause.standing = cause.standing.max(Standing::Likely);
        cause.ask_for.push("exchange-online/message-trace-detail");
        cause.statement = format!("{}; against it stands {}", cause.statement, layers::of_event(against));
        cause.cites.extend(layers::cites([against]));
    }
    if let Some(cause) = &mut cause
        && is_doubtful(copy, scene)
        && cause.standing == Standing::Proved
    {
        cause.standing = Standing::Likely;
        cause.statement = format!("{}; it bears no id, and is matched by sender and recipient only", cause.statement);
        let logs = copy.decided().map_or(&[][..], |stay| layers::exports::logs_of(&stay.station.system.product));
        cause.ask_for.extend(logs);
    }
    let behind = alignment::behind(copy, cause.as_ref());
    cause.into_iter().chain(behind).chain(undone_hold(copy)).collect()
}

/// How far from the message's own date a record without ids may lie and still be surely about it.
const SURELY_NEAR: Duration = Duration::from_secs(60 * 60);

/// Whether the deciding record only looks like the message, and lies hours away from its date.
fn is_doubtful(copy: &Explained<'_>, scene: &Scene<'_>) -> bool {
    let sent_at = scene.trace.message.sent_at.as_ref().map(|when| when.at);
    copy.decided()
        .filter(|stay| stay.is_by_looks())
        .and_then(Stay::start)
        .zip(sent_at)
        .is_some_and(|(at, sent_at)| at.duration_since(sent_at).unsigned_abs() > SURELY_NEAR)
}

/// Why a copy is held whose release is asked for or covers others: whoever releases it has to know.
pub(crate) fn risk_of_release(copy: &Explained<'_>) -> Option<Claim> {
    let stay = copy.decided()?;
    if !matches!(stay.end, End::ReleaseRequested(_) | End::ReleaseDenied(_) | End::ReleasedForOthers(_)) {
        return None;
    }
    let verdict = by_verdict::best(stay)?;
    let (id, layer) = by_verdict::id_of(verdict)?;
    let statement = format!("{}: look at that before a release", told(verdict));
    Some(claim(id, Standing::Proved, layer, statement, [verdict]))
}

/// A hold that a release undid no longer explains: said, with its record, as refuted.
fn undone_hold(copy: &Explained<'_>) -> Option<Claim> {
    let decided = copy.decided_at?;
    let stay = copy.stays[..=decided].iter().find(|stay| hold_of(stay).is_some() && released(stay).is_some())?;
    if matches!(stay.end, End::HeldAgain(..)) {
        return None;
    }
    let (hold, release) = (hold_of(stay)?, released(stay)?);
    let held_for = stay
        .adverse_verdicts()
        .filter(|event| by_verdict::id_of(event).is_some())
        .filter(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Quarantined));
    let verdict = held_for.last().or_else(|| by_verdict::best(stay))?;
    let (id, layer) = by_verdict::id_of(verdict)?;
    Some(Claim {
        id: id.to_owned(),
        standing: Standing::Refuted,
        layer,
        statement: format!(
            "{} had held it ({}), but the release undid that",
            hold.observation.speaker,
            layers::of_event(verdict)
        ),
        cites: layers::cites([hold, release]),
        ask_for: Vec::new(),
    })
}

/// The record of a hold: of one that lasted, or the row that stays in the quarantine's list after a release.
fn hold_of<'t>(stay: &Stay<'t>) -> Option<&'t Event> {
    let stays_listed = || stay.station.events.iter().find(|event| matches!(event.fact(), Fact::Quarantine(_)));
    stay.holds.first().copied().or_else(stays_listed)
}

/// The release that let the copy go from a stay.
pub(crate) fn released<'t>(stay: &Stay<'t>) -> Option<&'t Event> {
    stay.releases.iter().copied().rfind(
        |event| matches!(event.fact(), Fact::Release(release) if release.step == evidence::ReleaseStep::Released),
    )
}

/// A claim that rests on events.
pub(crate) fn claim<'e>(
    id: &str,
    standing: Standing,
    layer: Layer,
    statement: String,
    events: impl IntoIterator<Item = &'e Event>,
) -> Claim {
    Claim { id: id.to_owned(), standing, layer, statement, cites: layers::cites(events), ask_for: Vec::new() }
}

/// `Speaker: what it says`.
pub(crate) fn told(event: &Event) -> String {
    format!("{}: {}", event.observation.speaker, layers::of_event(event))
}
