//! A rule of the mailbox, or a person, put the copy into another folder.
//!
//! What it is: A rule or script files it at delivery, or somebody who works in the mailbox moves it later.
//!
//! What proves it: the store's record that names the folder, or the mailbox's audit record of the move.
//!
//! What looks alike: the junk folder (`junk-filter`, or the verdict that the store carries out); a move there and back; a
//! rule that exists and did not match this message.
//!
//! Narrow fix: change the one rule that matched; tell the user the folder.
//!
//! Owner: the mailbox's user, or whoever the record names.

use evidence::{Fact, Folder, Stored};
use layers::{End, Fate};

use super::{by_store, is_by_person, moved_by};
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `mailbox-rule/moved`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/moved";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("moved.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            End::Stored(event) => {
                let filed = matches!(event.fact(), Fact::Stored(Stored { folder: Some(Folder::Other(_)), .. }));
                filed.then(|| by_store(ID, event))
            }
            End::Removed(event) | End::Moved(event) => {
                let fate = ground.copy.fate;
                let moved = fate == Fate::Filed || is_by_person(event) && fate != Fate::RemovedAfterDelivery;
                moved.then(|| moved_by(ID, ground, event)).flatten()
            }
            _ => None,
        }
    }
}
