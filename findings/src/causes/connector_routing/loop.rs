//! The message came back to a server that had passed it on.
//!
//! What it is: Two systems each believe that the other one has the mailbox: an accepted domain of the wrong type on both
//! sides, a forward that points back, a connector that leads to the gateway which leads back.
//!
//! What proves it: the refusal that counts the hops or names a loop; the Received fields that name the same servers again
//! and again.
//!
//! What looks alike: a long way over many servers that ends well; a message that a list sends again under the same
//! Message-ID; a forward that was carried out once.
//!
//! Narrow fix: correct the type of the accepted domain, or the one forward or connector that leads back.
//!
//! Owner: who runs the routing of the two systems named.

use crate::causes::Stated;

/// `connector-routing/loop`
pub(super) const CAUSE: Stated = Stated { id: "connector-routing/loop", page: include_str!("loop.rs"), stated_as: &[] };
