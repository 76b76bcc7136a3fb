//! After the release a second check held the copy again.
//!
//! What it is: A released copy runs through what stands behind: another policy of the same system, or the filter of the
//! next one, and is kept back for a reason of its own.
//!
//! What proves it: the record of the release, and a hold of the same system after it. A hold by the next system is that
//! filter's doing and is named by its verdict.
//!
//! What looks alike: the quarantine's row that stays in the list after a release; a hold that only another clock puts
//! after the release; a second copy with the same Message-ID.
//!
//! Narrow fix: settle the reason of the second hold before any further release.
//!
//! Owner: who runs the policy that held it last.

use layers::End;

use super::given_back;
use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, released, told};
use crate::{Claim, Standing};

/// `release-handoff/released-requarantined`
pub(super) struct Rule;

const ID: &str = "release-handoff/released-requarantined";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("released_requarantined.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        let (release, hold) = match ground.stay.end {
            End::HeldAgain(release, hold) => (release, hold),
            End::Held(hold) => (given_back(ground).and_then(released).filter(|it| it.at() <= hold.at())?, hold),
            _ => return None,
        };
        let statement = format!("{}, and afterwards {}", told(release), told(hold));
        Some(claim(ID, Standing::Proved, evidence::Layer::Release, statement, [release, hold]))
    }
}
