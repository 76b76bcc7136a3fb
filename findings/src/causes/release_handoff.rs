//! A copy was let go, or was to be, and did not reach the next system.
//!
//! What it is: someone asked for a release, or released, and the user still waits. What proves it: the release record
//! (who, when, for whom) together with the record of the hand-over after it. What looks alike: a release that worked, and
//! a second filter further on that holds the copy anew (then that filter explains it). Owner: whoever runs the quarantine,
//! and for a refusal whoever runs the next system's door.

use evidence::{Fact, Layer, Outcome, Product, SourceId};
use layers::{End, Explained, Fate, Stay};
use trace::Event;

use super::{Family, claim, released, told};
use crate::{Claim, Scene, Standing};

/// The family `release-handoff`.
pub struct Rule;

impl Family for Rule {
    fn about(&self) -> &'static str {
        "a held copy was, or was to be, released, and the hand-off did not come about"
    }

    fn find(&self, copy: &Explained<'_>, scene: &Scene<'_>) -> Option<Claim> {
        let at = copy.decided_at?;
        let stay = copy.stays.get(at)?;
        match stay.end {
            End::ReleaseRequested(event) => Some(match would_show_the_release(stay, event, scene) {
                true => requested(stay, event, "; nothing was let go: a request is no release"),
                false => unanswered(stay, event),
            }),
            End::ReleaseDenied(event) if stay.is_gone(event) => {
                Some(requested(stay, event, "; it was taken out of quarantine without being let go"))
            }
            End::ReleaseDenied(event) => Some(requested(stay, event, "; it is still kept back")),
            End::ReleaseExpired(event) => Some(claim(
                "release-handoff/expired-before-release",
                Standing::Proved,
                Layer::Release,
                format!("{}; nobody released it in time", told(event)),
                [event].into_iter().chain(stay.holds.iter().copied()),
            )),
            End::Discarded(event)
                if was_held(stay)
                    && released(stay).is_none()
                    && matches!(event.observation.speaker.product, Product::Postfix | Product::Exim)
                    && stay
                        .holds
                        .iter()
                        .all(|hold| hold.observation.cite.order() != event.observation.cite.order()) =>
            {
                Some(claim(
                    "release-handoff/deleted-before-release",
                    Standing::Proved,
                    Layer::Release,
                    format!("{}: it was deleted while it was held", told(event)),
                    [event].into_iter().chain(stay.holds.iter().copied()),
                ))
            }
            End::ReleasedForOthers(event) => Some(claim(
                "release-handoff/released-other-recipient",
                Standing::Proved,
                Layer::Release,
                format!("{}, for {}; for this recipient it is still held", told(event), for_whom(event)),
                [event].into_iter().chain(stay.holds.iter().copied()),
            )),
            End::ReleaseFailed(event) => Some(claim(
                "release-handoff/released-not-handed-over",
                Standing::Proved,
                Layer::Release,
                format!("{}: it never left quarantine", told(event)),
                [event].into_iter().chain(stay.holds.iter().copied()),
            )),
            End::DeletedFromQuarantine(event) => Some(claim(
                "release-handoff/deleted-from-quarantine",
                Standing::Proved,
                Layer::Release,
                format!("{}; it was deleted there, not released", told(event)),
                [event].into_iter().chain(stay.holds.iter().copied()),
            )),
            End::HeldAgain(release, hold) => Some(claim(
                "release-handoff/released-requarantined",
                Standing::Proved,
                Layer::Release,
                format!("{}, and afterwards {}", told(release), told(hold)),
                [release, hold],
            )),
            End::Released(release) => Some(nothing_after(copy, stay, release)),
            End::HandoverRefused(event) | End::GaveUp(_, Some(event)) | End::GaveUp(event, None) => {
                after_release(stay, event, "release-handoff/released-rejected", "refused it")
            }
            End::Deferred(event) => after_release(stay, event, "release-handoff/released-deferred", "put it off"),
            End::Refused(event) => {
                let before = copy.stays[..at].iter().rev().find(|stay| was_held(stay))?;
                after_release(before, event, "release-handoff/released-rejected", "refused it")
            }
            End::PutOff(event) => {
                let before = copy.stays[..at].iter().rev().find(|stay| was_held(stay))?;
                after_release(before, event, "release-handoff/released-deferred", "put it off")
            }
            _ => None,
        }
    }
}

