//! A filter concluded that the author's domain is forged, by its own weighing.
//!
//! What it is: Spoof intelligence or an anti-spoofing policy: the domain that the reader sees is not shown to be the
//! sender's, and the filter's own knowledge of the pair of domain and sending system speaks against it.
//!
//! What proves it: the filter's record that names spoofing as its reason with what it did, and no result of
//! authentication stated as the reason behind it.
//!
//! What looks alike: a DMARC failure whose policy was applied (`authentication-alignment/dmarc-fail`): the same class in
//! the header, another layer and another mending; impersonation, which goes by likeness; an own application that sends in
//! the own name.
//!
//! Narrow fix: mend the authentication of the sending system; until then one entry for this one pair of domain and
//! sending system, with a day on which it ends.
//!
//! Owner: the sender's administrator for the authentication; who runs the anti-spoofing policy for the pair.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `content-verdict/spoof`
pub(super) const CAUSE: Stated =
    Stated { id: "content-verdict/spoof", page: include_str!("spoof.rs"), stated_as: &[VerdictKind::Spoof] };
