//! The author's domain asks that failing mail be kept out, and the receiver did as asked.
//!
//! What it is: Neither an SPF pass nor a signature that holds belongs to the domain that the reader sees. What broke
//! stands behind it: `dkim-body-changed`, `dkim-key-missing`, `dkim-unaligned`, `spf-unaligned`, `dns-temporary-failure`.
//!
//! What proves it: the record of the deciding system that states DMARC, or composite authentication with an explicit
//! failure, as the reason of what it did, or its refusal in those words. An implicit failure (`compauth=fail reason=001`)
//! is likely. A hold by a milter that gives no reason beside a failed DMARC is likely.
//!
//! What looks alike: a failed DMARC on which nobody acted (policy none, a result in a header of somebody else); a spoof
//! verdict by the filter's own weighing (`content-verdict/spoof`); a gateway in front whose address and changes make it
//! fail (`spf-of-the-gateway`).
//!
//! Narrow fix: at the sender: an aligned signature or an aligned envelope domain. On our side: let what changes mail
//! leave signed mail alone, or trust the one sealer. Until then release the one message; no allow entry.
//!
//! Owner: the sender's administrator; who runs the gateway, where it broke there.

use evidence::{AuthMethod, Fact, Layer, VerdictKind};
use layers::Stay;
use trace::Event;

use crate::causes::ground::Ground;
use crate::causes::{Cause, claim, stated::verdict};
use crate::{Claim, Standing};

/// `authentication-alignment/dmarc-fail`
pub(super) struct Rule;

pub(super) const ID: &str = "authentication-alignment/dmarc-fail";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("dmarc_fail.rs")
    }

    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        matches!(kind, VerdictKind::Authentication(AuthMethod::Dmarc | AuthMethod::CompAuth))
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(ID).or_else(|| by_failed_dmarc(ground.stay, verdict::unexplained(ground.stay)?))
    }
}

/// A hold by a milter that gives no reason, where the milter that checks DMARC found a failure: likely the reason, for such
/// a milter holds what the domain asks to be quarantined.
fn by_failed_dmarc(stay: &Stay<'_>, deed: &Event) -> Option<Claim> {
    let Fact::Quarantine(kept) = deed.fact() else { return None };
    if kept.policy.as_ref().and_then(|policy| policy.kind.as_deref()) != Some("milter") {
        return None;
    }
    let failed = verdict::failed_results(stay).find(|event| {
        event.source == deed.source
            && matches!(event.fact(), Fact::Authentication(result) if result.method == AuthMethod::Dmarc)
    })?;
    let statement = format!("{}; {}", layers::of_event(failed), layers::of_event(deed));
    let statement = format!("{}: {statement}; the hold names no reason of its own", failed.observation.speaker);
    let claim = claim(ID, Standing::Likely, Layer::Authentication, statement, [failed, deed]);
    Some(Claim { ask_for: vec!["message/eml"], ..claim })
}
