//! A rule against the loss of data stopped the message.
//!
//! What it is: A message, mostly an outgoing one, holds what such a rule looks for: numbers of cards or persons, a label.
//!
//! What proves it: the record that names the rule together with what it did, or the refusal in its words.
//!
//! What looks alike: a rule that only tells the sender or reports; a rule in test mode; a transport rule of another kind.
//!
//! Narrow fix: have the sender take out what the rule found, or override it where the rule permits that with a reason;
//! the rule stays.
//!
//! Owner: who runs data loss prevention.

use evidence::VerdictKind;

use super::by_matched_rule;
use crate::Claim;
use crate::causes::Cause;
use crate::causes::ground::Ground;

/// `policy-scope-or-order/data-loss-rule`
pub(super) struct Rule;

const ID: &str = "policy-scope-or-order/data-loss-rule";

impl Cause for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("data_loss_rule.rs")
    }

    fn is_stated_as(&self, kind: &VerdictKind) -> bool {
        *kind == VerdictKind::DataLoss
    }

    fn find(&self, ground: &Ground<'_>) -> Option<Claim> {
        ground.stated(ID).or_else(|| by_matched_rule(ground, ID))
    }
}