fn requested(stay: &Stay<'_>, event: &Event, how: &str) -> Claim {
    claim(
        "release-handoff/requested-not-released",
        Standing::Proved,
        Layer::Release,
        format!("{}{how}", told(event)),
        [event].into_iter().chain(stay.holds.iter().copied()),
    )
}

/// Whether the evidence would show the release that a request asked for: the list's own row names the request, or the
/// system's record of releases, or its own log, covers the time after it.
fn would_show_the_release(stay: &Stay<'_>, request: &Event, scene: &Scene<'_>) -> bool {
    let place = request.observation.cite.order();
    let is_list_row = stay
        .station
        .events
        .iter()
        .any(|event| matches!(event.fact(), Fact::Quarantine(_)) && event.observation.cite.order() == place);
    let covered = || {
        let shows = |list: SourceId| request.at().is_some_and(|at| scene.lake.would_show(list, at));
        let product = &stay.station.system.product;
        // The system's own log would show the copy go on its way.
        layers::exports::releases_of(product).iter().chain(layers::exports::logs_of(product)).any(|list| shows(*list))
    };
    is_list_row || covered()
}

/// A request after which nothing is said: likely still held, until the record of releases is seen.
fn unanswered(stay: &Stay<'_>, request: &Event) -> Claim {
    let claim = requested(stay, request, "; a request is no release, and no supplied record shows one");
    let product = &stay.station.system.product;
    let ask_for =
        layers::exports::releases_of(product).iter().chain(layers::exports::logs_of(product)).copied().collect();
    Claim { standing: Standing::Likely, ask_for, ..claim }
}

fn for_whom(event: &Event) -> String {
    let Fact::Release(release) = event.fact() else { return "others".to_owned() };
    let named: Vec<String> = release.for_recipients.iter().map(ToString::to_string).collect();
    if named.is_empty() { "others".to_owned() } else { named.join(", ") }
}

/// A release after which nothing is said: proved only if the system's own log would show the hand-over and does not.
fn nothing_after(copy: &Explained<'_>, stay: &Stay<'_>, release: &Event) -> Claim {
    let standing = if copy.fate == Fate::Lost { Standing::Proved } else { Standing::NotShown };
    let ask_for = match stay.station.system.product {
        Product::ExchangeOnline => vec!["exchange-online/message-trace", "exchange-online/message-trace-detail"],
        ref product if layers::exports::logs_of(product).is_empty() => vec!["postfix/log"],
        ref product => layers::exports::onward_of(product),
    };
    let statement = match standing {
        Standing::Proved => format!("{}, and its log shows no hand-over afterwards", told(release)),
        _ => format!("{}; whether it was handed over afterwards is not shown", told(release)),
    };
    let claim = claim("release-handoff/released-not-handed-over", standing, Layer::Release, statement, [release]);
    Claim { ask_for: if standing == Standing::Proved { Vec::new() } else { ask_for }, ..claim }
}

/// A refusal or deferral that followed a release. Without a record of the release the hand-over after the hold implies
/// one, which is likely, not proved.
fn after_release(stay: &Stay<'_>, event: &Event, id: &str, how: &str) -> Option<Claim> {
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
    super::by_reply::reply(event).map_or_else(|| layers::of_event(event), |reply| reply.text.trim().to_owned())
}

fn was_held(stay: &Stay<'_>) -> bool {
    !stay.holds.is_empty() || released(stay).is_some()
}
