//! The body was changed after the author's domain had signed it.
//!
//! What it is: A footer, a banner, a rewritten link, another encoding or a cut attachment: the hash of the body no longer
//! fits, and with it the aligned signature is lost.
//!
//! What proves it: the result of the very system whose DMARC failed, which says that the hash of the body does not fit
//! the signature of the author's domain. `throughline auth` on the sample names what was changed, where that can be
//! shown.
//!
//! What looks alike: a result that another system stated; a signature of a third party that broke while the author's own
//! holds; a key that is missing (`dkim-key-missing`); a body that was changed only after the check.
//!
//! Narrow fix: let what adds footers or rewrites links leave signed mail alone, or check before it and seal (trusted ARC
//! sealer, enhanced filtering).
//!
//! Owner: who runs what changes the message: ours, the list's, or the sender's own last hop.

use evidence::{AuthFault, AuthMethod};

use super::Leg;
use crate::causes::Cause;

/// `authentication-alignment/dkim-body-changed`
pub(super) struct Rule;

const ID: &str = "authentication-alignment/dkim-body-changed";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("dkim_body_changed.rs")
    }

    fn behind(&self, leg: &Leg<'_>) -> Option<String> {
        let shows = leg.result.method == AuthMethod::Dkim
            && leg.result.fault == Some(AuthFault::BodyChanged)
            && leg.is_authors();
        let Leg { said, author, .. } = leg;
        shows.then(|| format!("{said}: the body was changed after {author} had signed it, before it was checked"))
    }
}
