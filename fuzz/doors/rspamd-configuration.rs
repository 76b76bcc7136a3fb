//! Tries `rspamd/configuration` with rubbish.
#![no_main]

doors::door!("rspamd/configuration");
