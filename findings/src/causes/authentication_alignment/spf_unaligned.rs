//! SPF passed, but for another domain than the author's.
//!
//! What it is: The envelope sender belongs to a service that sends for the author, or to a forwarder that rewrote it. SPF
//! is asked for that domain, and its pass does not count for DMARC.
//!
//! What proves it: an SPF pass for another domain, stated by the very system whose DMARC failed.
//!
//! What looks alike: a result that another system stated; a signature of a third party that broke while the author's own
//! holds; an SPF failure; a pass for the gateway's own domain.
//!
//! Narrow fix: an envelope domain below the author's, or an aligned signature.
//!
//! Owner: the sender's administrator, with the service.

use evidence::AuthMethod;

use super::Leg;
use crate::causes::Cause;

/// `authentication-alignment/spf-unaligned`
pub(super) struct Rule;

const ID: &str = "authentication-alignment/spf-unaligned";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("spf_unaligned.rs")
    }

    fn behind(&self, leg: &Leg<'_>) -> Option<String> {
        let shows = leg.result.method == AuthMethod::Spf && leg.is_pass_of_another();
        let Leg { said, author, .. } = leg;
        shows.then(|| format!("{said}: SPF passed, but for another domain than {author}, so that it does not count"))
    }
}
