//! Tries `any-kind` with rubbish.
#![no_main]

doors::door!("any-kind");
