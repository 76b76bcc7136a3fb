//! amavis: what it writes into SQL; its log lines are read with the mail log.

pub(crate) mod configuration;
pub(crate) mod sql_log;
