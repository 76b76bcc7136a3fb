//! Candidates between the narrowest and the widest, and which of them are worth a look.

use crate::{Need, Radius, Scope};

/// Every combination of conditions by which the mail of some needs can be told, from all of them to one: at most `MAX_CANDIDATES`.
pub fn candidates(needs: &[Need]) -> Vec<Scope> {
    let _ = needs;
    Vec::new()
}

/// Those that no other beats: none covers as many of the reported samples with less collateral. By collateral, the least first.
pub fn front(candidates: &[(Scope, Radius)], needs: &[Need]) -> Vec<usize> {
    let _ = (candidates, needs);
    Vec::new()
}
