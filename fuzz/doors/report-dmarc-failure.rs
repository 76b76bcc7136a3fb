//! Tries `report/dmarc-failure` with rubbish.
#![no_main]

doors::door!("report/dmarc-failure");
