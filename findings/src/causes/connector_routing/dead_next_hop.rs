//! The next hop does not answer, or its name does not resolve.
//!
//! What it is: The sending system finds no host for the domain, or the host does not take the connection, until retries
//! are given up.
//!
//! What proves it: the attempts in the sending system's log, with the name that was tried; the expiry alone only says
//! that it lasted.
//!
//! What looks alike: greylisting and limits, where the next hop does answer; one failed attempt that a later one
//! overcame; a next hop that is alive and is the wrong one (`mx-differs`).
//!
//! Narrow fix: mend the route or the host named in the record; the queue goes on by itself.
//!
//! Owner: who runs the next hop, or the DNS of its domain.

use crate::causes::Stated;

/// `connector-routing/dead-next-hop`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/dead-next-hop", page: include_str!("dead_next_hop.rs"), stated_as: &[] };
