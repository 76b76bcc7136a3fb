//! N6, N7, B1, B2, B9: transport rules.

use std::borrow::Cow;

use evidence::{ChangeKind, Effect, Setting, SettingClass};
use sources::policy::Device;

use super::super::rule::{self, Treatment};
use super::super::{grants as granted, words};
use super::width::{self, Proof, ToWhom, Who};
use super::{Case, harmless, note, row, row_at, unknown};
use crate::vendor::common::{self, End};
use crate::{Grant, Level, Reason};

/// Judges a rule as it would be afterwards, and what it would do beside.
pub(super) fn judge(case: &Case<'_>, stated: &Setting, grants: &[Grant]) -> Vec<Reason> {
    let mut reasons = as_afterwards(case, stated, grants);
    let known = case.current(stated).filter(|_| case.step.kind != ChangeKind::Created);
    let known = known.map_or_else(Vec::new, |(current, _)| rule::further_actions(current));
    let lets_through = grants.iter().any(|grant| grant.device == Device::Rule);
    let more: Vec<String> =
        rule::further_actions(stated).into_iter().filter(|action| !known.contains(action)).collect();
    if !more.is_empty() && (lets_through || granted::is_command(case.step)) {
        reasons.push(row_at(
            Level::Approval,
            "B9",
            format!("the rule does more than to let mail through: {}", more.join("; ")),
        ));
    }
    reasons
}

fn as_afterwards(case: &Case<'_>, stated: &Setting, grants: &[Grant]) -> Vec<Reason> {
    let is_alteration = matches!(case.step.kind, ChangeKind::Changed | ChangeKind::Enabled);
    let current = case.current(stated);
    if is_alteration && let Some((current, entry)) = current {
        let cite = entry.observation.cite.clone();
        return altered(case, stated, current).into_iter().map(|reason| reason.cited([cite.clone()])).collect();
    }
    if is_alteration && is_open(stated) {
        return vec![unknown(format!(
            "the rule \"{}\" is not in the evidence, so nobody can tell for which mail it is and what it does: fetch Get-TransportRule",
            stated.name
        ))];
    }
    of_rule(case, stated, grants)
}

/// Whether what a step states leaves open for which mail the rule is, or what it does.
fn is_open(stated: &Setting) -> bool {
    let treatment = rule::treatment(stated);
    let is_known = matches!(treatment, Treatment::StandsAside | Treatment::GoesAround) && !stated.conditions.is_empty();
    let excepts = stated.conditions.is_empty() && !stated.exceptions.is_empty() && treatment == Treatment::NotKnown;
    !(is_known || excepts || treatment == Treatment::KeepsOut)
}

/// Judges an alteration of a rule that the evidence shows.
fn altered(case: &Case<'_>, stated: &Setting, current: &Setting) -> Vec<Reason> {
    let mut after = rule::merged(current, stated);
    if case.step.kind == ChangeKind::Enabled && after.effect == Effect::Off {
        after.effect = Effect::Acts;
    }
    let whole = |rule: &Setting| {
        let step =
            sources::proposed::Step { kind: ChangeKind::Created, operation: "rule".to_owned(), ..case.step.clone() };
        if acts(rule) { rule::grants(&step, rule) } else { Vec::new() }
    };
    let (before, then) = (whole(current), whole(&after));
    let bypasses = |grants: &[Grant]| grants.iter().any(|grant| grant.device == Device::Rule);
    if matches!(rule::treatment(current), Treatment::KeepsOut | Treatment::Marks) && acts(current) && !bypasses(&then) {
        return weakened(case, stated, current, &after);
    }
    let is_narrower = !then.is_empty() && then.iter().all(|grant| before.iter().any(|old| grant.is_within(old)));
    if is_narrower && then != before {
        return vec![harmless("the rule lets nothing through that it does not let through already")];
    }
    if then.is_empty() && bypasses(&before) {
        return vec![harmless("the rule no longer lets anything through")];
    }
    of_rule(case, &after, &then)
}

fn acts(rule: &Setting) -> bool {
    !matches!(rule.effect, Effect::Off | Effect::ReportOnly)
}

