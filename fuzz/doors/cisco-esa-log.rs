//! Tries `cisco/esa-log` with rubbish.
#![no_main]

doors::door!("cisco/esa-log");
