//! Tries `postfix/configuration` with rubbish.
#![no_main]

doors::door!("postfix/configuration");
