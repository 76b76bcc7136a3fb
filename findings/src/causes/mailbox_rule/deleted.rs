//! Somebody or something of the mailbox deleted the copy.
//!
//! What it is: A rule or script threw it away at delivery, or a person who works in the mailbox deleted it later.
//!
//! What proves it: the store's record that it was discarded or put to the deleted items, or the mailbox's audit record
//! that names the person and the instant.
//!
//! What looks alike: a purge by the service (`post-delivery-removal`); a filter that discards before the store; the
//! sender who tidies their own mailbox; the emptying of a folder after a deletion.
//!
//! Narrow fix: change the one rule; look with the user into Deleted Items and Recoverable Items.
//!
//! Owner: the mailbox's user, or whoever the record names.

use evidence::{Fact, Folder, Product, Stored};
use layers::{End, Fate};

use super::{by_store, moved_by};
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `mailbox-rule/deleted`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/deleted";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("deleted.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            End::Stored(event) => {
                let deleted = matches!(event.fact(), Fact::Stored(Stored { folder: Some(Folder::Deleted), .. }));
                deleted.then(|| by_store(ID, event))
            }
            End::Discarded(event) if event.observation.speaker.product == Product::Dovecot => Some(by_store(ID, event)),
            End::Removed(event) | End::Moved(event)
                if super::is_by_person(event) && ground.copy.fate == Fate::RemovedAfterDelivery =>
            {
                moved_by(ID, ground, event)
            }
            _ => None,
        }
    }
}
