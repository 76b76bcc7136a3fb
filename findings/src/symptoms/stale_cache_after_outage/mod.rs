//! The service recovers after an outage, but cached state never normalises.

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "stale-cache-after-outage"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, _survey: &Survey<'_>) -> Vec<Sign> {
        Vec::new()
    }
}

/// What failed, came back and left old state behind, by name.
pub(super) fn services(_survey: &Survey<'_>) -> std::collections::BTreeSet<String> {
    std::collections::BTreeSet::new()
}
