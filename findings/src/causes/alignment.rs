//! Why DMARC failed: which identifier broke, or passed for another domain, as the system that decided states it.
//!
//! What it is: DMARC fails only if neither an SPF pass nor a signature that holds belongs to the domain that the reader sees.
//! Each of the two has its own story: `dkim-body-changed` (something between changed the body after it was signed: a footer,
//! a banner, rewritten links), `dkim-key-missing` (the sender's DNS has no key for that selector), `dkim-unaligned` and
//! `spf-unaligned` (they passed, but for the domain of a service that sends for the author), `spf-fail` (an address that the
//! sender's record does not name), `dns-temporary-failure` (the DNS did not answer; the next attempt may pass).
//!
//! What proves it: a result of the very system whose DMARC failed. What looks alike: a result that another system stated; a
//! signature of a third party that broke while the author's own holds; an SPF failure that is the gateway's address
//! ([`super::gateway_address`]). Narrow fix: at the sender (sign with the author's domain, name the address, publish the key)
//! or at what changes the message. Owner: the sender's administrator; for changes on our side, who runs the gateway.

use evidence::{AuthFault, AuthMethod, AuthResult, Authentication, Fact, Layer};
use layers::Explained;
use trace::Event;

use super::{claim, told};
use crate::Claim;

/// The stories behind a cause that is DMARC's failure, in the order of the results.
pub(crate) fn behind(copy: &Explained<'_>, cause: Option<&Claim>) -> Vec<Claim> {
    let Some(cause) = cause.filter(|cause| cause.id == "authentication-alignment/dmarc-fail" && cause.is_shown())
    else {
        return Vec::new();
    };
    let Some((dmarc, author)) = failed(copy, cause) else { return Vec::new() };
    let mut found: Vec<Claim> = Vec::new();
    for event in stated(copy).filter(|event| event.observation.speaker == dmarc.observation.speaker) {
        let Fact::Authentication(result) = event.fact() else { continue };
        let Some((id, statement)) = story(event, result, &author) else { continue };
        if !found.iter().any(|claim| claim.id == id) {
            // Never surer than the cause that it stands behind: the first cause is the answer.
            found.push(claim(id, cause.standing, Layer::Authentication, statement, [event, dmarc]));
        }
    }
    found
}

/// The failed DMARC result on which the cause rests, and the author's domain.
fn failed<'t>(copy: &'t Explained<'_>, cause: &Claim) -> Option<(&'t Event, String)> {
    stated(copy).find_map(|event| match event.fact() {
        Fact::Authentication(result)
            if result.method == AuthMethod::Dmarc
                && result.result == AuthResult::Fail
                && cause.cites.iter().any(|cite| cite.order() == event.observation.cite.order()) =>
        {
            Some((event, result.domain.clone()?))
        }
        _ => None,
    })
}

fn stated<'t>(copy: &'t Explained<'_>) -> impl Iterator<Item = &'t Event> {
    copy.stays.iter().flat_map(|stay| stay.authentications.iter().copied())
}

fn story(event: &Event, result: &Authentication, author: &str) -> Option<(&'static str, String)> {
    let domain = result.domain.as_deref();
    let is_authors = domain.is_some_and(|domain| are_kin(domain, author));
    let is_other = domain.is_some_and(|domain| !domain.eq_ignore_ascii_case(author));
    let temporary = result.result == AuthResult::TempError || result.fault == Some(AuthFault::DnsFailed);
    let said = told(event);
    Some(match (result.method, &result.result, result.fault) {
        (AuthMethod::Spf | AuthMethod::Dkim, _, _) if temporary => (
            "authentication-alignment/dns-temporary-failure",
            format!("{said}: the DNS did not answer, so that it could not count; a later attempt may pass"),
        ),
        // DMARC failed at the same system: whatever passed there is not aligned, also where strict alignment is asked for.
        (AuthMethod::Dkim, AuthResult::Pass, _) if is_other => (
            "authentication-alignment/dkim-unaligned",
            format!("{said}: the signature holds, but for another domain than {author}, so that it does not count"),
        ),
        (AuthMethod::Spf, AuthResult::Pass, _) if is_other => (
            "authentication-alignment/spf-unaligned",
            format!("{said}: SPF passed, but for another domain than {author}, so that it does not count"),
        ),
        (AuthMethod::Dkim, _, Some(AuthFault::BodyChanged)) if is_authors => (
            "authentication-alignment/dkim-body-changed",
            format!("{said}: the body was changed after {author} had signed it, before it was checked"),
        ),
        (AuthMethod::Dkim, _, Some(AuthFault::KeyMissing)) if is_authors => (
            "authentication-alignment/dkim-key-missing",
            format!("{said}: {author} signs, but its DNS has no key for the signature"),
        ),
        _ => return None,
    })
}

/// Whether one domain is the other, or lies below it. Two names below one parent are not known to be kin: what they share may
/// be a public suffix.
fn are_kin(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let below = |low: &str, high: &str| low.strip_suffix(high).is_some_and(|head| head.ends_with('.'));
    one == other || below(&one, &other) || below(&other, &one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_kin() {
        for (one, other, expected) in [
            ("vendor.example", "vendor.example", true),
            ("mail.vendor.example", "Vendor.example", true),
            ("vendor.example", "news.vendor.example", true),
            ("badvendor.example", "vendor.example", false),
            ("esp.example", "vendor.example", false),
        ] {
            assert_eq!(are_kin(one, other), expected, "{one} {other}");
        }
    }
}
