//! The recipient's own list blocks the sender.
//!
//! What it is: The user, or somebody in their name, blocked the address or domain; the organisation did not.
//!
//! What proves it: the record that names the user's entry as the reason for this recipient's copy.
//!
//! What looks alike: an entry of the organisation (`block-entry`); another recipient's list; the junk filter that takes
//! only safe senders.
//!
//! Narrow fix: take this one sender off this one user's list; leave the lists of the organisation alone.
//!
//! Owner: the user.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `policy-scope-or-order/user-block-list`
pub(super) const CAUSE: Stated = Stated {
    id: "policy-scope-or-order/user-block-list",
    page: include_str!("user_block_list.rs"),
    stated_as: &[VerdictKind::UserBlock],
};
