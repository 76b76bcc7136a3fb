//! The quarantine gave the copy up before anybody released it.
//!
//! What it is: A quarantine keeps for a number of days. When they are over the copy is gone, whatever is decided then.
//!
//! What proves it: the record of the expiry at the quarantine. A row of the quarantine that was not released and whose last
//! day is over by now makes it likely: somebody may have released it after the list was fetched.
//!
//! What looks alike: a copy that somebody deleted (`deleted-from-quarantine`); a row whose last day is still to come; a
//! release that came in time.
//!
//! Narrow fix: the sender sends again once the reason of the hold is settled; have the notices of the quarantine reach
//! the user.
//!
//! Owner: who runs the quarantine.

use evidence::{Fact, When};
use layers::{End, Stay};
use trace::Event;

use super::by_release;
use crate::causes::ground::Ground;
use crate::causes::{Cause, told};
use crate::{Claim, Standing};

/// `release-handoff/expired-before-release`
pub(super) struct Rule;

const ID: &str = "release-handoff/expired-before-release";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("expired_before_release.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            End::ReleaseExpired(event) => {
                Some(by_release(ID, ground.stay, event, format!("{}; nobody released it in time", told(event))))
            }
            End::Held(_) | End::ReleaseRequested(_) | End::ReleasedForOthers(_) => past_its_last_day(ground),
            _ => None,
        }
    }
}

/// A copy that the last list shows as held, and whose time is over by now.
fn past_its_last_day(ground: &Ground<'_>) -> Option<Claim> {
    let (held, until) = last_day(ground.stay)?;
    if until.at >= ground.scene.as_of()? {
        return None;
    }
    let statement = format!("{}; it was kept until {}, and no record shows a release by then", told(held), until.at);
    let claim = by_release(ID, ground.stay, held, statement);
    let ask_for = layers::exports::releases_of(&ground.stay.station.system.product).to_vec();
    Some(Claim { standing: Standing::Likely, ask_for, ..claim })
}

/// The latest day until which a record says that the copy is kept.
fn last_day<'t>(stay: &Stay<'t>) -> Option<(&'t Event, &'t When)> {
    let kept = stay.holds.iter().filter_map(|event| match event.fact() {
        Fact::Quarantine(kept) => Some((*event, kept.until.as_ref()?)),
        _ => None,
    });
    kept.max_by_key(|(_, until)| until.at)
}
