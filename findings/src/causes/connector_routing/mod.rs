//! `connector-routing`: the next hop did not take the copy, or the way led nowhere.

mod connector_restriction;
mod dead_next_hop;
mod filter_unavailable;
mod greylisted;
mod r#loop;
mod mailbox_full;
mod message_too_large;
mod mx_differs;
mod recipient_unknown;
mod relay_denied;
mod sender_domain_unknown;
mod throttled;
mod tls_failure;

use super::Cause;

/// The causes of the family.
pub(super) const ALL: &[&dyn Cause] = &[
    &mx_differs::Rule,
    &recipient_unknown::CAUSE,
    &mailbox_full::CAUSE,
    &connector_restriction::CAUSE,
    &relay_denied::CAUSE,
    &tls_failure::CAUSE,
    &r#loop::CAUSE,
    &greylisted::Rule,
    &throttled::CAUSE,
    &filter_unavailable::CAUSE,
    &message_too_large::CAUSE,
    &sender_domain_unknown::CAUSE,
    &dead_next_hop::CAUSE,
];
