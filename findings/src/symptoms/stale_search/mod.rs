//! Search or an index shows stale results after a remediation.

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "stale-search"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, _survey: &Survey<'_>) -> Vec<Sign> {
        Vec::new()
    }
}
