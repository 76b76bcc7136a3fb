//! Tries `mimecast/siem` with rubbish.
#![no_main]

doors::door!("mimecast/siem");
