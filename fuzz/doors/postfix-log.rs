//! Tries `postfix/log` with rubbish.
#![no_main]

doors::door!("postfix/log");
