//! The order decided: an earlier policy or rule took the message before a later one that is for it too.
//!
//! What it is: of custom policies the one with the lowest number applies, alone. Of transport rules all that match act one after
//! the other, until one that stops the processing; what stands behind it is not looked at.
//!
//! What proves it: for policies, both rules are for the recipient and say different things about this verdict. For transport rules,
//! the message's own record names the rule that matched, that rule stops the processing, and the later rule is for this sender and
//! recipient by conditions that the evidence shows. Both stood so when the message passed. What looks alike: a later rule that
//! is not for the message; a rule that only reports; a rule without the stop, after which the others were looked at all the same. Narrow
//! fix: move the narrow rule before the wide one, or except the one sender in the wide one. Owner: who runs the rules.

use evidence::{Fact, Scope, Setting, SettingClass, Tier, VerdictKind};
use lake::Entry;
use sources::policy::{AfterAMatch, Device};

use super::applying::{Applying, applying};
use super::fits::{Fits, fits};
use super::held::held;
use super::view::{View, is_on, setting};
use super::{claim, not_shown, went_before};
use crate::{Claim, Kind, Standing};

/// `rule-order`
pub struct Rule;

const ID: &str = "policy-scope-or-order/rule-order";

impl super::Rule for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("rule_order.rs")
    }

    fn find(&self, view: &View<'_>) -> Vec<(Kind, Claim)> {
        between_policies(view).into_iter().map(|claim| (Kind::Risk, claim)).chain(between_rules(view)).collect()
    }
}

/// Two policies of one tier are for the recipient: the earlier one applied.
fn between_policies(view: &View<'_>) -> Option<Claim> {
    let Applying::Shown(applied) = applying(view, &view.acting_class()?) else { return None };
    let tier = applied.candidate.tier();
    let shadowed = applied.shadowed(view);
    let other = shadowed.iter().find(|other| other.candidate.tier() == tier || tier == Tier::Evaluation)?;
    Some(went_before(view, ID, &applied, other))
}

/// A rule that acted stops the processing, and a later one would have let the message through.
fn between_rules(view: &View<'_>) -> Option<(Kind, Claim)> {
    let (event, verdict) = view.acted()?;
    let named = view.stay.adverse_verdicts().find_map(|matched| match matched.fact() {
        Fact::Verdict(said) if said.kind == VerdictKind::TransportRule && said.scope == Scope::Enforced => {
            Some((matched, said.policy.as_ref()?))
        }
        _ => None,
    });
    let (matched, policy) = named.filter(|_| verdict.kind == VerdictKind::TransportRule)?;
    let is_named = |rule: &Setting| {
        let same = |one: Option<&str>, other: Option<&str>| {
            one.zip(other).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
        };
        same(rule.id.as_deref(), policy.id.as_deref())
            || policy.id.is_none() && same(Some(rule.name.as_str()), policy.name.as_deref())
    };
    let rules = || view.settings.iter().copied().filter(|entry| class_of(entry) == Some(&SettingClass::TransportRule));
    let Some((entry, acting)) = rules().find_map(|entry| Some((entry, setting(entry).filter(|rule| is_named(rule))?)))
    else {
        let name = policy.name.as_deref().or(policy.id.as_deref()).unwrap_or("");
        let statement = format!(
            "the rule \"{name}\" acted on the message and is not among the supplied settings: whether it kept a later rule from \
             being looked at is not shown"
        );
        return Some(not_shown(ID, statement, [event, matched], [], vec![view.vendor.exports().rules]));
    };
    let (later_entry, later) = rules().find_map(|entry| {
        let later = setting(entry).filter(|rule| is_on(rule) && acting.priority < rule.priority)?;
        let lets_through = view.vendor.allow(later).is_some_and(|allow| allow.device == Device::Rule);
        let is_for_it = matches!(fits(view, later), Fits::Yes(_)) && !later.conditions.is_empty();
        (lets_through && is_for_it).then_some((entry, later))
    })?;
    if view.vendor.after_a_match(acting) != AfterAMatch::Stops {
        return None;
    }
    Some((Kind::Risk, stopped(view, (event, matched), (entry, acting), (later_entry, later))))
}

fn stopped(
    view: &View<'_>,
    (event, matched): (&trace::Event, &trace::Event),
    (entry, acting): (&Entry, &Setting),
    (later_entry, later): (&Entry, &Setting),
) -> Claim {
    let doubt = [(entry, acting), (later_entry, later)].into_iter().find_map(|(entry, rule)| {
        view.settings
            .iter()
            .copied()
            .find(|own| std::ptr::eq(*own, entry))
            .and_then(|own| held(view, own).words(&rule.name))
    });
    let standing = if doubt.is_none() { Standing::Proved } else { Standing::Likely };
    let mut statement = format!(
        "the rule \"{}\" acted and stops the processing; \"{}\", which would have told the filter to stand aside for this message, \
         comes later ({}) and was not looked at",
        acting.name,
        later.name,
        view.vendor.before(acting, later),
    );
    if let Some(doubt) = doubt {
        statement = format!("{statement}; {doubt}");
    }
    claim(ID, standing, statement, [event, matched], [entry, later_entry])
}

fn class_of(entry: &Entry) -> Option<&SettingClass> {
    setting(entry).map(|setting| &setting.class)
}
