//! Tries `report/dmarc-aggregate` with rubbish.
#![no_main]

doors::door!("report/dmarc-aggregate");
