//! Causes that lie in the step that is asked for: the device, the second factor, the code by mail.

use std::collections::BTreeSet;

use evidence::{Cite, Fact};
use jiff::{SignedDuration, Timestamp};
use lake::{Fared, Line};

use super::identity::{holds_name, is_before, names_person};
use super::{CITES_MAX, Ground, ROWS_MIN, by_code, cites, coded, codes_told, several};
use crate::symptoms::login_challenge_loop::attempts::{Deed, GATEWAY, PROVIDER, Row, Side, is_applied};
use crate::symptoms::login_challenge_loop::case::{Case, Versus};
use crate::symptoms::login_challenge_loop::codes::{self, Weight};

/// A mail with a code is sent at once; it is refused or held within this time.
const CODE_MAIL_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// Clocks of trace and gateway differ by no more than this.
const CLOCKS: SignedDuration = SignedDuration::from_secs(30);
/// How many challenges are looked at for a mail.
const CHALLENGES_MAX: usize = 64;
/// How many lines are looked at for one challenge.
const LINES_MAX: usize = 2_000;

/// An access policy refuses the device or the browser.
pub(super) fn device(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "access-policy-needs-device";
    let demands = |row: &Row<'_>| {
        row.fact().policies.iter().any(|policy| {
            let is_of_device = policy.controls.iter().any(|control| codes::within("device_control", control).is_some());
            is_of_device && is_applied(&policy.result) && policy.result.to_lowercase().starts_with("fail")
        })
    };
    if let Some(mut ground) = by_code(case, specific) {
        // A policy that refuses for a reason of its own is of the device only if it demands one.
        let demanded: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| demands(row)).collect();
        let names: BTreeSet<&str> = demanded
            .iter()
            .flat_map(|(_, row)| &row.fact().policies)
            .filter(|policy| policy.result.to_lowercase().starts_with("fail"))
            .map(|policy| policy.name.as_str())
            .collect();
        if demanded.len() >= ROWS_MIN {
            ground.weight = Weight::Proof;
        }
        if !names.is_empty() {
            ground.because =
                format!("{}, by the policy {}", ground.because, names.into_iter().collect::<Vec<&str>>().join(", "));
        }
        ground.stands_alone = true;
        ground.ask = vec![PROVIDER, "entra/conditional-access"];
        return Some(ground);
    }
    None
}

/// The second factor was moved, reset or never registered in full.
pub(super) fn second_factor(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "second-factor-moved-or-incomplete";
    let told = coded(case, specific, Weight::Hint);
    let registers = coded(case, specific, Weight::Proof);
    let codes: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| is_wrong_code(row)).collect();
    // A challenge for the app, and a failure after each.
    let by_app = case.main.side == Side::Gateway
        && case.inside().any(|(_, row)| {
            row.deed == Deed::Asked && row.fact().steps.iter().any(|step| codes::within("factor", step) == Some("app"))
        });
    let failures: Vec<(usize, &Row<'_>)> = case
        .inside()
        .filter(|(_, row)| by_app && row.side == Side::Gateway && row.deed == Deed::Refused && !row.is_second_telling())
        .collect();
    let mut rows = told.clone();
    rows.extend(&codes);
    rows.extend(&failures);
    rows.sort_by_key(|(number, _)| *number);
    rows.dedup_by_key(|(number, _)| *number);
    let change = change_of_factor(case);
    let only_asked = by_app && rows.is_empty();
    if rows.len() < ROWS_MIN && !(only_asked && change.is_some()) {
        return None;
    }
    let mut because = match (told.is_empty(), rows.len()) {
        (false, _) => codes_told(&told),
        (true, 0) => "the code of the authenticator app is asked for, and none is accepted".to_owned(),
        (true, count) => format!("{} after the challenge for a code", several(count, "failure")),
    };
    let mut found = Vec::new();
    if let Some((at, operation, cite)) = &change {
        because.push_str(&format!(", after `{operation}` on {}", at.strftime("%Y-%m-%d %H:%MZ")));
        found.push(cite.clone());
    }
    found.extend(cites(&rows));
    if rows.is_empty() {
        let asked: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| row.deed == Deed::Asked).collect();
        found.extend(cites(&asked));
    }
    found.truncate(CITES_MAX);
    let weight = if change.is_some() || registers.len() >= ROWS_MIN { Weight::Proof } else { Weight::Hint };
    let versus = match change {
        // What was changed is the person's own.
        Some(_) => case.somebody(),
        None => case.versus(|row| {
            is_wrong_code(row)
                || row.code.is_some_and(|code| code.cause.as_deref() == Some(specific) && code.weight == Weight::Proof)
        }),
    };
    // Codes of the app that fail for one person alone are of that person's app.
    let stands_alone = failures.len() >= ROWS_MIN || codes.len() >= ROWS_MIN;
    Some(Ground {
        specific,
        weight,
        because,
        cites: found,
        versus,
        stands_alone,
        led_by: None,
        ask: vec!["entra/audit-log", GATEWAY],
    })
}

fn is_wrong_code(row: &Row<'_>) -> bool {
    row.side == Side::Gateway
        && codes::within("reason", row.fact().reason.as_deref().unwrap_or_default()) == Some("wrong_code")
}

