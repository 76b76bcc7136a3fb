//! Tries `probe/swaks` with rubbish.
#![no_main]

doors::door!("probe/swaks");
