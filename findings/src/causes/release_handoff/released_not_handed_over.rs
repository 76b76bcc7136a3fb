//! It was released and never left the quarantine.
//!
//! What it is: The release failed within the system, or the system says that it released and its own log shows no
//! hand-over after it.
//!
//! What proves it: the record of the failed release; or the release together with the system's own log that covers the
//! time after it and shows no hand-over. Without that log it is not shown.
//!
//! What looks alike: a release whose hand-over stands in another log that was not supplied; a next system that has the
//! copy under a new Message-ID; a hand-over before the release, of the hold itself.
//!
//! Narrow fix: look at the hand-over in the log of the quarantine; release once more only when it is known why the first
//! one did not leave.
//!
//! Owner: who runs the quarantine.

use evidence::{Layer, Product};
use layers::{End, Explained, Fate, Stay};
use trace::Event;

use super::by_release;
use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, told};
use crate::{Claim, Standing};

/// `release-handoff/released-not-handed-over`
pub(super) struct Rule;

const ID: &str = "release-handoff/released-not-handed-over";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("released_not_handed_over.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            End::ReleaseFailed(event) => {
                Some(by_release(ID, ground.stay, event, format!("{}: it never left quarantine", told(event))))
            }
            End::Released(release) => Some(nothing_after(ground.copy, ground.stay, release)),
            _ => None,
        }
    }
}

/// A release after which nothing is said: proved only if the system's own log would show the hand-over and does not.
fn nothing_after(copy: &Explained<'_>, stay: &Stay<'_>, release: &Event) -> Claim {
    let standing = if copy.fate == Fate::Lost { Standing::Proved } else { Standing::NotShown };
    let ask_for = match stay.station.system.product {
        Product::ExchangeOnline => vec!["exchange-online/message-trace", "exchange-online/message-trace-detail"],
        ref product if layers::exports::logs_of(product).is_empty() => vec!["postfix/log"],
        ref product => layers::exports::onward_of(product),
    };
    let statement = match standing {
        Standing::Proved => format!("{}, and its log shows no hand-over afterwards", told(release)),
        _ => format!("{}; whether it was handed over afterwards is not shown", told(release)),
    };
    let claim = claim(ID, standing, Layer::Release, statement, [release]);
    Claim { ask_for: if standing == Standing::Proved { Vec::new() } else { ask_for }, ..claim }
}
