//! Clients that keep a token of the time before the outage.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use evidence::{Layer, SignIn, SignInKind, SignInOutcome};
use serde::Deserialize;

use super::outage::Outage;
use super::{Leftover, clock};
use crate::Standing;
use crate::symptoms::picture::{Mark, MarkTone};
use crate::symptoms::{Apart, Stated, Survey};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    codes: Vec<i64>,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Default, Deserialize)]
struct Table {
    token: Vec<Token>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| toml::from_str(include_str!("tokens.toml")).unwrap_or_default());

fn is_old_token(code: i64) -> bool {
    TABLE.token.iter().any(|token| token.codes.contains(&code))
}

/// Fewer failures of a client are one that signed in anew and went on.
const FAILURES_MIN: usize = 2;

/// Users whose clients go on failing with an old token.
pub(super) fn old(survey: &Survey<'_>, outage: &Outage<'_>) -> Option<Leftover> {
    let all = survey.sign_ins();
    let mut of_user: BTreeMap<&str, (Vec<&Stated<'_, SignIn>>, Vec<&Stated<'_, SignIn>>)> = BTreeMap::new();
    for one in &all {
        let (Some(at), Some(who)) = (one.at(), one.fact.who.as_deref()) else { continue };
        if at < outage.back {
            continue;
        }
        let entry = of_user.entry(who).or_default();
        let is_person = matches!(one.fact.kind, SignInKind::Interactive);
        match one.fact.error_code {
            Some(code) if is_old_token(code) && !is_person => entry.0.push(one),
            _ if is_person && one.fact.outcome == SignInOutcome::Succeeded => entry.1.push(one),
            _ => {}
        }
    }
    of_user.retain(|_, (failed, _)| failed.len() >= FAILURES_MIN);
    let shown = |(failed, well): &(Vec<&Stated<'_, SignIn>>, Vec<&Stated<'_, SignIn>>)| {
        // The client goes on failing although the person got in.
        let first = well.first().and_then(|one| one.at());
        first.is_some_and(|first| failed.last().and_then(|one| one.at()).is_some_and(|last| last > first))
    };
    let proved: Vec<_> = of_user.iter().filter(|(_, user)| shown(user)).collect();
    let (users, is_proved) = if proved.is_empty() { (of_user.iter().collect(), false) } else { (proved, true) };
    let (_, (failed, well)) = users.first()?;
    let mut codes: Vec<i64> = failed.iter().filter_map(|one| one.fact.error_code).collect();
    codes.sort_unstable();
    codes.dedup();
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    let names: Vec<&str> = users.iter().map(|(name, _)| **name).take(3).collect();
    let applications: Vec<&str> = failed.iter().filter_map(|one| one.fact.application.as_deref()).take(1).collect();
    let until = failed.last().and_then(|one| one.at())?;
    let said = format!(
        "clients of {} ({}) go on failing with an old token, error {}, last at {}",
        names.join(", "),
        applications.join(", "),
        codes.join(", "),
        clock(until)
    );
    let said = match is_proved {
        true => format!(
            "{said}, although the same person signed in at the prompt with error 0; the token lives until its client signs in anew"
        ),
        false => format!("{said}; whether the same person can sign in at the prompt is not shown"),
    };
    let mark = |one: &&Stated<'_, SignIn>, tone: MarkTone, label: String| {
        Some(Mark { at: one.at()?, tone, label, cites: vec![one.cite()] })
    };
    let marks = failed
        .iter()
        .filter_map(|one| {
            mark(one, MarkTone::Bad, format!("token refused ({})", one.fact.error_code.unwrap_or_default()))
        })
        .chain(well.iter().filter_map(|one| mark(one, MarkTone::Good, "signed in at the prompt".to_owned())));
    let mut cites: Vec<_> =
        users.iter().flat_map(|(_, (failed, _))| failed.iter().take(2).map(|one| one.cite())).take(5).collect();
    cites.extend(failed.last().map(|one| one.cite()));
    cites.extend(well.first().map(|one| one.cite()));
    Some(Leftover {
        specific: "old-tokens",
        standing: if is_proved { Standing::Proved } else { Standing::NotShown },
        layer: Layer::Arrival,
        envelope_recipient: None,
        said,
        lane: "clients with an old token".to_owned(),
        marks: marks.collect(),
        cites,
        ask_for: if is_proved { Vec::new() } else { vec!["entra/sign-ins"] },
        apart: Vec::<Apart>::new(),
    })
}
