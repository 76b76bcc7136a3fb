//! A background job runs on demand, but fails unattended overnight.

use super::{Sign, Survey, Symptom};

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "unattended-job-fails"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, _survey: &Survey<'_>) -> Vec<Sign> {
        Vec::new()
    }
}
