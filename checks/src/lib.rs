//! Says whether a fix held, and whether a runbook's signal fires.

pub mod signal;
pub mod verification;
