//! The policy that somebody had in mind is not for this recipient, or which one is cannot be told.
//!
//! What it is: a policy acts only for whom its rule names. All conditions of a rule have to hold, one value of each is enough, and
//! any exception takes a recipient out. Outside of it the next policy that fits applies, at the end the default.
//!
//! What proves it: the rule's record with a condition that does not hold for the recipient, or an exception that does, and the
//! verdict's record; the policy differs from the one that applied, and is near: it allows this very sender, one of its conditions
//! does hold, or it excepts this recipient. It is not shown where a condition looks at a group, whose members no such export
//! names, or where the record names a policy that was not exported. What looks alike: a policy that is for the recipient but stands later
//! in the order (`rule-order`, `preset-overrides-custom`). Narrow fix: add this recipient to the rule, or release the one message.
//! Owner: who runs the policy.

use evidence::{Action, Tier};

use super::applying::{Applied, Applying, Other, applying};
use super::fits::Why;
use super::held::held;
use super::view::View;
use super::{claim, not_shown};
use crate::{Claim, Kind, Standing};

/// `policy-scope`
pub struct Rule;

const ID: &str = "policy-scope-or-order/policy-scope";

impl super::Rule for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("policy_scope.rs")
    }

    fn find(&self, view: &View<'_>) -> Vec<(Kind, Claim)> {
        let Some((class, (event, _))) = view.acting_class().zip(view.acted()) else { return Vec::new() };
        let recipient = &view.copy.copy.envelope_recipient;
        let words = sources::policy::words(&class);
        let exports = view.vendor.exports();
        match applying(view, &class) {
            Applying::Shown(applied) => {
                let others = applied.out_of_scope(view);
                others
                    .iter()
                    .take(1)
                    .map(|(other, why)| (Kind::Risk, out_of_scope(view, &applied, other, why)))
                    .collect()
            }
            Applying::Depends(on, among) => {
                let names: Vec<String> =
                    among.iter().map(|one| format!("\"{}\" ({})", one.name(), one.place())).collect();
                let statement = format!(
                    "which {words} policy applied to {recipient} depends on {}, not shown; in question are {}",
                    on.join(" and "),
                    names.join(", ")
                );
                let acted =
                    if view.done() == Some(Action::Quarantined) { exports.acted_on_held } else { exports.acted };
                let mut ask_for = vec![acted];
                let lacks_rules = among.iter().any(|one| one.rule.is_none() && one.tier() != Tier::Default)
                    || among.iter().all(|one| one.rule.is_none());
                if lacks_rules {
                    ask_for.insert(0, exports.policies);
                }
                let entries = among.iter().flat_map(|candidate| candidate.entries());
                vec![not_shown(ID, statement, [event], entries, ask_for)]
            }
            Applying::NotExported(named, name) => {
                let statement = format!(
                    "the record names the {words} policy \"{name}\", which is not among the supplied settings: why it applied to \
                     {recipient} is not shown"
                );
                vec![not_shown(ID, statement, [event, named], [], vec![exports.policies])]
            }
            Applying::NoneFits => {
                let statement = format!(
                    "none of the supplied {words} policies is for {recipient}: the one that applied was not exported"
                );
                vec![not_shown(ID, statement, [event], [], vec![exports.policies])]
            }
            Applying::NotSupplied => {
                let statement = format!("which {words} policy applied to {recipient} is not shown: none was supplied");
                vec![not_shown(ID, statement, [event], [], vec![exports.policies])]
            }
        }
    }
}

fn out_of_scope(view: &View<'_>, applied: &Applied<'_>, other: &Other<'_, '_>, why: &Why) -> Claim {
    let recipient = &view.copy.copy.envelope_recipient;
    let mut statement = format!(
        "the policy \"{}\" ({}), which {}, is not for {recipient}: {}; \"{}\" ({}) applied instead",
        other.candidate.name(),
        other.candidate.place(),
        other.would,
        why.words(),
        applied.candidate.name(),
        applied.candidate.place(),
    );
    let entries = || applied.candidate.entries().chain(other.candidate.entries()).chain(other.shown_by.iter().copied());
    let doubt = entries().find_map(|entry| held(view, entry).words(super::name_of(entry)));
    let standing = if doubt.is_none() { Standing::Proved } else { Standing::Likely };
    if let Some(doubt) = doubt {
        statement = format!("{statement}; {doubt}");
    }
    claim(ID, standing, statement, view.verdict.into_iter().chain(applied.named_by), entries())
}
