//! Tries `message/eml` with rubbish.
#![no_main]

doors::door!("message/eml");
