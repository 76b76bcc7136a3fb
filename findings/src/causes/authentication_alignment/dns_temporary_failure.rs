//! The DNS did not answer when SPF or DKIM was checked.
//!
//! What it is: A time-out or a broken server of the sender's domain, or of our resolver. The check is neither passed nor
//! failed, and DMARC finds nothing that counts. The next attempt may pass.
//!
//! What proves it: a temporary error stated by the very system that decided, or its deferral in those words.
//!
//! What looks alike: a record that does not exist (a permanent error, `dkim-key-missing`); a next hop whose name does not
//! resolve (`connector-routing/dead-next-hop`).
//!
//! Narrow fix: none for one time-out: the sender sends again. If it comes back, the name server that is slow is mended.
//!
//! Owner: the sender's DNS, or who runs the resolver of the receiving system.

use evidence::{AuthFault, AuthMethod, AuthResult};

use super::Leg;
use crate::causes::Cause;

/// `authentication-alignment/dns-temporary-failure`
pub(super) struct Rule;

const ID: &str = "authentication-alignment/dns-temporary-failure";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("dns_temporary_failure.rs")
    }

    fn behind(&self, leg: &Leg<'_>) -> Option<String> {
        let shows = matches!(leg.result.method, AuthMethod::Spf | AuthMethod::Dkim)
            && (leg.result.result == AuthResult::TempError || leg.result.fault == Some(AuthFault::DnsFailed));
        let said = &leg.said;
        shows.then(|| format!("{said}: the DNS did not answer, so that it could not count; a later attempt may pass"))
    }
}
