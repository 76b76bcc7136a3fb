//! The sender may not send in that name.
//!
//! What it is: A login, mailbox or application sends with an address that it does not own and has no right to.
//!
//! What proves it: the refusal that says so, by the server to which it was submitted.
//!
//! What looks alike: relaying that is denied (`connector-routing/relay-denied`); a DMARC failure at the far end.
//!
//! Narrow fix: give this one account the right for this one address, or let it send with its own.
//!
//! Owner: who runs the sender's mailboxes.

use crate::causes::Stated;

/// `policy-scope-or-order/send-as-denied`
pub(super) const CAUSE: Stated =
    Stated { id: "policy-scope-or-order/send-as-denied", page: include_str!("send_as_denied.rs"), stated_as: &[] };
