//! The ways of letting one message through, the narrowest first.

use crate::{Need, Proposal, World};

/// rspamd: one rule of settings for sender, recipient and sending address.
pub(super) fn rspamd(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let _ = (need, world);
    Vec::new()
}

/// amavis and SpamAssassin: the release, then an entry in the recipient's own preferences.
pub(super) fn amavis(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let _ = (need, world);
    Vec::new()
}

/// Postfix: the release of what waits, then one sending address.
pub(super) fn postfix(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let _ = (need, world);
    Vec::new()
}
