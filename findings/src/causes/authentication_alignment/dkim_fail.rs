//! The filter acted because a DKIM signature does not hold.
//!
//! What it is: A signature is there, and it does not verify: the body or a signed field was changed, the key is another
//! one or missing. Few systems act on that alone; RFC 6376, 6.3 advises against it.
//!
//! What proves it: the record that states DKIM as the reason of what it did, or its refusal in those words.
//!
//! What looks alike: a broken signature of a third party beside a good one of the author; a failed DMARC whose other leg
//! is the matter (`dmarc-fail`); a result that nobody acted on.
//!
//! Narrow fix: mend the key or what changes the message on its way; no allow entry for the domain.
//!
//! Owner: the sender's administrator; who runs the system that changes mail in between.

use evidence::{AuthMethod, VerdictKind};

use crate::causes::Stated;

/// `authentication-alignment/dkim-fail`
pub(super) const CAUSE: Stated = Stated {
    id: "authentication-alignment/dkim-fail",
    page: include_str!("dkim_fail.rs"),
    stated_as: &[VerdictKind::Authentication(AuthMethod::Dkim)],
};
