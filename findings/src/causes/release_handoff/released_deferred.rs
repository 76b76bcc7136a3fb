//! It was released, and the next system puts it off.
//!
//! What it is: The release worked; the hand-over after it waits for another attempt.
//!
//! What proves it: the record of the release and the deferral after it, with no attempt after that which went through.
//!
//! What looks alike: a deferral before the hold; a later attempt that was taken (then nothing is the matter); a queue
//! that has given up (`released-rejected`).
//!
//! Narrow fix: wait for the next attempt, and mend what the reply names; no second release.
//!
//! Owner: who runs the next system's door.

use layers::End;

use super::{after_release, before, held_here};
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `release-handoff/released-deferred`
pub(super) struct Rule;

const ID: &str = "release-handoff/released-deferred";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("released_deferred.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let (stay, event) = match ground.stay.end {
            End::Deferred(event) => (held_here(ground), event),
            End::PutOff(event) => (before(ground)?, event),
            _ => return None,
        };
        after_release(ID, stay, event, "put it off")
    }
}
