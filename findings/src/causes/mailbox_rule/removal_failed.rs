//! The service tried to take the delivered copy away, and could not.
//!
//! What it is: A later verdict (zero-hour auto purge) or a search and purge found the delivered copy bad, and the removal
//! ended in an error. The copy is still where it was, and whoever reads the mailbox can open it.
//!
//! What proves it: the record of the attempt for this message and recipient, with a result other than success, and no later
//! removal of that copy.
//!
//! What looks alike: a removal that succeeded (`post-delivery-removal`); one that failed in another recipient's mailbox; a
//! first attempt that failed before a later one succeeded.
//!
//! Narrow fix: take this one copy out of this one mailbox by hand, and say so to the recipient.
//!
//! Owner: the security team.

use evidence::{Fact, Layer, NOT_REMOVED};
use layers::{End, Explained};

use crate::causes::{Cause, claim, told};
use crate::{Claim, Scene, Standing};

/// `mailbox-rule/removal-failed`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/removal-failed";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("removal_failed.rs")
    }

    fn risk(&self, copy: &Explained<'_>, _: &Scene<'_>) -> Option<Claim> {
        let events = || copy.stays.iter().flat_map(|stay| &stay.station.events);
        let is_gone = copy.decided().is_some_and(|stay| matches!(stay.end, End::Removed(_) | End::Held(_)));
        let failed = events()
            .filter(|event| matches!(event.fact(), Fact::Note { said } if said.starts_with(NOT_REMOVED)))
            .max_by_key(|event| event.at())
            .filter(|_| !is_gone)?;
        let statement = format!("{}; the copy is still where it was", told(failed));
        Some(claim(ID, Standing::Proved, Layer::Mailbox, statement, [failed]))
    }
}
