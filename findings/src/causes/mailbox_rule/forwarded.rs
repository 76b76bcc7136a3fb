//! The mailbox sent the copy on, and kept none.
//!
//! What it is: A rule, a forwarding setting or a script of the mailbox sends its mail to another address.
//!
//! What proves it: the record of the mailbox or store that names the forward and where it went.
//!
//! What looks alike: a transport rule that redirects (that rule is the cause); an alias or a list that was expanded on
//! the way; a forward that leaves a copy; an attacker's forward, which is the same record and another ticket.
//!
//! Narrow fix: change the one rule or setting; first ask the user whether it is theirs.
//!
//! Owner: the mailbox's user; the security team if it is not theirs.

use layers::End;

use super::by_store;
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `mailbox-rule/forwarded`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/forwarded";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("forwarded.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            // A rule of the organisation that redirects is that rule's doing, not the mailbox's.
            End::Forwarded(event) if ground.stay.redirecting_rule().is_none() => Some(by_store(ID, event)),
            _ => None,
        }
    }
}
