//! rspamd: its log, its history, its replies.

pub(crate) mod configuration;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod symbols;
pub(crate) mod task;
