//! What several narrow steps are together.

use super::{JudgedStep, Reason, World};

/// What the steps are together, and with what is set up already, that none of them is alone.
pub(super) fn reasons(_steps: &[JudgedStep], _world: &World<'_>) -> Vec<Reason> {
    Vec::new()
}
