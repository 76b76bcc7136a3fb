//! A preset applied to the recipient, so the custom policy that somebody set up for them had no say.
//!
//! What it is: a preset is looked at before every custom policy, and only the first policy of a kind that is for the recipient is
//! used; nothing is merged. Actions, thresholds and allowed senders of the custom policy do nothing for that recipient,
//! however often they are edited.
//!
//! What proves it: the preset's rule is for the recipient (or the record of the hold names the preset's policy), the custom
//! policy's rule is for them too and says something else about this verdict or allows this sender, and both stood so when the
//! message passed. What looks alike: a custom policy that is not for the recipient (`policy-scope`); a preset that is switched off; a
//! custom policy that would have done the same. Narrow fix: release the one message; if the preset is not meant for this
//! recipient, except the recipient in the preset's rule, and no more. Owner: who runs the presets.

use evidence::Tier;

use super::applying::{Applying, applying};
use super::view::View;
use super::went_before;
use crate::{Claim, Kind};

/// `preset-overrides-custom`
pub struct Rule;

const ID: &str = "policy-scope-or-order/preset-overrides-custom";

impl super::Rule for Rule {
    fn id(&self) -> &'static str {
        ID
    }

    fn page(&self) -> &'static str {
        include_str!("preset_overrides_custom.rs")
    }

    fn find(&self, view: &View<'_>) -> Vec<(Kind, Claim)> {
        let Some(class) = view.acting_class() else { return Vec::new() };
        match applying(view, &class) {
            Applying::Shown(applied) if is_preset(applied.candidate.tier()) => {
                let custom = applied.shadowed(view).into_iter().filter(|other| other.candidate.tier() == Tier::Custom);
                custom.take(1).map(|other| (Kind::Risk, went_before(view, ID, &applied, &other))).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn is_preset(tier: Tier) -> bool {
    matches!(tier, Tier::StrictPreset | Tier::StandardPreset)
}
