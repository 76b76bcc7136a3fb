//! A chain of ARC seals was there, and it did not count.
//!
//! What it is: A system on the way (a list, a gateway) changed the message and sealed what it had seen before. The
//! receiver does not trust that sealer, or the chain itself does not hold, so the failed result behind it stands.
//!
//! What proves it: the record that names ARC as the reason of what it did, or its refusal in those words (5.7.29).
//!
//! What looks alike: a failed DMARC without any chain (`dmarc-fail`); a trusted chain that let the message through; a
//! chain that the sender put there.
//!
//! Narrow fix: enter the one sealer, a system of ours or one that we chose, among the trusted sealers; never one that
//! anybody can send through.
//!
//! Owner: who runs the receiving system; who runs the sealer for a chain that does not hold.

use evidence::{AuthMethod, VerdictKind};

use crate::causes::Stated;

/// `authentication-alignment/arc-untrusted`
pub(super) const CAUSE: Stated = Stated {
    id: "authentication-alignment/arc-untrusted",
    page: include_str!("arc_untrusted.rs"),
    stated_as: &[VerdictKind::Authentication(AuthMethod::Arc)],
};
