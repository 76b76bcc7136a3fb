//! Tries `mimecast/message-info` with rubbish.
#![no_main]

doors::door!("mimecast/message-info");
