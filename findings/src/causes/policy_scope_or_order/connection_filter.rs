//! The connecting address was refused, by a reputation list or the connection filter.
//!
//! What it is: Before any content is seen, the address from which the server connects is on a list: a public one, the
//! vendor's, or the organisation's own; or it has no name.
//!
//! What proves it: the refusal at the door that names the address or the list, or the record of the filter that names the
//! connection.
//!
//! What looks alike: a deferral by greylisting; a limit on the rate; an SPF failure for the address; an address that a
//! list names in a header while the message was taken.
//!
//! Narrow fix: the sender's administrator has the address taken off the list named in the reply; no address range is let
//! in for a provider that sends for others as well.
//!
//! Owner: the sender's administrator; the vendor of the list.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `policy-scope-or-order/connection-filter`
pub(super) const CAUSE: Stated = Stated {
    id: "policy-scope-or-order/connection-filter",
    page: include_str!("connection_filter.rs"),
    stated_as: &[VerdictKind::ConnectionFilter],
};
