//! Tries `rspamd/history` with rubbish.
#![no_main]

doors::door!("rspamd/history");
