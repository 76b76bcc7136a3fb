//! Tries `job/transcript` with rubbish.
#![no_main]

doors::door!("job/transcript");
