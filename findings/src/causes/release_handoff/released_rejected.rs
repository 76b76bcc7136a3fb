//! It was released, and the next system refused it.
//!
//! What it is: The release worked; the hand-over after it did not. The portal says released, and the user waits: a
//! connector, a limit or a filter at the next door refused the released copy.
//!
//! What proves it: the record of the release and the refusal after it. Where no record of the release was supplied, a
//! hand-over after a hold implies one, which is likely.
//!
//! What looks alike: a refusal before the hold; a deferral that a later attempt overcame; a refusal of another
//! recipient's copy; a bounce of the notice about the release.
//!
//! Narrow fix: mend the refusal at the next door (the reply names it), then release this one message again.
//!
//! Owner: who runs the next system's door; then who runs the quarantine.

use layers::End;

use super::{after_release, before, held_here};
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `release-handoff/released-rejected`
pub(super) struct Rule;

const ID: &str = "release-handoff/released-rejected";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("released_rejected.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let (stay, event) = match ground.stay.end {
            End::HandoverRefused(event) | End::GaveUp(_, Some(event)) | End::GaveUp(event, None) => {
                (held_here(ground), event)
            }
            End::Refused(event) => (before(ground)?, event),
            _ => return None,
        };
        after_release(ID, stay, event, "refused it")
    }
}
