//! It was delivered, and the service or an administrator took it away afterwards.
//!
//! What it is: A later verdict (zero-hour auto purge), a search and purge, an automated or a manual remediation moved the
//! delivered copy to quarantine, junk or out of the mailbox.
//!
//! What proves it: the record of the removal for this message and recipient, with its instant after the delivery. A place
//! seen later without who and when is likely.
//!
//! What looks alike: a hold at arrival; a person who deleted it in the mailbox (`deleted`); a purge that was ordered and
//! not carried out, or undone by a release; a removal from another recipient's mailbox.
//!
//! Narrow fix: read why it was taken; if it is clean, restore or release this one message for this one recipient.
//!
//! Owner: the security team, or whoever ordered the purge.

use evidence::{Fact, Layer};
use layers::{End, Fate};

use super::{is_by_person, moved_by};
use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, told};
use crate::{Claim, Standing};

/// `mailbox-rule/post-delivery-removal`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/post-delivery-removal";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("post_delivery_removal.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            End::Removed(event) | End::Moved(event) if matches!(event.fact(), Fact::PostDelivery { .. }) => {
                let removed = !is_by_person(event) && ground.copy.fate != Fate::Filed;
                removed.then(|| moved_by(ID, ground, event)).flatten()
            }
            End::Removed(event) => {
                let statement = match event.fact() {
                    Fact::Quarantine(_) => format!("{}, minutes or more after it had been delivered", told(event)),
                    _ => told(event),
                };
                let delivered = ground.stay.words.iter().chain(&ground.stay.stores).copied();
                let events = [event].into_iter().chain(delivered);
                Some(claim(ID, Standing::Likely, Layer::Mailbox, statement, events))
            }
            _ => None,
        }
    }
}
