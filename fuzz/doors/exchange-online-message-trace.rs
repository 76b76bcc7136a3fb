//! Tries `exchange-online/message-trace` with rubbish.
#![no_main]

doors::door!("exchange-online/message-trace");
