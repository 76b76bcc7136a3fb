//! Tries `message/bounce` with rubbish.
#![no_main]

doors::door!("message/bounce");
