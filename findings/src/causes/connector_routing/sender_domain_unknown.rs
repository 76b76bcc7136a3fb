//! The envelope sender's domain does not resolve.
//!
//! What it is: The receiving server asks the DNS for the domain of the envelope sender and finds nothing: a typing error
//! in a device, an internal name, an expired domain.
//!
//! What proves it: the refusal or deferral that names the domain of the sender.
//!
//! What looks alike: the recipient's domain that does not resolve (`dead-next-hop`); an SPF failure; a DNS that did not
//! answer for a while.
//!
//! Narrow fix: send with an envelope sender whose domain exists.
//!
//! Owner: the sender's administrator.

use crate::causes::Stated;

/// `connector-routing/sender-domain-unknown`
pub(super) const CAUSE: Stated = Stated {
    id: "connector-routing/sender-domain-unknown",
    page: include_str!("sender_domain_unknown.rs"),
    stated_as: &[],
};
