//! The quarantine gave the copy up before anybody released it.
//!
//! What it is: A quarantine keeps for a number of days. When they are over the copy is gone, whatever is decided then.
//!
//! What proves it: the record of the expiry at the quarantine, or a row past its last day together with the record that
//! it is gone.
//!
//! What looks alike: a copy that somebody deleted (`deleted-from-quarantine`); a row whose last day is still to come; a
//! release that came in time.
//!
//! Narrow fix: the sender sends again once the reason of the hold is settled; have the notices of the quarantine reach
//! the user.
//!
//! Owner: who runs the quarantine.

use layers::End;

use super::by_release;
use crate::Claim;
use crate::causes::ground::Ground;
use crate::causes::{Cause, told};

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
        let End::ReleaseExpired(event) = ground.stay.end else { return None };
        Some(by_release(ID, ground.stay, event, format!("{}; nobody released it in time", told(event))))
    }
}
