//! Why a copy met its fate: six families, one file a cause.
//!
//! `ALL` lists the families in the order in which they are asked; the first cause that answers names it. What records say about the
//! copy is read once (`ground`): where a filter or a refusing server names the reason itself (`stated`), a cause only says by which
//! verdicts and words it is named ([`Stated`]); where the reason lies in what was done and not done (a release, a mailbox), it looks itself.
//!
//! A cause's doc comment is its page for people: what it is, what proves it, what looks alike, the narrow fix, and who owns it.

mod authentication_alignment;
mod connector_routing;
mod content_verdict;
mod ground;
mod mailbox_rule;
mod policy_scope_or_order;
mod release_handoff;
pub(crate) mod stated;

use std::time::Duration;

use evidence::{Action, Fact, Layer, Peer, Product, VerdictKind};
use layers::{End, Explained, Stay};
use trace::Event;

use crate::{Claim, Scene, Standing};
use authentication_alignment::Leg;
use ground::Ground;
use stated::verdict;

/// Why copies meet their fate: one reason of a family.
pub trait Cause: Sync {
    /// `family/specific`.
    fn id(&self) -> &'static str;

    /// The rule's own source, whose doc comment is the page for people.
    fn page(&self) -> &'static str;

    /// Whether a filter that gives this verdict names this cause.
    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        let _ = kind;
        false
    }

    /// The claim, if this is why the copy met its fate.
    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(self.id())
    }

    /// What it tells behind a failed DMARC, if this result of the same system shows it.
    fn behind(&self, leg: &Leg<'_>) -> Option<String> {
        let _ = leg;
        None
    }

    /// The claim, if a copy shows it beside whatever cause it has.
    fn risk(&self, copy: &Explained<'_>, scene: &Scene<'_>) -> Option<Claim> {
        let _ = (copy, scene);
        None
    }
}

/// A cause that a filter's verdict or a refusing server's words name: nothing more is to be looked at.
pub struct Stated {
    id: &'static str,
    page: &'static str,
    stated_as: &'static [VerdictKind],
}

impl Cause for Stated {
    fn id(&self) -> &'static str {
        self.id
    }

    fn page(&self) -> &'static str {
        self.page
    }

    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        self.stated_as.contains(kind)
    }
}

/// All families. A release goes first: as long as the next system has not accepted the copy, the hand-off explains.
const ALL: [&[&dyn Cause]; 6] = [
    release_handoff::ALL,
    mailbox_rule::ALL,
    policy_scope_or_order::ALL,
    authentication_alignment::ALL,
    content_verdict::ALL,
    connector_routing::ALL,
];

/// Every cause, in the order in which they are asked.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn Cause> {
    ALL.iter().flat_map(|family| family.iter().copied())
}

/// The cause of a copy's fate, then what looks like a cause and is refuted by a record.
pub(crate) fn of(copy: &Explained<'_>, scene: &Scene<'_>) -> Vec<Claim> {
    let ground = Ground::of(copy, scene);
    let mut cause = ground.as_ref().and_then(|ground| all().find_map(|cause| cause.find(ground)));
    if let Some(cause) = &mut cause
        && let Some(against) = copy.decided().and_then(Stay::against_the_hold)
    {
        cause.standing = cause.standing.max(Standing::Likely);
        cause.ask_for.push("exchange-online/message-trace-detail");
        cause.statement = format!("{}; against it stands {}", cause.statement, layers::of_event(against));
        cause.cites.extend(layers::cites([against]));
    }
    if let Some(cause) = &mut cause
        && let Some(by) = matched_by(copy, scene)
        && cause.standing == Standing::Proved
    {
        cause.standing = Standing::Likely;
        cause.statement = format!("{}; it bears no id of the message, and is matched by {by} only", cause.statement);
        let logs = copy.decided().map_or(&[][..], |stay| layers::exports::logs_of(&stay.station.system.product));
        cause.ask_for.extend(logs);
    }
    if let Some(cause) = &mut cause
        && let Some(again) = came_in_again(copy, scene)
    {
        cause.standing = cause.standing.max(Standing::Likely);
        cause.statement = format!(
            "{}; the same message came in again from that machine itself later, so it may have been let go: the line of the release is not there",
            cause.statement
        );
        cause.cites.extend(layers::cites([again]));
        cause.ask_for.push("postfix/log");
    }
    let behind = authentication_alignment::behind(copy, cause.as_ref());
    // What broke on the way tells more than which address was checked.
    let of_the_gateway = cause.as_ref().filter(|_| behind.is_empty());
    let cause = of_the_gateway.and_then(|cause| authentication_alignment::in_place_of(copy, cause)).or(cause);
    cause.into_iter().chain(behind).chain(undone_hold(copy)).collect()
}

