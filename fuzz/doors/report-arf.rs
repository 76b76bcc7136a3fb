//! Tries `report/arf` with rubbish.
#![no_main]

doors::door!("report/arf");
