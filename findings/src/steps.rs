//! What to do next, for tier 1 and tier 2, from the findings.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Finding, Kind, NextStep, Scene, Standing};

/// One entry of `steps.toml`: what to do about a cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advice {
    /// `family/specific`, or `family/*`.
    cause: String,
    tier1: Vec<String>,
    tier2: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Table {
    advice: Vec<Advice>,
}

static TABLE: LazyLock<Vec<Advice>> =
    LazyLock::new(|| toml::from_str::<Table>(include_str!("steps.toml")).map(|table| table.advice).unwrap_or_default());

/// The steps that the findings ask for, each once: tier 1 first; within a tier exports to fetch, then deeds.
pub(crate) fn of(_scene: &Scene<'_>, findings: &[Finding]) -> Vec<NextStep> {
    let mut steps: Vec<NextStep> = Vec::new();
    for finding in findings {
        for source in &finding.ask_for {
            let tier = if source.ends_with("/siem") || source.ends_with("-detail") { 2 } else { 1 };
            let step = format!("Fetch {source} and run again: it would settle {}", finding.id);
            add(&mut steps, NextStep { tier, step, because: vec![finding.id.clone()], fetches: Some(source) });
        }
    }
    for finding in findings {
        if !matches!(finding.standing, Standing::Proved | Standing::Likely) {
            continue;
        }
        let advice = match finding.kind {
            Kind::Cause => advice_for(&finding.id),
            // What stands beside the cause is acted on only where there is a word for just that.
            Kind::Risk => exact_advice(&finding.id),
            Kind::Symptom | Kind::Gap => None,
        };
        let Some(advice) = advice else { continue };
        for (tier, lines) in [(1, &advice.tier1), (2, &advice.tier2)] {
            for line in lines {
                let step = NextStep { tier, step: line.clone(), because: vec![finding.id.clone()], fetches: None };
                add(&mut steps, step);
            }
        }
    }
    if steps.is_empty() {
        let line =
            "Nothing is left to do for delivery: ask the user to search all folders for the subject and the sender";
        steps.push(NextStep { tier: 1, step: line.to_owned(), because: Vec::new(), fetches: None });
    }
    steps.sort_by_key(|step| step.tier);
    steps
}

fn add(steps: &mut Vec<NextStep>, step: NextStep) {
    let same = |known: &&mut NextStep| match (known.fetches, step.fetches) {
        (Some(known), Some(new)) => known == new,
        (None, None) => known.step == step.step,
        _ => false,
    };
    match steps.iter_mut().find(same) {
        Some(known) => {
            known.because.extend(step.because.into_iter().filter(|id| !known.because.contains(id)).collect::<Vec<_>>());
        }
        None => steps.push(step),
    }
}

fn advice_for(id: &str) -> Option<&'static Advice> {
    let family = id.split('/').next().unwrap_or(id);
    exact_advice(id).or_else(|| TABLE.iter().find(|advice| advice.cause.strip_suffix("/*") == Some(family)))
}

fn exact_advice(id: &str) -> Option<&'static Advice> {
    TABLE.iter().find(|advice| advice.cause == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_advice() {
        let table: Table = toml::from_str(include_str!("steps.toml")).unwrap();
        assert!(table.advice.iter().all(|advice| !advice.tier1.is_empty() && !advice.tier2.is_empty()));
        for family in [
            "policy-scope-or-order",
            "authentication-alignment",
            "content-verdict",
            "connector-routing",
            "release-handoff",
            "mailbox-rule",
        ] {
            assert!(advice_for(&format!("{family}/anything")).is_some(), "{family}");
        }
    }

    /// Whether a step opens a door for more than one message: an allow, a bypass and the like, unless it says not to.
    fn is_broad(step: &str) -> bool {
        const DOORS: [&str; 7] = ["allow", "bypass", "exempt", "whitelist", "safe sender", "turn off", "disable"];
        const NEGATIONS: [&str; 4] = ["not ", "no ", "without ", "never "];
        let lower = step.to_lowercase();
        lower.split([';', ',', '.', ':']).any(|clause| {
            DOORS.iter().any(|door| clause.contains(door)) && !NEGATIONS.iter().any(|word| clause.contains(word))
        })
    }

    /// Promise 5: no recommendation is broad without a recorded approval, and none is recorded here.
    #[test]
    fn no_advice_is_broad() {
        for advice in TABLE.iter() {
            for step in advice.tier1.iter().chain(&advice.tier2) {
                assert!(!is_broad(step), "{}: {step}", advice.cause);
            }
        }
        for (step, expected) in [
            ("Add the sender's domain to the allow list", true),
            ("Release it, then exempt the sender from the policy", true),
            ("Ask whether it was expected; do not add an allow entry", false),
            ("Release this one message for this one recipient", false),
        ] {
            assert_eq!(is_broad(step), expected, "{step}");
        }
    }
}