/// What stands beside the cause and is dangerous to overlook.
pub(crate) fn risks(copy: &Explained<'_>, scene: &Scene<'_>) -> impl Iterator<Item = Claim> {
    risk_of_release(copy).into_iter().chain(all().filter_map(|cause| cause.risk(copy, scene)))
}

/// The cause that a verdict's kind stands for, and its layer.
pub(crate) fn stated_by(event: &Event) -> Option<(&'static str, Layer)> {
    let Fact::Verdict(stated) = event.fact() else { return None };
    let cause = all().find(|cause| cause.is_stated_as(&stated.kind))?;
    Some((cause.id(), layer_of_verdict(cause.id())))
}

/// The verdict that explains what the system that decided a copy's fate did with it, then the record that names its reason nearest
/// (mostly the same); `None` if no filter's verdict explains it.
pub fn verdict_of<'t>(copy: &Explained<'t>) -> Option<(&'t Event, &'t Event)> {
    let stay = copy.decided()?;
    let verdict = verdict::best(stay)?;
    Some((verdict, verdict::nearest(stay, verdict)))
}

/// The layer at which a filter decides: its reason's.
fn layer_of_verdict(id: &str) -> Layer {
    if id.starts_with("authentication-alignment/") { Layer::Authentication } else { Layer::Verdict }
}

/// How far from the message's own date a record without ids may lie and still be surely about it.
const SURELY_NEAR: Duration = Duration::from_secs(60 * 60);

/// The arrival of the same message for the same recipient that came from the filter's own machine after the hold, as a released one
/// does, where no record says that it was released.
fn came_in_again<'t>(copy: &Explained<'t>, scene: &Scene<'t>) -> Option<&'t Event> {
    let End::Held(hold) = copy.decided()?.end else { return None };
    let held_at = hold.at().filter(|_| hold.observation.speaker.product == Product::Amavis)?;
    let is_again = |event: &&Event| match event.fact() {
        Fact::Arrival(arrival) => {
            arrival.earlier.is_none()
                && arrival.client.as_ref().is_some_and(Peer::is_loopback)
                && event.at().is_some_and(|at| at > held_at)
        }
        _ => false,
    };
    let others = scene.copies.iter().filter(|other| {
        !std::ptr::eq(other.copy, copy.copy) && other.copy.envelope_recipient == copy.copy.envelope_recipient
    });
    others.filter_map(|other| other.copy.stations.first()).flat_map(|station| &station.events).find(is_again)
}

/// What the deciding record shares with the message, where it only looks like it: its sender, without a word of the recipient, or
/// both, but hours away from its date. `None` if it is surely about the message.
fn matched_by(copy: &Explained<'_>, scene: &Scene<'_>) -> Option<&'static str> {
    let stay = copy.decided().filter(|stay| stay.is_by_looks())?;
    if stay.is_by_sender_only() {
        return Some("sender and time");
    }
    let sent_at = scene.trace.message.sent_at.as_ref()?.at;
    let is_far = stay.start()?.duration_since(sent_at).unsigned_abs() > SURELY_NEAR;
    is_far.then_some("sender and recipient")
}

/// Why a copy is held whose release is asked for or covers others: whoever releases it has to know.
fn risk_of_release(copy: &Explained<'_>) -> Option<Claim> {
    let stay = copy.decided()?;
    if !matches!(stay.end, End::ReleaseRequested(_) | End::ReleaseDenied(_) | End::ReleasedForOthers(_)) {
        return None;
    }
    let verdict = verdict::best(stay)?;
    let (id, layer) = stated_by(verdict)?;
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
        .filter(|event| stated_by(event).is_some())
        .filter(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Quarantined));
    let verdict = held_for.last().or_else(|| verdict::best(stay))?;
    let (id, layer) = stated_by(verdict)?;
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
