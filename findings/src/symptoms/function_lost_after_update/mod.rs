//! An update installs cleanly, and one business-critical function disappears.

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "function-lost-after-update"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, _survey: &Survey<'_>) -> Vec<Sign> {
        Vec::new()
    }
}
