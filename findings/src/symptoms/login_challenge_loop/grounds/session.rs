//! Causes that lie in the session: its cookie, its age, and the clock.

use std::collections::BTreeSet;

use super::{CITES_MAX, Ground, ROWS_MIN, by_code, cites, coded, codes_told, several};
use crate::symptoms::login_challenge_loop::attempts::{
    Deed, LOOP_ATTEMPTS, PROVIDER, Row, Shape, Side, has_run_out, is_applied, names_a_frequency,
};
use crate::symptoms::login_challenge_loop::case::{Case, Versus};
use crate::symptoms::login_challenge_loop::codes::{self, Weight};

/// A clock is wrong.
pub(super) fn clock(case: &Case<'_, '_>) -> Option<Ground> {
    by_code(case, "clock")
}

/// An access policy asks again after a time.
pub(super) fn frequency(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "sign-in-frequency";
    let rows: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| has_run_out(row)).collect();
    if rows.len() < ROWS_MIN {
        return None;
    }
    let coded = coded(case, specific, Weight::Proof);
    let named: BTreeSet<&str> = case.inside().flat_map(|(_, row)| policies_of(row)).collect();
    let mut told = Vec::new();
    if !coded.is_empty() {
        told.push(codes_told(&coded));
    }
    if !named.is_empty() {
        told.push(format!("the policy {} applies", named.into_iter().collect::<Vec<&str>>().join(", ")));
    }
    if let Shape::Regular(spacing) = case.main.shape {
        told.push(format!("a prompt every {} min", (spacing.as_secs() + 30) / 60));
    }
    if told.is_empty() {
        told.push(format!("a sign-in frequency is named in {}", several(rows.len(), "row")));
    }
    let versus = case.versus(|row| has_run_out(row) || names_a_frequency(row));
    // A policy's name alone tells only if it is not the policy of those who get in.
    let is_named_each_time = rows.len() * 2 >= case.main.attempts.len() && versus == Versus::Differs;
    let is_proof = coded.len() >= ROWS_MIN || matches!(case.main.shape, Shape::Regular(_)) || is_named_each_time;
    let weight = if is_proof { Weight::Proof } else { Weight::Hint };
    let ask = vec![PROVIDER, "entra/conditional-access"];
    Some(Ground {
        specific,
        weight,
        because: told.join(", "),
        cites: cites(&rows),
        versus,
        stands_alone: false,
        led_by: None,
        ask,
    })
}

/// The names of applied policies that set a sign-in frequency.
fn policies_of<'r>(row: &'r Row<'_>) -> Vec<&'r str> {
    let sets = |controls: &[String]| controls.iter().any(|control| codes::within("frequency", control).is_some());
    let policies = row.fact().policies.iter().filter(|policy| is_applied(&policy.result) && sets(&policy.controls));
    policies.map(|policy| policy.name.as_str()).collect()
}

/// The browser does not keep what it is given.
pub(super) fn cookies(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "cookies-or-session-lost";
    if case.main.shape == Shape::Enrolment {
        let rows: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| row.deed == Deed::Enrolled).collect();
        let ip = rows.iter().find_map(|(_, row)| row.ip()).map(|ip| format!(" from {ip}")).unwrap_or_default();
        let because = format!("the device is enrolled {} times{ip}: what marks it as enrolled is not kept", rows.len());
        let versus = case.somebody();
        return Some(Ground {
            specific,
            weight: Weight::Proof,
            because,
            cites: cites(&rows),
            versus,
            stands_alone: true,
            led_by: None,
            ask: Vec::new(),
        });
    }
    let in_loop = |row: &Row<'_>| row.side == Side::Provider;
    let told = coded(case, specific, Weight::Hint);
    let proof = coded(case, specific, Weight::Proof);
    let sessions: BTreeSet<&str> =
        case.inside().filter(|(_, row)| in_loop(row)).filter_map(|(_, row)| session(row)).collect();
    let attempts = case.main.attempts.len();
    let is_new_each_time = sessions.len() >= LOOP_ATTEMPTS && sessions.len() * 2 >= attempts;
    // The same person gets in with another browser.
    let devices: BTreeSet<&str> = told.iter().filter_map(|(_, row)| row.fact().device.as_deref()).collect();
    let elsewhere = case.all().find(|(_, row)| {
        row.side == Side::Provider
            && row.deed == Deed::Good
            && row.app == case.main.app
            && row.fact().device.as_deref().is_some_and(|device| !devices.is_empty() && !devices.contains(device))
    });
    let undone = matches!(case.main.shape, Shape::Undone);
    let is_gateway_alone = undone && case.main.side == Side::Gateway;
    if told.len() < ROWS_MIN && proof.is_empty() && !(undone && (is_new_each_time || is_gateway_alone)) {
        return None;
    }
    let is_proof = !proof.is_empty() || (told.len() >= ROWS_MIN && (is_new_each_time || elsewhere.is_some()));
    let mut because = Vec::new();
    if !told.is_empty() {
        because.push(codes_told(&told));
    }
    if is_new_each_time {
        because.push(format!("{} sessions in {}", sessions.len(), several(attempts, "attempt")));
    } else if undone {
        because.push(format!(
            "each of {} is followed by a new challenge",
            several(attempts - 1, "success").replace("successs", "successes")
        ));
    }
    if elsewhere.is_some() {
        because.push("the same person gets in with another browser".to_owned());
    }
    let mut found = cites(&told);
    if found.is_empty() {
        let numbers = case.main.attempts.iter().flat_map(|attempt| &attempt.rows);
        found = numbers.filter_map(|number| case.row(*number)).take(CITES_MAX).map(|row| row.stated.cite()).collect();
    }
    found.truncate(CITES_MAX - 1);
    found.extend(elsewhere.map(|(_, row)| row.stated.cite()));
    let versus = match elsewhere {
        Some(_) => Versus::Differs,
        None => case.versus(|row| {
            row.code.is_some_and(|code| code.cause.as_deref() == Some(specific) && code.weight == Weight::Proof)
        }),
    };
    let weight = if is_proof { Weight::Proof } else { Weight::Hint };
    Some(Ground {
        specific,
        weight,
        because: because.join(", "),
        cites: found,
        versus,
        stands_alone: is_new_each_time || elsewhere.is_some(),
        led_by: None,
        ask: vec![PROVIDER],
    })
}

/// The browser's session, where the log has it; else that which the client chose.
fn session<'r>(row: &'r Row<'_>) -> Option<&'r str> {
    row.detail("sessionid").or_else(|| row.session())
}
