//! The sending account or organisation is restricted because of what it sent.
//!
//! What it is: The service has cut the account off, mostly because it was taken over and sent spam, or because of a limit
//! on what leaves.
//!
//! What proves it: the refusal of the own service that names the restriction.
//!
//! What looks alike: a limit of the receiving side (`connector-routing/throttled`); a block entry of the recipient's
//! organisation.
//!
//! Narrow fix: secure the account first; then take it off the list of restricted entities, once.
//!
//! Owner: the security team of the sender's organisation.

use crate::causes::Stated;

/// `policy-scope-or-order/outbound-restricted`
pub(super) const CAUSE: Stated = Stated {
    id: "policy-scope-or-order/outbound-restricted",
    page: include_str!("outbound_restricted.rs"),
    stated_as: &[],
};
