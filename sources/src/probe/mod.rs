//! Results of repeatable tests.

pub(crate) mod result;
pub(crate) mod swaks;