/// The last change of the person's second factor before the loop.
fn change_of_factor(case: &Case<'_, '_>) -> Option<(Timestamp, String, Cite)> {
    let is_of_factor = |text: &str| codes::within("factor_change", text).is_some();
    let mut found: Option<(Timestamp, String, Cite)> = None;
    for entry in case.survey.ledger.entries() {
        let Some(at) = entry.observation.when.as_ref().map(|when| when.at).filter(|at| is_before(case, Some(*at)))
        else {
            continue;
        };
        let operation = match &entry.observation.fact {
            Fact::Change(change) => {
                let is_meant = is_of_factor(&change.operation)
                    || change
                        .alterations
                        .iter()
                        .any(|one| is_of_factor(&one.name) || is_of_factor(one.after.as_deref().unwrap_or_default()));
                (is_meant && names_person(case, change.object.as_deref(), &change.alterations))
                    .then_some(&change.operation)
            }
            Fact::Act(act) => {
                let mut values = act.details.iter().flat_map(|detail| &detail.values);
                let is_meant =
                    is_of_factor(&act.operation) || act.details.iter().any(|detail| is_of_factor(&detail.name));
                let texts = act.object.iter().chain(act.by.name.iter().filter(|_| act.object.is_none()));
                let names =
                    texts.into_iter().any(|text| holds_name(case, text)) || values.any(|text| holds_name(case, text));
                (is_meant && names).then_some(&act.operation)
            }
            _ => None,
        };
        if let Some(operation) = operation.filter(|_| found.as_ref().is_none_or(|(known, ..)| *known <= at)) {
            found = Some((at, operation.clone(), entry.observation.cite.clone()));
        }
    }
    found
}

/// The code is sent by mail, and the mail does not arrive.
pub(super) fn code_mail(case: &Case<'_, '_>) -> Option<Ground> {
    let challenges: Vec<(usize, &Row<'_>)> = case
        .inside()
        .filter(|(_, row)| row.side == Side::Gateway && row.deed == Deed::Asked)
        .take(CHALLENGES_MAX)
        .collect();
    if challenges.is_empty() {
        return None;
    }
    let factor = |row: &Row<'_>| row.fact().steps.iter().find_map(|step| codes::within("factor", step));
    let is_by_mail = challenges.iter().any(|(_, row)| factor(row) == Some("mail"));
    if !is_by_mail && challenges.iter().any(|(_, row)| factor(row).is_some()) {
        return None;
    }
    let mails = |names: &BTreeSet<String>, at: Timestamp, fared: &dyn Fn(Fared) -> bool| -> Option<Cite> {
        let lines = case.survey.lines();
        let from = at.checked_sub(CLOCKS).unwrap_or(at);
        let until = at.checked_add(CODE_MAIL_WITHIN).unwrap_or(at);
        let first = lines.partition_point(|line| line.at.is_none_or(|line| line < from));
        let near =
            lines.get(first..)?.iter().take(LINES_MAX).take_while(|line| line.at.is_some_and(|line| line <= until));
        let is_meant = |line: &&Line| {
            names.contains(&case.survey.text(line.envelope_recipient).to_lowercase())
                && is_null(case.survey.text(line.envelope_sender))
                && line.fared().is_some_and(fared)
        };
        near.filter(is_meant).map(|line| case.survey.cite(line)).next()
    };
    let mut found: Vec<Cite> = Vec::new();
    let (mut stopped, mut arrived) = (0, 0);
    for (_, row) in &challenges {
        if let Some(cite) = mails(&case.names, row.at, &|fared| fared != Fared::Through) {
            stopped += 1;
            if found.len() < CITES_MAX && !found.contains(&cite) {
                found.push(cite);
            }
        } else if mails(&case.names, row.at, &|fared| fared == Fared::Through).is_some() {
            arrived += 1;
        }
    }
    let specific = "code-mail-not-delivered";
    if stopped == 0 {
        return (is_by_mail && arrived == 0).then(|| Ground {
            specific,
            weight: Weight::Hint,
            because: format!("the code is sent by mail ({})", several(challenges.len(), "challenge")),
            cites: cites(&challenges),
            versus: case.somebody(),
            stands_alone: false,
            led_by: None,
            ask: vec!["exchange-online/message-trace"],
        });
    }
    let is_stopped_for_others = case.controls.iter().find_map(|control| {
        let good = case.row(control.good)?;
        let names = BTreeSet::from([good.who.clone()]);
        mails(&names, good.at.checked_sub(CODE_MAIL_WITHIN).ok()?, &|fared| fared != Fared::Through)
            .map(|_| control.good)
    });
    let versus = match (is_stopped_for_others, case.somebody()) {
        (Some(good), _) => Versus::Same(good),
        (None, other) => other,
    };
    let because =
        format!("the mail with the code was stopped after {stopped} of {}", several(challenges.len(), "challenge"));
    found.extend(cites(&challenges));
    found.truncate(CITES_MAX + 2);
    let weight = if stopped >= ROWS_MIN || (stopped > 0 && is_by_mail) { Weight::Proof } else { Weight::Hint };
    Some(Ground {
        specific,
        weight,
        because,
        cites: found,
        versus,
        stands_alone: false,
        led_by: None,
        ask: vec!["exchange-online/message-trace"],
    })
}

fn is_null(sender: &str) -> bool {
    sender.is_empty() || sender == "<>"
}
