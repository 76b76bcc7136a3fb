//! A failover or backup path tests clean, but the live cutover fails.

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "failover-cutover"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, _survey: &Survey<'_>) -> Vec<Sign> {
        Vec::new()
    }
}