/// Judges an alteration of a rule that keeps mail out.
fn weakened(case: &Case<'_>, stated: &Setting, current: &Setting, after: &Setting) -> Vec<Reason> {
    if !acts(after) {
        return vec![row("B14", format!("the rule \"{}\" keeps mail out now, and would no longer act", current.name))];
    }
    if rule::treatment(current) == Treatment::KeepsOut && rule::treatment(after) != Treatment::KeepsOut {
        return vec![row("B14", format!("the rule \"{}\" would no longer keep mail out", current.name))];
    }
    let mut reasons: Vec<Reason> =
        granted::of_setting(case.step, stated).iter().flat_map(|grant| case.grant(grant, Some(after))).collect();
    let has_new_conditions = stated.conditions.iter().any(|one| !current.conditions.contains(one));
    if has_new_conditions && rule::treatment(current) == Treatment::KeepsOut {
        reasons.push(unknown(format!(
            "the rule \"{}\" keeps mail out, and would be for other mail than now: which, its conditions do not show",
            current.name
        )));
    }
    if reasons.is_empty() {
        reasons.push(harmless("the rule keeps out what it keeps out now"));
    }
    reasons
}

/// Judges a whole rule.
fn of_rule(case: &Case<'_>, rule: &Setting, grants: &[Grant]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = case.by_device(grants, Some(rule));
    if !reasons.is_empty() {
        return reasons;
    }
    match rule::treatment(rule) {
        _ if !acts(rule) => reasons.push(harmless("the rule does not act: it is off, or only reports")),
        Treatment::KeepsOut => reasons.push(harmless("the rule keeps mail out and lets none through")),
        Treatment::Marks => reasons.push(harmless("the rule only marks mail or tells of it")),
        _ => reasons.extend(case.unchanged(rule)),
    }
    reasons
}

/// Judges a rule that has the filter stand aside, or goes around a protection.
pub(super) fn bypass(case: &Case<'_>, grant: &Grant, rule: Option<&Setting>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut stands_aside = true;
    if let Some(rule) = rule {
        let treatment = rule::treatment(rule);
        stands_aside = words::property(rule, "SetSCL").is_some_and(|said| said.trim() == "-1");
        reasons.extend(rule::goes_around(rule).map(|how| row("B9", how)));
        let keeps_on = treatment != Treatment::StandsAside && treatment != Treatment::GoesAround;
        match stopped(case, rule) {
            Stopped::Others(what) => reasons.push(row("B9", what)),
            Stopped::Nobody if keeps_on => {
                reasons.push(harmless("the rule does nothing but end the row of rules, and none that is known comes after it"));
            }
            Stopped::NotShown if keeps_on || rule.priority.is_some() => reasons.push(unknown(
                "the rule ends the row of rules, and the rules after it are not in the evidence: fetch Get-TransportRule",
            )),
            _ => {}
        }
        if stands_aside && !rule::leaves_a_mark(rule) {
            reasons.push(note("it leaves no mark (SetHeaderName) by which its doing could be found in a message"));
        }
    }
    if stands_aside {
        reasons.extend(standing_aside(case, grant));
    }
    reasons
}

