//! Causes that lie in the name under which somebody signs in.

use std::collections::BTreeSet;

use evidence::{Alteration, ChangeKind, SettingClass};
use jiff::{SignedDuration, Timestamp};

use super::{CITES_MAX, Ground, by_code, cites, coded, codes_told, several};
use crate::symptoms::login_challenge_loop::attempts::{
    Deed, GATEWAY, PROVIDER, Row, Shape, Side, is_applied, shares_a_session,
};
use crate::symptoms::login_challenge_loop::case::{Case, are_alike, is_of_alias};
use crate::symptoms::login_challenge_loop::codes::{self, Weight};

/// A change explains a loop that begins within this time after it: people sign in on every working day.
const CHANGE_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Somebody else's logon from the same address within this time of the loop is of the same seat.
const SAME_SEAT: SignedDuration = SignedDuration::from_hours(2);
/// A logon from elsewhere this long before or after the loop is at the same time.
const AT_THE_TIME: SignedDuration = SignedDuration::from_mins(30);
/// A sign-in leads to a challenge within this time.
const RIGHT_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// The person signs in as somebody else: the executive, or a shared mailbox.
pub(super) fn delegate(case: &Case<'_, '_>) -> Option<Ground> {
    taking_turns(case).or_else(|| from_the_seat_of_another(case)).or_else(|| account_that_cannot(case))
}

