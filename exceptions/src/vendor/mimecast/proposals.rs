//! The ways of letting one message through, the narrowest first.

use crate::{Need, Proposal, World};

/// The ways of letting through what a sample needs.
pub(super) fn proposals(need: &Need, world: &World<'_>) -> Vec<Proposal> {
    let _ = (need, world);
    Vec::new()
}
