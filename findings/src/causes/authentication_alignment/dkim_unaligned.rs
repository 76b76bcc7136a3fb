//! The signature holds, but for another domain than the author's.
//!
//! What it is: A service that sends for the author signs with its own domain. The signature is good and does not count
//! for DMARC.
//!
//! What proves it: a DKIM pass for another domain, stated by the very system whose DMARC failed.
//!
//! What looks alike: a result that another system stated; a signature of a third party that broke while the author's own
//! holds; a signature of the author's domain that broke; strict alignment, where a name below the domain does not count
//! either.
//!
//! Narrow fix: the service signs with the author's domain (a key of its own below it); the service is not excepted, it
//! sends for all of its customers.
//!
//! Owner: the sender's administrator, with the service.

use evidence::AuthMethod;

use super::Leg;
use crate::causes::Cause;

/// `authentication-alignment/dkim-unaligned`
pub(super) struct Rule;

const ID: &str = "authentication-alignment/dkim-unaligned";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("dkim_unaligned.rs")
    }

    fn behind(&self, leg: &Leg<'_>) -> Option<String> {
        let shows = leg.result.method == AuthMethod::Dkim && leg.is_pass_of_another();
        let Leg { said, author, .. } = leg;
        shows.then(|| {
            format!("{said}: the signature holds, but for another domain than {author}, so that it does not count")
        })
    }
}
