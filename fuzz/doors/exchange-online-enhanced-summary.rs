//! Tries `exchange-online/enhanced-summary` with rubbish.
#![no_main]

doors::door!("exchange-online/enhanced-summary");
