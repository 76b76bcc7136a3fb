//! Tries `rspamd/log` with rubbish.
#![no_main]

doors::door!("rspamd/log");
