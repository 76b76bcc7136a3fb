//! Forwarding to the outside is switched off.
//!
//! What it is: A mailbox or rule forwards to an address outside, and the outbound policy does not let it.
//!
//! What proves it: the refusal that names it, on the copy that was forwarded.
//!
//! What looks alike: the copy in the mailbox itself, which was delivered; a refusal by the far end; a rule that forwards
//! inside.
//!
//! Narrow fix: reach the data another way, or permit it for this one mailbox in an outbound policy of its own.
//!
//! Owner: who runs the outbound policy.

use crate::causes::Stated;

/// `policy-scope-or-order/external-forwarding-off`
pub(super) const CAUSE: Stated = Stated {
    id: "policy-scope-or-order/external-forwarding-off",
    page: include_str!("external_forwarding_off.rs"),
    stated_as: &[],
};
