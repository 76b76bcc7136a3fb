//! A remediation removes the symptom, and it returns after a policy refresh.
//!
//! The sign is mail of one sender that is stopped, comes through after a change, and is stopped again. What explains it lies between
//! the last copy that came through and the first that was stopped again, and bears on this mail: the same setting that was changed
//! the first time, the policy that the second stop names, or a setting that names the sender.

use evidence::{ActorKind, Change, ChangeKind, Layer, Setting, SettingClass};
use jiff::{SignedDuration, Timestamp};
use lake::{Fared, Name};

use super::picture::{EventStrip, Lane, Mark, MarkTone};
use super::{Course, Picture, Sign, Stated, Survey, Symptom};
use crate::Standing;

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "returns-after-policy-refresh"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let _ = survey;
        Vec::new()
    }
}
