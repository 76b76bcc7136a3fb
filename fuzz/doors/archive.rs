//! Tries `archive` with rubbish.
#![no_main]

doors::door!("archive");