fn taking_turns(case: &Case<'_, '_>) -> Option<Ground> {
    if case.main.shape != Shape::Alternating {
        return None;
    }
    let numbers: Vec<usize> = case.main.attempts.iter().flat_map(|attempt| attempt.rows.iter().copied()).collect();
    let rows: Vec<(usize, &Row<'_>)> =
        numbers.iter().filter_map(|number| Some((*number, case.row(*number)?))).collect();
    let names: Vec<&str> = case.main.who.iter().map(String::as_str).collect();
    let seat = if shares_a_session(case.rows, &numbers) { "one session" } else { "one address" };
    let ip = rows.iter().find_map(|(_, row)| row.ip()).map(|ip| format!(" ({ip})")).unwrap_or_default();
    let because = format!("{} take turns from {seat}{ip}, and one of them never gets in", names.join(" and "));
    Some(Ground {
        specific: "delegate-or-shared-mailbox",
        weight: Weight::Proof,
        because,
        cites: cites(&rows),
        versus: case.somebody(),
        stands_alone: true,
        led_by: None,
        ask: Vec::new(),
    })
}

/// Challenges under an address whose own logons come from elsewhere, from the address of somebody else's logons.
fn from_the_seat_of_another(case: &Case<'_, '_>) -> Option<Ground> {
    let looping: Vec<(usize, &Row<'_>)> = case
        .main
        .attempts
        .iter()
        .flat_map(|attempt| &attempt.rows)
        .filter_map(|number| Some((*number, case.row(*number)?)))
        .collect();
    let ips: BTreeSet<&str> = looping.iter().filter_map(|(_, row)| row.ip()).collect();
    let filed_under = looping.iter().find_map(|(_, row)| {
        let user = row.detail("user").filter(|user| user.contains('@'))?;
        (!case.persons.contains(&case.people.name(&user.to_lowercase()))).then_some(user)
    });
    // The owner of the address was elsewhere at the very time: somebody who only changed seats was not.
    let during = |at: Timestamp| {
        case.from() <= at.checked_add(AT_THE_TIME).unwrap_or(at)
            && at <= case.to().checked_add(AT_THE_TIME).unwrap_or(at)
    };
    let elsewhere = case
        .all()
        .map(|(_, row)| row)
        .find(|row| row.deed == Deed::Good && during(row.at) && row.ip().is_some_and(|ip| !ips.contains(ip)));
    let mut others = case.rows.iter().filter(|row| {
        row.deed == Deed::Good
            && row.ip().is_some_and(|ip| ips.contains(ip))
            && !case.persons.contains(&case.people.name(&row.who))
            && row.at.duration_since(case.from()).abs() <= SAME_SEAT
    });
    let first = others.next();
    // More than one person at the address: an office, no seat.
    let is_one_seat = first.is_some_and(|first| others.all(|row| row.who == first.who));
    // Somebody else whom the provider passed right before each challenge sat there, wherever the owner was.
    let passed = |row: &&Row<'_>| {
        let before = row.at.checked_sub(RIGHT_BEFORE).unwrap_or(row.at);
        let first = case.rows.partition_point(|other| other.at < before);
        let near = case.rows.get(first..).into_iter().flatten().take_while(|other| other.at <= row.at);
        let mut near =
            near.filter(|other| other.side == Side::Provider && other.deed == Deed::Good && other.ip() == row.ip());
        near.find(|other| !case.persons.contains(&case.people.name(&other.who)))
    };
    let passed: Vec<&Row<'_>> = looping.iter().filter_map(|(_, row)| passed(row)).collect();
    let led = passed.first().copied().filter(|first| {
        passed.len() >= 2 && passed.len() * 2 >= looping.len() && passed.iter().all(|row| row.who == first.who)
    });
    let other = led.or(first.filter(|_| is_one_seat && elsewhere.is_some()));
    if filed_under.is_none() && other.is_none() {
        return None;
    }
    let who = filed_under.or(other.map(|row| row.who.as_str())).unwrap_or_default();
    let ip = ips.iter().next().copied().unwrap_or("the same address");
    let because = match filed_under {
        Some(_) => format!("the events under {} are filed for {who}", case.main.who.iter().next()?),
        None => format!(
            "the challenges of {} come from {ip}, from where {who} signs in{}",
            case.main.who.iter().next()?,
            match led {
                Some(_) => " right before them",
                None => ", while the owner of the address was elsewhere",
            }
        ),
    };
    let mut found = cites(&looping);
    found.truncate(CITES_MAX - 2);
    found.extend(other.map(|row| row.stated.cite()));
    found.extend(elsewhere.map(|row| row.stated.cite()));
    Some(Ground {
        specific: "delegate-or-shared-mailbox",
        weight: Weight::Proof,
        because,
        cites: found,
        versus: case.somebody(),
        stands_alone: true,
        led_by: Some(who.to_lowercase()),
        ask: Vec::new(),
    })
}

/// Accounts that cannot sign in by themselves: shared mailboxes are made like that.
fn account_that_cannot(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "delegate-or-shared-mailbox";
    let found = coded(case, specific, Weight::Hint);
    (found.len() >= 2).then(|| Ground {
        specific,
        weight: Weight::Hint,
        because: codes_told(&found),
        cites: cites(&found),
        versus: case.versus(|row| row.code.and_then(|code| code.cause.as_deref()) == Some(specific)),
        stands_alone: false,
        led_by: None,
        ask: vec![GATEWAY],
    })
}

/// The name that the provider passes, or that is typed, is not the one that the gateway knows the person by.
pub(super) fn name_mismatch(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "name-mismatch";
    let is_of_another_name = |row: &Row<'_>| {
        row.side == Side::Gateway
            && row.deed != Deed::Good
            && (is_of_alias(row) || filed_for_another(case, row) || is_unknown(row))
    };
    let rows: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| is_of_another_name(row)).collect();
    if let Some((_, first)) = rows.first() {
        let what = if rows.iter().any(|(_, row)| is_of_alias(row)) {
            "an alias".to_owned()
        } else if let Some(user) = rows.iter().find_map(|(_, row)| row.detail("user")) {
            format!("another name of {user}")
        } else {
            "a name that the gateway does not know".to_owned()
        };
        let because = format!("the gateway refuses {} as {what} in {}", first.who, several(rows.len(), "event"));
        let mut found = cites(&rows);
        found.truncate(CITES_MAX - 1);
        found.extend(renamed(case).map(|(_, cite)| cite));
        let versus = case.versus(is_of_another_name);
        return Some(Ground {
            specific,
            weight: Weight::Proof,
            because,
            cites: found,
            versus,
            stands_alone: true,
            led_by: None,
            ask: Vec::new(),
        });
    }
    let passed: Vec<(usize, &Row<'_>)> =
        case.inside().filter(|(_, row)| row.side == Side::Provider && row.deed == Deed::Good).collect();
    // The provider passes the person, and the gateway does not log anybody of that name on.
    let is_left = case.main.shape == Shape::NotTakenUp
        || (case.main.side == Side::Gateway && case.main.shape == Shape::NoneEndsWell && passed.len() >= 2);
    let who = &passed.first().filter(|_| is_left)?.1.who;
    // The gateway logged the person on before, under another name.
    let before = case
        .rows
        .iter()
        .filter(|row| row.side == Side::Gateway && row.deed == Deed::Good && row.who != *who)
        .rfind(|row| are_alike(&row.who, who));
    let (mut because, mut found, weight) = match (before, renamed(case)) {
        (None, None) => return None,
        (Some(before), change) => {
            let because = format!("the provider passes {who}, and the gateway knew the person as {}", before.who);
            let weight = if change.is_some() { Weight::Proof } else { Weight::Hint };
            (because, vec![before.stated.cite()], weight)
        }
        (None, Some(_)) => {
            (format!("the provider passes {who}, and the gateway takes no logon up"), Vec::new(), Weight::Proof)
        }
    };
    if let Some((at, cite)) = renamed(case) {
        because.push_str(&format!(" (the name was changed on {})", at.strftime("%Y-%m-%d %H:%MZ")));
        found.push(cite);
    }
    found.extend(cites(&passed));
    found.truncate(CITES_MAX);
    Some(Ground {
        specific,
        weight,
        because,
        cites: found,
        versus: case.somebody(),
        stands_alone: true,
        led_by: None,
        ask: vec![GATEWAY],
    })
}

