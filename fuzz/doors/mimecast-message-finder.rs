//! Tries `mimecast/message-finder` with rubbish.
#![no_main]

doors::door!("mimecast/message-finder");
