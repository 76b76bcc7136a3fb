//! The server does not pass on mail for that domain from that client.
//!
//! What it is: The domain is not among those that the server takes, or the client has not logged in: a wrong smart host,
//! a domain not yet accepted, a device that sends without a login.
//!
//! What proves it: the refusal in the words of the server, as it or the sending system logs it.
//!
//! What looks alike: an unknown recipient in a domain that is accepted; a connector that is bound to addresses or
//! certificates (`connector-restriction`).
//!
//! Narrow fix: send to the right host, accept the one domain, or give the one device a login or connector; never an open
//! relay.
//!
//! Owner: who runs the refusing server, if the domain is theirs; else who configured the sender.

use crate::causes::Stated;

/// `connector-routing/relay-denied`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/relay-denied", page: include_str!("relay_denied.rs"), stated_as: &[] };