fn filed_for_another(case: &Case<'_, '_>, row: &Row<'_>) -> bool {
    let user = row.detail("user").filter(|user| user.contains('@'));
    user.is_some_and(|user| case.persons.contains(&case.people.name(&user.to_lowercase())))
}

fn is_unknown(row: &Row<'_>) -> bool {
    codes::within("reason", row.fact().reason.as_deref().unwrap_or_default()) == Some("unknown_address")
}

/// A change of the person's names before the loop.
fn renamed(case: &Case<'_, '_>) -> Option<(Timestamp, evidence::Cite)> {
    let is_of_a_name = |one: &Alteration| {
        let is_other = one.before.as_deref().unwrap_or_default() != one.after.as_deref().unwrap_or_default();
        is_other && codes::within("rename", &one.name).is_some()
    };
    let mut changes = case.survey.changes();
    changes.retain(|change| {
        let fact = change.fact;
        let is_meant = fact.alterations.iter().any(is_of_a_name) || codes::within("rename", &fact.operation).is_some();
        fact.class == Some(SettingClass::User)
            && is_meant
            && is_before(case, change.at())
            && names_person(case, fact.object.as_deref(), &fact.alterations)
    });
    let last = changes.last()?;
    Some((last.at()?, last.cite()))
}

/// Whether something was done shortly before the loop began.
pub(super) fn is_before(case: &Case<'_, '_>, at: Option<Timestamp>) -> bool {
    at.is_some_and(|at| at <= case.from() && case.from().duration_since(at) <= CHANGE_BEFORE)
}

/// Whether a change names the person, by any name.
pub(super) fn names_person(case: &Case<'_, '_>, object: Option<&str>, alterations: &[Alteration]) -> bool {
    let values = alterations.iter().flat_map(|one| [one.before.as_deref(), one.after.as_deref()]).flatten();
    values.chain(object).any(|text| holds_name(case, text))
}

