//! The author's domain signs, and its DNS has no key for the signature.
//!
//! What it is: The selector in the signature has no record: a key that was never published, taken away too early, or
//! published under another name.
//!
//! What proves it: the result of the very system whose DMARC failed, which says that there is no key for the signature of
//! the author's domain.
//!
//! What looks alike: a result that another system stated; a signature of a third party that broke while the author's own
//! holds; a DNS that did not answer (`dns-temporary-failure`); a key that is published by now: what counts is what the
//! system saw.
//!
//! Narrow fix: the sender publishes the key, or signs with a selector that has one.
//!
//! Owner: the sender's administrator.

use evidence::{AuthFault, AuthMethod};

use super::Leg;
use crate::causes::Cause;

/// `authentication-alignment/dkim-key-missing`
pub(super) struct Rule;

const ID: &str = "authentication-alignment/dkim-key-missing";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("dkim_key_missing.rs")
    }

    fn behind(&self, leg: &Leg<'_>) -> Option<String> {
        let shows = leg.result.method == AuthMethod::Dkim
            && leg.result.fault == Some(AuthFault::KeyMissing)
            && leg.is_authors();
        let Leg { said, author, .. } = leg;
        shows.then(|| format!("{said}: {author} signs, but its DNS has no key for the signature"))
    }
}
