//! Tries `dns/answers` with rubbish.
#![no_main]

doors::door!("dns/answers");
