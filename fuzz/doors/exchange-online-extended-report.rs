//! Tries `exchange-online/extended-report` with rubbish.
#![no_main]

doors::door!("exchange-online/extended-report");