/// Judges for which mail the filter would stand aside, and how long.
fn standing_aside(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let scope = &grant.scope;
    let (who, to, proof) = (width::who(scope), width::to_whom(case, scope), width::proof(scope));
    let mut reasons: Vec<Reason> = Vec::new();
    let open = width::not_followed(scope);
    if !open.is_empty() {
        reasons.push(note(format!("nobody can follow from here how far it is narrowed by {}", width::listed(&open))));
    }
    if let Some(own) = width::domains(scope).find(|domain| case.is_own(domain)) {
        reasons.push(row(
            "B2",
            format!("{own} is the organisation's own: whoever writes in its name would not be filtered"),
        ));
        return reasons;
    }
    let service = width::domains(scope).find(|domain| who != Who::Addresses && common::service_of(domain).is_some());
    let wide: Option<Cow<'static, str>> = match (who, to, proof) {
        (Who::Anybody, ..) => Some("it names no sender: neither an address nor a domain of one owner".into()),
        _ if service.is_some() => service.map(|domain| format!("everybody can have an address at {domain}").into()),
        (_, ToWhom::Everybody, Proof::None) => {
            Some("it is for everybody, and the name of a sender can be forged: nothing makes sure who sends".into())
        }
        (_, ToWhom::Everybody, _) => Some("it is for everybody: no recipient is named".into()),
        (_, _, Proof::None) => {
            Some("the name of a sender can be forged: no result of our own authentication makes sure who sends".into())
        }
        _ => None,
    };
    if let Some(why) = wide {
        reasons.push(row("B1", why));
        return reasons;
    }
    if to == ToWhom::Names {
        reasons
            .push(unknown("a recipient is named by a name that could be a group's: write the address of the mailbox"));
    }
    let is_narrow = who == Who::Addresses && to <= ToWhom::Names && proof == Proof::Authentication;
    match end(case, grant) {
        Ok(()) if is_narrow => reasons.push(row("N6", format!("only for {scope}"))),
        Ok(()) => {}
        Err(why) => reasons.push(row("M2", why)),
    }
    if !is_narrow {
        let what = match (who, to, proof) {
            (Who::Domain, ..) => "a whole domain, not one address",
            (_, ToWhom::Group, _) => "a group, not one mailbox",
            _ => "a sending address, which others may share, in place of a result of authentication",
        };
        reasons.push(row("M1", format!("it names {what}")));
    }
    reasons
}

/// Whether something ends in time; else why not.
pub(super) fn end(case: &Case<'_>, grant: &Grant) -> Result<(), String> {
    match common::end(grant.ends, None, case.world.now) {
        End::InTime | End::Past(_) | End::NotKnown => Ok(()),
        End::TooLate(at) => Err(format!("it ends {at}, so late that it does not count as an end")),
        End::Missing => Err("no end is set".to_owned()),
    }
}

/// Whether a rule that ends the row of rules keeps others from acting.
enum Stopped {
    No,
    Nobody,
    Others(String),
    NotShown,
}

fn stopped(case: &Case<'_>, rule: &Setting) -> Stopped {
    if words::flag(rule, "StopRuleProcessing") != Some(true) || rule::treatment(rule) == Treatment::KeepsOut {
        return Stopped::No;
    }
    let of_rules = || {
        case.world.settings().filter(|(setting, entry)| {
            setting.class == SettingClass::TransportRule
                && entry.observation.speaker.product == case.step.product
                && !setting.name.eq_ignore_ascii_case(&rule.name)
        })
    };
    let is_after = |other: &Setting| rule.priority.is_some_and(|own| other.priority.is_some_and(|place| place >= own));
    let keeps_out = |other: &Setting| acts(other) && rule::treatment(other) != Treatment::StandsAside;
    match of_rules().find(|(other, _)| is_after(other) && keeps_out(other)) {
        Some((other, _)) => Stopped::Others(format!(
            "it ends the row of rules in front of \"{}\", which would no longer act",
            other.name
        )),
        // A rule without a place is put last.
        None if of_rules().next().is_some() => Stopped::Nobody,
        None => Stopped::NotShown,
    }
}

/// Judges an exception of a rule of the organisation's own: it alone lets mail past the rule, whatever the other exceptions are.
pub(super) fn exception(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let scope = &grant.scope;
    let who = width::who(scope);
    if who == Who::Addresses {
        if let Some(own) = width::domains(scope).find(|domain| case.is_own(domain)) {
            return vec![row_at(
                Level::Approval,
                "M4",
                format!("{own} is the organisation's own: its name can be forged"),
            )];
        }
        return vec![row("N7", format!("the rule leaves out {scope}; all other filters judge that mail as ever"))];
    }
    let why = match who {
        Who::Domain => format!("the rule would leave out {scope}: a whole domain"),
        _ => format!(
            "exceptions are alternatives: the rule would leave out {scope}, whoever sends; to name a sender and a recipient together, split the rule"
        ),
    };
    vec![row("M4", why)]
}
