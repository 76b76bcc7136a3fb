//! Somebody deleted the copy in quarantine.
//!
//! What it is: The user or an administrator deleted the held copy instead of releasing it; often many at once.
//!
//! What proves it: the record of the deletion for this message and recipient, in the quarantine's list or the audit log.
//!
//! What looks alike: an expiry (`expired-before-release`); a deletion that was ordered and not carried out; a deletion of
//! another recipient's copy; a deletion in the mailbox after delivery.
//!
//! Narrow fix: the sender sends again once the reason of the hold is settled.
//!
//! Owner: who deleted it, as the record names them.

use layers::End;

use super::by_release;
use crate::Claim;
use crate::causes::ground::Ground;
use crate::causes::{Cause, told};

/// `release-handoff/deleted-from-quarantine`
pub(super) struct Rule;

const ID: &str = "release-handoff/deleted-from-quarantine";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("deleted_from_quarantine.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let End::DeletedFromQuarantine(event) = ground.stay.end else { return None };
        Some(by_release(ID, ground.stay, event, format!("{}; it was deleted there, not released", told(event))))
    }
}
