//! Results of repeatable tests.

pub(crate) mod result;
