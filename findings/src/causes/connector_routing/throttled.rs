//! The receiving side limits how much it takes.
//!
//! What it is: Too many connections, messages or recipients in a time, from an address, a sender or to a recipient. It
//! puts off; retries come through unless the rate goes on.
//!
//! What proves it: the deferral or refusal that names the limit.
//!
//! What looks alike: greylisting, which is for a first contact; a mailbox that is full; an account that was restricted
//! for what it sent (`outbound-restricted`).
//!
//! Narrow fix: slow the sender down or spread its mail; let retries work.
//!
//! Owner: who runs the sending system; who runs the receiving one for its limits.

use crate::causes::Stated;

/// `connector-routing/throttled`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/throttled", page: include_str!("throttled.rs"), stated_as: &[] };
