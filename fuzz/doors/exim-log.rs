//! Tries `exim/log` with rubbish.
#![no_main]

doors::door!("exim/log");
