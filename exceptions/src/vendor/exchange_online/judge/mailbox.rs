//! B17: the lists of one mailbox.

use evidence::{ChangeKind, Setting};

use super::super::words;
use super::width::{self, Who};
use super::{Case, harmless, note, row, row_at};
use crate::vendor::own;
use crate::{Grant, Level, On, Reason};

/// Judges the junk filter of a mailbox.
pub(super) fn judge(case: &Case<'_>, setting: &Setting, grants: &[Grant]) -> Vec<Reason> {
    let mut reasons = case.by_device(grants, Some(setting));
    let is_alteration = case.step.kind == ChangeKind::Changed;
    if words::flag(setting, "TrustedListsOnly") == Some(true) && !case.is_same(setting, "TrustedListsOnly") {
        reasons.push(row("B17", "everything but what is on the mailbox's lists would go to the junk folder"));
    }
    if is_alteration
        && words::flag(setting, "ContactsTrusted") == Some(true)
        && !case.is_same(setting, "ContactsTrusted")
    {
        reasons
            .push(row("B17", "whoever is among the contacts would not be filtered, and the contacts are in no export"));
    }
    if reasons.is_empty() && (case.unchanged(setting).is_some() || !is_alteration) {
        reasons.push(harmless("the mailbox's lists let nobody through by this"));
    }
    let lists = ["trustedsendersanddomains", "trustedrecipientsanddomains", "blockedsendersanddomains"];
    let only_lists = setting.properties.iter().all(|property| lists.contains(&words::folded(&property.name).as_str()));
    if reasons.is_empty() && only_lists {
        reasons.push(harmless(super::ONE_BY_ONE));
    }
    if reasons.is_empty() && words::states(setting, "Enabled") {
        reasons.push(harmless("it is about moves by the mailbox after delivery only"));
    }
    reasons
}

/// Judges one entry of a user's own list.
pub(super) fn list(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let scope = &grant.scope;
    let to: Vec<_> = scope.on(&On::Recipient).flat_map(|term| &term.values).collect();
    if scope.terms.iter().any(|term| matches!(term.on, On::Header(_))) {
        return vec![row(
            "B17",
            format!("whatever is addressed to {} would not be filtered, whoever sends", grant.name),
        )];
    }
    let who = width::who(scope);
    let level = if who == Who::Anybody { Level::Refuse } else { Level::Approval };
    if who != Who::Addresses {
        return vec![row_at(level, "B17", format!("{}: not one address", grant.name))];
    }
    let said = case.step.said.to_ascii_lowercase();
    let is_for_many =
        to.len() > 1 || said.contains("get-mailbox") && said.contains('|') || said.contains("get-exomailbox");
    if is_for_many {
        return vec![row("B17", "the lists of many mailboxes would be filled at once")];
    }
    let mut reasons = vec![row("N17", format!("only {scope}"))];
    if to.iter().filter_map(|value| own::address(value)).next().is_none() {
        reasons.push(note("which mailbox it is for is not written as an address"));
    }
    if width::domains(scope).any(|domain| case.is_own(domain)) {
        reasons.push(note("a sender of the organisation's own domains is heeded only if it passes authentication"));
    }
    reasons
}
