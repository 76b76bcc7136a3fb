//! The sender's SPF record does not name the address that connected, and the filter acted on it.
//!
//! What it is: The domain of the envelope sender publishes which addresses may send for it, and this one is not among
//! them: a new sending service, a forward, a gateway in between.
//!
//! What proves it: the record that states SPF as the reason of what it did, or its refusal in those words.
//!
//! What looks alike: an SPF failure beside an aligned DKIM signature that let DMARC pass; the address of our own gateway
//! that was checked instead of the sender's (`spf-of-the-gateway`); a softfail on which nobody acted.
//!
//! Narrow fix: the sender names the address in its record; where mail is forwarded, the forwarder rewrites the envelope
//! sender or seals with ARC. No allow entry.
//!
//! Owner: the sender's administrator.

use evidence::{AuthMethod, VerdictKind};

use crate::causes::Stated;

/// `authentication-alignment/spf-fail`
pub(super) const CAUSE: Stated = Stated {
    id: "authentication-alignment/spf-fail",
    page: include_str!("spf_fail.rs"),
    stated_as: &[VerdictKind::Authentication(AuthMethod::Spf)],
};
