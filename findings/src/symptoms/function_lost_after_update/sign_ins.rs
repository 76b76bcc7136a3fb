//! Applications and ways of signing in that worked until an instant, and are refused since as no longer there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use evidence::{Cite, SettingClass, SignIn, SignInOutcome};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::altered::{Altered, minute};
use super::super::{Stated, Survey};
use super::{Lost, Row};
use crate::Standing;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: i64,
    means: String,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Deserialize)]
struct Table {
    code: Vec<Code>,
}

static CODES: LazyLock<Vec<Code>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("sign_ins.toml")).map(|table| table.code).unwrap_or_default()
});

/// How one application fared.
#[derive(Default)]
struct Fared<'a> {
    good: Vec<Stated<'a, SignIn>>,
    bad: Vec<(Stated<'a, SignIn>, &'static str)>,
}

/// Applications that can no longer sign in.
pub(super) fn all(survey: &Survey<'_>, altered: &[Altered]) -> Vec<Lost> {
    let mut by_application: BTreeMap<String, Fared<'_>> = BTreeMap::new();
    for sign_in in survey.sign_ins() {
        let Some(application) = application(sign_in.fact) else { continue };
        let fared = by_application.entry(application).or_default();
        let means = sign_in.fact.error_code.and_then(|code| CODES.iter().find(|known| known.code == code));
        if sign_in.fact.outcome == SignInOutcome::Succeeded {
            fared.good.push(sign_in);
        } else if let Some(means) = means {
            fared.bad.push((sign_in, means.means.as_str()));
        }
    }
    let lost = by_application.iter().filter_map(|(application, fared)| {
        let others: BTreeMap<&String, Timestamp> = by_application
            .iter()
            .filter(|(other, _)| *other != application)
            .filter_map(|(other, fared)| Some((other, fared.good.last()?.at()?)))
            .collect();
        let are_others_refused =
            by_application.iter().any(|(other, fared)| other != application && !fared.bad.is_empty());
        // If everything is refused, no function is gone: whoever asks is, or what all ask.
        let goes_on = |first: Timestamp| others.values().any(|at| *at >= first);
        let first_bad = fared.bad.first().and_then(|(one, _)| one.at())?;
        if are_others_refused && !goes_on(first_bad) {
            return None;
        }
        lost(survey, application, fared, &others, altered)
    });
    lost.collect()
}

/// The application that asked; its lasting id would be better, where it is kept as a detail.
fn application(sign_in: &SignIn) -> Option<String> {
    sign_in.application.clone().or_else(|| sign_in.who.clone()).filter(|name| !name.is_empty())
}

fn lost(
    survey: &Survey<'_>,
    application: &str,
    fared: &Fared<'_>,
    others: &BTreeMap<&String, Timestamp>,
    altered: &[Altered],
) -> Option<Lost> {
    let (first_bad, means) = fared.bad.first()?;
    let bad_at = first_bad.at()?;
    let before: Vec<&Stated<'_, SignIn>> =
        fared.good.iter().filter(|one| one.at().is_some_and(|at| at < bad_at)).collect();
    let last_good = before.last()?;
    let good_at = last_good.at()?;
    let last_bad = fared.bad.last().and_then(|(one, _)| one.at()).unwrap_or(bad_at);
    // Whoever gets in between two refusals is refused for another reason.
    if fared.good.iter().any(|one| one.at().is_some_and(|at| bad_at <= at && at <= last_bad)) {
        return None;
    }
    let carry_on: Vec<&str> = others.iter().filter(|(_, at)| **at >= bad_at).map(|(name, _)| name.as_str()).collect();
    let change = altered
        .iter()
        .filter(|one| {
            matches!(one.class, SettingClass::Application | SettingClass::ConditionalAccess | SettingClass::User)
        })
        .filter(|one| one.may_lie_between(Some(good_at), bad_at))
        .filter(|one| one.class == SettingClass::ConditionalAccess || names(one, application))
        .max_by_key(|one| (names(one, application), one.until));
    let code = first_bad.fact.error_code.unwrap_or_default();
    let who: BTreeSet<&str> = fared.bad.iter().filter_map(|(one, _)| one.fact.who.as_deref()).take(64).collect();
    let mut statement = format!(
        "`{application}` signed in until {} ({} times) and is refused from {} with {code}, {means} ({} times, {})",
        minute(good_at),
        before.len(),
        minute(bad_at),
        fared.bad.len(),
        if who.len() == 1 { "1 account".to_owned() } else { format!("{} accounts", who.len()) },
    );
    if !carry_on.is_empty() {
        let shown: Vec<&str> = carry_on.iter().take(2).copied().collect();
        statement = format!("{statement}; others go on to sign in ({})", shown.join(", "));
    }
    let mut cites: Vec<Cite> = vec![last_good.cite(), first_bad.cite()];
    let mut rows = vec![
        Row::new("last use that went well", Some(minute(good_at)), None, vec![last_good.cite()]),
        Row::new("first use that failed", None, Some(format!("{} ({code})", minute(bad_at))), vec![first_bad.cite()]),
    ];
    let standing = match (change, carry_on.is_empty()) {
        (Some(_), _) | (None, false) => Standing::Proved,
        (None, true) => Standing::Likely,
    };
    let mut ask_for = Vec::new();
    match change {
        Some(change) => {
            statement = format!("{statement}; {}", change.told());
            cites.extend(change.cites.iter().take(1).cloned());
            rows.push(Row::altered(change));
        }
        None => {
            statement = format!("{statement}; who changed it is not shown");
            if !survey.has("entra/audit-log") {
                ask_for.push("entra/audit-log");
            }
        }
    }
    Some(Lost {
        specific: Some("app-or-protocol-retired"),
        standing,
        good_until: Some(good_at),
        bad_from: Some(bad_at),
        function: format!("sign-in of `{application}`"),
        statement,
        cites,
        ask_for,
        apart: Vec::new(),
        rows,
    })
}

/// Whether a change is of this application.
fn names(one: &Altered, application: &str) -> bool {
    one.name.to_lowercase().contains(&application.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        assert!(toml::from_str::<Table>(include_str!("sign_ins.toml")).is_ok());
    }
}