/// Whether a text holds a name of the person as a whole word.
pub(super) fn holds_name(case: &Case<'_, '_>, text: &str) -> bool {
    let text = text.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-@".contains(c);
    let mut words = text.split(|c| !is_part(c)).map(|word| word.trim_matches(['.', '\'']));
    words
        .any(|word| case.names.contains(word) || (word.contains('@') && case.persons.contains(&case.people.name(word))))
}

/// The request or the claim does not fit.
pub(super) fn saml(case: &Case<'_, '_>) -> Option<Ground> {
    by_code(case, "saml-mismatch")
}

/// A role or a group was given or taken before the loop, so that another profile applies.
pub(super) fn profile(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "different-profile-by-role";
    let mut changes = case.survey.changes();
    changes.retain(|change| {
        let fact = change.fact;
        let is_meant = matches!(fact.class, Some(SettingClass::Group | SettingClass::ConditionalAccess))
            || (fact.class == Some(SettingClass::User) && is_of_a_role(&fact.operation, &fact.alterations));
        is_meant
            && is_before(case, change.at())
            && names_person(case, fact.object.as_deref(), &fact.alterations)
            && (fact.kind != ChangeKind::Other)
    });
    let Some(change) = changes.last() else {
        let refused = coded(case, specific, Weight::Hint);
        return (refused.len() >= 2).then(|| Ground {
            specific,
            weight: Weight::Hint,
            because: codes_told(&refused),
            cites: cites(&refused),
            versus: case.versus(|row| row.code.and_then(|code| code.cause.as_deref()) == Some(specific)),
            stands_alone: false,
            led_by: None,
            ask: vec![GATEWAY, "entra/audit-log"],
        });
    };
    let at = change.at()?;
    // What is asked for now, and what was asked for before, or of others.
    let asked = |row: &Row<'_>| match row.side {
        Side::Gateway => row.fact().client.iter().chain(&row.fact().steps).cloned().collect::<BTreeSet<String>>(),
        Side::Provider => {
            let applied = row.fact().policies.iter().filter(|policy| is_applied(&policy.result));
            applied.map(|policy| policy.name.clone()).collect()
        }
    };
    let now: Vec<(usize, &Row<'_>)> =
        case.inside().filter(|(_, row)| row.side == case.main.side && row.app == case.main.app).collect();
    let is_as_now = |row: &Row<'_>| now.iter().any(|(_, own)| asked(own) == asked(row));
    let earlier = case.all().filter(|(_, row)| {
        row.deed == Deed::Good && row.at < at && row.side == case.main.side && row.app == case.main.app
    });
    let other_before = earlier.last().map(|(number, row)| (number, !is_as_now(row)));
    let other_with_others =
        case.controls.iter().any(|control| case.row(control.good).is_some_and(|row| !is_as_now(row)));
    let is_proof = match other_before {
        Some((_, differs)) => differs,
        None => other_with_others,
    };
    let mut found = vec![change.cite()];
    found.extend(other_before.and_then(|(number, _)| case.row(number)).map(|row| row.stated.cite()));
    found.extend(cites(&now));
    found.truncate(CITES_MAX);
    let object = change.fact.object.as_deref().unwrap_or_default();
    let because = format!(
        "`{}` ({object}) at {} changed which profile applies, {}",
        change.fact.operation,
        at.strftime("%Y-%m-%d %H:%MZ"),
        if is_proof { "and since then another method is asked for" } else { "before the first challenge that loops" }
    );
    let weight = if is_proof { Weight::Proof } else { Weight::Hint };
    let ask = if case.has_side(Side::Provider) { vec![GATEWAY] } else { vec![PROVIDER] };
    Some(Ground {
        specific,
        weight,
        because,
        cites: found,
        versus: case.somebody(),
        stands_alone: true,
        led_by: None,
        ask,
    })
}

fn is_of_a_role(operation: &str, alterations: &[Alteration]) -> bool {
    let is_meant = |text: &str| text.to_lowercase().contains("role");
    is_meant(operation) || alterations.iter().any(|one| is_meant(&one.name))
}
