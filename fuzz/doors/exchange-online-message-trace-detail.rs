//! Tries `exchange-online/message-trace-detail` with rubbish.
#![no_main]

doors::door!("exchange-online/message-trace-detail");
