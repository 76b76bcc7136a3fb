//! Tries `message/headers` with rubbish.
#![no_main]

doors::door!("message/headers");
