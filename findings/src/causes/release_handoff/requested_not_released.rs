//! A release was asked for, and nothing was let go.
//!
//! What it is: The user or somebody else asked; a request, an approval of a first step, or a denial is no release. The
//! copy is still held, or was taken out without being let go.
//!
//! What proves it: the record of the request or denial, and the quarantine's own row, or a record of releases that covers
//! the time after it and shows none. Without such a record it is likely.
//!
//! What looks alike: a release that followed the request; a request for another recipient; a user who reported a message
//! that was delivered.
//!
//! Narrow fix: whoever may decide reads the reason of the hold and releases this one message for this one recipient, or
//! denies it with a word to the user.
//!
//! Owner: who runs the quarantine.

use evidence::{Address, Fact, ReleaseStep, SourceId};
use layers::{End, Stay};
use trace::Event;

use super::by_release;
use crate::causes::ground::Ground;
use crate::causes::{Cause, told};
use crate::{Claim, Standing};

/// `release-handoff/requested-not-released`
pub(super) struct Rule;

const ID: &str = "release-handoff/requested-not-released";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("requested_not_released.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let stay = ground.stay;
        let asked = |event: &Event, how: &str| by_release(ID, stay, event, format!("{}{how}", told(event)));
        match stay.end {
            End::ReleaseRequested(event) if asked_by_a_stranger(event, ground) => {
                let claim = asked(
                    event,
                    "; the one who asked is none of the recipients that the records name, so that it may have been for another copy",
                );
                Some(unanswered(claim, stay))
            }
            End::ReleaseRequested(event) if would_show_the_release(stay, event, ground) => {
                Some(asked(event, "; nothing was let go: a request is no release"))
            }
            End::ReleaseRequested(event) => {
                let claim = asked(event, "; a request is no release, and no supplied record shows one");
                Some(unanswered(claim, stay))
            }
            End::ReleaseDenied(event) if stay.is_gone(event) => {
                Some(asked(event, "; it was taken out of quarantine without being let go"))
            }
            End::ReleaseDenied(event) => Some(asked(event, "; it is still kept back")),
            _ => None,
        }
    }
}

/// Whether somebody asked who is not the copy's recipient: people ask for their own copies.
fn asked_by_a_stranger(event: &Event, ground: &Ground<'_>) -> bool {
    let Fact::Release(release) = event.fact() else { return false };
    let local = |address: &Address| address.as_str().split('@').next().unwrap_or_default().to_lowercase();
    let copy = ground.copy.copy;
    let known = || copy.aliases.iter().chain([&copy.envelope_recipient]);
    release.step == ReleaseStep::Requested
        && event.observation.about.envelope_recipients.is_empty()
        && release
            .by
            .as_deref()
            .is_some_and(|by| by.contains('@') && !known().any(|address| local(address) == local(&Address::new(by))))
}

/// Whether the evidence would show the release that a request asked for: the list's own row names the request, or the
/// system's record of releases, or its own log, covers the time after it.
fn would_show_the_release(stay: &Stay<'_>, request: &Event, ground: &Ground<'_>) -> bool {
    let place = request.observation.cite.order();
    let is_list_row = stay
        .station
        .events
        .iter()
        .any(|event| matches!(event.fact(), Fact::Quarantine(_)) && event.observation.cite.order() == place);
    let covered = || {
        let shows = |list: SourceId| {
            // A list in which not even the request stands was searched for others, or its row is gone.
            let copy = ground.copy.copy;
            let goes_on = |at| layers::would_show_after(ground.scene.lake, copy, list, at);
            !layers::exports::is_list(list) && request.at().is_some_and(goes_on)
        };
        let product = &stay.station.system.product;
        // The system's own log would show the copy go on its way.
        layers::exports::releases_of(product).iter().chain(layers::exports::logs_of(product)).any(|list| shows(*list))
    };
    is_list_row || covered()
}

/// A request after which nothing is said: likely still held, until the record of releases is seen.
fn unanswered(claim: Claim, stay: &Stay<'_>) -> Claim {
    let product = &stay.station.system.product;
    let ask_for =
        layers::exports::releases_of(product).iter().chain(layers::exports::logs_of(product)).copied().collect();
    Claim { standing: Standing::Likely, ask_for, ..claim }
}
