//! Tries `exchange-online/quarantine` with rubbish.
#![no_main]

doors::door!("exchange-online/quarantine");
