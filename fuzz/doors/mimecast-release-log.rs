//! Tries `mimecast/release-log` with rubbish.
#![no_main]

doors::door!("mimecast/release-log");
