//! Tries changes that somebody proposes with rubbish.
#![no_main]

doors::door!("proposed-change");
