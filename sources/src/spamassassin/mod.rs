//! SpamAssassin: its configuration.

pub(crate) mod preferences;
