//! Tries `postfix/access-map` with rubbish.
#![no_main]

doors::door!("postfix/access-map");
