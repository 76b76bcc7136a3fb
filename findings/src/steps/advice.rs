//! What to do about a cause once it is known.

use std::sync::LazyLock;

use evidence::Product;
use serde::Deserialize;

use super::checklist::{CHECKLIST, CheckId, how};
use super::{Open, Values};
use crate::{Finding, Kind, NextStep, Scene, Standing};

/// One entry of `advice.toml`: what to do about a cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advice {
    /// `family/specific`, or `family/*`.
    pub(super) cause: String,
    pub(super) tier1: Vec<Deed>,
    pub(super) tier2: Vec<Deed>,
}

/// One thing to do.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Deed {
    /// In words.
    Words(String),
    /// In words, and how the check that it is done by goes in the system that decided.
    By {
        /// The words.
        step: String,
        /// The check.
        by: CheckId,
    },
}

impl Deed {
    pub(super) fn step(&self) -> &str {
        match self {
            Deed::Words(step) | Deed::By { step, .. } => step,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Table {
    advice: Vec<Advice>,
}

pub(super) static TABLE: LazyLock<Vec<Advice>> = LazyLock::new(|| {
    toml::from_str::<Table>(include_str!("advice.toml")).map(|table| table.advice).unwrap_or_default()
});

/// What to do about what was found, in the order of the findings.
pub(super) fn of(scene: &Scene<'_>, findings: &[Finding], values: &Values) -> Vec<(usize, NextStep)> {
    let mut steps = Vec::new();
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
        for (tier, deeds) in [(1, &advice.tier1), (2, &advice.tier2)] {
            for deed in deeds {
                steps.push((steps.len(), step(deed, tier, finding, scene, values)));
            }
        }
    }
    steps
}

fn step(deed: &Deed, tier: u8, finding: &Finding, scene: &Scene<'_>, values: &Values) -> NextStep {
    let plain = NextStep {
        tier,
        step: deed.step().to_owned(),
        because: vec![finding.id.clone()],
        layer: Some(finding.layer),
        ..NextStep::default()
    };
    let Deed::By { by, .. } = deed else { return plain };
    let system = decided(finding, scene);
    let check = CHECKLIST.check.iter().find(|check| check.id == *by);
    let Some((check, way)) = check.zip(how(*by, system.as_ref())) else { return plain };
    let open = Open { check, system, recipients: finding.envelope_recipient.clone().into_iter().collect() };
    NextStep { command: open.command(way, values), place: open.place(way, values), ..plain }
}

/// The system that decided over the copy that a finding is about.
fn decided(finding: &Finding, scene: &Scene<'_>) -> Option<Product> {
    let is_own = |to: &evidence::Address| finding.envelope_recipient.as_ref().is_none_or(|about| about == to);
    let copy = scene.copies.iter().find(|copy| is_own(&copy.copy.envelope_recipient))?;
    copy.decided().map(|stay| stay.station.system.product.clone())
}

pub(super) fn advice_for(id: &str) -> Option<&'static Advice> {
    let family = id.split('/').next().unwrap_or(id);
    exact_advice(id).or_else(|| TABLE.iter().find(|advice| advice.cause.strip_suffix("/*") == Some(family)))
}

fn exact_advice(id: &str) -> Option<&'static Advice> {
    TABLE.iter().find(|advice| advice.cause == id)
}
