//! `authentication-alignment`: SPF, DKIM, DMARC or ARC, as the deciding system states it.
//!
//! DMARC fails only if neither an SPF pass nor a signature that holds belongs to the domain that the reader sees. Each of the two has
//! its own story: what stands [`behind`] a failed DMARC is told by the causes of those stories, on a result of the very system whose
//! DMARC failed.

mod arc_untrusted;
mod dkim_body_changed;
mod dkim_fail;
mod dkim_key_missing;
mod dkim_unaligned;
mod dmarc_fail;
mod dns_temporary_failure;
mod spf_fail;
mod spf_of_the_gateway;
mod spf_unaligned;

use evidence::{AuthMethod, AuthResult, Authentication, Fact, Layer};
use layers::Explained;
use trace::Event;

use super::{Cause, claim, told};
use crate::Claim;

/// The causes of the family.
pub(super) const ALL: &[&dyn Cause] = &[
    &arc_untrusted::Rule,
    &dmarc_fail::Rule,
    &spf_fail::CAUSE,
    &dkim_fail::CAUSE,
    &dns_temporary_failure::Rule,
    &dkim_body_changed::Rule,
    &dkim_key_missing::Rule,
    &dkim_unaligned::Rule,
    &spf_unaligned::Rule,
    &spf_of_the_gateway::Rule,
];

/// A result of SPF or DKIM by the system whose DMARC failed.
pub struct Leg<'e> {
    result: &'e Authentication,
    /// The record in one sentence.
    said: String,
    /// The domain that the reader sees.
    author: &'e str,
}

impl Leg<'_> {
    /// Whether the result is about the author's domain, or one above or below it.
    fn is_authors(&self) -> bool {
        self.result.domain.as_deref().is_some_and(|domain| are_kin(domain, self.author))
    }

    /// Whether the result is about any other name than the author's domain itself: DMARC failed, so a pass for it is not aligned,
    /// also where strict alignment is asked for.
    fn is_pass_of_another(&self) -> bool {
        self.result.result == AuthResult::Pass
            && self.result.domain.as_deref().is_some_and(|domain| !domain.eq_ignore_ascii_case(self.author))
    }
}

/// The cause in the place of a failed check of the sender, where it was our own gateway's address that was checked.
pub(super) fn in_place_of(copy: &Explained<'_>, cause: &Claim) -> Option<Claim> {
    let is_a_check = [dmarc_fail::ID, spf_fail::CAUSE.id].contains(&cause.id.as_str()) && cause.is_shown();
    is_a_check.then(|| spf_of_the_gateway::in_place_of(copy, cause)).flatten()
}

/// The stories behind a cause that is DMARC's failure, in the order of the results.
pub(super) fn behind(copy: &Explained<'_>, cause: Option<&Claim>) -> Vec<Claim> {
    let is_dmarc = |cause: &&Claim| [dmarc_fail::ID, arc_untrusted::ID].contains(&cause.id.as_str());
    let Some(cause) = cause.filter(is_dmarc).filter(|cause| cause.is_shown()) else { return Vec::new() };
    let Some((dmarc, author)) = failed(copy, cause) else { return Vec::new() };
    let mut found: Vec<Claim> = Vec::new();
    if cause.id == arc_untrusted::ID {
        found.push(claim(dmarc_fail::ID, cause.standing, Layer::Authentication, told(dmarc), [dmarc]));
    }
    for event in stated(copy).filter(|event| event.observation.speaker == dmarc.observation.speaker) {
        let Fact::Authentication(result) = event.fact() else { continue };
        let leg = Leg { result, said: told(event), author: &author };
        let story = ALL.iter().find_map(|story| Some((story.id(), story.behind(&leg)?)));
        let Some((id, statement)) = story else { continue };
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
