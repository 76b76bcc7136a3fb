//! The recipient takes mail from named senders only.
//!
//! What it is: A group or mailbox takes no mail from outside, or only from members, moderators or a list of senders.
//!
//! What proves it: the refusal in the recipient's system that names the restriction, as that system or a notice tells it.
//!
//! What looks alike: an unknown address (`connector-routing/recipient-unknown`); a block entry against the sender; a
//! moderated group that has the message waiting.
//!
//! Narrow fix: add this one sender to those from whom the recipient takes mail; do not open the group for everybody
//! outside.
//!
//! Owner: the owner of the group or mailbox.

use crate::causes::Stated;

/// `policy-scope-or-order/recipient-restriction`
pub(super) const CAUSE: Stated = Stated {
    id: "policy-scope-or-order/recipient-restriction",
    page: include_str!("recipient_restriction.rs"),
    stated_as: &[],
};
