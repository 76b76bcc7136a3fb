//! The copy was released, for others.
//!
//! What it is: A message to several recipients is held for each; a release can cover one, some or all. For this recipient
//! it is still held.
//!
//! What proves it: the record of the release that names its recipients, and the hold of this copy.
//!
//! What looks alike: a release for all (no recipient named where the vendor then means all); an alias of this very
//! recipient; a release of another message.
//!
//! Narrow fix: release the same message for this one recipient too.
//!
//! Owner: who runs the quarantine.

use evidence::Fact;
use layers::End;
use trace::Event;

use super::by_release;
use crate::Claim;
use crate::causes::ground::Ground;
use crate::causes::{Cause, told};

/// `release-handoff/released-other-recipient`
pub(super) struct Rule;

const ID: &str = "release-handoff/released-other-recipient";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("released_other_recipient.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let End::ReleasedForOthers(event) = ground.stay.end else { return None };
        let statement = format!("{}, for {}; for this recipient it is still held", told(event), for_whom(event));
        Some(by_release(ID, ground.stay, event, statement))
    }
}

fn for_whom(event: &Event) -> String {
    let Fact::Release(release) = event.fact() else { return "others".to_owned() };
    let named: Vec<String> = release.for_recipients.iter().map(ToString::to_string).collect();
    if named.is_empty() { "others".to_owned() } else { named.join(", ") }
}
