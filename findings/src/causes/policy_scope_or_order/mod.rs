//! `policy-scope-or-order`: an entry, a rule or a restriction of the organisation, or of the recipient.
//!
//! What the order and scope of policies did stands beside the cause: [`crate::policy`].

mod block_entry;
mod connection_filter;
mod data_loss_rule;
mod external_forwarding_off;
mod outbound_restricted;
mod recipient_restriction;
mod send_as_denied;
mod transport_rule;
mod user_block_list;

use evidence::{Action, Fact, TraceStatus};
use trace::Event;

use super::ground::Ground;
use super::stated::verdict;
use super::{Cause, claim, stated_by};
use crate::{Claim, Standing};

/// The causes of the family.
pub(super) const ALL: &[&dyn Cause] = &[
    &transport_rule::Rule,
    &data_loss_rule::Rule,
    &block_entry::CAUSE,
    &user_block_list::CAUSE,
    &connection_filter::CAUSE,
    &recipient_restriction::CAUSE,
    &send_as_denied::CAUSE,
    &outbound_restricted::CAUSE,
    &external_forwarding_off::CAUSE,
];

/// A rule that matched, where nothing else names the reason: likely, if it raised the spam level of what was put to junk or
/// kept back, or if its action is not stated and the copy is kept back.
fn by_matched_rule(ground: &Ground<'_>, id: &str) -> Option<Claim> {
    let deed = verdict::unexplained(ground.stay)?;
    let is_hold = match deed.fact() {
        Fact::Quarantine(_) => true,
        Fact::Status(status) => status.status == TraceStatus::Quarantined,
        _ => false,
    };
    let explains = |event: &&Event| {
        matches!(event.fact(), Fact::Verdict(rule) if verdict::is_named_rule(rule) && match rule.action {
            Action::NotSaid => is_hold,
            Action::Tagged => sets_spam_level(&rule.said),
            _ => false,
        })
    };
    let rule = ground.stay.adverse_verdicts().filter(explains).last()?;
    let layer = stated_by(rule).filter(|(stated, _)| *stated == id)?.1;
    let claim = claim(id, Standing::Likely, layer, verdict::statement(rule, deed), [rule, deed]);
    let list = layers::exports::holds_of(&ground.stay.station.system.product).first().copied();
    Some(Claim { ask_for: vec![list.unwrap_or("exchange-online/quarantine"), "message/eml"], ..claim })
}

fn sets_spam_level(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("setscl") || said.contains("spamconfidencelevel")
}
