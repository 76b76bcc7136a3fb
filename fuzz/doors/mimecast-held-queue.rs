//! Tries `mimecast/held-queue` with rubbish.
#![no_main]

doors::door!("mimecast/held-queue");
