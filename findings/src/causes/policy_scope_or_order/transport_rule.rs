//! A rule of the organisation decided.
//!
//! What it is: A transport rule, content examination or access policy matched the message and held, refused, redirected
//! or marked it.
//!
//! What proves it: the record that names the rule together with what it did to this copy. A rule that matched with no
//! stated deed, beside a hold that names none, is likely.
//!
//! What looks alike: a rule in test mode; a rule that added a disclaimer while a spam verdict held the copy; a rule that
//! matched another recipient's copy.
//!
//! Narrow fix: narrow the condition of that one rule, or except this one sender and recipient in it; never a rule that
//! sets the spam level to skip for a domain.
//!
//! Owner: who runs the rule; the audit log tells who changed it last.

use evidence::VerdictKind;

use super::by_matched_rule;
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `policy-scope-or-order/transport-rule`
pub(super) struct Rule;

const ID: &str = "policy-scope-or-order/transport-rule";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("transport_rule.rs")
    }

    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        *kind == VerdictKind::TransportRule
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(ID).or_else(|| by_matched_rule(ground, ID))
    }
}
