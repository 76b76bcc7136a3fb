//! A script of the mailbox refused the copy.
//!
//! What it is: A Sieve script of the user or of the server answers with a refusal; the sender gets it as a bounce.
//!
//! What proves it: the store's own record that names the script's refusal.
//!
//! What looks alike: a full mailbox; an unknown user; a refusal by the mail server before the store.
//!
//! Narrow fix: change the one rule of the script that matched.
//!
//! Owner: the mailbox's user; the administrator for scripts of the server.

use evidence::Product;
use layers::End;

use super::by_store;
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `mailbox-rule/rejected`
pub(super) struct Rule;

const ID: &str = "mailbox-rule/rejected";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("rejected.rs")
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        match ground.stay.end {
            End::HandoverRefused(event) if event.observation.speaker.product == Product::Dovecot => {
                Some(by_store(ID, event))
            }
            _ => None,
        }
    }
}
