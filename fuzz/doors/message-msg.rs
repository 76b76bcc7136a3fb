//! Tries `message/msg` with rubbish.
#![no_main]

doors::door!("message/msg");
