//! It was deleted from the hold queue.
//!
//! What it is: A mail server kept the copy in its hold queue, and somebody deleted the queue file before anybody let it
//! go.
//!
//! What proves it: the server's own records of the hold and of the deletion, for the same queue file.
//!
//! What looks alike: a filter that discards what it judged bad, which is the hold and the end in one record; a queue file
//! that was let go first.
//!
//! Narrow fix: the sender sends again once the reason of the hold is settled.
//!
//! Owner: who runs the mail server.

use evidence::Product;
use layers::End;

use super::{by_release, was_held};
use crate::Claim;
use crate::causes::ground::Ground;
use crate::causes::{Cause, released, told};

/// `release-handoff/deleted-before-release`
pub(super) struct Rule;

const ID: &str = "release-handoff/deleted-before-release";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("deleted_before_release.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let stay = ground.stay;
        let End::Discarded(event) = stay.end else { return None };
        let keeps_a_hold_queue = matches!(event.observation.speaker.product, Product::Postfix | Product::Exim);
        let place = event.observation.cite.order();
        let is_end_of_a_hold = was_held(stay)
            && released(stay).is_none()
            && stay.holds.iter().all(|hold| hold.observation.cite.order() != place);
        let statement = || format!("{}: it was deleted while it was held", told(event));
        (keeps_a_hold_queue && is_end_of_a_hold).then(|| by_release(ID, stay, event, statement()))
    }
}
