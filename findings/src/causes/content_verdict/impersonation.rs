//! A filter concluded that a known person or domain was imitated.
//!
//! What it is: The name or the domain that the reader sees is close to that of somebody who is protected: a colleague in
//! charge, a partner, the own domain by one letter. It is a guess by likeness, not a failed check of who sent it.
//!
//! What proves it: the filter's own record that names impersonation as its reason together with what it did to this
//! recipient's copy (a held row with the policy, a detection, a class in the header).
//!
//! What looks alike: a spoof verdict (the very domain, not authenticated: `content-verdict/spoof`); a failed DMARC; a
//! definition that only marked the subject while something else held the copy; a hit for another recipient of the same
//! message.
//!
//! Narrow fix: release this one message for this one recipient; if the sender is right and comes again, add this one
//! address to the trusted senders of that impersonation policy, with a day on which it ends.
//!
//! Owner: who runs the impersonation policy named in the record.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `content-verdict/impersonation`
pub(super) const CAUSE: Stated = Stated {
    id: "content-verdict/impersonation",
    page: include_str!("impersonation.rs"),
    stated_as: &[VerdictKind::Impersonation],
};
